/* SPDX-License-Identifier: Apache-2.0 */
/* MONITOR shows every command that Redis executes, those of scripts too, with its time, in the
 * order of execution. Lines are read when somebody asks; to have all of them a mark is sent that
 * shows in them itself. What Redis had executed last when it was killed may be missing: then it
 * isn't known what is stored until a mark has asked for it. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/wait.h"

#define CELL "weir:c:breaker:cluster/app"
enum { MADE_MAX = 8192, WORDS = 64, WORD = 512 };

static struct redis_server *server;
static redisContext *monitor; /* NULL: Redis is dead */
static struct made made[MADE_MAX];
static size_t made_count;
static uint64_t stored;   /* the version; 0: none */
static bool stored_known; /* else it isn't */
static bool gap;
static unsigned mark;
static bool mark_seen;
static uint64_t mark_stored;

static char words[WORDS][WORD];
static unsigned words_n;

/* -- lines ------------------------------------------------------------------------------------- */

static char unescape(const char **at)
{
    const char *p = *at;
    if (*p != '\\') {
        *at = p + 1;
        return *p;
    }
    if (p[1] == 'x') {
        const char hex[] = {p[2], p[3], 0};
        *at = p + 4;
        return (char)strtol(hex, NULL, 16);
    }
    *at = p + 2;
    return p[1] == 'n' ? '\n' : p[1] == 'r' ? '\r' : p[1] == 't' ? '\t' : p[1];
}

/* 1732.5 [0 lua] "HSET" "key" ...; the time, and the words. */
static uint64_t split(const char *line)
{
    const uint64_t us =
        strtoull(line, NULL, 10) * 1000000 + strtoull(strchr(line, '.') + 1, NULL, 10);
    words_n = 0;
    for (const char *at = strchr(line, '"'); at && words_n < WORDS; at = strchr(at, '"')) {
        size_t n = 0;
        for (at++; *at && *at != '"';) {
            const char c = unescape(&at);
            if (n + 1 < WORD)
                words[words_n][n++] = c;
        }
        words[words_n++][n] = '\0';
        if (!*at++)
            break;
    }
    return us;
}

static bool is(const char *command, const char *key)
{
    return words_n > 1 && strcmp(words[0], command) == 0 && strcmp(words[1], key) == 0;
}

static const char *member(const char *name)
{
    for (unsigned i = 2; i + 1 < words_n; i += 2)
        if (strcmp(words[i], name) == 0)
            return words[i + 1];
    return "";
}

/* -- what is made ------------------------------------------------------------------------------ */

static bool is_same_record(const struct made *a, const struct made *b)
{
    enum { CLOCKS_MS = 2000 }; /* ages are told by estimates */
    const uint64_t apart = a->at_ms > b->at_ms ? a->at_ms - b->at_ms : b->at_ms - a->at_ms;
    return a->state == b->state && apart < CLOCKS_MS && strcmp(a->by, b->by) == 0 &&
           strcmp(a->cause, b->cause) == 0;
}

/* A record that is put back, or the first one of all, begins a lineage; only the first is new. */
static void find_original(struct made *m)
{
    m->back = m->lineage == m->version && m->at_ms + 5 < m->version / 1000;
    m->original_us = m->back ? 0 : m->us;
    for (size_t i = made_count; m->back && i > 0 && !m->original_us; i--)
        if (is_same_record(&made[i - 1], m))
            m->original_us = made[i - 1].original_us;
}

static void on_made(uint64_t us)
{
    struct made m = {.us = us,
                     .version = strtoull(member("n"), NULL, 10),
                     .lineage = strtoull(member("since"), NULL, 10),
                     .at_ms = strtoull(member("at"), NULL, 10),
                     .lasts_ms = strtoull(member(".lasts_ms"), NULL, 10),
                     .state = state_of(member(".state")),
                     .after = stored,
                     .after_known = stored_known};
    snprintf(m.by, sizeof m.by, "%s", member("by"));
    snprintf(m.cause, sizeof m.cause, "%s", member(".cause"));
    find_original(&m);
    tale_add(us, "Redis   version %llu %s by %s (%s)%s", (unsigned long long)m.version,
             state_word(m.state), m.by, m.cause, m.back ? ", put back" : "");
    if (made_version(m.version))
        tale_broken("each version is made once", "version %llu was made again by %s",
                    (unsigned long long)m.version, m.by);
    cr_assert_lt(made_count, MADE_MAX);
    made[made_count++] = m;
    stored = m.version;
    stored_known = true;
}

