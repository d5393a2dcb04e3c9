/* SPDX-License-Identifier: Apache-2.0 */
/* Users who stay where they are: by what they are told apart, the cookies that the gateway sets,
 * and what a change of weights does to them. */
#include "canary_case.h"
#include "tests/lib/certs.h"
#include "tests/lib/tls_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CANARY_SUITE(canary_sticky);

enum { USERS = 200 };

/* The variant that a request with these fields gets: 1 or 2. */
static int variant_of(const char *target, const char *fields)
{
    const struct response *r = ask("GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, fields);
    cr_assert_eq(r->status, 200);
    cr_assert(body_is(r, "v1\n") || body_is(r, "v2\n"), "%s", r->body.p);
    return body_is(r, "v1\n") ? 1 : 2;
}

static int of_user(unsigned user, const char *format)
{
    char fields[128];
    snprintf(fields, sizeof fields, format, user);
    return variant_of("/", fields);
}

static unsigned place_all(const char *format, int *places)
{
    unsigned second = 0;
    for (unsigned i = 0; i < USERS; i++) {
        places[i] = of_user(i, format);
        second += places[i] == 2;
    }
    return second;
}

static void all_stay(const char *format, const int *places)
{
    for (unsigned i = 0; i < USERS; i++)
        cr_assert_eq(of_user(i, format), places[i], "user %u", i);
}

/* -- keys -------------------------------------------------------------------------------------- */

static void keeps_users(const char *sticky, const char *format)
{
    int places[USERS];
    char routes[512];
    snprintf(routes, sizeof routes, CANARY_TWO(1, 1, "sticky = \"%s\";"), sticky);
    canary_start(2, routes);
    const unsigned second = place_all(format, places);
    cr_assert(60 < second && second < 140, "%u", second); /* 100, and 5.6 times the deviation */
    all_stay(format, places);
    cr_assert_eq(canary_number(NULL, "position"), 0, "they take no tickets");
    AWAIT(canary_number("v1", "placed") + canary_number("v2", "placed") == 2 * USERS);
    cr_assert_eq(canary_number("v1", "sent"), canary_number("v1", "placed"));
    const double users = canary_number("v1", "users") + canary_number("v2", "users");
    cr_assert(190 <= users && users <= 210, "%.0f", users);
}

Test(canary_sticky, goes_by_a_cookie_of_the_application)
{
    keeps_users("cookie:session", "Cookie: a=b; session=u%u; c=d\r\n");
}

Test(canary_sticky, goes_by_a_header_field)
{
    keeps_users("header:X-User", "x-user: u%u\r\n");
}

Test(canary_sticky, goes_by_a_query_parameter)
{
    enum { SOME = 50 };
    int places[SOME];
    char plain[64], coded[64];
    unsigned second = 0;
    canary_start(2, CANARY_TWO(1, 1, "sticky = \"query:note\";"));
    for (unsigned i = 0; i < SOME; i++) {
        snprintf(plain, sizeof plain, "/?chunked=9&note=user%u", i);
        snprintf(coded, sizeof coded, "/?note=%%75ser%u&note=other", i);
        places[i] = variant_of(plain, "");
        cr_assert_eq(variant_of(coded, ""), places[i], "the first of that name, decoded");
        second += places[i] == 2;
    }
    cr_assert(5 < second && second < 45, "%u", second);
    cr_assert_eq(canary_number(NULL, "position"), 0);
}

Test(canary_sticky, goes_by_the_source_address)
{
    int places[2];
    canary_start(2, CANARY_TWO(1, 1, "sticky = \"source\";"));
    for (unsigned i = 0; i < 20; i++) {
        places[i % 2] = variant_of("/", "");
        cr_assert_eq(places[i % 2], places[0]);
    }
    AWAIT(canary_number("v1", "users") + canary_number("v2", "users") == 1);
}

/* A module of the tests' own says who asks (modules/vouch.c). */
static void start_identified(const char *routes)
{
    rig_start(.top = "modules = { vouch = { }; };",
              .clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"), .routes = routes);
}

Test(canary_sticky, goes_by_a_verified_identity)
{
    static const char format[] = "X-Vouch: jwt|here|u%u\r\n";
    int places[USERS], elsewhere[USERS];
    unsigned same = 0;
    start_identified(CANARY_TWO(1, 1, "sticky = \"identity\";"));
    const unsigned second = place_all(format, places);
    cr_assert(60 < second && second < 140, "%u", second);
    all_stay(format, places);
    place_all("X-Vouch: jwt|there|u%u\r\n", elsewhere);
    for (unsigned i = 0; i < USERS; i++)
        same += places[i] == elsewhere[i];
    cr_assert(60 < same && same < 140, "%u: another issuer's subjects are others", same);
    cr_assert_eq(canary_number(NULL, "position"), 0);
    (void)variant_of("/", "X-Vouched: jwt|here|u1\r\n");
    cr_assert_eq(canary_number(NULL, "position"), 1, "nobody in particular takes a ticket");
    cr_assert_str_eq(json_of(rig_await_access("\"canary.by\":\"identity\""), "canary.by"),
                     "identity");
}

Test(canary_sticky, goes_by_a_claim)
{
    static const char of_team[] = "X-Vouch: jwt|here|u%u|team=red|team=blue\r\n";
    start_identified(CANARY_TWO(1, 1, "sticky = \"identity:team\";"));
    const int place = of_user(0, of_team);
    for (unsigned i = 1; i < 10; i++)
        cr_assert_eq(of_user(i, of_team), place);
    cr_assert_eq(canary_number(NULL, "position"), 0);
    (void)of_user(1, "X-Vouch: jwt|here|u%u\r\n");
    cr_assert_eq(canary_number(NULL, "position"), 1, "who has no such claim takes a ticket");
}

Test(canary_sticky, gives_tickets_to_requests_without_a_key)
{
    canary_start(2, CANARY_TWO(3, 1, "sticky = \"header:x-user\";"));
    for (unsigned i = 0; i < 40; i++)
        (void)variant_of("/", i % 2 ? "X-User: ann\r\n" : i % 4 ? "X-User:\r\n" : "");
    cr_assert_eq(canary_number(NULL, "position"), 20);
    cr_assert_eq(canary_number("v1", "assigned"), 15);
    AWAIT(canary_number("v1", "placed") + canary_number("v2", "placed") == 20);
}

Test(canary_sticky, has_an_equal_place_for_equal_seeds_alone)
{
    static const char format[] = "X-User: u%u\r\n";
    int here[USERS], there[USERS];
    unsigned same = 0;
    canary_start(1, CANARY_TWO(1, 1, "sticky = \"header:x-user\"; seed = \"shop\";"));
    place_all(format, here);
    canary_renew(1, "( { name = \"other\"; canary = { split = ( { cluster = \"v1\"; weight "
                    "= 1; }, { cluster = \"v2\"; weight = 1; } ); sticky = "
                    "\"header:x-user\"; seed = \"shop\"; }; } )");
    all_stay(format, here);
    canary_renew(1, CANARY_TWO(1, 1, "sticky = \"header:x-user\";"));
    place_all(format, there);
    for (unsigned i = 0; i < USERS; i++)
        same += here[i] == there[i];
    cr_assert(60 < same && same < 140, "%u", same);
}

/* -- weights that change ----------------------------------------------------------------------- */

Test(canary_sticky, moves_users_only_into_the_variant_that_grows)
{
    static const char format[] = "X-User: u%u\r\n";
    int few[USERS], more[USERS], again[USERS];
    canary_start(4, CANARY_TWO(90, 10, "sticky = \"header:x-user\";"));
    const unsigned before = place_all(format, few);
    canary_set("{\"v1\": 60, \"v2\": 40}");
    const unsigned after = place_all(format, more);
    cr_assert_gt(after, before);
    for (unsigned i = 0; i < USERS; i++)
        cr_assert(few[i] == 1 || more[i] == 2, "user %u flipped back", i);
    canary_set("{\"v1\": 90, \"v2\": 10}");
    place_all(format, again);
    cr_assert_eq(memcmp(few, again, sizeof few), 0, "only those who came last have left");
    canary_set("{\"v2\": 0}");
    cr_assert_eq(place_all(format, again), 0);
}

Test(canary_sticky, tells_users_and_requests_apart)
{
    canary_start(1, CANARY_TWO(1, 1, "sticky = \"header:x-user\";"));
    unsigned busy = 0;
    while (of_user(busy, "X-User: u%u\r\n") != 2)
        busy++;
    canary_set("{\"v1\": 1}");
    for (unsigned i = 0; i < 30; i++) {
        (void)of_user(i, "X-User: u%u\r\n");
        (void)of_user(busy, "X-User: u%u\r\n");
        (void)of_user(busy, "X-User: u%u\r\n");
    }
    AWAIT(canary_number("v1", "sent") + canary_number("v2", "sent") == 90);
    cr_assert_gt(canary_number("v2", "requests_share"), 0.66);
    cr_assert_lt(canary_number("v2", "users_share"), 0.8);
    cr_assert_float_eq(canary_number("v1", "users_share") + canary_number("v2", "users_share"), 1,
                       1e-9);
}

/* -- cookies of the gateway's own -------------------------------------------------------------- */

static char cookie[128]; /* "NAME=VALUE" of the last that was given */

/* Asks with the cookie that was given before; the Set-Cookie of the answer, "" when there is none.
 */
static const char *ask_with_cookie(void)
{
    char fields[160] = "";
    if (cookie[0])
        snprintf(fields, sizeof fields, "Cookie: %s\r\n", cookie);
    const struct response *r = ask("GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
    cr_assert_eq(r->status, 200);
    const char *set = field_of(r, "Set-Cookie");
    if (*set)
        snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(set, ";"), set);
    return set;
}

Test(canary_sticky, gives_new_clients_an_id_and_keeps_them_where_they_are)
{
    unsigned seconds = 0;
    canary_start(2, CANARY_TWO(1, 1, "sticky = \"cookie:canary\";"));
    for (unsigned i = 0; i < 20; i++) {
        cookie[0] = '\0';
        const unsigned before = origin_requests(canary_v2);
        cr_assert_neq(*ask_with_cookie(), '\0');
        const unsigned second = origin_requests(canary_v2) - before;
        cr_assert_eq(strspn(cookie + strlen("canary="), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                        "abcdefghijklmnopqrstuvwxyz-_"),
                     22, "%s", cookie);
        for (unsigned k = 0; k < 3; k++)
            cr_assert_eq(*ask_with_cookie(), '\0', "one that has an id keeps it");
        cr_assert_eq(origin_requests(canary_v2) - before, 4 * second);
        seconds += second;
    }
    cr_assert(seconds > 0 && seconds < 20);
    AWAIT(canary_number("v1", "users") + canary_number("v2", "users") >= 19);
    cr_assert_eq(rig_metric("weir_canary_cookies_total{route=\"all\",variant=\"v1\"}") +
                     rig_metric("weir_canary_cookies_total{route=\"all\",variant=\"v2\"}"),
                 20);
}

Test(canary_sticky, sets_the_cookie_with_its_attributes)
{
    cookie[0] = '\0';
    canary_start(1, CANARY_TWO(1, 1, "sticky = \"cookie:canary\";"));
    cr_assert(strstr(ask_with_cookie(), "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"));
    cookie[0] = '\0';
    canary_renew(1, CANARY_TWO(1, 1,
                               "sticky = \"cookie:canary\"; cookie = { path = \"/shop\"; domain = "
                               "\"site.test\"; max_age = \"0s\"; secure = true; http_only = false; "
                               "same_site = \"none\"; };"));
    const char *set = ask_with_cookie();
    cr_assert(strstr(set, "; Path=/shop; Domain=site.test; Secure; SameSite=None"), "%s", set);
    cookie[0] = '\0';
    canary_renew(1, CANARY_TWO(1, 1, "sticky = \"cookie:canary\"; cookie = { issue = false; };"));
    cr_assert_eq(*ask_with_cookie(), '\0');
    cr_assert_eq(canary_number(NULL, "position"), 1, "who gets none takes a ticket");
}

Test(canary_sticky, sets_the_cookie_over_http2_too)
{
    canary_start(1, CANARY_TWO(1, 1, "sticky = \"cookie:canary\";"));
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/"));
    const char *set = h2_field(s, "set-cookie");
    cr_assert(strstr(set, "canary=") == set, "%s", set);
    char fields[128];
    snprintf(fields, sizeof fields, "cookie: a=b\ncookie: %.*s", (int)strcspn(set, ";"), set);
    const char *first = strdup(s->body.p);
    for (unsigned i = 0; i < 5; i++) {
        s = h2_answer(t, h2_ask(t, .path = "/", .fields = fields));
        cr_assert_str_eq(s->body.p, first);
        cr_assert_eq(*h2_field(s, "set-cookie"), '\0');
    }
    free((void *)first);
}

Test(canary_sticky, sets_a_secure_cookie_over_tls)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
    rig_start(.listener = "tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = "
                          "\"$certs/site.key\"; } ); };",
              .clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"),
              .routes = CANARY_TWO(1, 1, "sticky = \"cookie:canary\"; variant_cookie = \"seen\";"));
    struct talk *t = tls_talk_open(.name = "site.test", .alpn = "http/1.1");
    talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 200);
    cr_assert_eq(field_count(r, "Set-Cookie"), 2);
    cr_assert(strstr(r->head.p, "; Secure; HttpOnly; SameSite=Lax"), "%s", r->head.p);
    cr_assert(strstr(r->head.p, "; Secure; SameSite=Lax"), "%s", r->head.p);
    certs_end();
}

