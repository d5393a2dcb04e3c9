/* SPDX-License-Identifier: Apache-2.0 */
#include "control/admin/admin_access.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/event.h"
#include "base/text.h"
#include "core/stats/exposition.h"
#include "http/target.h"
#include "io/shm.h"
#include "io/tls.h"

/* -- counts ------------------------------------------------------------------------------------ */

static struct slice counts_key(void)
{
    static char key[32];
    /* What has another number of reasons is another cell, also after an upgrade. */
    return slice_of(key, (size_t)snprintf(key, sizeof key, "admin/denied/%d", ADMIN_DENIALS_N));
}

bool admin_counts_prepare(struct shm *shm, struct faults *faults)
{
    if (shm_cell(shm, counts_key(), sizeof(struct admin_counts)))
        return true;
    faults_add(faults, NULL, 0,
               "no room in the shared region for the counters of the admin sockets; raise "
               "memory.shared and restart");
    return false;
}

struct admin_counts *admin_counts_find(const struct shm *shm)
{
    return shm_find(shm, counts_key(), NULL);
}

static const char *const words[] = {
#define DENIAL(name, word, meaning) word,
    ADMIN_DENIALS(DENIAL)
#undef DENIAL
};

static const struct metric denied = {
    "weir_admin_denied", METRIC_COUNTER, "reason",
    "Requests and connections that an admin socket refused for who they came from", 0};

void metrics_of_admin(void *counts, struct exposition *e)
{
    struct admin_counts *c = counts;

    if (!c)
        return;
    expose_head(e, &denied);
    for (int d = ADMIN_DENIED_NONE + 1; d < ADMIN_DENIALS_N; d++) {
        char label[48];
        const int n = snprintf(label, sizeof label, "reason=\"%s\"", words[d]);
        expose_sample(e, &denied, slice_of(label, (size_t)n), (struct slice){0},
                      (int64_t)atomic_load_explicit(&c->denied[d], memory_order_relaxed));
    }
}

void admin_metrics_reference(struct text *out)
{
    metrics_table(out, "Admin sockets", "The reasons are told in docs/admin.md.", &denied, 1);
}

/* Strangers may be denied as often as they like: of each kind it is an event once a second. */
static bool is_event(struct admin_access *a, enum admin_denial d)
{
    enum { AGAIN_US = 1000000 };
    struct clock now;

    clock_init(&now);
    if (a && a->told_us[d] && now.mono_us - a->told_us[d] < AGAIN_US)
        return false;
    if (a)
        a->told_us[d] = now.mono_us;
    return true;
}

void admin_deny(const struct admin_judgement *j, struct admin_access *a, enum admin_denial d)
{
    const struct kv facts[] = {KV("why", words[d]), KV("who", j->who)};

    if (a && a->counts)
        atomic_fetch_add_explicit(&a->counts->denied[d], 1, memory_order_relaxed);
    log_event(LEVEL_WARN, "admin_denied", facts, array_n(facts));
    if (is_event(a, d))
        event_tell(LEVEL_WARN, "admin_denied", facts, array_n(facts));
}

unsigned admin_guess_delay(struct admin_access *a, uint64_t now_us)
{
    enum { FORGET_US = 1000000, DOUBLINGS = 5 };
    const uint64_t most_us = now_us + DOUBLINGS * (uint64_t)FORGET_US;
    const uint64_t before_us = a->guesses_until_us > now_us ? a->guesses_until_us - now_us : 0;
    const unsigned lately = (unsigned)((before_us + FORGET_US - 1) / FORGET_US);
    const unsigned ms = (unsigned)ADMIN_DELAY_MIN_MS << lately;

    a->guesses_until_us = now_us + before_us + FORGET_US;
    if (a->guesses_until_us > most_us)
        a->guesses_until_us = most_us;
    return ms < ADMIN_DELAY_MAX_MS ? ms : ADMIN_DELAY_MAX_MS;
}

/* -- who has connected ------------------------------------------------------------------------- */

