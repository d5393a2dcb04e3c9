/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_MATCH_H
#define WEIR_CONTROL_HEALTH_MATCH_H

/* Is what came back from an endpoint a good answer? Pure. */

#include "config/health_conf.h"
#include "core/route/route_regex.h"

/* How a check ended. The words are those of the metrics and of the log. */
#define HEALTH_RESULTS(R)                                                                          \
    R(PASSED, "passed")                                                                            \
    R(CONNECT, "connect") /* no connection */                                                      \
    R(TLS, "tls")                                                                                  \
    R(TIMEOUT, "timeout")                                                                          \
    R(RESPONSE, "response")       /* closed, reset, or no sense in it */                           \
    R(STATUS, "status")           /* another one than is expected */                               \
    R(BODY, "body")               /* what is looked for isn't there */                             \
    R(NOT_SERVING, "not_serving") /* gRPC: the server says so */                                   \
    R(NOT_MADE, "not_made")       /* for lack of memory or descriptors here: says nothing */

enum health_result {
#define R(id, word) HEALTH_##id,
    HEALTH_RESULTS(R)
#undef R
        HEALTH_RESULTS_N
};
const char *health_result_word(enum health_result r);

bool health_status_ok(const struct health_conf *conf, int status);

/* Does `content` contain `text`? An empty text is everywhere. */
bool health_contains(struct slice content, struct slice text);

/* What the content is looked at with. */
struct health_matcher {
    struct regex_set set; /* owned */
    struct regex_scratch scratch;
    struct arena arena;
    const struct regex *regex; /* NULL: none */
};
/* The expression has been checked at load. */
void health_matcher_init(struct health_matcher *m, const struct health_conf *conf);
void health_matcher_fini(struct health_matcher *m);
bool health_body_ok(struct health_matcher *m, const struct health_conf *conf, struct slice content);

#endif
