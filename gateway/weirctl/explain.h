/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_EXPLAIN_H
#define WEIR_WEIRCTL_EXPLAIN_H

/* The parts of weirctl explain: what the gateway answers to POST /v1/explain for people, and the
 * same questions to a configuration that isn't in force, which `weir --explain` answers. */

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/text.h"

struct client_target;

/* -- explain_walk.c, explain_recent.c: of an answer -- */

void explain_show_walk(const json_t *answer, struct text *out);
void explain_show_recent(const json_t *answer, struct text *out);

/* -- explain_file.c: who answers -- */

/* A child that runs `weir --explain`, or a gateway. */
struct explain_answerer {
    const struct client_target *to; /* a gateway; NULL: the child */
    const char *file;               /* its configuration */
    pid_t pid;
    int in;    /* -1: none */
    void *out; /* FILE */
};
/* False, when standard error says why: it can't be started. */
bool explain_answerer_start(struct explain_answerer *a) nodiscard;
/* The answer to `content`, for json_decref(). NULL, when standard error says why: no answer. */
json_t *explain_ask(struct explain_answerer *a, const json_t *content);
/* False: it has not ended well. */
bool explain_answerer_end(struct explain_answerer *a);

/* Asks the file, and prints the answer. The exit code of weirctl. */
int explain_file(const char *file, const json_t *content, bool json);

/* -- explain_samples.c -- */

struct explain_sampling {
    const char *candidate, *samples;
    const char *against; /* NULL: the gateway */
    const struct client_target *to;
    bool json;
};
/* Reads the log and prints what would change. The exit code of weirctl. */
int explain_samples(const struct explain_sampling *s);

/* From a line of an access log to a request as POST /v1/explain takes it, for json_decref(). NULL:
 * it doesn't say enough, or isn't one. */
json_t *explain_sample(const json_t *line);

/* -- explain_compare.c: what becomes of many, in groups -- */

struct explain_changes;
struct explain_changes *explain_changes_new(void);
void explain_changes_free(struct explain_changes *c);
/* `times` requests, of which `example` is one, and the two brief answers. */
void explain_changes_add(struct explain_changes *c, const json_t *example, const json_t *now,
                         const json_t *then, size_t times);
/* A line of the log that is no request. */
void explain_changes_unread(struct explain_changes *c);
/* For people, and as an object. */
void explain_changes_show(const struct explain_changes *c, struct text *out);
json_t *explain_changes_json(const struct explain_changes *c);

#endif
