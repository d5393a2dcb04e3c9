/* SPDX-License-Identifier: Apache-2.0 */
/* Sends verified testers to a version that doesn't exist for anybody else:
 *
 *     dark_launch = { cluster = "reviews-v3"; claim = "groups"; any_of = [ "testers" ]; };
 *
 * Who a tester is, is decided for each request anew, by what was verified: the identity that a
 * module has established, the certificate of the handshake, or a grant (grants.h). Nothing else of
 * a request is looked at before that: choosers, too, mean something only in the request of a
 * tester. Nothing is remembered from one request to the next, so it doesn't matter what else came
 * over a connection.
 *
 * The clusters of dark versions are reserved: no route and no other module can send anything there.
 * For who is no tester the module doesn't touch the request or its response.
 *
 * It decides before modules that divide what is left (order -10). */
#include <weir/module.h>

#include "dark_launch/cache_control.h"
#include "dark_launch/commands.h"
#include "dark_launch/cookies.h"
#include "dark_launch/process.h"
#include "common/slice.h"

enum { LOG_TESTER, LOG_BY, LOG_GRANT, LOG_FALLBACK };
static const char *const log_fields[] = {"tester", "by", "grant", "fallback", NULL};

/* Of one exchange. */
struct dark_state {
    bool tester;
    bool granted;                  /* the request has brought a grant that is valid */
    const struct dark_version *to; /* NULL: where all others go */
};

struct tester {
    enum tester_by by;
    struct weir_slice who;
    struct grant grant;
};

/* -- what a request brings --------------------------------------------------------------------- */

/* A value that header fields or cookies of one name have, and how many of them there are: with two
 * it isn't clear which one was meant, so neither was. */
struct brought {
    struct weir_slice value;
    unsigned n;
};

static struct brought find(const struct weir_exchange *x, struct weir_slice header,
                           struct weir_slice cookie)
{
    struct brought b = {0};
    struct weir_slice name, value;
    for (size_t at = 0; weir_field_each(x, WEIR_REQUEST, &at, &name, &value);) {
        if (header.n && slice_ieq(name, header)) {
            b.value = value;
            b.n++;
        } else if (cookie.n && slice_ieq(name, WEIR_SLICE("cookie"))) {
            b.n += cookies_find(value, cookie, &b.value);
        }
    }
    return b;
}

/* -- who is a tester --------------------------------------------------------------------------- */

static bool by_grant(struct weir_exchange *x, const struct weir_use *u, struct tester *t)
{
    const struct dark *d = u->conf;
    const struct dark_global *g = u->global;
    struct weir_process *p = weir_process_of(x);
    if (!d->grants)
        return false;
    const struct brought b = find(x, g->grant_header, g->grant_cookie);
    if (b.n == 1 &&
        grants_verify(g->table, g->key, b.value, weir_wall_us(p) / 1000000, &t->grant)) {
        t->who = weir_dup(x, grant_name(&t->grant));
        return true;
    }
    if (b.n)
        weir_count(p, d->counters, COUNT_GRANTS_REFUSED, 1);
    return false;
}

static enum tester_by by_identity(struct weir_exchange *x, const struct weir_use *u,
                                  struct weir_slice *who)
{
    const struct dark *d = u->conf;
    const struct weir_identity *id = weir_identity(x);
    if (!who_counts(&d->testers.who, id))
        return BY_NOBODY;
    *who = id->subject;
    if (who_has_subject(&d->testers.who, id->subject))
        return BY_SUBJECT;
    if (who_has_claim(&d->testers.who, x))
        return BY_CLAIM;
    return dark_listed(u->local, weir_process_of(x), d, id->subject) ? BY_LIST : BY_NOBODY;
}

/* A grant comes first: who brings one uses it, and it is the one thing that has to be taken off the
 * request. */
static struct tester who_asks(struct weir_exchange *x, const struct weir_use *u)
{
    const struct dark *d = u->conf;
    struct tester t = {0};
    if (by_grant(x, u, &t)) {
        t.by = BY_GRANT;
        return t;
    }
    t.by = by_identity(x, u, &t.who);
    if (t.by != BY_NOBODY || !d->testers.sans.n)
        return t;
    t.who = testers_certificate(&d->testers, weir_peer(x));
    t.by = t.who.p ? BY_CERTIFICATE : BY_NOBODY;
    return t;
}

