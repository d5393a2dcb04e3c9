/* SPDX-License-Identifier: Apache-2.0 */
/* The access log: formats, every field, and the sinks with their failures. The exchange is made by
 * hand, the clock stands still, daemons are sockets of the test's own. */

#include "core/access_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "core/access_log_parts.h"
#include "core/exchange.h"
#include "core/route.h"

static struct listener_conf listener = {.name = SLICE_INIT("public")};
static struct config config = {.listeners = &listener, .listeners_n = 1};
static struct generation g = {.config = &config};
static struct loop loop;
static struct worker w = {.loop = &loop, .g = &g, .index = 3};
static struct client_facts facts = {.connection = 17, .scheme = SLICE_INIT("https")};
static struct route route = {.name = SLICE_INIT("shop")};
static struct cluster_conf cluster_conf = {.place.name = SLICE_INIT("cart")};
static struct cluster cluster = {.conf = &cluster_conf};
static struct exchange x;
static struct attempt first, second;
static struct arena arena;
static struct faults faults;
static struct log_conf lc = {.format = SLICE_INIT("json"), .buffer = 65536, .flush = 1000};
static char folder[] = "/tmp/weir-log-XXXXXX", path[64];
static char told[4096]; /* what the error log was told */

static void on_log(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s\n", SLICE_ARG(line));
}

static void add_request_field(const char *name, const char *value)
{
    fields_add(&x.request.fields, &x.arena, slice_str(name), slice_str(value));
}

static void add_attempt(struct attempt *at, const char *endpoint)
{
    at->endpoint_name = slice_str(endpoint);
    list_init(&at->node);
    list_push(&x.attempts, &at->node);
    x.attempts_n++;
}