static void on_taken(uint64_t us)
{
    struct made *m = stored_known ? made_version(stored) : NULL;
    const uint64_t n = strtoull(words[3], NULL, 10);
    tale_add(us, "Redis   %llu numbers of version %llu", (unsigned long long)n,
             (unsigned long long)stored);
    if (m && m->state != STATE_HALF_OPEN)
        tale_broken("numbers are given out while their version is there, which is half-open",
                    "version %llu is %s", (unsigned long long)stored, state_word(m->state));
    if (m)
        m->taken += n;
}

static void on_line(const char *line)
{
    char name[32];
    snprintf(name, sizeof name, "mark-%u", mark);
    if (!strchr(line, '.')) /* "OK" */
        return;
    const uint64_t us = split(line);
    if (is("HSET", CELL)) {
        on_made(us);
    } else if (is("HINCRBY", CELL)) {
        on_taken(us);
    } else if (words_n && strcmp(words[0], "FLUSHALL") == 0) {
        stored = 0;
        stored_known = true;
        tale_add(us, "Redis   has lost everything");
    } else if (is("HMGET", CELL) && words_n > 3 && strcmp(words[3], name) == 0) {
        stored = mark_stored;
        stored_known = true;
        mark_seen = true;
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

static void hang_up(void)
{
    if (monitor)
        redisFree(monitor);
    monitor = NULL;
}

/* What is there; false: that is the end. */
static bool pump(int wait_ms)
{
    void *reply = NULL;
    struct pollfd p = {.fd = monitor->fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0)
        return true;
    if (redisBufferRead(monitor) != REDIS_OK)
        return false;
    while (redisGetReplyFromReader(monitor, &reply) == REDIS_OK && reply) {
        const redisReply *r = reply;
        if (r->str)
            on_line(r->str);
        freeReplyObject(reply);
    }
    return true;
}

/* Redis is dead: what it has said before is there still. */
static void read_rest(void)
{
    enum { WAIT_MS = 100 };
    while (pump(WAIT_MS))
        ;
    hang_up();
    stored_known = false;
    gap = true;
}

void redis_watch_read(void)
{
    enum { WAIT_MS = 10 };
    if (!monitor)
        return;
    mark++;
    mark_seen = false;
    const char *said = redis_server_say(server, "HMGET " CELL " n mark-%u", mark);
    if (strcmp(said, "(gone)") == 0) {
        read_rest();
        return;
    }
    mark_stored = strtoull(said, NULL, 10);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!mark_seen) {
        cr_assert(pump(WAIT_MS) && now_ms() < end, "MONITOR shows no mark");
    }
}

/* -- life -------------------------------------------------------------------------------------- */

static void listen_to_it(void)
{
    monitor = redisConnectUnix(redis_server_unix(server) + strlen("unix:"));
    cr_assert(monitor && !monitor->err);
    redisReply *r = redisCommand(monitor, "MONITOR");
    cr_assert(r);
    freeReplyObject(r);
}

void redis_watch_begin(struct redis_server *s)
{
    server = s;
    made_count = 0;
    stored = 0;
    stored_known = gap = false;
    listen_to_it();
    redis_watch_read();
}

void redis_watch_again(void)
{
    listen_to_it();
    redis_watch_read();
}

void redis_watch_end(void)
{
    hang_up();
}

bool redis_watch_has_gap(void)
{
    return gap;
}

size_t made_n(void)
{
    return made_count;
}

struct made *made_at(size_t i)
{
    return &made[i];
}

struct made *made_version(uint64_t version)
{
    for (size_t i = made_count; i > 0; i--)
        if (made[i - 1].version == version)
            return &made[i - 1];
    return NULL;
}

uint64_t stored_version(void)
{
    return stored;
}
