/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "core/call_fields.h"

static bool ok(const char *name, const char *value)
{
    const struct weir_claim one = {{name, strlen(name)}, {value, strlen(value)}};
    return call_fields_ok(&(struct weir_call_options){.fields = &one, .fields_n = 1});
}

Test(call_fields, takes_what_a_module_may_set)
{
    cr_assert(ok("Authorization", "Basic abc="));
    cr_assert(ok("x-any", ""));
    cr_assert(ok("X-Any", "a\tb \xe4"));
    cr_assert(ok("content-type", "text/plain"));
}

Test(call_fields, refuses_what_ends_a_line_or_is_no_name)
{
    cr_assert(!ok("X-A", "a\r\nX-B: c"));
    cr_assert(!ok("X-A", "a\nb"));
    cr_assert(!ok("X-A\r\nX-B", "a"));
    cr_assert(!ok("X A", "a"));
    cr_assert(!ok("", "a"));
    cr_assert(!ok(":path", "/"));
}

Test(call_fields, refuses_framing_and_what_means_one_hop)
{
    static const char *const names[] = {
        "Connection",       "Content-Length", "Transfer-Encoding", "TE",   "Trailer", "Upgrade",
        "Proxy-Connection", "Keep-Alive",     "HTTP2-Settings",    "HOST", "Expect",
    };
    for (size_t i = 0; i < array_n(names); i++)
        cr_assert(!ok(names[i], "1"), "%s", names[i]);
}

Test(call_fields, refuses_more_than_the_limit)
{
    struct weir_claim many[CALL_FIELDS_MAX + 1];
    for (size_t i = 0; i < array_n(many); i++)
        many[i] = (struct weir_claim){WEIR_SLICE("X-A"), WEIR_SLICE("v")};
    struct weir_call_options o = {.fields = many, .fields_n = CALL_FIELDS_MAX};
    cr_assert(call_fields_ok(&o));
    o.fields_n++;
    cr_assert(!call_fields_ok(&o));
}

Test(call_fields, takes_hosts_with_ports_and_addresses)
{
    static const char *const good[] = {"", "a.example.com", "a:8080", "[2001:db8::1]:80"};
    static const char *const bad[] = {"a b", "a/b", "a?b", "u@a", "a\r", "a,b", "a\xff"};
    for (size_t i = 0; i < array_n(good); i++)
        cr_assert(call_host_ok(slice_str(good[i])), "%s", good[i]);
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert(!call_host_ok(slice_str(bad[i])), "%s", bad[i]);
    cr_assert(!call_host_ok(slice_of("a\0b", 3)));
}

Test(call_fields, replaces_adds_and_removes)
{
    const struct weir_claim wanted[] = {
        {WEIR_SLICE("X-A"), WEIR_SLICE("new")},
        {WEIR_SLICE("x-a"), WEIR_SLICE("second")},
        {WEIR_SLICE("cookie"), {NULL, 0}},
        {WEIR_SLICE("X-C"), WEIR_SLICE("c")},
    };
    struct arena a;
    struct fields f;
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 2);
    fields_add(&f, &a, SLICE("X-A"), SLICE("old"));
    fields_add(&f, &a, SLICE("X-A"), SLICE("older"));
    fields_add(&f, &a, SLICE("Cookie"), SLICE("secret"));
    call_fields_apply(&(struct weir_call_options){.fields = wanted, .fields_n = array_n(wanted)},
                      &f, &a);
    cr_assert_eq(f.n, 3);
    cr_assert(slice_eq(f.v[0].name, SLICE("X-A")) && slice_eq(f.v[0].value, SLICE("new")));
    cr_assert(slice_eq(f.v[1].name, SLICE("x-a")) && slice_eq(f.v[1].value, SLICE("second")));
    cr_assert(slice_eq(f.v[2].name, SLICE("X-C")) && slice_eq(f.v[2].value, SLICE("c")));
    cr_assert_neq((void *)f.v[2].value.p, (void *)wanted[3].value.p, "texts are copied");
    arena_fini(&a);
}