/* -- where to ---------------------------------------------------------------------------------- */

/* What a tester asks for by a name that isn't there is the default, or without opt_in nothing. */
static const struct dark_version *choose(const struct weir_exchange *x, const struct dark *d)
{
    const struct dark_version *v = dark_versions(d);
    const struct brought b = find(x, d->choose_header, d->choose_cookie);
    if (b.n == 1 && slice_eq(b.value, WEIR_SLICE("none")))
        return NULL;
    for (size_t i = 0; b.n == 1 && i < d->versions.n; i++)
        if (slice_eq(b.value, v[i].name))
            return &v[i];
    return d->opt_in ? NULL : v;
}

static void log_grant(struct weir_exchange *x, const struct weir_use *u, const struct grant *g,
                      uint64_t now)
{
    const struct dark *d = u->conf;
    const struct dark_global *global = u->global;
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    weir_log_set(x, u, LOG_GRANT, (struct weir_slice){id, GRANT_ID_TEXT});
    weir_count(weir_process_of(x), d->counters, COUNT_GRANTS_USED, 1);
    if (grants_use(global->table, g->id, now))
        weir_event(WEIR_LOG_INFO, "dark_grant_used",
                   WEIR_FACTS(WEIR_FACT("grant", slice_str(id)), WEIR_FACT("name", grant_name(g)),
                              WEIR_FACT("route", d->route)),
                   "grant %s of %.*s, on route %.*s", id, (int)g->name_n, g->name, (int)d->route.n,
                   d->route.p);
}

static void enter(struct weir_exchange *x, const struct weir_use *u, const struct tester *t,
                  const struct dark_version *v)
{
    const struct dark *d = u->conf;
    struct dark_state *state = u->state;
    struct weir_process *p = weir_process_of(x);
    state->to = v;
    weir_variant_set(x, v->variant);
    weir_count(p, d->counters, COUNT_SENT, 1);
    weir_log_set(x, u, LOG_TESTER, t->who);
    weir_log_set(x, u, LOG_BY, tester_by_word(t->by));
    if (t->by == BY_GRANT)
        log_grant(x, u, &t->grant, weir_wall_us(p) / 1000000);
    if (d->on_failure == OTHERWISE_NORMAL)
        weir_keep_request(x);
}

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    const struct dark *d = u->conf;
    struct dark_state *state = u->state;
    const struct tester t = who_asks(x, u);
    if (t.by == BY_NOBODY)
        return WEIR_NEXT;
    state->tester = true;
    state->granted = t.by == BY_GRANT;
    const struct dark_version *v = choose(x, d);
    if (!v)
        return WEIR_NEXT;
    if (!weir_cluster_ready(x, v->cluster)) {
        weir_count(weir_process_of(x), d->counters, COUNT_UNAVAILABLE, 1);
        if (d->on_unavailable == OTHERWISE_NORMAL) {
            weir_log_set(x, u, LOG_FALLBACK, WEIR_SLICE("unavailable"));
            return WEIR_NEXT;
        }
    }
    if (weir_cluster_set(x, v->cluster))
        enter(x, u, &t, v);
    return WEIR_NEXT;
}

/* -- the head that goes inward ----------------------------------------------------------------- */

/* What brings a chooser or a grant is the gateway's own affair. */
static size_t count_lines(const struct weir_exchange *x, const struct weir_name *cookie)
{
    struct weir_slice name, value;
    size_t n = 0;
    for (size_t at = 0; weir_field_each(x, WEIR_INWARD, &at, &name, &value);)
        n += slice_ieq(name, cookie->text);
    return n;
}

static void remove_cookies(struct weir_exchange *x, const struct weir_slice *names, size_t n)
{
    const struct weir_name cookie = weir_name(WEIR_SLICE("cookie"));
    const size_t lines_n = count_lines(x, &cookie);
    struct weir_slice name, value, *lines = weir_alloc(x, (lines_n + 1) * sizeof *lines);
    size_t count = 0;
    for (size_t at = 0; weir_field_each(x, WEIR_INWARD, &at, &name, &value);)
        if (slice_ieq(name, cookie.text)) {
            char *to = weir_alloc(x, value.n + 1);
            lines[count++] = (struct weir_slice){to, cookies_without(value, names, n, to)};
        }
    weir_field_remove(x, WEIR_INWARD, &cookie);
    for (size_t i = 0; i < count; i++)
        if (lines[i].n)
            weir_field_add(x, WEIR_INWARD, &cookie, lines[i]);
}

