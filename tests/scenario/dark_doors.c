/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to get into a dark launch without the right, each over HTTP/1.1 and, where it can be said
 * there, over HTTP/2. Of each the dark version's origin sees nothing; and the answer, in which the
 * normal origin shows the request that it got, is byte for byte that of a gateway that has no dark
 * launch at all. */
#include "tests/scenario/dark_case.h"

#include <ctype.h>

#include "tests/scenario/dark_doors.h"

DARK_SUITE(dark_doors);

static char *words[128]; /* by the letter */

/* -- words ----------------------------------------------------------------------------------------
 */

static void word(char c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void word(char c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    free(words[(int)c]);
    cr_assert_geq(vasprintf(&words[(int)c], fmt, ap), 0);
    va_end(ap);
}

/* `line` stands for each "\n". */
static void expand(struct text *out, const char *from, const char *line)
{
    for (; from && *from; from++) {
        if (*from == '\n' && line) {
            text_str(out, line);
        } else if (*from == '@' && from[1] == NUL) {
            text_char(out, 0);
            from++;
        } else if (*from == '@' && words[(int)from[1]]) {
            text_str(out, words[(int)*++from]);
        } else {
            text_char(out, *from);
        }
    }
}

static char *expanded(const char *from, const char *line)
{
    struct text t;
    if (!from)
        return NULL;
    text_init(&t);
    expand(&t, from, line);
    text_char(&t, 0);
    return t.p;
}

/* -- asking
 * ------------------------------------------------------------------------------------------ */

/* What is another one with each answer. */
static bool is_passing(const char *line)
{
    return !strncasecmp(line, "date:", 5) || !strncasecmp(line, "x-request-id:", 13) ||
           !strncasecmp(line, "request: ", 9);
}

static char *answer_of(int status, const struct text *head, const struct text *body)
{
    struct text all, kept;
    text_init(&all);
    text_init(&kept);
    text_printf(&all, "%d\n", status);
    text_add(&all, slice_of(head->p, head->n));
    text_char(&all, '\n');
    text_add(&all, slice_of(body->p, body->n));
    for (size_t at = 0; at < all.n;) {
        const char *end = memchr(all.p + at, '\n', all.n - at);
        const size_t n = end ? (size_t)(end - all.p) - at + 1 : all.n - at;
        if (!is_passing(all.p + at))
            text_add(&kept, slice_of(all.p + at, n));
        at += n;
    }
    text_char(&kept, 0);
    text_fini(&all);
    return kept.p;
}

static void write_h1(struct text *out, const struct door *d)
{
    if (d->raw) {
        expand(out, d->raw, NULL);
        return;
    }
    struct text content;
    text_init(&content);
    expand(&content, d->content, NULL);
    text_printf(out, "%s ", d->method ? d->method : "GET");
    expand(out, d->target ? d->target : "/", NULL);
    text_str(out, " HTTP/1.1\r\nhost: ");
    expand(out, d->host ? d->host : "site.test", NULL);
    text_str(out, "\r\n");
    expand(out, d->fields, "\r\n");
    text_str(out, d->fields[0] ? "\r\n" : "");
    if (d->content || (d->method && !strcmp(d->method, "POST")))
        text_printf(out, "content-length: %zu\r\n", content.n);
    text_str(out, "\r\n");
    text_add(out, slice_of(content.p, content.n));
    text_fini(&content);
}

static char *try_h1(const struct door *d)
{
    struct text out;
    text_init(&out);
    write_h1(&out, d);
    struct talk *t = talk_open();
    talk_send_n(t, out.p, out.n);
    const struct response *r = talk_response(t);
    cr_assert(r->status, "%s: no answer: %s; sent %zu: %.*s", d->name, r->fault ? r->fault : "",
              out.n, (int)out.n, out.p);
    char *answer = answer_of(r->status, &r->head, &r->body);
    text_fini(&out);
    talk_close(t);
    return answer;
}

static char *try_h2(const struct door *d)
{
    char *path = expanded(d->target, NULL), *host = expanded(d->host, NULL),
         *fields = expanded(d->fields, NULL), *content = expanded(d->content, NULL);
    struct h2_talk *t = h2_talk_open();
    const struct h2_ask_spec ask = {
        .method = d->method, .path = path, .authority = host, .fields = fields, .content = content};
    const struct h2_stream *s = h2_answer(t, h2_ask_with(t, &ask));
    cr_assert(s->status || s->reset >= 0, "%s: no answer", d->name);
    char *answer = answer_of(s->status, &s->head, &s->body);
    h2_talk_close(t);
    free(path);
    free(host);
    free(fields);
    free(content);
    return answer;
}

static void try_all(char *answers[2][DOORS])
{
    for (size_t i = 0; i < DOORS; i++) {
        answers[0][i] = try_h1(&doors[i]);
        answers[1][i] = doors[i].raw || doors[i].h1_only ? NULL : try_h2(&doors[i]);
        cr_assert_eq(origin_connections(dark_dark), 0, "%s: the dark origin was connected to",
                     doors[i].name);
    }
}

/* -- the battery
 * --------------------------------------------------------------------------------------- */

#define SETTINGS                                                                                   \
    "subjects = [ \"alice\" ]; claim = \"groups\"; any_of = [ \"testers\" ]; "                     \
    "issuers = [ \"https://id\" ]; methods = [ \"jwt\" ]; list_file = \"$dir/list\"; "             \
    "certificate_sans = [ \"alice.test\", \"spiffe://test/alice\" ]; "                             \
    "choose_header = \"X-Version\"; choose_cookie = \"version\";"
#define TOP(key) DARK_MODULES("grant_key_file = \"$dir/" key "\";")

static struct rig_conf conf(const char *top)
{
    return (struct rig_conf){.listener = DARK_LISTENER,
                             .top = top,
                             .clusters = DARK_CLUSTERS,
                             .routes = DARK_ROUTES(SETTINGS)};
}

static char *changed(const char *token, size_t at, char to)
{
    char *copy = strdup(token);
    copy[at] = to;
    return copy;
}

/* One gateway signs with another key first; the table stays. */
static void make_words(void)
{
    char valid[TOKEN_ROOM], other[TOKEN_ROOM], id[32];
    rig_write_file("list", "# bob\n# testers, all of them\ncarol\n");
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    rig_write_file("key2", "0123456789abcdef0123456789abcdeg");
    rig_start_with(conf(TOP("key2")));
    dark_grant("alice", 600, other);
    word(OTHER_KEY, "%s", other);
    cr_assert(rig_reload_with(conf(TOP("key"))));
    rig_await_log("generation_ended");
    dark_grant("dora", 1, other);
    word(EXPIRED, "%s", other);
    snprintf(id, sizeof id, "%s", dark_grant("bob", 600, other));
    cr_assert_eq(dark_command("revoke", "{\"id\": \"%s\"}", id)->status, 200);
    word(REVOKED, "%s", other);
    dark_grant("alice", 600, valid);
    dark_grant("carol", 600, other);
    const size_t n = strlen(valid), head = n - 43;
    word(VALID, "%s", valid);
    word(BODILESS, "%s", valid + 1);
    word(FLIPPED, "%s", changed(valid, n - 1, valid[n - 1] == 'A' ? 'Q' : 'A'));
    word(CUT, "%.*s", (int)n - 1, valid);
    word(HEAD, "%.*s", (int)head, valid);
    word(LONGER, "%s",
         changed(valid, head - 2, valid[head - 2] == '9' ? '8' : (char)(valid[head - 2] + 1)));
    word(FOREIGN, "%.*s%s", (int)head, valid, other + head);
    word(SECOND_FORM, "%s", changed(valid, 1, '2'));
    word(UPPER, "%s", valid);
    for (char *c = words[UPPER]; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    word(ADDRESS, "127.0.0.1:%u", origin_port(dark_dark));
    word(HUGE_TEXT, "%06000d", 0);
    sleep_ms(1100); /* until the one of a second has expired */
}

/* A door that is open would show here, and one that is closed for testers, too. */
static void look_at_testers(void)
{
    cr_assert(body_has(dark_ask("X-Weir-Grant: %s\r\n", words[VALID]), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("Cookie: weir-grant=%s\r\n", words[VALID]), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|alice\r\n"), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|carol\r\n"), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|x|groups=testers\r\n"), "HTTP/1.1"));
    cr_assert_eq(origin_requests(dark_dark), 5);
}

Test(dark_doors, are_closed_and_dont_show)
{
    static char *with[2][DOORS], *without[2][DOORS];
    unsigned compared = 0;
    origin_script(dark_app, "echo");
    origin_script(dark_dark, "echo");
    make_words();
    try_all(with);
    rig_await_access("Location");
    char *log = rig_read("access.log");
    cr_assert(!strstr(log, "dark_launch") && !strstr(log, "variant"), "%s", log);
    free(log);
    const double wrong = rig_metric("weir_dark_launch_grants_refused_total{route=\"all\"}");
    cr_assert_gt(wrong, 40, "%f", wrong);
    cr_assert_eq(rig_metric("weir_dark_launch_sent_total{route=\"all\"}"), 0);
    look_at_testers();
    rig_stop();
    rig_start(.listener = DARK_LISTENER, .top = "modules = { vouch = { }; };");
    for (size_t i = 0; i < DOORS; i++) {
        without[0][i] = try_h1(&doors[i]);
        without[1][i] = with[1][i] ? try_h2(&doors[i]) : NULL;
        for (unsigned h2 = 0; h2 < 2; h2++) {
            compared += with[h2][i] != NULL;
            cr_expect(!with[h2][i] || !strcmp(with[h2][i], without[h2][i]),
                      "%s (HTTP/%u): with a dark launch\n%s\nand without\n%s", doors[i].name,
                      h2 + 1, with[h2][i], without[h2][i]);
            free(with[h2][i]);
            free(without[h2][i]);
        }
    }
    cr_assert_gt(compared, 150);
}

/* -- connections
 * ---------------------------------------------------------------------------------------- */

static char token[TOKEN_ROOM];

static void start(void)
{
    dark_start("choose_header = \"X-Version\";");
    dark_grant("alice", 600, token);
}

Test(dark_doors, close_behind_a_tester_on_the_same_connection)
{
    start();
    struct talk *t = talk_open();
    for (int i = 0; i < 5; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\nX-Weir-Grant: %s\r\n\r\n", token);
        IS_DARK(talk_response(t));
        talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\nX-Version: dark\r\n\r\n");
        IS_NORMAL(talk_response(t));
        talk_send(
            t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nCookie: weir-grant=x\r\n\r\nhi");
        IS_NORMAL(talk_response(t));
    }
    cr_assert_eq(origin_requests(dark_dark), 5);
    cr_assert_eq(origin_requests(dark_app), 10);
}

Test(dark_doors, close_behind_a_tester_who_is_pipelined)
{
    start();
    struct talk *t = talk_open();
    talk_send(t,
              "GET /1 HTTP/1.1\r\nHost: h\r\nX-Weir-Grant: %s\r\n\r\n"
              "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
              "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nCookie: weir-grant=%s\r\n\r\n"
              "GET /4 HTTP/1.1\r\nHost: h\r\nX-Version: dark\r\n\r\n",
              token, token);
    IS_DARK(talk_response(t));
    IS_NORMAL(talk_response(t));
    IS_DARK(talk_response(t));
    IS_NORMAL(talk_response(t));
    cr_assert_eq(origin_requests(dark_dark), 2);
}

/* Testers, others and forgers take turns; all of them are under way at the same time. */
Test(dark_doors, are_looked_at_stream_by_stream)
{
    enum { STREAMS = 60 };
    char good[256], bad[256];
    int32_t ids[STREAMS];
    start();
    snprintf(good, sizeof good, "x-weir-grant: %s", token);
    snprintf(bad, sizeof bad, "x-weir-grant: %.*s\nx-version: dark", (int)strlen(token) - 1, token);
    const char *const fields[] = {good, "", bad};
    struct h2_talk *t = h2_talk_open();
    for (int i = 0; i < STREAMS; i++)
        ids[i] = h2_ask(t, .fields = fields[i % 3], .path = "/?delay=20");
    for (int i = 0; i < STREAMS; i++)
        cr_assert_str_eq(h2_answer(t, ids[i])->body.p, i % 3 ? "app\n" : "dark\n", "stream %d", i);
    cr_assert_eq(origin_requests(dark_dark), STREAMS / 3);
}

/* What decides is the head: what comes later can't open anything. */
Test(dark_doors, are_not_opened_by_trailers)
{
    char trailers[512];
    start();
    snprintf(trailers, sizeof trailers, "x-weir-grant: %s\ncookie: weir-grant=%s", token, token);
    struct h2_talk *t = h2_talk_open();
    const int32_t id = h2_ask(t, .content = "hello", .trailers = trailers);
    cr_assert_str_eq(h2_answer(t, id)->body.p, "app\n");
    cr_assert_eq(origin_connections(dark_dark), 0);
}

/* Connections towards origins are of one cluster; those of testers carry nobody else. */
Test(dark_doors, are_not_behind_kept_connections_to_origins)
{
    start();
    for (int i = 0; i < 10; i++) {
        IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", token));
        IS_NORMAL(dark_ask(NOBODY));
    }
    cr_assert_eq(origin_connections(dark_dark), 1);
    cr_assert_eq(origin_connections(dark_app), 1);
    cr_assert_eq(origin_requests(dark_dark), 10);
    origin_stop(dark_app);
    const struct response *r = dark_ask(NOBODY);
    cr_assert_eq(r->status, 503, "there is no way round");
    cr_assert_eq(origin_requests(dark_dark), 10);
}

Test(dark_doors, are_not_opened_by_websockets)
{
    start();
    const struct response *r =
        ask("GET /?upgrade HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: weir-grant, %s\r\n\r\n",
            token);
    cr_assert_eq(r->status, 101);
    cr_assert_eq(origin_connections(dark_dark), 0);
    cr_assert_eq(origin_requests(dark_app), 1);
}
