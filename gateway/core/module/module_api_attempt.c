/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/attempt.h>: how an attempt began and ended, and whether there is to be another. */
#include "core/module/module_api.h"

#include "core/attempt_fault.h"
#include "core/retry.h"

static const struct attempt *attempt_of(const struct weir_attempt *at)
{
    return (const struct attempt *)at;
}

unsigned weir_attempt_number(const struct weir_attempt *at)
{
    return attempt_of(at)->number;
}

int weir_attempt_status(const struct weir_attempt *at)
{
    return attempt_of(at)->headed ? attempt_of(at)->head.status : 0;
}

enum weir_failure weir_attempt_failure(const struct weir_attempt *at)
{
    return why_facts(attempt_why(attempt_of(at)))->failure;
}

const char *weir_attempt_why(const struct weir_attempt *at)
{
    const enum why why = attempt_why(attempt_of(at));
    return why ? why_facts(why)->word : NULL;
}

/* A response that came well until it was nobody's any more: until then nothing was wrong. */
static bool is_cut_short(const struct attempt *at)
{
    return at->headed && !at->why && !at->ended && at->done_us;
}

/* Had the origin the smaller part of the time that the request took? The rest was the client's, who
 * sent it slowly, or that of attempts before. */
static bool came_late(const struct attempt *at)
{
    const uint64_t now = at->done_us ? at->done_us : at->x->w->loop->clock.mono_us;
    const uint64_t since = at->sent_us > at->started_us ? at->sent_us : at->started_us;
    return (now - since) * 2 < now - at->x->created_us;
}

/* The time for the whole request is the origin's to keep, unless it was the client that set it, or
 * that had not sent all of the request, or there wasn't much left of it. And an origin may do as it
 * likes with a connection that nothing was read from for long, or that nothing came on: the client
 * was slow, or its response was held for a better one. */
static bool is_excused(const struct attempt *at, enum blame blame)
{
    switch (blame) {
    case BLAME_ORIGIN:
        return false;
    case BLAME_FED:
        return at->starved;
    case BLAME_HEARD:
        return at->held_up || at->starved;
    case BLAME_TIME:
        return at->x->plan.grpc_timeout || !at->x->request_done || came_late(at);
    case BLAME_NONE:
        break;
    }
    return true;
}

bool weir_attempt_blameless(const struct weir_attempt *wat)
{
    const struct attempt *at = attempt_of(wat);
    const enum why why = attempt_why(at);
    if (at->repeated || (unlikely(at->injected) && attempt_fault_is_cause(at)))
        return true;
    return why ? is_excused(at, why_facts(why)->blame) : is_cut_short(at);
}

bool weir_blameless(const struct weir_exchange *wx)
{
    const struct exchange *x = (const struct exchange *)wx;
    return !x->attempt || weir_attempt_blameless((const struct weir_attempt *)x->attempt);
}

/* A delay stands for an endpoint that has got the request and takes its time. */
bool weir_attempt_sent(const struct weir_attempt *wat)
{
    const struct attempt *at = attempt_of(wat);
    return at->opened || (unlikely(at->fault) && attempt_fault_delays(at));
}

bool weir_attempt_injected(const struct weir_attempt *at)
{
    return attempt_of(at)->injected;
}

bool weir_attempt_goes_on(const struct weir_attempt *at)
{
    return attempt_of(at)->goes_on;
}

bool weir_attempt_whole(const struct weir_attempt *at)
{
    return attempt_of(at)->ended && !attempt_of(at)->why;
}

bool weir_attempt_served(const struct weir_attempt *wat)
{
    const struct attempt *at = attempt_of(wat);
    return at->x->attempt == at && at->x->head_sent && !at->x->answering;
}

bool weir_attempt_repeated(const struct weir_attempt *at)
{
    return attempt_of(at)->repeated;
}

uint64_t weir_attempt_took_us(const struct weir_attempt *at)
{
    return attempt_of(at)->x->w->loop->clock.mono_us - attempt_of(at)->started_us;
}

weir_cluster weir_attempt_cluster(const struct weir_attempt *at)
{
    return (weir_cluster)attempt_of(at)->cluster->conf->place.index;
}

struct weir_slice weir_attempt_endpoint(const struct weir_attempt *at)
{
    return slice_out(attempt_of(at)->endpoint_name);
}

static struct weir_slice first_of(const struct fields *f, const struct weir_name *name)
{
    const struct field *found = name->id ? fields_find_token(f, (enum token)name->id)
                                         : fields_find(f, slice_in(name->text));
    return found ? slice_there(found->value) : (struct weir_slice){NULL, 0};
}

struct weir_slice weir_attempt_field(const struct weir_attempt *at, const struct weir_name *name)
{
    return first_of(&attempt_of(at)->head.fields, name);
}

struct weir_slice weir_attempt_trailer(const struct weir_attempt *at, const struct weir_name *name)
{
    return first_of(&attempt_of(at)->trailers, name);
}

struct weir_slice weir_endpoint_name(const struct weir_endpoint *ep)
{
    return slice_of_word(((const struct endpoint *)ep)->name);
}

enum weir_verdict weir_retry(struct weir_exchange *wx, const struct weir_retry *r)
{
    struct exchange *x = exchange_of(wx);
    const bool none = x->hook && x->moment == MOMENT_UNAVAILABLE;
    x->retry_refused = "cluster";
    if ((!none && !is_moment(x, MOMENT_RESULT)) || r->cluster >= x->w->g->config->clusters_n)
        return WEIR_NEXT;
    struct cluster *cl = &x->w->clusters[r->cluster];
    if (cl != x->plan.cluster &&
        module_plan_reserves(x->w->g->modules, r->cluster, x->hook->module))
        return WEIR_NEXT;
    if (none)
        return retry_rescue(x, cl, chain_of(r->chain)) ? WEIR_RETRY : WEIR_NEXT;
    const struct retry_request how = {.cluster = cl,
                                      .chain = chain_of(r->chain),
                                      .delay_ms = r->delay_ms,
                                      .unsafe = r->unsafe};
    return retry_ask(x, &how) ? WEIR_RETRY : WEIR_NEXT;
}

const char *weir_retry_refused(const struct weir_exchange *wx)
{
    return ((const struct exchange *)wx)->retry_refused;
}

static bool fault_is_good(const struct weir_attempt_fault *f)
{
    switch (f->abort) {
    case WEIR_ABORT_STATUS:
        return f->status >= 200 && f->status <= 599;
    case WEIR_ABORT_GRPC:
        return f->status >= 0 && f->status <= 16;
    case WEIR_ABORT_NONE:
    case WEIR_ABORT_RESET:
    case WEIR_ABORT_TRUNCATE:
        return true;
    }
    return false;
}

void weir_attempt_fault(struct weir_attempt *wat, const struct weir_attempt_fault *fault)
{
    struct attempt *at = (struct attempt *)wat;
    if (!fault_is_good(fault) || fault->bytes_per_second > (uint64_t)1 << 32)
        hooks_mistake(at->x, "such a fault can't be injected");
    else if (is_moment(at->x, MOMENT_ATTEMPT))
        attempt_fault_add(at, fault);
}

bool weir_injected(const struct weir_exchange *x)
{
    return exchange_of(x)->injected;
}

void weir_injected_set(struct weir_exchange *x)
{
    exchange_of(x)->injected = true;
}
