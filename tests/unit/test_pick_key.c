/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of requests: each kind keeps its requests together, and a cookie is made where it may be. */
#include "core/pick_key.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/exchange.h"
#include "core/identity.h"
#include "tests/lib/stack.h"

static struct stack *s;
static size_t seen; /* connections to origins that were answered already */

static void begin(const char *hash)
{
    char conf[1024];
    snprintf(conf, sizeof conf,
             "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\", \"10.0.0.3:80\", "
             "\"10.0.0.4:80\" ]; balance = \"maglev\"; hash = { %s }; pool = { max_idle = 0; }; }; };\n"
             "routes = ( { cluster = \"one\"; } );\n",
             hash);
    s = stack_new(conf);
    seen = 0;
}

/* Which endpoint gets the request; `answer` (of the client) may be NULL. */
static struct addr asks_from(const char *ip, const char *target, const char *field, char *answer)
{
    char text[512];
    struct peer *c = stack_client_from(s, ip);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", target, field);
    peer_says(c, text);
    struct peer *o = stack_origin(s, seen++);
    cr_assert(o, "nobody was asked");
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    const char *heard = peer_take(c);
    cr_assert(strstr(heard, "200 OK"));
    if (answer)
        strcpy(answer, heard);
    peer_closes(c);
    return o->to;
}

static struct addr asks(const char *target, const char *field)
{
    return asks_from("192.0.2.1", target, field, NULL);
}

/* Ten with the same key go to one endpoint, twenty with different keys to more than one. */
static void expect_kept(const char *same, const char *different, bool in_target)
{
    char text[128];
    unsigned others = 0;
    struct addr first, to;
    for (int i = 0; i < 10; i++) {
        to = in_target ? asks(same, "") : asks("/", same);
        if (i == 0)
            first = to;
        cr_assert(addr_eq(&first, &to));
    }
    for (int i = 0; i < 20; i++) {
        snprintf(text, sizeof text, different, i);
        to = in_target ? asks(text, "") : asks("/", text);
        others += !addr_eq(&first, &to);
    }
    cr_assert(others > 5, "%u of 20 elsewhere", others);
    stack_free(s);
}

Test(pick_key, a_header_field)
{
    begin("header = \"X-User\";");
    expect_kept("x-user: anna\r\n", "X-User: user-%d\r\n", false);
}

Test(pick_key, a_cookie)
{
    begin("cookie = { name = \"sid\"; };");
    expect_kept("Cookie: a=b; sid=1234\r\n", "Cookie: sid=%d; a=b\r\n", false);
}

Test(pick_key, a_parameter_of_the_query)
{
    begin("query = \"user\";");
    expect_kept("/x?a=1&user=anna", "/x?user=u%d", true);
}

Test(pick_key, the_clients_address)
{
    char ip[32];
    unsigned others = 0;
    begin("source = true;");
    const struct addr first = asks_from("192.0.2.1", "/", "", NULL);
    for (int i = 0; i < 20; i++) {
        struct addr to = asks_from("192.0.2.1", "/", "", NULL);
        cr_assert(addr_eq(&first, &to));
        snprintf(ip, sizeof ip, "198.51.100.%d", i);
        to = asks_from(ip, "/", "", NULL);
        others += !addr_eq(&first, &to);
    }
    cr_assert_gt(others, 5);
    stack_free(s);
}

Test(pick_key, who_it_is)
{
    struct exchange x = {0};
    struct cluster cl = {0};
    struct cluster_conf conf = {.hash.by = HASH_BY_IDENTITY};
    struct identity id = {.subject = SLICE("anna")};
    uint64_t hash;
    cl.conf = &conf;
    x.plan.cluster = &cl;
    cr_assert_not(pick_key(&x, &hash), "nobody in particular");
    x.plan.keyed_for = NULL;
    x.identity = &id;
    cr_assert(pick_key(&x, &hash));
    cr_assert_eq(hash, hash_key(SLICE("anna")));
    id.subject = SLICE("bert");
    cr_assert(pick_key(&x, &hash));
    cr_assert_eq(hash, hash_key(SLICE("anna")), "it is asked once");
    struct cluster other = cl;
    x.plan.cluster = &other;
    cr_assert(pick_key(&x, &hash));
    cr_assert_eq(hash, hash_key(SLICE("bert")), "another cluster may have another key");
}

Test(pick_key, who_has_no_key_goes_anywhere)
{
    unsigned others = 0;
    begin("header = \"X-User\";");
    const struct addr first = asks("/", "");
    for (int i = 0; i < 30; i++) {
        const struct addr to = asks("/", "");
        others += !addr_eq(&first, &to);
    }
    cr_assert(others > 10, "%u", others);
    stack_free(s);
}

Test(pick_key, a_client_without_the_cookie_gets_one_and_comes_back)
{
    char answer[1024], cookie[64];
    begin("cookie = { name = \"sid\"; ttl = \"90s\"; path = \"/shop\"; };");
    for (int i = 0; i < 10; i++) {
        const struct addr first = asks_from("192.0.2.1", "/", "", answer);
        const char *set = strcasestr(answer, "\r\nset-cookie: sid=");
        cr_assert(set, "%s", answer);
        cr_assert(strstr(set, "; Path=/shop; Max-Age=90; HttpOnly; SameSite=Lax\r\n"), "%s", set);
        snprintf(cookie, sizeof cookie, "Cookie: sid=%.16s\r\n", set + strlen("\r\nset-cookie: sid="));
        const struct addr again = asks_from("192.0.2.1", "/", cookie, answer);
        cr_assert(addr_eq(&first, &again));
        cr_assert_null(strcasestr(answer, "set-cookie"), "who has one keeps it");
    }
    stack_free(s);
}

Test(pick_key, without_a_ttl_no_cookie_is_made)
{
    char answer[1024];
    begin("cookie = { name = \"sid\"; };");
    asks_from("192.0.2.1", "/", "", answer);
    cr_assert_null(strcasestr(answer, "set-cookie"));
    stack_free(s);
}
