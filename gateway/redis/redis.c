/* SPDX-License-Identifier: Apache-2.0 */
/* The life of both connections, as of one thing:
 *
 *     waiting ─► seeking ─► connecting ─► up
 *        ▲          │            │         │      whatever goes wrong: end(), once for both
 *        └──────────┴────────────┴─────────┘
 *
 * seeking asks the sentinels (when there are some) and DNS; connecting ends when both connections
 * are logged in and the channel is subscribed to. What is asked for while it is up goes over
 * `commands`; over `news` only a PING each second, for the connection on which nothing may have to
 * come for hours is also the one that can be cut without anybody's noticing.
 *
 * What ends it in the middle of a call of the owner's (redis_give_up) is done at the end of the
 * turn.
 *
 * The log says it at once when Redis is lost or can't be reached, and each minute while that lasts,
 * and then when it is there. One that comes and goes is worth no more lines than one that is gone,
 * but another reason is: a server that is away and then refuses the password. */
#include "redis/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/random.h"
#include "redis/redis_backoff.h"
#include "redis/redis_conn.h"
#include "redis/redis_login.h"
#include "redis/redis_where.h"
#include "redis/sentinel.h"

enum { PING_MS = 1000, LOG_AGAIN_MS = 60 * 1000, LOG_REASONS = 3 /* until then */ };

struct redis {
    struct loop *loop;
    const struct redis_conf *conf;
    const struct tls_client *tls;
    struct slice channel;
    const struct redis_events *events;
    void *ctx;

    enum { WAITING, SEEKING, CONNECTING, UP } state;
    bool commands_ready, was_up, told_down, said_up, freed;
    struct timer retry, ping;
    struct later giving_up;
    struct random random;
    unsigned failed; /* attempts since it was up for long */
    uint64_t since_ms;
    uint64_t said_ms; /* when the log has begun to say why it is down, lately */
    unsigned said_n;  /* ... in so many lines, the last of which has: */
    char said_why[REDIS_WHY_MAX];

    struct sentinel sentinel;
    struct redis_where where;
    struct redis_conn commands, news;
    struct redis_facts facts;
    char server[REDIS_NAME_MAX + 16], why[REDIS_WHY_MAX];
    struct grave grave;
};

static void on_retry(struct timer *t);
static void seek(struct redis *r, struct slice address);
static void on_master(struct sentinel *s, struct slice address);
static void on_no_master(struct sentinel *s, const char *why);
static void on_where(struct redis_where *w);
static void connect_to(struct redis *r, const struct addr *to);
static void on_opened(struct redis_conn *c);
static void on_commands_ready(struct redis_conn *c);
static void on_news_ready(struct redis_conn *c);
static void on_subscribed(void *ctx, const struct redis_reply *reply);
static void on_published(struct redis_conn *c, struct slice text);
static void on_ended(struct redis_conn *c, const char *why);
static void on_ping(struct timer *t);
static void on_giving_up(struct later *l);
static void end(struct redis *r);
static void bury(struct grave *g);

static const struct redis_conn_events commands_events = {
    .opened = on_opened,
    .ready = on_commands_ready,
    .ended = on_ended,
};
static const struct redis_conn_events news_events = {
    .opened = on_opened,
    .ready = on_news_ready,
    .published = on_published,
    .ended = on_ended,
};

struct redis *redis_new(struct loop *lp, struct dns *dns, const struct redis_conf *conf,
                        struct slice channel, const struct redis_events *events, void *ctx)
{
    struct redis *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct redis){.loop = lp, .conf = conf, .channel = channel, .events = events, .ctx = ctx};
    random_init(&r->random);
    r->since_ms = clock_ms(&lp->clock);
    timer_init(&r->retry, on_retry);
    timer_init(&r->ping, on_ping);
    later_init(&r->giving_up, on_giving_up);
    sentinel_init(&r->sentinel, lp, dns, conf, on_master, on_no_master);
    redis_where_init(&r->where, lp, dns, on_where);
    redis_conn_init(&r->commands, lp, &commands_events);
    redis_conn_init(&r->news, lp, &news_events);
    timer_start(lp, &r->retry, 0);
    return r;
}