/* -- signed ------------------------------------------------------------------------------------ */

#define SIGNED                                                                                     \
    CANARY_TWO(1, 1, "sticky = \"cookie:canary\"; cookie = { signed = true; key_file = \"key\"; };")

static double bad_cookies(void)
{
    return rig_metric("weir_canary_bad_cookies_total{route=\"all\",variant=\"v1\"}") +
           rig_metric("weir_canary_bad_cookies_total{route=\"all\",variant=\"v2\"}");
}

Test(canary_sticky, takes_signed_ids_alone_when_they_are_to_be_signed)
{
    static const char *const bad[] = {"x", "AAAAAAAAAAAAAAAAAAAAAA",
                                      "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"};
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    canary_start(2, SIGNED);
    cookie[0] = '\0';
    cr_assert_neq(*ask_with_cookie(), '\0');
    cr_assert_eq(strlen(cookie), strlen("canary=") + 45, "%s", cookie);
    cr_assert_eq(*ask_with_cookie(), '\0');
    cr_assert_eq(bad_cookies(), 0);
    char mine[sizeof cookie];
    strcpy(mine, cookie);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(cookie, sizeof cookie, "canary=%s", bad[i]);
        cr_assert_neq(*ask_with_cookie(), '\0', "%s is replaced", bad[i]);
        cr_assert_eq(*ask_with_cookie(), '\0');
    }
    cr_assert_eq(bad_cookies(), 3);
    strcpy(cookie, mine);
    cookie[strlen(cookie) - 1] ^= 1;
    cr_assert_neq(*ask_with_cookie(), '\0');
    strcpy(cookie, mine);
    cr_assert_eq(*ask_with_cookie(), '\0');
    rig_write_file("key", "fedcba9876543210fedcba9876543210");
    canary_renew(2, SIGNED);
    /* Workers of before may still take a connection or two. */
    AWAIT((strcpy(cookie, mine), *ask_with_cookie() != '\0'));
}

