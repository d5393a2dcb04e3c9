/* SPDX-License-Identifier: Apache-2.0 */
/* Notable events: the audit log's lines, whole and in order, whoever writes them, and what
 * operators see of them over the admin socket and by weirctl. */
#include "breaker_case.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/load.h"
#include "tests/lib/weirctl_run.h"

BREAKER_SUITE(audit);

#define AUDIT "audit = \"$dir/audit.jsonl\"; "

/* -- what there is ----------------------------------------------------------------------------- */

/* The lines of the audit log and of all that it was renamed to, which have to be JSON. */
static json_t *lines(void)
{
    json_t *all = json_array();
    char pattern[512], *line = NULL;
    size_t cap = 0;
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s*", rig_path("audit.jsonl"));
    if (glob(pattern, 0, NULL, &found) != 0)
        return all;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *f = fopen(found.gl_pathv[i], "r");
        for (ssize_t n; f && (n = getline(&line, &cap, f)) > 0;) {
            json_error_t error;
            json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
            cr_assert(json_is_object(o) && line[n - 1] == '\n', "%s: %s", error.text, line);
            json_array_append_new(all, o);
        }
        if (f)
            fclose(f);
    }
    free(line);
    globfree(&found);
    return all;
}

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

/* The first line of that name behind position *at; NULL: there is none. */
static const json_t *find(const json_t *all, const char *name, size_t *at)
{
    for (; *at < json_array_size(all); ++*at)
        if (!strcmp(word(json_array_get(all, *at), "event"), name))
            return json_array_get(all, (*at)++);
    return NULL;
}

static unsigned count(const char *name)
{
    json_t *all = lines();
    unsigned n = 0;

    for (size_t at = 0; find(all, name, &at);)
        n++;
    json_decref(all);
    return n;
}

static size_t lines_n(void)
{
    json_t *all = lines();
    const size_t n = json_array_size(all);

    json_decref(all);
    return n;
}

static bool has(const char *file, const char *needle)
{
    char *content = rig_read(file);
    const bool found = strstr(content, needle);

    free(content);
    return found;
}

/* POST; the answer's JSON, which is the caller's. */
static json_t *post(const char *socket, const char *path, const char *json, int status)
{
    struct talk *t = talk_open_unix(rig_path(socket));

    talk_send(t,
              "POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
              path, strlen(json), json);
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, status, "%s: %d %s", path, r->status, r->body.p);
    return json_loadb(r->body.p, r->body.n, 0, NULL);
}

static void change(const char *path, const char *json)
{
    json_decref(post("admin.sock", path, json, 200));
}

static json_t *events(const char *asked)
{
    return post("admin.sock", "/v1/events", asked, 200);
}

/* -- what is told ------------------------------------------------------------------------------ */

/* That these stand in this order, each with "fields" that have this member. */
static void expect_in_order(const json_t *all, const char *const (*names)[3])
{
    size_t at = 0;

    for (; (*names)[0]; names++) {
        const json_t *o = find(all, (*names)[0], &at);
        cr_assert(o, "%s is missing, or too early", (*names)[0]);
        cr_assert_str_eq(word(json_object_get(o, "fields"), (*names)[1]), (*names)[2]);
    }
}

Test(audit, tells_the_life_of_a_circuit_in_order)
{
    static const char *const wanted[][3] = {
        {"breaker_open", "from", "closed"},
        {"breaker_half_open", "from", "open"},
        {"breaker_closed", "cluster", "app"},
        {NULL, NULL, NULL},
    };
    rig_start(.workers = 2, .log = AUDIT,
              .cluster = "breaker = { circuit = { " QUICK "probes = 2; }; };");
    breaker_open("/?status=500");
    breaker_await_time();
    for (int i = 0; i < 100 && strcmp(breaker_state(), "closed"); i++)
        get("/");
    AWAIT(count("breaker_closed") == 1);
    json_t *all = lines(), *answer = events("{\"after\": 0}");
    expect_in_order(all, wanted);
    expect_in_order(json_object_get(answer, "events"), wanted);
    cr_assert_eq(json_array_size(json_object_get(answer, "events")), json_array_size(all));
    cr_assert(!strncmp(word(json_array_get(all, 1), "at"), "20", 2));
    json_decref(answer);
    json_decref(all);
}

Test(audit, tells_who_has_changed_what_and_why)
{
    rig_start(.log = AUDIT);
    change("/v1/logs/level", "{\"level\": \"info\", \"reason\": \"as \\\"before\\\"\"}");
    change("/v1/logs/level", "{}"); /* only shows it */
    AWAIT(count("admin_change") == 1);
    json_t *all = lines();
    size_t at = 0;
    const json_t *o = find(all, "admin_change", &at), *fields = json_object_get(o, "fields");
    char who[32];
    snprintf(who, sizeof who, "uid %u", (unsigned)getuid());
    cr_assert_str_eq(word(o, "who"), who);
    cr_assert_str_eq(word(o, "reason"), "as \"before\"");
    cr_assert_str_eq(word(o, "process"), "control");
    cr_assert_str_eq(word(fields, "path"), "/v1/logs/level");
    cr_assert_str_eq(word(fields, "asked"), "{\"level\":\"info\"}");
    cr_assert_eq(json_integer_value(json_object_get(fields, "status")), 200);
    json_decref(all);
}

