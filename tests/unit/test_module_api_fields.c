/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and changing heads. */
#include "hook_case.h"

static struct weir_name name(const char *t)
{
    return weir_name(text(t));
}

static bool is_set(struct weir_exchange *x, enum weir_head head, const char *n, const char *value)
{
    const struct weir_name of = name(n);
    return weir_field_set(x, head, &of, text(value));
}
static bool is_added(struct weir_exchange *x, enum weir_head head, const char *n, const char *value)
{
    const struct weir_name of = name(n);
    return weir_field_add(x, head, &of, text(value));
}
static bool is_removed(struct weir_exchange *x, enum weir_head head, const char *n)
{
    const struct weir_name of = name(n);
    return weir_field_remove(x, head, &of);
}

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_name agent = name("User-Agent"), other = name("X-oTHER"), no = name("no");
    cr_assert_text(weir_field(x, WEIR_REQUEST, &agent), "me");
    cr_assert_text(weir_field(x, WEIR_REQUEST, &other), "1");
    cr_assert_null(weir_field(x, WEIR_REQUEST, &no).p);
    size_t at = 0, n = 0;
    for (struct weir_slice k, v; weir_field_each(x, WEIR_REQUEST, &at, &k, &v); n++)
        note("%.*s=%.*s;", (int)k.n, k.p, (int)v.n, v.p);
    cr_assert_not(is_set(x, WEIR_REQUEST, "x-new", "1"), "as received");
    cr_assert_not(is_set(x, WEIR_INWARD, "x-new", "1"), "not made yet");
    return WEIR_NEXT;
}
static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    cr_assert(is_set(x, WEIR_INWARD, "x-other", "3"));
    cr_assert(is_added(x, WEIR_INWARD, "x-new", "4"));
    cr_assert(is_removed(x, WEIR_INWARD, "user-agent"));
    cr_assert_not(is_removed(x, WEIR_INWARD, "user-agent"));
    cr_assert_not(is_set(x, WEIR_INWARD, "x-bad", "a\r\nb: c"));
    cr_assert_not(is_set(x, WEIR_INWARD, "x-bad", " a"), "HTTP/2 has no white space around values");
    cr_assert_not(is_set(x, WEIR_INWARD, "x bad", "a"));
    cr_assert_not(is_set(x, WEIR_INWARD, "Transfer-Encoding", "chunked"));
    cr_assert_not(is_removed(x, WEIR_INWARD, "host"));
    cr_assert_not(is_set(x, WEIR_RESPONSE, "x-new", "1"));
    return WEIR_NEXT;
}
static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    (void)u;
    const struct weir_name type = name("content-type");
    cr_assert_text(weir_field(x, WEIR_RESPONSE, &type), "t");
    cr_assert(is_set(x, WEIR_RESPONSE, "Content-Type", "u"));
    cr_assert(is_added(x, WEIR_RESPONSE, "Set-Cookie", "a=1"));
    cr_assert(is_added(x, WEIR_RESPONSE, "Set-Cookie", "b=2"));
    cr_assert_not(is_set(x, WEIR_RESPONSE, "content-length", "1"));
}
static const struct weir_module changes = {
    .name = "changes", .on_plan = on_plan, .on_forward = on_forward, .on_response = on_response};

Test(module_api_fields, reads_and_changes_heads)
{
    begin("");
    CHAIN(&plan.routes[0], {&changes, NULL});
    struct peer *c =
        asks("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nX-Other: 1\r\nx-other: 2\r\n\r\n");
    cr_assert_str_eq(trace, "Host=h;User-Agent=me;X-Other=1;x-other=2;");
    cr_assert_str_eq(peer_take(stack_origin(s, 0)),
                     "GET / HTTP/1.1\r\nHost: h\r\nx-other: 3\r\nx-new: 4\r\n\r\n");
    peer_says(stack_origin(s, 0),
              "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: t\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(peer_take(c),
                     "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-type: u\r\nset-cookie: a=1\r\n"
                     "set-cookie: b=2\r\nContent-Length: 0\r\n\r\n");
    end();
}

Test(module_api_fields, knows_names)
{
    cr_assert_neq(name("CONTENT-type").id, 0);
    cr_assert_text(name("CONTENT-type").text, "content-type");
    cr_assert_eq(name("X-Foo").id, 0);
    cr_assert_text(name("X-Foo").text, "X-Foo");
    cr_assert_null(name("").text.p);
    cr_assert_null(name("a b").text.p);
    cr_assert_null(name(":path").text.p);
}

Test(module_api_fields, keeps_framing_and_connection_to_the_gateway)
{
    static const char *const kept[] = {"Connection",
                                       "content-length",
                                       "Transfer-Encoding",
                                       "TE",
                                       "Trailer",
                                       "Upgrade",
                                       "Keep-Alive",
                                       "Host",
                                       "Expect",
                                       "Proxy-Connection",
                                       "HTTP2-Settings",
                                       ":status",
                                       "",
                                       "a:b"};
    for (size_t i = 0; i < array_n(kept); i++)
        cr_expect_not(weir_field_settable(text(kept[i])), "%s", kept[i]);
    cr_assert(weir_field_settable(text("Content-Type")));
    cr_assert(weir_field_settable(text("x-anything")));
    cr_assert(weir_value_ok(text("a b\tc")));
    cr_assert(weir_value_ok(text("")));
    cr_assert_not(weir_value_ok(text("a\n")));
    cr_assert_not(weir_value_ok((struct weir_slice){"a\0b", 3}));
    cr_assert_not(weir_value_ok(text("a ")));
}