Test(canary_sticky, finds_the_key_for_all_splits_in_one_place)
{
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    rig_start(.top = "modules = { canary = { key_file = \"key\"; }; };",
              .clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"),
              .routes =
                  CANARY_TWO(1, 1, "sticky = \"cookie:canary\"; cookie = { signed = true; };"));
    cookie[0] = '\0';
    cr_assert_neq(*ask_with_cookie(), '\0');
    cr_assert_eq(*ask_with_cookie(), '\0');
}

/* -- the variant's name ------------------------------------------------------------------------ */

Test(canary_sticky, shows_the_variant_in_a_header_and_a_cookie_when_asked_to)
{
    canary_start(1,
                 CANARY_TWO(1, 1, "response_header = \"X-Variant\"; variant_cookie = \"seen\";"));
    for (unsigned i = 0; i < 4; i++) {
        const struct response *r = get("/");
        char want[64];
        snprintf(want, sizeof want, "seen=%s; Path=/; Max-Age=2592000; SameSite=Lax",
                 field_of(r, "X-Variant"));
        cr_assert(body_has(r, field_of(r, "X-Variant")));
        cr_assert_str_eq(field_of(r, "Set-Cookie"), want);
    }
    unsigned set = 0;
    for (unsigned i = 0; i < 4; i++)
        set += *field_of(ask("GET / HTTP/1.1\r\nHost: h\r\nCookie: seen=v1\r\n\r\n"),
                         "Set-Cookie") != 0;
    cr_assert_eq(set, 2, "only where the client has another");
}

