/* SPDX-License-Identifier: Apache-2.0 */
/* One instance. Looks and the operator use its admin socket, which may have nobody behind it for a
 * moment; then they try again. Requests have a path of their own each, by which the access log says
 * what each of them was. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/talk.h"

enum { CALLS_MAX = 65536, TURNS_MAX = 16384 };
enum { LOOK_US = 200000, CALL_US = 1000000 }; /* longer only if there is no time for it */

static struct call calls[CALLS_MAX];
static size_t calls_count;
static struct turn turns[TURNS_MAX];
static size_t turns_count;
static unsigned rounds;
static struct edge {
    struct look before, after;
    uint64_t touched_us;
    size_t log_at, access_at; /* read so far */
} edges[EDGES];

static const char *const mode_words[] = {"auto", "forced_open", "forced_closed"};
static const char *const force_words[] = {"auto", "open", "closed"};

/* -- life -------------------------------------------------------------------------------------- */

void edges_begin(void)
{
    calls_count = turns_count = rounds = 0;
    memset(edges, 0, sizeof edges);
}

static void touch(unsigned i)
{
    rig_expect_deaths();
    edges[i].touched_us = wall_us();
}

uint64_t edge_touched_us(unsigned i)
{
    return edges[i].touched_us;
}

void edge_start(unsigned i, struct rig_conf conf)
{
    rig_instance(i);
    rig_start_with(conf);
}

void edge_reload(unsigned i, struct rig_conf conf)
{
    rig_instance(i);
    touch(i);
    cr_assert(rig_reload_with(conf), "the configuration is refused");
    touch(i);
}

/* Of this instance; 0: it is being started again. */
static pid_t find_process(const char *title)
{
    pid_t pids[32];
    const size_t n = rig_processes(title, pids, 32);
    for (size_t k = 0; k < n; k++)
        if (rig_status(pids[k], "PPid:") == rig_master())
            return pids[k];
    return 0;
}

void edge_kill(unsigned i, const char *title)
{
    rig_instance(i);
    const pid_t pid = find_process(title);
    touch(i);
    if (pid)
        kill(pid, SIGKILL);
    tale_add(wall_us(), "edge-%u  its %s is killed (%d)", i, title, (int)pid);
}

/* -- the admin socket -------------------------------------------------------------------------- */

/* NULL: no whole answer came. */
static json_t *try_ask(const char *method, const char *path, const char *body, int *status)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t,
              "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
              method, path, strlen(body), body);
    const struct response *r = talk_response(t);
    *status = r->status;
    json_t *answer = r->status && r->whole ? json_loads(r->body.p, 0, NULL) : NULL;
    talk_close(t);
    return answer;
}

static json_t *ask_admin(const char *method, const char *path, const char *body, int *status)
{
    const uint64_t began_us = wall_us();
    json_t *answer;
    while (!(answer = try_ask(method, path, body, status))) {
        if (wall_us() > began_us + DEADLINE_MS * 1000ULL && !stalled_since(began_us))
            tale_broken("the control process answers", "%s: status %d", path, *status);
        sleep_ms(LOOK_MS);
    }
    return answer;
}

static void see_circuit(struct look *l)
{
    int status;
    json_t *answer =
        ask_admin("POST", "/v1/modules/breaker/get", "{\"cluster\": \"app\"}", &status);
    const json_t *b = json_array_get(json_object_get(answer, "breakers"), 0),
                 *c = json_array_get(json_object_get(b, "circuits"), 0),
                 *s = json_object_get(c, "shared");
    cr_assert(json_is_object(c), "%d", status);
    const char *mode = json_string_value(json_object_get(c, "mode")),
               *by = json_string_value(json_object_get(s, "by"));
    l->state = state_of(json_string_value(json_object_get(c, "state")));
    while (l->mode < MODES && strcmp(mode, mode_words[l->mode]) != 0)
        l->mode++;
    l->led = json_is_true(json_object_get(s, "led"));
    l->holding = json_is_true(json_object_get(s, "holding"));
    l->version = (uint64_t)json_integer_value(json_object_get(s, "version"));
    snprintf(l->by, sizeof l->by, "%s", by ? by : "");
    json_decref(answer);
}