static bool is_remote(const struct admin_access *a)
{
    return a && a->conf->bind.sa.sa_family != AF_UNIX;
}

void admin_visitor_init(struct admin_visitor *v, struct admin_access *a, const char *source)
{
    *v = (struct admin_visitor){.access = a, .role = (enum admin_role)a->conf->role};
    snprintf(v->source, sizeof v->source, "%s", source);
    snprintf(v->who, sizeof v->who, "%s%s", is_remote(a) ? "somebody at " : "", source);
}

static bool has_any(const struct texts *listed, const struct texts *shown)
{
    for (size_t i = 0; i < listed->n; i++)
        for (size_t j = 0; j < shown->n; j++)
            if (slice_eq(listed->v[i], shown->v[j]))
                return true;
    return false;
}

static bool fits(const struct admin_client_conf *c, const struct tls_peer *peer)
{
    const struct texts subject = {.v = (struct slice *)&peer->subject, .n = 1};

    return (!c->subjects.n && !c->names.n) || has_any(&c->subjects, &subject) ||
           has_any(&c->names, &peer->dns) || has_any(&c->names, &peer->uri) ||
           has_any(&c->names, &peer->email) || has_any(&c->names, &peer->ip);
}

static void raise_to(enum admin_role *role, int other)
{
    if ((int)*role < other)
        *role = (enum admin_role)other;
}

void admin_visitor_certify(struct admin_visitor *v, const struct tls_peer *peer)
{
    const struct admin_listener_conf *conf = v->access->conf;
    size_t i = 0;

    v->certified = true;
    snprintf(v->who, sizeof v->who, "certificate %.*s at %s",
             (int)(peer->subject.n < ADMIN_WHO_MAX / 2 ? peer->subject.n : ADMIN_WHO_MAX / 2),
             peer->subject.p, v->source);
    while (i < conf->clients_n && !fits(&conf->clients[i], peer))
        i++;
    if (i < conf->clients_n)
        raise_to(&v->role, conf->clients[i].role);
}

/* -- a request --------------------------------------------------------------------------------- */

/* The token of this secret, looked for among all in the same time wherever it is. */
static const struct admin_token_conf *find_token(const struct admin_listener_conf *conf,
                                                 struct slice shown)
{
    const struct admin_token_conf *found = NULL;
    struct secret secret;

    if (!secret_digest(shown, &secret))
        return NULL;
    for (size_t i = 0; i < conf->tokens_n; i++)
        if (secret_eq(&conf->tokens[i].secret, &secret))
            found = &conf->tokens[i];
    return found;
}

/* RFC 6750 2.1; the scheme is in any case (RFC 9110 11.1). Empty: it is something else. */
static struct slice bearer(struct slice value)
{
    static const struct slice scheme = SLICE_INIT("bearer ");

    if (value.n < scheme.n || !slice_ieq(slice_of(value.p, scheme.n), scheme))
        return slice_of(NULL, 0);
    return slice_trim(slice_from(value, scheme.n));
}

/* Without tokens of ours an Authorization is nobody's business here. */
static void judge_token(const struct admin_visitor *v, const struct request_head *h,
                        struct admin_judgement *out)
{
    const struct admin_listener_conf *conf = v->access->conf;
    const struct field *f = fields_find_token(&h->fields, TOKEN_AUTHORIZATION);

    if (!conf->tokens_n || !f)
        return;
    const struct admin_token_conf *t =
        fields_next(&h->fields, f) ? NULL : find_token(conf, bearer(f->value));
    if (!t) {
        out->denied = ADMIN_DENIED_TOKEN;
        return;
    }
    out->role = (enum admin_role)conf->role;
    raise_to(&out->role, t->role);
    out->shown = true;
    snprintf(out->who, sizeof out->who, "token %.*s at %s", SLICE_ARG(t->name), v->source);
}

/* A page that made its own name point to us is called by that name: an address can't be made so.
 * Who comes by a unix socket without a browser calls us by any word. A browser comes by one where
 * it is forwarded to a port, and nobody else's page has a name without a dot. */