static bool has_cookie(const struct weir_exchange *x, struct weir_slice name)
{
    return find(x, (struct weir_slice){0}, name).n > 0;
}

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct dark *d = u->conf;
    const struct dark_global *g = u->global;
    const struct dark_state *state = u->state;
    if (!state->tester)
        return WEIR_NEXT;
    const struct weir_slice cookies[] = {d->choose_cookie,
                                         state->granted ? g->grant_cookie : (struct weir_slice){0}};
    if (has_cookie(x, cookies[0]) || has_cookie(x, cookies[1]))
        remove_cookies(x, cookies, 2);
    if (d->header.text.p)
        weir_field_remove(x, WEIR_INWARD, &d->header);
    if (state->granted && g->header.text.p)
        weir_field_remove(x, WEIR_INWARD, &g->header);
    return WEIR_NEXT;
}

/* -- what comes of it -------------------------------------------------------------------------- */

/* An answer of 500 is what a tester wants to see; that nobody is there is not. */
static bool has_failed(const struct weir_attempt *at)
{
    const int status = weir_attempt_status(at);
    if (weir_attempt_failure(at))
        return !weir_attempt_blameless(at);
    return status >= 502 && status <= 504;
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    const struct dark *d = u->conf;
    struct dark_state *state = u->state;
    if (!state->to || weir_attempt_cluster(at) != state->to->cluster || !has_failed(at))
        return WEIR_NEXT;
    weir_count(weir_process_of(x), d->counters, COUNT_FAILED, 1);
    if (d->on_failure != OTHERWISE_NORMAL)
        return WEIR_NEXT;
    const struct weir_retry again = {.cluster = d->normal, .unsafe = !weir_attempt_sent(at)};
    const enum weir_verdict v = weir_retry(x, &again);
    if (v == WEIR_RETRY) {
        state->to = NULL;
        weir_variant_set(x, NULL);
        weir_log_set(x, u, LOG_FALLBACK, WEIR_SLICE("failed"));
    }
    return v;
}

/* A cache between here and the tester that serves others, too, must not have it (RFC 9111 5.2.2.7);
 * nor those that have fields of their own (RFC 9213). */
static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct dark_state *state = u->state;
    const struct weir_name control = weir_name(WEIR_SLICE("cache-control"));
    const struct weir_name others[] = {weir_name(WEIR_SLICE("cdn-cache-control")),
                                       weir_name(WEIR_SLICE("surrogate-control"))};
    struct weir_slice name, value, all = {"", 0};
    if (!state->to)
        return;
    for (size_t at = 0; weir_field_each(x, WEIR_RESPONSE, &at, &name, &value);)
        if (slice_ieq(name, control.text))
            all = weir_printf(x, "%.*s%s%.*s", (int)all.n, all.p, all.n ? "," : "", (int)value.n,
                              value.p);
    char *to = weir_alloc(x, CACHE_CONTROL_ROOM(all.n));
    const struct weir_slice line = {to, cache_control_private(all, to)};
    weir_field_set(x, WEIR_RESPONSE, &control, line);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        weir_field_remove(x, WEIR_RESPONSE, &others[i]);
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "dark_launch",
    .summary = "sends verified testers to a version that nobody else can reach",
    .order = -10,
    .global = {.rows = dark_global_rows, .size = sizeof(struct dark_global)},
    .route = {.rows = dark_rows, .size = sizeof(struct dark)},
    .state_size = sizeof(struct dark_state),
    .log_fields = log_fields,
    .counters = dark_counters,
    .commands = dark_commands,
    .explain = dark_explain,
    .load = dark_load,
    .load_route = dark_load_route,
    .unload = dark_unload,
    .start = dark_start,
    .stop = dark_stop,
    .on_plan = on_plan,
    .on_forward = on_forward,
    .on_result = on_result,
    .on_response = on_response,
};