static void begin(void)
{
    loop_init(&loop, 0);
    clock_set(&loop.clock, 9000000, UINT64_C(784111777) * 1000000 + 42);
    arena_init(&arena, NULL, 0);
    faults_init(&faults);
    log_set_sink(on_log);
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access.log", folder);
    lc.access = slice_str(path);

    arena_init(&x.arena, NULL, 0);
    list_init(&x.attempts);
    x.w = &w;
    x.facts = &facts;
    x.id = 5;
    facts.peer = (struct ip){{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 200}};
    x.source = (struct ip){{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    x.created_us = 1000000;
    x.created_wall_us = loop.clock.wall_us - 8000000;
    x.request.method = SLICE("GET");
    x.request.method_id = METHOD_GET;
    x.request.target = SLICE("/a%62?q=1");
    x.request.minor = 1;
    fields_init(&x.request.fields, &x.arena, 8);
    fields_init(&x.reply.fields, &x.arena, 8);
    x.target.path = SLICE("/ab");
    x.target.query = SLICE("q=1");
    x.host.name = SLICE("example.com");
    x.request_id = SLICE("rid");
}

static void end(void)
{
    unlink(path);
    rmdir(folder);
    arena_fini(&x.arena);
    faults_fini(&faults);
    arena_fini(&arena);
    loop_fini(&loop);
}

TestSuite(access_log, .init = begin, .fini = end);

/* Everything that an exchange can have: two attempts, the second of which answered. */
static void succeed(void)
{
    x.route = &route;
    x.routed_us = 1000010;
    x.plan.cluster = &cluster;
    add_attempt(&first, "10.0.0.7:80");
    first.why = WHY_CLOSED;
    add_attempt(&second, "10.0.0.8:80");
    second.reused = true;
    second.started_us = 2000000;
    second.opened_us = 2000300;
    second.headed_us = 2004300;
    second.ended_us = 2009300;
    x.head_sent = true;
    x.head_sent_us = 8999000;
    x.reply.status = 200;
    x.bytes_in = 1;
    x.bytes_out = 5000000000;
    x.detail = "because";
    add_request_field("User-Agent", "curl/8 \"x\"");
    add_request_field("Referer", "https://r.example/");
    add_request_field("X-Tenant", "t1");
    add_request_field("X-Tenant", "t2");
    fields_add(&x.reply.fields, &x.arena, SLICE("content-type"), SLICE("text/css"));
}

static const struct access_format *compile(const char *format)
{
    lc.format = slice_str(format);
    struct access_format *f = access_format_compile(&lc, &arena, &faults);
    cr_assert(f, "%s", faults.first ? faults.first->text : "");
    return f;
}

static const char *line_of(const char *format)
{
    struct text t;
    text_init(&t);
    access_format_write(compile(format), &x, &t);
    const char *line = arena_dup(&arena, text_slice(&t)).p;
    text_fini(&t);
    return line;
}

#define EQ(a, b) cr_assert_str_eq(a, b)

/* -- lines ------------------------------------------------------------------------------------- */

Test(access_log, writes_json_with_everything)
{
    succeed();
    EQ(line_of("json"),
       "{\"time\":\"1994-11-06T08:49:29.000042Z\",\"client\":\"10.0.0.200\","
       "\"source\":\"2001:db8::1\",\"worker\":3,\"connection\":17,\"exchange\":5,"
       "\"request_id\":\"rid\",\"listener\":\"public\",\"method\":\"GET\",\"scheme\":\"https\","
       "\"host\":\"example.com\",\"path\":\"/ab\",\"query\":\"q=1\",\"protocol\":\"HTTP/1.1\","
       "\"user_agent\":\"curl/8 \\\"x\\\"\",\"referer\":\"https://r.example/\",\"route\":\"shop\","
       "\"cluster\":\"cart\",\"endpoint\":\"10.0.0.8:80\",\"attempts\":2,"
       "\"failed_attempts\":\"closed@10.0.0.7:80\",\"reused\":true,\"outcome\":\"ok\","
       "\"detail\":\"because\",\"status\":200,\"bytes_in\":1,\"bytes_out\":5000000000,"
       "\"duration_us\":8000000,\"route_us\":10,\"connect_us\":300,\"response_head_us\":4000,"
       "\"response_body_us\":5000,\"send_us\":1000}\n");
}

Test(access_log, leaves_out_of_json_what_an_exchange_does_not_have)
{
    memset(&x.request, 0, sizeof x.request);
    memset(&x.target, 0, sizeof x.target);
    memset(&x.host, 0, sizeof x.host);
    x.request.minor = 1;
    x.request_id = (struct slice){0};
    x.why = WHY_BAD_REQUEST;
    x.detail = "bare_lf";
    EQ(line_of("json"), "{\"time\":\"1994-11-06T08:49:29.000042Z\",\"client\":\"10.0.0.200\","
                        "\"source\":\"2001:db8::1\",\"worker\":3,\"connection\":17,\"exchange\":5,"
                        "\"listener\":\"public\",\"scheme\":\"https\",\"attempts\":0,"
                        "\"outcome\":\"bad_request\",\"detail\":\"bare_lf\",\"bytes_in\":0,"
                        "\"bytes_out\":0,\"duration_us\":8000000}\n");
}

Test(access_log, writes_json_of_chosen_fields_in_their_order)
{
    succeed();
    EQ(line_of("json status request.X-Tenant  response.Content-Type request.absent time_common"),
       "{\"status\":200,\"request.X-Tenant\":\"t1\",\"response.Content-Type\":\"text/css\","
       "\"time_common\":\"06/Nov/1994:08:49:29 +0000\"}\n");
    EQ(line_of("json request.absent"), "{}\n");
}

Test(access_log, escapes_json)
{
    x.target.path = SLICE("/\"\\\n\x01\xff\xc3\xa9");
    EQ(line_of("json path"), "{\"path\":\"/\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\"}\n");
}

Test(access_log, writes_the_common_format)
{
    succeed();
    EQ(line_of("common"), "2001:db8::1 - - [06/Nov/1994:08:49:29 +0000] \"GET /a%62?q=1 HTTP/1.1\" "
                          "200 5000000000 \"https://r.example/\" \"curl/8 \\x22x\\x22\"\n");
    memset(&x.request, 0, sizeof x.request);
    x.head_sent = false;
    x.bytes_out = 0;
    EQ(line_of("common"), "2001:db8::1 - - [06/Nov/1994:08:49:29 +0000] \"-\" - 0 \"-\" \"-\"\n");
}

Test(access_log, writes_a_format_string_with_stand_ins_and_percent_signs)
{
    EQ(line_of("100%% %{method} 5% of %{cluster} %{cluster|} %{cluster|no|ne}%"),
       "100% GET 5% of -  no|ne%\n");
    succeed();
    EQ(line_of("%{reused} %{tunnel} %{request.x-tenant} %{response.CONTENT-TYPE}"),
       "true - t1 text/css\n");
}

Test(access_log, escapes_whatever_could_break_a_line_of_text)
{
    x.target.path = SLICE("/a\n\"b\\c\x7f\xc3\t d");
    EQ(line_of("%{path}"), "/a\\x0A\\x22b\\x5Cc\\x7F\\xC3\\x09 d\n");
}

Test(access_log, cuts_a_long_request_line_but_keeps_its_protocol)
{
    char target[2000];
    memset(target, 'x', sizeof target);
    x.request.target = slice_of(target, sizeof target);
    x.request.minor = 0;
    const char *line = line_of("%{request_line}");
    cr_assert(strlen(line) == 512 + 1);
    cr_assert(strncmp(line, "GET xxx", 7) == 0);
    cr_assert(strcmp(line + 512 - 10, "x HTTP/1.0\n") == 0);
}

/* The status of a client that went is 499; that of another failure is what was sent. */
Test(access_log, shows_499_only_for_a_client_that_left_unanswered)
{
    x.why = WHY_CLIENT_GONE;
    EQ(line_of("%{status} %{outcome}"), "499 client_gone\n");
    x.head_sent = true;
    x.reply.status = 200;
    EQ(line_of("%{status} %{outcome}"), "200 client_gone\n");
    x.head_sent = false;
    x.why = WHY_TIMEOUT_REQUEST;
    EQ(line_of("%{status} %{outcome}"), "- timeout_request\n");
}

Test(access_log, shows_failed_attempts_as_many_as_fit)
{
    enum { MANY = 40 };
    static struct attempt many[MANY];
    for (int i = 0; i < MANY; i++) {
        add_attempt(&many[i], "[2001:db8:1:2:3:4:5:6]:65535");
        many[i].why = WHY_TIMEOUT_CONNECT;
    }
    const char *line = line_of("%{failed_attempts}");
    const size_t one = strlen("timeout_connect@[2001:db8:1:2:3:4:5:6]:65535,");
    cr_assert(strlen(line) == 512 / one * one); /* the last has a newline in place of a comma */
}

Test(access_log, formats_dates_like_the_c_library)
{
    for (uint64_t day = 0; day < 60000; day += 1 + day % 3) { /* to the year 2134 */
        char want[64];
        const time_t t = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        cr_assert(gmtime_r(&t, &tm));
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000007Z", &tm);
        struct log_value v;
        x.created_wall_us = (uint64_t)t * 1000000 + 7;
        cr_assert(log_fields[0].get(&x, NULL, &v));
        cr_assert(slice_eq(v.text, slice_str(want)), "%s", want);
    }
}

Test(access_log, prints_ipv4_addresses_of_every_length)
{
    const uint8_t parts[] = {0, 9, 10, 99, 100, 101, 255};
    for (size_t i = 0; i < array_n(parts) * array_n(parts); i++) {
        uint8_t *b = facts.peer.b;
        char want[ADDR_TEXT_MAX];
        b[12] = parts[i % 7];
        b[13] = parts[i / 7];
        b[14] = parts[(i + 3) % 7];
        b[15] = parts[(i + 5) % 7];
        snprintf(want, sizeof want, "%d.%d.%d.%d\n", b[12], b[13], b[14], b[15]);
        EQ(line_of("%{client}"), want);
    }
    facts.peer = (struct ip){{0}};
    EQ(line_of("%{client}"), "unix\n");
}

/* -- compiling --------------------------------------------------------------------------------- */

static void refuses(const char *format, const char *said)
{
    faults_fini(&faults);
    faults_init(&faults);
    lc.format = slice_str(format);
    cr_assert(!access_format_compile(&lc, &arena, &faults), "%s", format);
    cr_assert(faults.errors == 1);
    cr_assert(strstr(faults.first->text, said), "%s", faults.first->text);
}

Test(access_log, refuses_formats_that_make_no_sense_and_says_what_was_meant)
{
    refuses("%{statsu}", "did you mean \"status\"?");
    refuses("json statsu", "did you mean \"status\"?");
    refuses("%{}", "no field \"\"");
    refuses("%{status", "no closing brace");
    refuses("jsn", "allowed: \"json\"");
    refuses("", "allowed: \"json\"");
    refuses("%{request.}", "no field \"request.\"");
    refuses("%{request.a b}", "not the name of a header field");
}

Test(access_log, warns_of_credentials)
{
    compile("%{request.Authorization} %{request.cookie} %{response.Set-Cookie} %{request.host}");
    cr_assert(faults.errors == 0 && faults.warnings == 3);
}

Test(access_log, knows_every_field_by_one_name_in_both_forms_and_in_the_reference)
{
    struct text reference;
    char format[128];

    succeed();
    text_init(&reference);
    access_log_reference(&reference);
    text_char(&reference, '\0');
    for (const struct log_field *f = log_fields; f->name; f++) {
        const char *end = f->name[strlen(f->name) - 1] == '.' ? "NAME" : "";
        snprintf(format, sizeof format, "%%{%s%s}", f->name, end);
        cr_assert(compile(format)->n == 1);
        snprintf(format, sizeof format, "json %s%s", f->name, end);
        cr_assert(compile(format)->n == 1);
        snprintf(format, sizeof format, "| `%s%s` |", f->name, end);
        cr_assert(strstr(reference.p, format), "%s", format);
        for (const struct log_field *other = log_fields; other != f; other++)
            cr_assert(strcmp(other->name, f->name) != 0);
    }
    text_fini(&reference);
}

/* docs/access-log.md is this reference; `./dev docs` writes it anew. */
Test(access_log, reference_in_docs_is_of_this_table)
{
    struct text want;
    char file[512];
    static char have[65536];

    text_init(&want);
    access_log_reference(&want);
    snprintf(file, sizeof file, "%.*s../../docs/access-log.md",
             (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
    FILE *in = fopen(file, "r");
    cr_assert(in, "%s: %s", file, strerror(errno));
    size_t n = fread(have, 1, sizeof have, in);
    fclose(in);
    cr_assert(slice_eq(slice_of(have, n), text_slice(&want)),
              "docs/access-log.md is out of date: ./dev docs");
    text_fini(&want);
}

/* -- files ------------------------------------------------------------------------------------- */

static struct access_log *open_log(const char *format)
{
    struct access_log *l = access_log_open(&lc, compile(format), -1, -1, &faults);
    cr_assert(l, "%s", faults.first ? faults.first->text : "");
    return l;
}

static const char *content(const char *of)
{
    static char have[400000];
    FILE *in = fopen(of, "r");
    cr_assert(in);
    have[fread(have, 1, sizeof have - 1, in)] = '\0';
    fclose(in);
    return have;
}

static void pass_ms(uint64_t ms)
{
    clock_set(&loop.clock, loop.clock.mono_us + ms * 1000, loop.clock.wall_us + ms * 1000);
    loop_turn(&loop);
}

Test(access_log, gathers_lines_and_writes_them_when_flush_has_passed)
{
    struct access_log *l = open_log("%{exchange}");
    access_log_start(l, &loop);
    access_log_exchange(l, &x);
    pass_ms(600);
    x.id = 6;
    access_log_exchange(l, &x);
    pass_ms(300);
    EQ(content(path), "");
    pass_ms(200); /* the first line has waited 1.1 s */
    EQ(content(path), "5\n6\n");
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(path), "5\n6\n6\n");
}

Test(access_log, writes_when_the_buffer_is_full_and_keeps_lines_whole)
{
    lc.buffer = 100;
    struct access_log *l = open_log("%{exchange} 456789"); /* 9 bytes with newline */
    for (x.id = 100; x.id < 110; x.id++)
        access_log_exchange(l, &x);
    cr_assert(strlen(content(path)) == 0 || strlen(content(path)) % 11 == 0);
    access_log_flush(l);
    const char *have = content(path);
    cr_assert(strlen(have) == 110);
    for (int i = 0; i < 10; i++)
        cr_assert(strtol(have + 11 * i, NULL, 10) == 100 + i);
    access_log_close(l);
}

Test(access_log, writes_a_line_that_is_larger_than_the_buffer)
{
    static char long_path[5000];
    memset(long_path, 'p', sizeof long_path);
    lc.buffer = 100;
    struct access_log *l = open_log("%{path}");
    access_log_exchange(l, &x);
    x.target.path = slice_of(long_path, sizeof long_path);
    access_log_exchange(l, &x);
    x.target.path = SLICE("/end");
    access_log_exchange(l, &x);
    access_log_close(l);
    const char *have = content(path);
    cr_assert(strlen(have) == 4 + 5001 + 5);
    cr_assert(strncmp(have, "/ab\nppp", 7) == 0 && strcmp(have + 5004, "\n/end\n") == 0);
}

Test(access_log, appends_to_what_is_there_and_opens_anew_after_rotation)
{
    char old[80];
    snprintf(old, sizeof old, "%s.1", path);
    struct access_log *l = open_log("%{exchange}");
    access_log_exchange(l, &x);
    cr_assert(rename(path, old) == 0);
    access_log_exchange(l, &x);
    cr_assert(access_log_reopen(l));
    EQ(content(old), "5\n5\n");
    access_log_exchange(l, &x);
    access_log_flush(l);
    EQ(content(path), "5\n");
    struct stat st;
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
    access_log_close(l);
    l = open_log("%{exchange}");
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(path), "5\n5\n");
    unlink(old);
}

Test(access_log, keeps_the_old_file_when_it_cannot_be_opened_anew)
{
    char old[80];
    snprintf(old, sizeof old, "%s.1", path);
    struct access_log *l = open_log("%{exchange}");
    cr_assert(rename(path, old) == 0);
    cr_assert(mkdir(path, 0700) == 0);
    cr_assert(!access_log_reopen(l));
    cr_assert(errno == EISDIR);
    access_log_exchange(l, &x);
    access_log_close(l);
    EQ(content(old), "5\n");
    rmdir(path);
    unlink(old);
}

Test(access_log, says_why_a_file_cannot_be_opened)
{
    lc.access = SLICE("/nowhere/at/all.log");
    cr_assert(!access_log_open(&lc, compile("json"), -1, -1, &faults));
    cr_assert(strstr(faults.first->text, "/nowhere/at/all.log: No such file"));
}

/* -- sinks that fail --------------------------------------------------------------------------- */

Test(access_log, drops_and_counts_when_the_disk_is_full_and_says_so_once)
{
    lc.access = SLICE("/dev/full");
    lc.buffer = 64;
    struct access_log *l = open_log("%{exchange}");
    access_log_start(l, &loop);
    for (int i = 0; i < 40; i++)
        access_log_exchange(l, &x);
    const uint64_t dropped = access_log_dropped(l);
    cr_assert(dropped >= 40 - 64 / 2 && dropped < 40); /* a line is "5\n" */
    pass_ms(2000);                                     /* tries again, in vain */
    for (int i = 0; i < 10; i++)
        access_log_exchange(l, &x);
    cr_assert(access_log_dropped(l) == dropped + 10);
    const char *once = strstr(told, "access_log_dropping");
    cr_assert(once && strstr(once, "No space left on device"));
    cr_assert(!strstr(once + 1, "access_log_dropping"));
    access_log_close(l);
}

/* The limit on the size of a file stands for a disk that fills up within a write. */
Test(access_log, gives_up_the_line_that_was_torn_and_spoils_no_other)
{
    struct rlimit was, small = {.rlim_cur = 25, .rlim_max = RLIM_INFINITY};
    cr_assert(getrlimit(RLIMIT_FSIZE, &was) == 0);
    small.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    struct access_log *l = open_log("%{exchange} 45678"); /* 10 bytes with newline */
    access_log_start(l, &loop);
    for (x.id = 100; x.id < 104; x.id++)
        access_log_exchange(l, &x);
    cr_assert(setrlimit(RLIMIT_FSIZE, &small) == 0);
    access_log_flush(l);
    cr_assert(setrlimit(RLIMIT_FSIZE, &was) == 0);
    cr_assert(access_log_dropped(l) == 1);
    pass_ms(1100); /* the rest is tried again */
    EQ(content(path), "100 45678\n101 45678\n102 4\n103 45678\n");
    cr_assert(strstr(told, "access_log_dropping") && strstr(told, "access_log_recovered"));
    cr_assert(strstr(told, "dropped=1"));
    access_log_close(l);
}

/* -- standard output --------------------------------------------------------------------------- */

static int saved_stdout;

static void redirect_stdout(int fd)
{
    fflush(stdout);
    saved_stdout = dup(STDOUT_FILENO);
    cr_assert(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
    lc.access = SLICE("stdout");
}

static void restore_stdout(void)
{
    dup2(saved_stdout, STDOUT_FILENO);
    close(saved_stdout);
}

static size_t drain(int fd)
{
    static char got[1 << 20];
    size_t n = 0;
    for (ssize_t r; (r = read(fd, got + n, sizeof got - n)) > 0;)
        n += (size_t)r;
    return n;
}

static void never_blocks_on(int ends[2])
{
    enum { LINES = 100000, LINE_LEN = 20 };
    lc.buffer = 4096;
    redirect_stdout(ends[1]);
    cr_assert(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    struct access_log *l = open_log("%{exchange} 3456789012345");
    for (x.id = 100000; x.id < 100000 + LINES; x.id++)
        access_log_exchange(l, &x);
    const uint64_t dropped = access_log_dropped(l);
    size_t got = drain(ends[0]);
    access_log_flush(l); /* there is room now */
    got += drain(ends[0]);
    cr_assert(dropped > 0 && dropped < LINES);
    cr_assert(got == (LINES - dropped) * (LINE_LEN + 1));
    access_log_close(l);
    cr_assert(!(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK)); /* it isn't ours to change */
    restore_stdout();
    close(ends[0]);
    close(ends[1]);
}

Test(access_log, never_blocks_on_a_pipe_that_nobody_reads)
{
    int ends[2];
    cr_assert(pipe(ends) == 0);
    never_blocks_on(ends);
}

Test(access_log, never_blocks_on_a_stream_socket_that_nobody_reads)
{
    int ends[2];
    cr_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    never_blocks_on(ends);
}

/* -- daemons ----------------------------------------------------------------------------------- */

static char got[8192];

static const char *receive(int fd)
{
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    if (n < 0)
        return NULL;
    got[n] = '\0';
    return got;
}

/* A sink on one end of a socket pair in place of a daemon's socket. */
static struct access_log *open_daemon(const char *which, const char *format, int *daemon)
{
    int ends[2];
    lc.access = slice_str(which);
    struct access_log *l = open_log(format);
    cr_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
    syslog_close(&access_log_sink(l)->syslog);
    access_log_sink(l)->syslog.fd = ends[1];
    *daemon = ends[0];
    return l;
}

Test(access_log, sends_each_line_to_syslog_as_a_datagram)
{
    int fd;
    struct access_log *l = open_daemon("syslog", "%{exchange} done", &fd);
    access_log_exchange(l, &x);
    x.id = 6;
    access_log_exchange(l, &x);
    cr_assert(!receive(fd));
    access_log_flush(l);
    cr_assert(receive(fd) && strncmp(got, "<30>", 4) == 0);
    const char *at = strstr(got, " weir[");
    cr_assert(at && strstr(at, "]: 5 done") && strchr(at, '\n') == NULL);
    cr_assert(receive(fd) && strstr(got, "]: 6 done"));
    cr_assert(!receive(fd));
    access_log_close(l);
    close(fd);
}

Test(access_log, sends_lines_and_fields_to_journald)
{
    int fd;
    succeed();
    struct access_log *l = open_daemon("journald", "%{exchange} done", &fd);
    access_log_exchange(l, &x);
    access_log_flush(l);
    cr_assert(receive(fd));
    cr_assert(strncmp(got, "PRIORITY=6\nSYSLOG_IDENTIFIER=weir\nMESSAGE=5 done\nWEIR_TIME=1994",
                      63) == 0);
    cr_assert(strstr(got, "\nWEIR_STATUS=200\n") && strstr(got, "\nWEIR_ROUTE=shop\n"));
    cr_assert(strstr(got, "\nWEIR_REUSED=1\n"));
    cr_assert(strstr(got, "\nWEIR_FAILED_ATTEMPTS=closed@10.0.0.7:80\n"));
    access_log_close(l);
    close(fd);
}

Test(access_log, keeps_lines_for_a_daemon_that_is_behind)
{
    enum { LINES = 2000 };
    int fd, n = 0;
    struct access_log *l = open_daemon("syslog", "%{exchange}", &fd);
    for (x.id = 1; x.id <= LINES; x.id++)
        access_log_exchange(l, &x);
    while (n < LINES - (int)access_log_dropped(l)) {
        access_log_flush(l);
        const int before = n;
        while (receive(fd)) { /* in their order */
            n++;
            cr_assert(atoi(strstr(got, "]: ") + 3) == n, "%d: %s", n, got);
        }
        cr_assert(n > before);
    }
    cr_assert(access_log_dropped(l) < LINES / 2);
    access_log_close(l);
    close(fd);
}

Test(access_log, skips_a_line_that_no_datagram_can_hold)
{
    enum { HUGE_LEN = 16 << 20 };
    char *huge = malloc(HUGE_LEN);
    int fd;
    memset(huge, 'h', HUGE_LEN);
    lc.buffer = HUGE_LEN + 1024;
    struct access_log *l = open_daemon("syslog", "%{path}", &fd);
    access_log_exchange(l, &x);
    x.target.path = slice_of(huge, HUGE_LEN);
    access_log_exchange(l, &x);
    x.target.path = SLICE("/after");
    access_log_exchange(l, &x);
    access_log_flush(l);
    cr_assert(receive(fd) && strstr(got, "]: /ab"));
    cr_assert(receive(fd) && strstr(got, "]: /after"));
    cr_assert(access_log_dropped(l) == 1);
    access_log_close(l);
    close(fd);
    free(huge);
}