static bool is_ours(const struct admin_access *a, struct slice name)
{
    const struct admin_listener_conf *conf = a->conf;
    struct ip ip;

    if (name.n > 2 && name.p[0] == '[')
        name = slice_of(name.p + 1, name.n - 2);
    if (slice_eq(name, SLICE("localhost")) || ip_parse(name, &ip))
        return true;
    if (!is_remote(a) && slice_find(name, '.') == name.n)
        return true;
    for (size_t i = 0; i < conf->hosts.n; i++)
        if (slice_eq(conf->hosts.v[i], name))
            return true;
    return false;
}

/* Does a browser say that a page of ours asks, or is it no browser? On a plain socket a proxy in
 * front may have spoken TLS with the browser. */
static bool is_own_origin(const struct admin_listener_conf *conf, struct slice origin,
                          struct slice host)
{
    static const struct slice http = SLICE_INIT("http://"), https = SLICE_INIT("https://");

    if (slice_starts(origin, https))
        return slice_ieq(slice_from(origin, https.n), host);
    return !conf->tls.set && slice_starts(origin, http) &&
           slice_ieq(slice_from(origin, http.n), host);
}

/* HTTP/1.0 without a Host comes from no browser. */
static enum admin_denial judge_page(const struct admin_visitor *v, const struct request_head *h,
                                    struct arena *a)
{
    const struct admin_listener_conf *conf = v->access->conf;
    const struct field *host = fields_find_token(&h->fields, TOKEN_HOST),
                       *origin = fields_find_token(&h->fields, TOKEN_ORIGIN);
    struct host parsed;

    if (host && (!host_parse(host->value, a, &parsed) || !is_ours(v->access, parsed.name)))
        return ADMIN_DENIED_HOST;
    if (!origin || method_is_safe(h->method_id))
        return ADMIN_DENIED_NONE;
    return host && is_own_origin(conf, origin->value, host->value) ? ADMIN_DENIED_NONE
                                                                   : ADMIN_DENIED_ORIGIN;
}

void admin_judge(const struct admin_visitor *v, const struct request_head *h, struct arena *a,
                 struct admin_judgement *out)
{
    out->denied = ADMIN_DENIED_NONE;
    out->role = v->role;
    out->shown = v->certified;
    memcpy(out->who, v->who, sizeof out->who);
    if (!v->access)
        return;
    judge_token(v, h, out);
    if (!out->denied)
        out->denied = judge_page(v, h, a);
}

/* -- what is said of it ------------------------------------------------------------------------ */

enum admin_denial admin_lacks(const struct admin_visitor *v, const struct admin_judgement *j)
{
    return j->shown || !v->access || !v->access->conf->tokens_n ? ADMIN_DENIED_ROLE
                                                                : ADMIN_DENIED_CREDENTIAL;
}

uint16_t admin_denial_status(enum admin_denial d)
{
    return d == ADMIN_DENIED_CREDENTIAL || d == ADMIN_DENIED_TOKEN ? 401 : 403;
}

const char *admin_denial_text(const struct admin_visitor *v, enum admin_denial d)
{
    switch (d) {
    case ADMIN_DENIED_CREDENTIAL:
        return "a token is needed: \"Authorization: Bearer TOKEN\", or weirctl --token-file FILE";
    case ADMIN_DENIED_TOKEN:
        return "this is none of the tokens of this admin socket: admin.tokens says where they lie, "
               "and a new one counts after a reload";
    case ADMIN_DENIED_HOST:
        return "this admin socket doesn't go by the name in Host; use its address, or add the name "
               "to admin.hosts";
    case ADMIN_DENIED_ORIGIN:
        return "the page that asks (Origin) isn't from here, so it may change nothing";
    default:
        break;
    }
    return v->certified ? "admin.clients says what each certificate allows"
                        : "role, tokens and clients of an admin socket say who may, and who comes "
                          "by a unix socket usually does";
}
