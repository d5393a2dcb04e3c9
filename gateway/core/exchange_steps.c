/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an exchange, in the order in which it meets them: this file holds every decision
 * about a request. To change what happens, read downwards from here; to change how bytes travel,
 * look into the client's or the origin's protocol instead.
 *
 * Each step answers the step to go on with, or VERDICT_STAY to wait for the next wake-up. A
 * failure is only ever one thing: x->why is set. Every step that waits looks at it first. */
#include "core/exchange.h"

#include "base/log.h"
#include "core/log/access_log.h"
#include "core/log/live_log.h"
#include "core/log/recent.h"
#include "core/answer.h"
#include "core/filter.h"
#include "core/forward.h"
#include "core/grpc.h"
#include "core/hedge.h"
#include "core/module/hooks.h"
#include "core/pick.h"
#include "core/relay.h"
#include "core/retry.h"
#include "core/stats/stats.h"
#include "core/stats/stats_module.h"
#include "http/websocket.h"

static int step_admit(struct exchange *x);
static int step_route(struct exchange *x);
static int step_identify(struct exchange *x);
static int step_allow(struct exchange *x);
static int step_plan(struct exchange *x);
static int step_enter(struct exchange *x);
static int step_pick(struct exchange *x);
static int step_try(struct exchange *x);
static int step_judge(struct exchange *x);
static int step_reply(struct exchange *x);
static int step_relay(struct exchange *x);
static int step_answer(struct exchange *x);
static int step_finish(struct exchange *x);

int exchange_step(struct exchange *x, enum step s)
{
    switch (s) {
    case STEP_ADMIT:
        return step_admit(x);
    case STEP_ROUTE:
        return step_route(x);
    case STEP_IDENTIFY:
        return step_identify(x);
    case STEP_ALLOW:
        return step_allow(x);
    case STEP_PLAN:
        return step_plan(x);
    case STEP_ENTER:
        return step_enter(x);
    case STEP_PICK:
        return step_pick(x);
    case STEP_TRY:
        return step_try(x);
    case STEP_JUDGE:
        return step_judge(x);
    case STEP_REPLY:
        return step_reply(x);
    case STEP_RELAY:
        return step_relay(x);
    case STEP_ANSWER:
        return step_answer(x);
    case STEP_FINISH:
        return step_finish(x);
    case STEP_N:
        break;
    }
    must(!"a step that is not in the table");
    return VERDICT_END;
}

static int give_up(struct exchange *x, enum why why, const char *detail)
{
    exchange_blame(x, why, detail);
    return STEP_ANSWER;
}

/* -- before an attempt ------------------------------------------------------------------------- */

static int step_admit(struct exchange *x)
{
    if (x->why)
        return STEP_ANSWER;
    hooks_strip(x, &x->request.fields);
    const struct config *c = x->w->g->config;
    const struct target_rules rules = {
        .duplicate_slashes = (enum slash_rule)c->paths.duplicate_slashes,
        .keep_encoded_slashes = c->paths.keep_encoded_slashes,
    };
    /* A tunnel to anywhere is not what a gateway is for, and TRACE shows what it added inward. */
    if (x->request.method_id == METHOD_CONNECT || x->request.method_id == METHOD_TRACE)
        return give_up(x, WHY_METHOD_REFUSED, NULL);
    const enum target_fault fault = target_parse(x->request.target, x->request.method_id, &rules,
                                                 &x->arena, &x->target);
    if (fault != TARGET_FAULT_NONE)
        return give_up(x, WHY_BAD_TARGET, target_fault_name(fault));
    /* RFC 9112 3.2.2: the authority of an absolute-form target wins over Host. */
    const struct slice authority = x->target.authority.n
                                       ? x->target.authority
                                       : fields_get_token(&x->request.fields, TOKEN_HOST);
    if (authority.n && !host_parse(authority, &x->arena, &x->host))
        return give_up(x, WHY_BAD_HOST, NULL);
    forward_identify(x);
    if (x->target.form == TARGET_ASTERISK)
        return STEP_ANSWER;
    x->to_https =
        listener_to_https(&c->listeners[x->facts->listener], x->scheme, x->target.path);
    if (x->to_https)
        return authority.n ? STEP_ANSWER : give_up(x, WHY_BAD_HOST, "no_host");
    return STEP_ROUTE;
}