Test(audit, tells_who_may_not)
{
    rig_start(.whole = "admin = { bind = \"unix:$dir/admin.sock\"; listeners = (\n"
                       "  { bind = \"unix:$dir/look.sock\"; role = \"read-only\"; } ); };\n"
                       "log = { " AUDIT "};\n"
                       "listeners = ( { name = \"web\"; bind = \"127.0.0.1:$port\"; } );\n"
                       "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                       "routes = ( { name = \"all\"; cluster = \"app\"; } );\n");
    json_decref(post("look.sock", "/v1/logs/level", "{\"level\": \"info\"}", 403));
    AWAIT(count("admin_denied") == 1);
    json_decref(post("look.sock", "/v1/events", "{}", 200));
    cr_assert_eq(count("admin_change"), 0);
}

Test(audit, tells_of_reloads_by_whom_and_why_they_failed)
{
    static const char *const wanted[][3] = {
        {"started", "", ""},
        {"signal_taken", "signal", "HUP"},
        {"reload_begins", "", ""},
        {"reload_failed", "reason", "configuration"},
        {"reload_begins", "", ""},
        {"reloaded", "", ""},
        {"generation_ended", "", ""},
        {"signal_taken", "signal", "TERM"},
        {"stopping", "how", "at once"},
        {"stopped", "", ""},
        {NULL, NULL, NULL},
    };
    rig_start(.log = AUDIT);
    cr_assert(!rig_reload(.log = AUDIT "level = \"loud\";"));
    rig_write_conf((struct rig_conf){.log = AUDIT});
    change("/v1/reload", "{\"reason\": \"it is right now\"}");
    AWAIT(count("generation_ended") == 1);
    json_t *answer = events("{\"after\": 0}"), *o;
    size_t i;
    bool first = false;
    json_array_foreach(json_object_get(answer, "events"), i, o) first =
        first || strstr(word(json_object_get(o, "fields"), "first"), "log.level is");
    cr_assert(first, "what is wrong is told");
    json_decref(answer);
    rig_stop();
    json_t *all = lines();
    expect_in_order(all, wanted);
    size_t at = 0;
    const json_t *signal = find(all, "signal_taken", &at);
    cr_assert_str_eq(word(signal, "who"), "signal");
    at = 0;
    const json_t *asked = find(all, "admin_change", &at);
    cr_assert_str_eq(word(json_object_get(asked, "fields"), "path"), "/v1/reload");
    cr_assert_str_eq(word(asked, "reason"), "it is right now");
    json_decref(all);
}

Test(audit, goes_on_where_it_did_when_a_reload_with_another_path_fails)
{
    rig_start(.log = AUDIT);
    rig_name("taken", "%u", origin_port(breaker_app));
    cr_assert(!rig_reload(.log = "audit = \"$dir/other.jsonl\";",
                          .listeners = ", { name = \"b\"; bind = \"127.0.0.1:$taken\"; }"));
    AWAIT(count("reload_failed") == 1);
    const size_t n = lines_n();
    change("/v1/logs/level", "{\"level\": \"info\"}");
    AWAIT(lines_n() == n + 2);
    cr_assert(!rig_reload(.log = "audit = \"$dir/none/audit.jsonl\";"));
    rig_await_log("log.audit: can't open");
    AWAIT(count("reload_failed") == 2);
}

Test(audit, outlives_a_worker_a_reload_and_an_upgrade)
{
    rig_start(.workers = 2, .log = AUDIT);
    rig_expect_deaths();
    kill(rig_worker(0), SIGKILL);
    AWAIT(count("process_restarted") == 1);
    cr_assert_eq(count("process_died"), 1);
    rig_renew(.workers = 2, .log = AUDIT);
    cr_assert(rig_upgrade());
    AWAIT(count("upgraded") == 1);
    json_t *answer = events("{\"after\": 0}");
    const json_t *list = json_object_get(answer, "events");
    size_t at = 0;
    cr_assert(find(list, "started", &at) && find(list, "process_died", &at) &&
              find(list, "process_restarted", &at) && find(list, "reloaded", &at) &&
              find(list, "upgrade_begins", &at));
    for (size_t i = 0; i < json_array_size(list); i++)
        cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, i), "n")), i + 1);
    json_decref(answer);
}

/* -- the file ---------------------------------------------------------------------------------- */

/* Circuits of 1 ms, so that workers have something to tell all the time. */
#define RESTLESS                                                                                   \
    "breaker = { circuit = { open_on = { consecutive = 1; error_rate = \"0%\"; }; open_for = "     \
    "\"1ms\"; max_open = \"1ms\"; jitter = \"0%\"; }; };"