static void see_fleet(struct look *l)
{
    int status;
    json_t *answer = ask_admin("GET", "/v1/fleet", "", &status);
    l->joined = json_is_true(json_object_get(answer, "joined"));
    l->joined_ms = (uint64_t)json_integer_value(json_object_get(answer, "state_ms"));
    json_decref(answer);
}

struct look edge_look(unsigned i)
{
    struct look l = {.asked_us = wall_us()};
    rig_instance(i);
    see_circuit(&l);
    see_fleet(&l);
    l.us = wall_us();
    stall_note(l.asked_us, LOOK_US);
    tale_add(l.us, "edge-%u  %s%s%s, %s, version %llu by %s; %s for %llu ms", i,
             state_word(l.state), l.mode ? ", " : "", l.mode ? mode_words[l.mode] : "",
             l.led       ? "led"
             : l.holding ? "holds"
                         : "apart",
             (unsigned long long)l.version, l.by, l.joined ? "joined" : "not joined",
             (unsigned long long)l.joined_ms);
    return l;
}

/* What it says may be done though the answer gets lost. */
void edge_force(unsigned i, enum mode mode, bool fleet)
{
    char body[128];
    int status;
    rig_instance(i);
    snprintf(body, sizeof body, "{\"cluster\": \"app\", \"state\": \"%s\"%s}", force_words[mode],
             fleet ? ", \"fleet\": true" : "");
    tale_add(wall_us(), "edge-%u  an operator says %s%s", i, force_words[mode],
             fleet ? " --fleet" : "");
    json_decref(ask_admin("POST", "/v1/modules/breaker/force", body, &status));
    cr_assert_eq(status, 200, "force: %d", status);
}

/* -- requests ---------------------------------------------------------------------------------- */

static struct talk *call_begin(unsigned edge)
{
    struct talk *t = talk_try(rig_port("port"));
    cr_assert_lt(calls_count, CALLS_MAX);
    struct call *c = &calls[calls_count++];
    *c = (struct call){.edge = edge, .round = rounds, .begin_us = wall_us()};
    if (t)
        talk_send(t, "GET /c%zu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", calls_count - 1);
    return t;
}

static void call_end(struct call *c, struct talk *t)
{
    if (t) {
        c->status = talk_response(t)->status;
        talk_close(t);
    }
    c->end_us = wall_us();
    stall_note(c->begin_us, CALL_US);
}

static void tell_round(unsigned edge, size_t first)
{
    unsigned n = 0, good = 0, refused = 0, lost = 0;
    for (size_t k = first; k < calls_count; k++) {
        if (calls[k].edge != edge)
            continue;
        n++;
        good += calls[k].status == 200;
        refused += calls[k].status == 503;
        lost += calls[k].status == 0;
    }
    tale_add(calls[calls_count - 1].end_us, "edge-%u  %u calls: %u good, %u refused, %u lost", edge,
             n, good, refused, lost);
}

void edges_call(unsigned mask, unsigned n, const char *kill_title)
{
    struct talk *t[EDGES * CALLS_AT_ONCE];
    const size_t first = calls_count;
    unsigned victim = EDGES;
    cr_assert_leq(n, CALLS_AT_ONCE);
    rounds++;
    for (unsigned i = 0; i < EDGES; i++)
        if (mask >> i & 1) {
            edges[i].before = edge_look(i);
            victim = i;
        }
    for (unsigned k = 0; k < n; k++)
        for (unsigned i = 0; i < EDGES; i++)
            if (mask >> i & 1) {
                rig_instance(i);
                t[calls_count - first] = call_begin(i);
            }
    if (kill_title && victim < EDGES)
        edge_kill(victim, kill_title);
    for (size_t k = first; k < calls_count; k++)
        call_end(&calls[k], t[k - first]);
    for (unsigned i = 0; i < EDGES; i++)
        if (mask >> i & 1) {
            edges[i].after = edge_look(i);
            tell_round(i, first);
        }
}

const struct look *look_before(unsigned i)
{
    return &edges[i].before;
}

const struct look *look_after(unsigned i)
{
    return &edges[i].after;
}