static int step_route(struct exchange *x)
{
    struct worker *w = x->w;
    const struct route_query q = {
        .listener = x->facts->listener,
        .host = x->host.name,
        .path = x->target.path,
        .query = x->target.query,
        .method_id = x->request.method_id,
        .method = x->request.method,
        .fields = &x->request.fields,
        .source = &x->source,
        .arena = &x->arena,
        .identified = x->identified,
        .identity = x->identity,
    };
    const struct route *route = router_match(w->g->router, w->scratch, &q);
    if (unlikely(route == &route_needs_identity))
        return STEP_IDENTIFY;
    x->route = route;
    x->routed_us = w->loop->clock.mono_us;
    if (route) {
        const struct chain *c = hooks_of_route(x);
        if (likely(!c))
            return STEP_PLAN;
        hooks_set(x, CHAIN_ROUTE, c);
        return c->wants_identity && !x->identified ? STEP_IDENTIFY : STEP_ALLOW;
    }
    /* RFC 9110 15.5.20: a client may use one TLS connection for several hosts; if this one's are on
     * another listener, it has to come anew. */
    const bool tls = slice_eq(x->facts->scheme, SLICE("https"));
    return give_up(x, tls && router_elsewhere(w->g->router, &q) ? WHY_MISDIRECTED : WHY_NO_ROUTE,
                   NULL);
}

/* Who is it? Asked once, when a route's conditions or its modules want to know. */
static int step_identify(struct exchange *x)
{
    if (x->why)
        return STEP_ANSWER;
    const struct module_plan *m = x->w->g->modules;
    if (m && !x->chains[CHAIN_IDENTIFY].chain)
        hooks_set(x, CHAIN_IDENTIFY, m->identify);
    if (hooks_run(x, MOMENT_IDENTIFY) == HOOKS_WAIT)
        return VERDICT_STAY;
    x->identified = true;
    return x->route ? STEP_ALLOW : STEP_ROUTE;
}

static int step_allow(struct exchange *x)
{
    if (x->why)
        return STEP_ANSWER;
    const enum hooks_end end = hooks_run(x, MOMENT_REQUEST);
    if (end == HOOKS_WAIT)
        return VERDICT_STAY;
    return end == HOOKS_ANSWERED ? STEP_ANSWER : STEP_PLAN;
}

/* The cluster is final. False: a hook has answered. */
static bool forward(struct exchange *x)
{
    plan_head(x);
    if (hooks_run(x, MOMENT_FORWARD) == HOOKS_ANSWERED)
        return false;
    plan_end(x);
    return true;
}

/* A module may choose a cluster where the route has another end; and where the route leaves it to
 * one, it has to. What is too large is only told who may know of the route. */
static int step_plan(struct exchange *x)
{
    if (x->why)
        return STEP_ANSWER;
    if (!x->waiting)
        plan_begin(x);
    const enum hooks_end end = hooks_run(x, MOMENT_PLAN);
    if (end == HOOKS_WAIT)
        return VERDICT_STAY;
    if (end == HOOKS_ANSWERED)
        return STEP_ANSWER;
    if (x->plan.body_size && x->request.body == BODY_LENGTH &&
        x->request.content_length > x->plan.body_size)
        return give_up(x, WHY_BODY_TOO_LARGE, NULL);
    if (!x->plan.cluster) {
        const int action = x->route->conf->action;
        const bool own = action == ACTION_REDIRECT || action == ACTION_RESPOND;
        return own ? STEP_ANSWER : give_up(x, WHY_NO_ENDPOINT, "no_cluster");
    }
    plan_use_cluster(x);
    if (hooks_any(x, MOMENT_ENTER))
        return STEP_ENTER;
    return forward(x) ? STEP_PICK : STEP_ANSWER;
}

static int step_enter(struct exchange *x)
{
    if (x->why)
        return STEP_ANSWER;
    const enum hooks_end end = hooks_run(x, MOMENT_ENTER);
    if (end == HOOKS_WAIT)
        return VERDICT_STAY;
    return end != HOOKS_ANSWERED && forward(x) ? STEP_PICK : STEP_ANSWER;
}