/* A front end's cookie decides on a route. */
Test(canary_sticky, has_a_cookie_that_routes_can_go_by)
{
    canary_start(
        1, "( { name = \"new\"; match = { path = \"/\"; cookies = ( { name = \"seen\"; exact = "
           "\"v2\"; } ); }; cluster = \"app\"; },"
           "  { name = \"all\"; canary = { split = ( { cluster = \"v1\"; weight = 1; } ); "
           "variant_cookie = \"seen\"; }; } )");
    cr_assert(body_is(get("/"), "v1\n"));
    cr_assert(body_is(ask("GET / HTTP/1.1\r\nHost: h\r\nCookie: seen=v2\r\n\r\n"), "app\n"));
}

/* Settings of modules on one entry. */
Test(canary_sticky, brings_settings_of_modules_with_a_variant)
{
    canary_start(1, CANARY_ROUTE(CANARY_ENTRY("v1", 1) ", " CANARY_ENTRY(
                        "v2", 1,
                        "headers = { request = { set = ( { name = \"X-New\"; value = \"yes\"; } ); "
                        "}; response = { set = ( { name = \"X-Of\"; value = \"%{variant}\"; } ); "
                        "}; };")));
    for (unsigned i = 0; i < 4; i++) {
        const struct response *r = get("/?echo");
        const bool second = strcmp(field_of(r, "X-Of"), "v2") == 0;
        cr_assert_eq(second, i % 2 == 1);
        cr_assert_eq(body_has(r, "X-New: yes"), second);
    }
}

/* dark_launch comes first, and its testers are none of the split's. */
Test(canary_sticky, leaves_alone_who_was_sent_elsewhere)
{
    origin_start("dark");
    rig_start(.clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2") CANARY_CLUSTER("dark"),
              .routes = CANARY_TWO(1, 1,
                                   "sticky = \"cookie:canary\"; response_header = \"x-v\"; }; "
                                   "dark_launch = { cluster = \"dark\"; grants = true;"));
    cr_assert_eq(operator_call("dark_launch", "grant", "{\"name\": \"alice\", \"ttl_s\": 60}"),
                 200);
    char fields[512];
    snprintf(fields, sizeof fields, "Cookie: %s\r\n",
             json_string_value(json_object_get(operator_answer(), "cookie")));
    const struct response *r = ask("GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", fields);
    cr_assert(r->status == 200 && body_is(r, "dark\n"), "%d %s", r->status, r->body.p);
    cr_assert_str_eq(field_of(r, "x-v"), "");
    cr_assert_str_eq(field_of(r, "Set-Cookie"), "");
    cr_assert_neq(*field_of(get("/"), "x-v"), '\0');
    AWAIT(canary_number("v1", "sent") + canary_number("v2", "sent") == 1);
}