unsigned last_round(void)
{
    return rounds;
}

/* -- logs -------------------------------------------------------------------------------------- */

/* Calls with each whole line that hasn't been read yet, without its end. */
static void each_line(unsigned i, const char *file, size_t *at, void (*fn)(unsigned, char *))
{
    rig_instance(i);
    char *all = rig_read(file);
    const size_t n = strlen(all);
    for (char *line = all + (*at < n ? *at : n), *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        fn(i, line);
        *at = (size_t)(end + 1 - all);
    }
    free(all);
}

static uint64_t time_of(const char *line)
{
    struct tm t = {0};
    unsigned us = 0;
    if (sscanf(line, "%d-%d-%dT%d:%d:%d.%6u", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
               &t.tm_min, &t.tm_sec, &us) != 7)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon--;
    return (uint64_t)timegm(&t) * 1000000 + us;
}

/* "... text="cluster app: from open to half_open: by edge-2: its time is over"" */
static void on_log(unsigned edge, char *line)
{
    struct turn turn = {.edge = edge, .us = time_of(line)};
    char from[16], to[16];
    const char *text = strstr(line, "text=\"cluster app: from "), *by = strstr(line, ": by ");
    if (strstr(line, " fleet_") || strstr(line, " decision_") || strstr(line, " process_") ||
        strstr(line, " breaker_holds "))
        tale_add(turn.us, "edge-%u  log: %s", edge, strchr(line, ' ') + 1);
    if (!text || sscanf(strstr(text, "from "), "from %15[a-z_0-9] to %15[a-z_0-9]", from, to) != 2)
        return;
    turn.from = state_of(from);
    turn.to = state_of(to);
    turn.operator_ = strstr(text, "an operator says") != NULL;
    turn.adopted = by != NULL;
    if (!by)
        snprintf(turn.by, sizeof turn.by, "edge-%u", edge);
    else if (strncmp(by, ": by the fleet", 14) != 0)
        sscanf(by, ": by %15[^:]", turn.by);
    tale_add(turn.us, "edge-%u  log: %s", edge, text);
    cr_assert_lt(turns_count, TURNS_MAX);
    turns[turns_count++] = turn;
}

static void on_access(unsigned edge, char *line)
{
    const char *path = json_of(line, "path");
    const size_t k = strncmp(path, "/c", 2) == 0 ? strtoull(path + 2, NULL, 10) : CALLS_MAX;
    if (k >= calls_count)
        return;
    struct call *c = &calls[k];
    cr_assert_eq(c->edge, edge);
    c->labelled = true;
    c->done_us = time_of(json_of(line, "time")) + strtoull(json_of(line, "duration_us"), NULL, 10);
    c->probe = strcmp(json_of(line, "breaker.decision"), "probe") == 0;
    snprintf(c->state, sizeof c->state, "%s", json_of(line, "breaker.state"));
    if (c->probe)
        tale_add(c->begin_us, "edge-%u  a probe, call %zu, until %+.1f ms: %d", edge, k,
                 (double)(c->end_us - c->begin_us) / 1000, c->status);
}

static bool all_labelled(unsigned edge)
{
    for (size_t k = calls_count; k > 0 && calls[k - 1].round == rounds; k--)
        if (calls[k - 1].edge == edge && calls[k - 1].status && !calls[k - 1].labelled)
            return false;
    return true;
}

/* A worker that was killed may have taken lines with it. */
void edges_read(void)
{
    enum { FLUSH_MS = 500 };
    for (unsigned i = 0; i < EDGES; i++) {
        const uint64_t end = now_ms() + FLUSH_MS;
        do {
            each_line(i, "access.log", &edges[i].access_at, on_access);
        } while (!all_labelled(i) && now_ms() < end && (sleep_ms(LOOK_MS), true));
        each_line(i, "stderr", &edges[i].log_at, on_log);
    }
}

size_t calls_n(void)
{
    return calls_count;
}

struct call *call_at(size_t i)
{
    return &calls[i];
}

size_t turns_n(void)
{
    return turns_count;
}

struct turn *turn_at(size_t i)
{
    return &turns[i];
}