void redis_use_tls(struct redis *r, const struct tls_client *tls)
{
    r->tls = r->sentinel.tls = tls;
}

void redis_free(struct redis *r)
{
    if (!r)
        return;
    r->freed = true;
    timer_stop(&r->retry);
    timer_stop(&r->ping);
    later_cancel(&r->giving_up);
    sentinel_fini(&r->sentinel);
    redis_where_fini(&r->where);
    redis_conn_fini(&r->commands);
    redis_conn_fini(&r->news);
    loop_bury(r->loop, &r->grave, bury);
}

static void bury(struct grave *g)
{
    free(container_of(g, struct redis, grave));
}

/* -- towards up -------------------------------------------------------------------------------- */

static void on_retry(struct timer *t)
{
    struct redis *r = container_of(t, struct redis, retry);
    r->facts.connects++;
    r->state = SEEKING;
    if (r->conf->sentinels.n > 0)
        sentinel_ask(&r->sentinel);
    else
        seek(r, r->conf->address);
}

static void on_master(struct sentinel *s, struct slice address)
{
    seek(container_of(s, struct redis, sentinel), address);
}

static void on_no_master(struct sentinel *s, const char *why)
{
    struct redis *r = container_of(s, struct redis, sentinel);
    snprintf(r->why, sizeof r->why, "%s", why);
    end(r);
}

static void seek(struct redis *r, struct slice address)
{
    snprintf(r->server, sizeof r->server, "%.*s", SLICE_ARG(address));
    redis_where_ask(&r->where, address, REDIS_PORT);
}

/* A name may have several addresses: each attempt takes the next. */
static void on_where(struct redis_where *w)
{
    struct redis *r = container_of(w, struct redis, where);
    if (w->n > 0) {
        connect_to(r, &w->addrs[r->failed % w->n]);
        return;
    }
    snprintf(r->why, sizeof r->why, "%s", w->why);
    end(r);
}

static void connect_to(struct redis *r, const struct addr *to)
{
    const struct redis_conn_how how = {
        .to = to,
        .tls = r->tls,
        .name = slice_str(r->where.host),
        .timeout = r->conf->timeout,
        .reply_size = r->conf->reply_size,
    };
    r->state = CONNECTING;
    r->commands_ready = false;
    if (redis_conn_start(&r->commands, &how) && redis_conn_start(&r->news, &how))
        return;
    snprintf(r->why, sizeof r->why, "%s", r->commands.link ? r->news.why : r->commands.why);
    end(r);
}

static struct redis *redis_of(struct redis_conn *c)
{
    return c->events == &news_events ? container_of(c, struct redis, news)
                                     : container_of(c, struct redis, commands);
}

static void on_opened(struct redis_conn *c)
{
    const struct redis *r = redis_of(c);
    const struct redis_login login = {
        .account = &r->conf->account,
        .database = r->conf->database,
        .role = r->conf->sentinels.n > 0 ? REDIS_MASTER : REDIS_NO_REPLICA,
    };
    redis_login(c, &login);
}

static void up(struct redis *r)
{
    if (!r->commands_ready || !r->news.listening)
        return;
    r->state = UP;
    r->was_up = true;
    r->told_down = false;
    r->since_ms = clock_ms(&r->loop->clock);
    r->why[0] = '\0';
    timer_start(r->loop, &r->ping, PING_MS);
    if (!r->said_up)
        event_info("fleet_redis_up", KV("server", r->server));
    r->said_up = true;
    r->events->up(r->ctx);
}

static void on_commands_ready(struct redis_conn *c)
{
    struct redis *r = redis_of(c);
    r->commands_ready = true;
    up(r);
}

static void on_news_ready(struct redis_conn *c)
{
    struct redis *r = redis_of(c);
    const struct slice subscribe[] = {SLICE("SUBSCRIBE"), r->channel};
    if (!redis_conn_ask(c, on_subscribed, r, 2, subscribe))
        redis_conn_end(c, "no memory for its commands");
}

static void on_subscribed(void *ctx, const struct redis_reply *reply)
{
    struct redis *r = ctx;
    if (!reply)
        return;
    const struct redis_reply first = redis_item(reply, 0);
    if (first.kind != REDIS_TEXT || !slice_eq(first.text, SLICE("subscribe"))) {
        redis_conn_end(&r->news, "it refuses the subscription: %.*s", SLICE_ARG(reply->text));
        return;
    }
    r->news.listening = true;
    up(r);
}

