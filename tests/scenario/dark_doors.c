/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to get into a dark launch without the right, each over HTTP/1.1 and, where it can be said
 * there, over HTTP/2. Of each the dark version's origin sees nothing; and the answer, in which the
 * normal origin shows the request that it got, is byte for byte that of a gateway that has no dark
 * launch at all. */
#include "tests/scenario/dark_case.h"

#include <ctype.h>

#include "tests/scenario/dark_doors.h"

DARK_SUITE(dark_doors);

/* -- the battery ------------------------------------------------------------------------------- */

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

static char valid[TOKEN_ROOM];

/* One gateway signs with another key first; the table stays. */
static void make_words(void)
{
    char other[TOKEN_ROOM], upper[TOKEN_ROOM] = "", id[32];
    rig_write_file("list", "# bob\n# testers, all of them\ncarol\n");
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    rig_write_file("key2", "0123456789abcdef0123456789abcdeg");
    rig_start_with(conf(TOP("key2")));
    dark_grant("alice", 600, other);
    door_word(OTHER_KEY, "%s", other);
    cr_assert(rig_reload_with(conf(TOP("key"))));
    rig_await_log("generation_ended");
    dark_grant("dora", 1, other);
    door_word(EXPIRED, "%s", other);
    snprintf(id, sizeof id, "%s", dark_grant("bob", 600, other));
    cr_assert_eq(dark_command("revoke", "{\"id\": \"%s\"}", id)->status, 200);
    door_word(REVOKED, "%s", other);
    dark_grant("alice", 600, valid);
    for (size_t i = 0; valid[i]; i++)
        upper[i] = (char)toupper((unsigned char)valid[i]);
    dark_grant("carol", 600, other);
    const size_t n = strlen(valid), head = n - 43;
    door_word(VALID, "%s", valid);
    door_word(BODILESS, "%s", valid + 1);
    door_word(FLIPPED, "%s", changed(valid, n - 1, valid[n - 1] == 'A' ? 'Q' : 'A'));
    door_word(CUT, "%.*s", (int)n - 1, valid);
    door_word(HEAD, "%.*s", (int)head, valid);
    door_word(LONGER, "%s",
              changed(valid, head - 2, valid[head - 2] == '9' ? '8' : (char)(valid[head - 2] + 1)));
    door_word(FOREIGN, "%.*s%s", (int)head, valid, other + head);
    door_word(SECOND_FORM, "%s", changed(valid, 1, '2'));
    door_word(UPPER, "%s", upper);
    door_word(ADDRESS, "127.0.0.1:%u", origin_port(dark_dark));
    door_word(HUGE_TEXT, "%06000d", 0);
    sleep_ms(1100); /* until the one of a second has expired */
}

/* A door that is open would show here, and one that is closed for testers, too. */
static void look_at_testers(void)
{
    cr_assert(body_has(dark_ask("X-Weir-Grant: %s\r\n", valid), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("Cookie: weir-grant=%s\r\n", valid), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|alice\r\n"), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|carol\r\n"), "HTTP/1.1"));
    cr_assert(body_has(dark_ask("X-Vouch: jwt|https://id|x|groups=testers\r\n"), "HTTP/1.1"));
    cr_assert_eq(origin_requests(dark_dark), 5);
}

Test(dark_doors, are_closed_and_dont_show)
{
    origin_script(dark_app, "echo");
    origin_script(dark_dark, "echo");
    make_words();
    struct door_answers *with = doors_try(doors, DOORS);
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
    cr_assert_gt(doors_compare(doors, with), 150);
}

/* -- connections ------------------------------------------------------------------------------- */

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
