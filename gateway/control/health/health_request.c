/* SPDX-License-Identifier: Apache-2.0 */
/* From settings to a request, and from its response to an outcome. */
#include "control/health/health_request.h"

#include "control/health/health_grpc.h"
#include "core/cluster/endpoint_word.h"
#include "core/exchange.h"
#include "core/module/module_slice.h"

#include <stdlib.h>

/* Bytes of a gRPC answer that are kept: its message has seven. */
enum { GRPC_ANSWER = 4096 };

static struct weir_claim field(const char *name, struct slice value)
{
    return (struct weir_claim){slice_out(slice_str(name)), slice_out(value)};
}

static bool says_who(const struct health_conf *conf)
{
    for (size_t i = 0; i < conf->headers.n; i++)
        if (slice_ieq(conf->headers.v[i].name, SLICE("user-agent")))
            return true;
    return false;
}

/* Returns how many; there is room. */
static size_t make_fields(const struct health_conf *conf, struct weir_claim *out)
{
    size_t n = 0;
    if (!says_who(conf))
        out[n++] = field("user-agent", SLICE("weir-health/" PACKAGE_VERSION));
    if (conf->type == HEALTH_GRPC)
        out[n++] = field("content-type", SLICE("application/grpc"));
    for (size_t i = 0; i < conf->headers.n; i++)
        out[n++] = (struct weir_claim){slice_out(conf->headers.v[i].name),
                                       slice_out(conf->headers.v[i].value)};
    return n;
}

/* As it is written in the configuration. */
static struct slice host_of(const struct endpoint *ep, const struct health_conf *conf)
{
    if (conf->host.n)
        return conf->host;
    const struct slice address = ep->conf ? ep->conf->address : slice_str(ep->name);
    return slice_starts(address, SLICE("unix:")) ? SLICE("localhost") : address;
}

struct shadow *health_request(struct worker *w, struct endpoint *ep,
                              void (*done)(void *ctx, const struct weir_result *r), void *ctx)
{
    const struct health_conf *conf = &ep->cluster->conf->health;
    const bool grpc = conf->type == HEALTH_GRPC;
    struct weir_claim *fields = calloc(conf->headers.n + 2, sizeof *fields);
    struct text content;
    must(fields);
    text_init(&content);
    if (grpc)
        health_grpc_request(&content, conf->service);
    const struct weir_call_options o = {
        .timeout_ms = conf->timeout,
        .response_limit = grpc ? GRPC_ANSWER : conf->body_size,
        .method = slice_out(grpc ? SLICE("POST") : conf->method),
        .target = slice_out(grpc ? SLICE(HEALTH_GRPC_PATH) : conf->path),
        .body = slice_out(text_slice(&content)),
        .host = slice_out(host_of(ep, conf)),
        .fields = fields,
        .fields_n = make_fields(conf, fields),
        .done = done,
        .ctx = ctx,
    };
    struct shadow *sh = call_endpoint(w, ep, &o);
    if (sh && grpc)
        sh->x->plan.te_trailers = true;
    text_fini(&content);
    free(fields);
    return sh;
}

/* -- the answer -------------------------------------------------------------------------------- */

static enum health_result result_of_why(enum why why)
{
    switch (why) {
    case WHY_CONNECT:
    case WHY_REFUSED:
        return HEALTH_CONNECT;
    case WHY_TIMEOUT_CONNECT:
    case WHY_TIMEOUT_REQUEST:
    case WHY_TIMEOUT_RESPONSE_HEAD:
    case WHY_TIMEOUT_RESPONSE_BODY:
        return HEALTH_TIMEOUT;
    case WHY_TLS:
        return HEALTH_TLS;
    case WHY_OVERLOAD:
    case WHY_DRAIN:
        return HEALTH_NOT_MADE;
    default:
        return HEALTH_RESPONSE;
    }
}

/* In the trailers, or in the head of a response that has nothing else. */
static struct slice grpc_status(const struct shadow *sh)
{
    const struct attempt *at = sh->x->attempt;
    const struct field *f = at ? fields_find(&at->trailers, SLICE("grpc-status")) : NULL;
    return f ? f->value : call_field(sh, SLICE("grpc-status"));
}

static enum health_result judge_grpc(const struct shadow *sh, const struct weir_result *r)
{
    if (r->status != 200)
        return HEALTH_STATUS;
    if (!slice_eq(grpc_status(sh), SLICE("0")))
        return HEALTH_NOT_SERVING;
    switch (health_grpc_response(slice_in(r->body))) {
    case HEALTH_GRPC_SERVING:
        return HEALTH_PASSED;
    case HEALTH_GRPC_MALFORMED:
        return HEALTH_RESPONSE;
    default:
        return HEALTH_NOT_SERVING;
    }
}

static enum health_result judge_http(const struct health_conf *conf, struct health_matcher *m,
                                     const struct weir_result *r)
{
    if (!health_status_ok(conf, r->status))
        return HEALTH_STATUS;
    return health_body_ok(m, conf, slice_in(r->body)) ? HEALTH_PASSED : HEALTH_BODY;
}

struct health_outcome health_judge(const struct health_conf *conf, struct health_matcher *m,
                                   const struct weir_result *r)
{
    const struct shadow *sh = (const struct shadow *)r->call;
    struct health_outcome out = {.status = r->status};
    if (sh->x->why)
        out.result = result_of_why(sh->x->why);
    else
        out.result = conf->type == HEALTH_GRPC ? judge_grpc(sh, r) : judge_http(conf, m, r);
    if (sh->head && conf->header.n)
        out.says = endpoint_word_parse(&sh->head->fields, conf->header, &out.word);
    return out;
}