/* -- attempts ---------------------------------------------------------------------------------- */

/* Another attempt, as a hook has arranged it. */
static int again(struct exchange *x)
{
    if (!retry_begin(x))
        return give_up(x, WHY_OVERLOAD, "pieces");
    const bool answered = x->retry->moved && hooks_run_moved(x) == HOOKS_ANSWERED;
    return answered ? STEP_ANSWER : STEP_PICK;
}

/* Modules may know another cluster, or an answer. */
static int no_endpoint(struct exchange *x, bool vetoed)
{
    if (hooks_any(x, MOMENT_UNAVAILABLE)) {
        retry_forget(x);
        switch (hooks_unavailable(x)) {
        case HOOKS_ANSWERED:
            return STEP_ANSWER;
        case HOOKS_RETRY:
            return again(x);
        default:
            break;
        }
    }
    if (retry_take_held(x))
        return STEP_REPLY;
    return give_up(x, WHY_NO_ENDPOINT, !vetoed ? NULL : x->veto ? x->veto : "vetoed");
}

static int step_pick(struct exchange *x)
{
    bool vetoed;
    if (x->why)
        return STEP_ANSWER;
    if (unlikely(retry_waits(x->retry)))
        return VERDICT_STAY;
    if (x->w->g->modules && !x->plan.only && unlikely(plan_reserved(x))) { /* every way to a cluster has looked: this can't happen */
        log_error("cluster_reserved", KV_SLICE("cluster", x->plan.cluster->conf->place.name),
                  KV_SLICE("route", x->route ? x->route->name : SLICE("-")));
        return give_up(x, WHY_NO_ROUTE, "reserved");
    }
    struct endpoint *ep = pick_endpoint(x, &vetoed);
    if (!ep)
        return no_endpoint(x, vetoed);
    attempt_start(x, ep, x->plan.fresh);
    if (unlikely(x->hedge))
        hedge_begin(x);
    return STEP_TRY;
}

static int step_try(struct exchange *x)
{
    struct attempt *at = x->attempt;
    relay_interims(x, at);
    if (!x->why)
        relay_inward(x, at);
    if (unlikely(x->hedge) && !x->why)
        hedge_turn(x);
    if (x->why)
        return STEP_ANSWER;
    return x->attempt->headed || x->attempt->why ? STEP_JUDGE : VERDICT_STAY;
}

/* How often a request is repeated because origins refused it. */
enum { REFUSALS_MAX = 2 };

/* RFC 9112 9.3.1: a kept connection may be closed by the other side at any time, also just as we
 * use it. When nothing of a response has come, a request that does no harm twice and whose content
 * we still have goes out once more, on a new connection.
 *
 * RFC 9113 8.7: what an origin says it has not processed does no harm twice, whatever it is. */
static bool may_try_again(const struct exchange *x, const struct attempt *at)
{
    if (!x->kept_all)
        return false;
    switch (why_facts(at->why)->again) {
    case AGAIN_STALE:
        return at->reused && !at->fresh && !at->answered && method_is_idempotent(x->request.method_id);
    case AGAIN_REFUSED:
        return x->refusals < REFUSALS_MAX;
    default:
        return false;
    }
}

/* The key of a WebSocket that a client asked for over HTTP/2 was made here, and the client never
 * sees the answer to it: so it is ours to check (RFC 8441 5.1, RFC 6455 4.1). */
static bool websocket_agreed(const struct exchange *x, const struct attempt *at)
{
    char accept[WEBSOCKET_ACCEPT];
    if (at->head.status != 101 || x->request.major != 2)
        return true;
    const struct field *key = fields_find(&x->request.fields, SLICE("sec-websocket-key"));
    const struct field *got = fields_find(&at->head.fields, SLICE("sec-websocket-accept"));
    if (!key || !got)
        return false;
    websocket_accept(key->value, accept);
    return slice_eq(got->value, slice_of(accept, sizeof accept));
}