/* -- up ---------------------------------------------------------------------------------------- */

static void on_published(struct redis_conn *c, struct slice text)
{
    struct redis *r = redis_of(c);
    if (r->state == UP)
        r->events->message(r->ctx, text);
}

static void on_ping(struct timer *t)
{
    struct redis *r = container_of(t, struct redis, ping);
    redis_conn_ask(&r->news, NULL, NULL, 1, &SLICE("PING"));
    timer_start(r->loop, &r->ping, PING_MS);
}

bool redis_is_up(const struct redis *r)
{
    return r->state == UP && r->commands.open && r->news.open;
}

bool redis_command(struct redis *r, redis_fn *fn, void *ctx, size_t n, const struct slice *args)
{
    if (!redis_is_up(r) || !redis_conn_ask(&r->commands, fn, ctx, n, args))
        return false;
    r->facts.commands++;
    return true;
}

/* -- the end ----------------------------------------------------------------------------------- */

static void on_ended(struct redis_conn *c, const char *why)
{
    struct redis *r = redis_of(c);
    snprintf(r->why, sizeof r->why, "%s", why);
    end(r);
}

void redis_give_up(struct redis *r, const char *why)
{
    if (r->state == WAITING)
        return;
    snprintf(r->why, sizeof r->why, "%s", why);
    if (r->state == UP)
        r->state = CONNECTING; /* nothing is taken any more */
    loop_later(r->loop, &r->giving_up);
}

static void on_giving_up(struct later *l)
{
    end(container_of(l, struct redis, giving_up));
}

static bool is_said(struct redis *r, uint64_t now)
{
    if (r->said_n == 0 || now - r->said_ms >= LOG_AGAIN_MS)
        return false;
    return r->said_n == LOG_REASONS || strcmp(r->why, r->said_why) == 0;
}

static void log_down(struct redis *r, uint64_t now)
{
    if (is_said(r, now))
        return;
    if (now - r->said_ms >= LOG_AGAIN_MS)
        r->said_n = 0;
    if (r->said_n++ == 0)
        r->said_ms = now;
    snprintf(r->said_why, sizeof r->said_why, "%s", r->why);
    r->said_up = false;
    event_warn("fleet_redis_down", KV("server", r->server), KV("reason", r->why),
               KV_INT("attempts", r->failed));
}

/* The owner's calls are the last things, and each may free it. */
static void end(struct redis *r)
{
    const uint64_t now = clock_ms(&r->loop->clock);
    const bool news = !r->told_down;
    const bool was_up = r->was_up;
    const bool lasted = was_up && now - r->since_ms >= r->conf->retry_max;
    r->state = WAITING;
    r->was_up = false;
    r->failed = lasted ? 1 : r->failed + 1;
    r->facts.failures += !was_up;
    log_down(r, now);
    if (news)
        r->since_ms = now;
    r->told_down = true;
    timer_stop(&r->ping);
    later_cancel(&r->giving_up);
    sentinel_stop(&r->sentinel);
    if (!was_up && r->conf->sentinels.n > 0)
        sentinel_doubt(&r->sentinel);
    redis_where_fini(&r->where);
    timer_start(r->loop, &r->retry, redis_backoff_ms(r->conf, r->failed, &r->random));
    redis_conn_close(&r->news);
    redis_conn_close(&r->commands);
    if (news && !r->freed)
        r->events->down(r->ctx, r->why);
}

struct redis_facts redis_facts(const struct redis *r)
{
    struct redis_facts f = r->facts;
    uint64_t in, out;
    f.up = redis_is_up(r);
    f.server = slice_str(r->server);
    f.since_ms = r->since_ms;
    f.failed = r->failed;
    f.reason = !f.up && r->why[0] ? r->why : NULL;
    f.errors = r->commands.errors + r->news.errors;
    redis_conn_bytes(&r->commands, &f.bytes_in, &f.bytes_out);
    redis_conn_bytes(&r->news, &in, &out);
    f.bytes_in += in;
    f.bytes_out += out;
    return f;
}