static void tell_a_lot(double events_n)
{
    load_start(.clients = 8, .request = "GET /?status=500 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(rig_metric("weir_events_total") >= events_n);
    load_stop();
}

Test(audit, has_whole_lines_of_four_workers)
{
    rig_start(.workers = 4, .log = AUDIT, .cluster = RESTLESS);
    tell_a_lot(2000);
    AWAIT(lines_n() == (size_t)rig_metric("weir_events_total"));
    cr_assert_eq(rig_metric("weir_audit_log_dropped_total"), 0);
    json_t *answer = events("{\"after\": 5}");
    cr_assert_eq(json_array_size(json_object_get(answer, "events")), 100);
    cr_assert_geq(json_integer_value(json_object_get(answer, "lost")), 1000);
    json_decref(answer);
}

Test(audit, loses_nothing_while_its_file_is_rotated)
{
    rig_start(.workers = 4, .log = AUDIT "rotate = { size = \"100k\"; keep = 1000; };",
              .cluster = RESTLESS);
    load_start(.clients = 8, .request = "GET /?status=500 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(access(rig_path("audit.jsonl.2"), F_OK) == 0);
    load_stop();
    AWAIT(lines_n() == (size_t)rig_metric("weir_events_total"));
    cr_assert_eq(rig_metric("weir_audit_log_dropped_total"), 0);
}

Test(audit, goes_on_in_a_new_file_after_a_signal)
{
    rig_start(.workers = 2, .log = AUDIT);
    cr_assert_eq(rename(rig_path("audit.jsonl"), rig_path("audit.jsonl.old")), 0);
    rig_signal(SIGUSR1);
    AWAIT(access(rig_path("audit.jsonl"), F_OK) == 0);
    rig_await_log("logs_reopened");
    AWAIT((change("/v1/logs/level", "{\"level\": \"info\"}"), has("audit.jsonl", "admin_change")));
    cr_assert(!has("audit.jsonl", "\"started\""));
    cr_assert(has("audit.jsonl.old", "\"started\""));
}

Test(audit, is_never_truncated)
{
    static const char before[] = "{\"event\":\"before\"}\n";
    rig_write_file("audit.jsonl", before);
    rig_start(.log = AUDIT);
    rig_renew(.log = AUDIT);
    rig_signal(SIGUSR1);
    rig_await_log("logs_reopened");
    cr_assert(rig_upgrade());
    rig_stop();
    char *now = rig_read("audit.jsonl");
    cr_assert(!strncmp(now, before, sizeof before - 1), "%s", now);
    free(now);
    static const char *const names[] = {"started", "reloaded", "upgraded", "stopped"};
    for (size_t i = 0; i < 4; i++)
        cr_assert_geq(count(names[i]), 1, "%s", names[i]);
}

Test(audit, on_a_full_disk_is_counted_and_delays_nobody)
{
    rig_start(.log = "audit = \"/dev/full\";");
    rig_await_log("audit_log_failed path=/dev/full");
    change("/v1/logs/level", "{\"level\": \"info\"}");
    cr_assert_geq(rig_metric("weir_audit_log_dropped_total"), 2);
    cr_assert_eq(rig_metric("weir_audit_log_dropped_total"), rig_metric("weir_events_total"));
    cr_assert_eq(get("/")->status, 200);
    rig_renew(.log = AUDIT);
    change("/v1/logs/level", "{\"level\": \"info\"}");
    AWAIT(count("admin_change") == 1);
}

/* -- weirctl ----------------------------------------------------------------------------------- */

Test(audit, is_looked_at_by_weirctl)
{
    rig_start(.workers = 1);
    cr_assert_eq(weirctl_run("log level info"), 0);
    cr_assert_eq(weirctl_run("events"), 0);
    WEIRCTL_SAYS("N  TIME ");
    WEIRCTL_SAYS("started ");
    WEIRCTL_SAYS("path=/v1/logs/level status=200 asked={\"level\":\"info\"} who=uid ");
    cr_assert_eq(weirctl_run("events --limit 1"), 0);
    cr_assert(!strstr(weirctl_said(), "started"), "%s", weirctl_said());
    cr_assert_eq(weirctl_run("--json events --limit 1"), 0);
    WEIRCTL_SAYS("\"lost\":0}");
    cr_assert_eq(weirctl_run("events --limit 0"), 2);
}

Test(audit, is_followed_by_weirctl_over_a_reload)
{
    char path[512];
    snprintf(path, sizeof path, "%s", rig_path("followed"));
    rig_start(.workers = 1);
    const pid_t pid = fork();
    if (pid == 0) {
        if (dup2(open(path, O_WRONLY | O_CREAT, 0600), STDOUT_FILENO) < 0)
            _exit(1);
        execl(WEIRCTL_BINARY, "weirctl", "-s", rig_path("admin.sock"), "events", "-f", NULL);
        _exit(1);
    }
    AWAIT(has("followed", " started "));
    cr_assert(rig_reload(.workers = 1));
    change("/v1/logs/level", "{\"level\": \"info\"}");
    AWAIT(has("followed", "admin_change path=/v1/logs/level"));
    cr_assert(has("followed", "master reloaded generation=2"));
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}