/* Hooks hear how the attempt ended. True: one of them has arranged for another one. */
static bool ask_for_retry(struct exchange *x, struct attempt *at)
{
    retry_forget(x);
    return hooks_result(x, at) && retry_wanted(x->retry);
}

static int step_judge(struct exchange *x)
{
    struct attempt *at = x->attempt;
    if (!at->why && !websocket_agreed(x, at)) {
        at->why = WHY_BAD_RESPONSE;
        at->detail = "websocket_accept";
    }
    attempt_judge(at);
    at->repeated = at->why && may_try_again(x, at);
    at->told = hooks_judge(x, at);
    const bool wanted = at->told && ask_for_retry(x, at);
    if (unlikely(wanted || at->why) && hedge_fall_back(x))
        return STEP_TRY;
    if (wanted)
        return again(x);
    if (!at->why)
        return STEP_REPLY;
    if (!at->repeated)
        return retry_take_held(x) ? STEP_REPLY : give_up(x, at->why, at->detail);
    if (!retry_rewind(x))
        return give_up(x, WHY_OVERLOAD, "pieces");
    if (at->why == WHY_REFUSED)
        x->refusals++;
    else
        x->plan.fresh = true;
    return STEP_PICK;
}

/* -- the response ------------------------------------------------------------------------------ */

/* The last word of modules on a head. One that stands for "no such route" is told like that. */
static void ask_about_head(struct exchange *x)
{
    if (x->answering && answer_is_hidden(x))
        return;
    hooks_response(x);
    if (!x->content)
        return;
    filter_outward_begin(x);
    if (x->answering)
        filter_own(x);
}

static void send_head(struct exchange *x)
{
    if (hooks_any(x, MOMENT_RESPONSE))
        ask_about_head(x);
    x->head_sent = true;
    x->head_sent_us = x->w->loop->clock.mono_us;
    x->client_ops->send_head(x, &x->reply);
}

static int step_reply(struct exchange *x)
{
    struct attempt *at = x->attempt;
    if (unlikely(x->retry))
        retry_drop_held(x);
    if (unlikely(x->hedge))
        hedge_win(x);
    forward_response(x, at);
    x->kept_all = false;
    bytes_clear(&x->kept);
    if (at->head.body == BODY_TUNNEL) {
        x->tunnel = true;
        x->request_done = false;
        at->request_sent = false;
        timer_stop(&x->deadline); /* a tunnel lives as long as something moves in it */
    }
    send_head(x);
    return STEP_RELAY;
}

/* Has the client been given all that came, and is it all that will come? at->why says whether that
 * is the whole response. */
static bool is_all_sent(const struct exchange *x, const struct attempt *at)
{
    bool ended = at->ended;
    const size_t left = unlikely(x->content) ? filter_left(x, at, &ended) : at->body.n;
    return left == 0 && (ended || at->why);
}

static int step_relay(struct exchange *x)
{
    struct attempt *at = x->attempt;
    if (!x->why) {
        relay_inward(x, at);
        relay_outward(x, at);
    }
    /* What came before the origin broke still goes to the client. */
    const bool all = is_all_sent(x, at);
    if (at->why && all)
        exchange_blame(x, at->why, at->detail);
    if (x->why)
        return STEP_ANSWER;
    if (all && !x->reply_done) {
        x->reply_done = true;
        x->client_ops->send_end(x, &at->trailers);
    }
    if (x->reply_done && (!x->tunnel || at->request_sent))
        return STEP_FINISH;
    relay_watch(x, at);
    return VERDICT_STAY;
}

/* A response that has begun and can't be completed: the client has to see that. In gRPC there are
 * words for it. */
static void break_off(struct exchange *x)
{
    struct fields trailers;
    if (x->grpc && !x->tunnel && grpc_break(x, &trailers))
        x->client_ops->send_end(x, &trailers);
    else
        x->client_ops->abort(x);
}

/* Hooks that judge attempts hear of this one, too, which was not waited for: its reason is x->why. */
static void drop_attempt(struct exchange *x)
{
    struct attempt *at = x->attempt;
    if (x->hedge)
        hedge_settle(x);
    attempt_cancel(at);
    if (!at->judged && hooks_judge(x, at)) {
        attempt_judge(at);
        at->told = true;
        hooks_result(x, at);
    }
}

/* What the gateway says itself. Whatever brought us here, no attempt is of use any more; and when
 * a head has been sent, all that is left is to show the client that the response is not whole. */
static int step_answer(struct exchange *x)
{
    if (x->attempt)
        drop_attempt(x);
    hooks_wait_over(x);
    if (x->client_gone || x->shadow)
        return STEP_FINISH;
    if (x->why == WHY_ABORTED) {
        x->client_ops->abort(x);
        return STEP_FINISH;
    }
    if (x->head_sent && !x->answering) {
        break_off(x);
        return STEP_FINISH;
    }
    if (!x->answering) {
        x->answering = true;
        timer_stop(&x->deadline);
        if (x->why)
            answer_why(x);
        else if (x->answer)
            answer_module(x);
        else if (x->to_https)
            answer_https(x);
        else if (x->route)
            answer_route(x);
        else
            answer_options(x);
        send_head(x);
    }
    relay_own(x);
    if (x->own.n)
        return VERDICT_STAY;
    x->reply_done = true;
    x->client_ops->send_end(x, NULL);
    return STEP_FINISH;
}

/* -- the end ----------------------------------------------------------------------------------- */

static void count_traffic(const struct exchange *x, struct traffic_stats *ts, uint64_t took_us)
{
    ts->requests++;
    ts->request_bytes += x->bytes_in;
    ts->response_bytes += x->bytes_out;
    ts->status[status_class(x->head_sent ? x->reply.status : 0)]++;
    if (x->grpc)
        ts->grpc[x->grpc_code]++;
    ts->retries += x->attempts_n > 1 ? x->attempts_n - 1 : 0;
    histogram_add(&ts->latency, x->w->stats->bounds, took_us);
}

/* What no client has asked for is no request of a route, and stands in no log. */
static void count_request(struct exchange *x, uint64_t took_us)
{
    struct worker *w = x->w;
    uint64_t **flows = w->stats->flows[x->facts->listener];
    const size_t route = likely(x->route) ? x->route->index : w->g->config->routes_n;
    count_traffic(x, w->stats->routes[route], took_us);
    (*flows[FLOW_ALL])++;
    (*flows[FLOW_ROUTES + route])++;
    if (x->variant)
        count_traffic(x, w->stats->variants[x->variant->index], took_us);
    w->stats->worker->whys[x->why]++;
    if (w->access_log)
        access_log_exchange(w->access_log, x);
    if (w->recent)
        recent_put(w->recent, x, took_us);
    if (w->live && unlikely(live_log_wanted(w->live, clock_ms(&w->loop->clock))))
        live_log_exchange(w->live, x);
}

/* Who heard of their heads hears how attempts have ended: the client's, and those that were held. */
static void end_attempts(struct exchange *x)
{
    list_each (node, &x->attempts) {
        struct attempt *at = list_entry(node, struct attempt, node);
        attempt_cancel(at);
        if (unlikely(hooks_want_end(x, at)))
            hooks_ended(x, at);
    }
}

/* Modules that want to know of it all the same hear of its end, which is all that it has. */
static void tell_of_unrouted(struct exchange *x)
{
    const struct module_plan *m = x->w->g->modules;
    if (m && m->unrouted && !x->shadow)
        hooks_set(x, CHAIN_ROUTE, m->unrouted);
}

static int step_finish(struct exchange *x)
{
    struct worker *w = x->w;
    if (unlikely(!x->route))
        tell_of_unrouted(x);
    const uint64_t took_us = w->loop->clock.mono_us - x->created_us;
    end_attempts(x);
    if (hooks_any(x, MOMENT_DONE))
        hooks_done(x);
    if (x->grpc)
        x->grpc_code = (uint8_t)grpc_outcome(x);
    if (x->plan.cluster && likely(!x->plan.only))
        count_traffic(x, w->stats->clusters[x->plan.cluster->conf->place.index], took_us);
    if (!x->shadow)
        count_request(x, took_us);
    if (x->client)
        x->client_ops->finished(x);
    exchange_free(x);
    return VERDICT_END;
}
