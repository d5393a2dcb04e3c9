/* SPDX-License-Identifier: Apache-2.0 */
/* Claims made flat: names, values, what is left out, and each limit at its edge. */
#include "auth/claims.h"
#include "tests/unit/auth_case.h"

TestSuite(auth_claims, .init = auth_begin, .fini = auth_end);

static const struct claims_limits limits = {CLAIMS_PAIRS_PRESET, CLAIMS_TEXT_PRESET};

static void free_claims(void *c)
{
    claims_free(c);
}

static struct claims *flat(const char *json, enum claims_fault *fault)
{
    json_t *object = json_loads(json, 0, NULL);
    cr_assert(object, "%s", json);
    struct claims *c = claims_new(object, &limits, fault);
    json_decref(object); /* texts are copies */
    if (c)
        arena_on_end(&arena, free_claims, c);
    return c;
}

/* As "name=value;name=value;", in the order of the object. */
static const char *written(const struct claims *c)
{
    const char *all = "";
    for (size_t i = 0; i < c->n; i++)
        all = printed("%s%.*s=%.*s;", all, (int)c->v[i].name.n, c->v[i].name.p,
                      (int)c->v[i].value.n, c->v[i].value.p);
    return all;
}

static const struct claims *expect(const char *json, const char *want)
{
    enum claims_fault fault;
    const struct claims *c = flat(json, &fault);
    cr_assert(c, "%s: %s", json, claims_fault_word(fault));
    cr_assert_str_eq(written(c), want);
    return c;
}

static void expect_fault(const char *json, enum claims_fault want)
{
    enum claims_fault fault;
    cr_assert_null(flat(json, &fault));
    cr_assert_eq(fault, want, "%s: %s", json, claims_fault_word(fault));
}

Test(auth_claims, joins_nested_names_with_dots)
{
    expect(
        "{\"sub\":\"anna\",\"realm\":{\"roles\":[\"dev\",\"ops\"],\"id\":{\"n\":1}},\"vip\":true}",
        "sub=anna;realm.roles=dev;realm.roles=ops;realm.id.n=1;vip=true;");
}

Test(auth_claims, writes_values_as_texts)
{
    expect(
        "{\"a\":false,\"b\":-12,\"c\":1300819380,\"d\":0.1,\"e\":1e300,\"f\":9223372036854775807,"
        "\"g\":\"\",\"h\":\"\\u00e4\"}",
        "a=false;b=-12;c=1300819380;d=0.1;e=1e300;f=9223372036854775807;g=;h=\xc3\xa4;");
    expect("{}", "");
    expect("{\"a\":null,\"b\":[],\"c\":{},\"d\":[null]}", "");
}

Test(auth_claims, leaves_out_what_has_no_name)
{
    const struct claims *c = expect("{\"a\":[\"x\",{\"y\":1},[2],\"z\"]}", "a=x;a=z;");
    cr_assert_eq(c->left_out, 2);
    cr_assert_eq(expect("{\"a\":\"x\"}", "a=x;")->left_out, 0);
}

Test(auth_claims, refuses_names_that_a_dot_makes_equal)
{
    expect_fault("{\"a.b\":\"x\",\"a\":{\"b\":\"y\"}}", CLAIMS_AMBIGUOUS);
    expect_fault("{\"a\":{\"b\":[\"y\"]},\"a.b\":[\"x\"]}", CLAIMS_AMBIGUOUS);
    expect("{\"a.b\":\"x\",\"a\":{\"c\":\"y\"}}", "a.b=x;a.c=y;");
}

static const char *list_of(int n)
{
    const char *list = "0";
    for (int i = 1; i < n; i++)
        list = printed("%s,%d", list, i);
    return printed("{\"a\":[%s]}", list);
}

Test(auth_claims, has_at_most_64_pairs)
{
    enum claims_fault fault;
    const struct claims *c = flat(list_of(CLAIMS_PAIRS_PRESET), &fault);
    cr_assert(c && c->n == CLAIMS_PAIRS_PRESET);
    expect_fault(list_of(CLAIMS_PAIRS_PRESET + 1), CLAIMS_TOO_MANY);
}

Test(auth_claims, has_at_most_4_levels)
{
    expect("{\"a\":{\"b\":{\"c\":{\"d\":1}}}}", "a.b.c.d=1;");
    expect_fault("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}", CLAIMS_TOO_DEEP);
    expect_fault("{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", CLAIMS_TOO_DEEP);
    expect("{\"a\":{\"b\":1},\"c\":{\"d\":1},\"e\":{\"f\":1},\"g\":{\"h\":1},\"i\":{\"j\":1}}",
           "a.b=1;c.d=1;e.f=1;g.h=1;i.j=1;");
}

Test(auth_claims, has_at_most_8_kib_of_names_and_values)
{
    enum claims_fault fault;
    char value[CLAIMS_TEXT_PRESET + 1];
    memset(value, 'v', sizeof value);
    const int fit = CLAIMS_TEXT_PRESET - 4;
    const struct claims *c = flat(printed("{\"name\":\"%.*s\"}", fit, value), &fault);
    cr_assert(c && c->v[0].value.n == (size_t)fit);
    expect_fault(printed("{\"name\":\"%.*s\"}", fit + 1, value), CLAIMS_TOO_LONG);
    /* Names count: the longest, one too long, and one that only gets too long by its outer name. */
    cr_assert(flat(printed("{\"%.*s\":\"\"}", CLAIMS_TEXT_PRESET, value), &fault));
    expect_fault(printed("{\"%.*s\":\"x\"}", CLAIMS_TEXT_PRESET, value), CLAIMS_TOO_LONG);
    expect_fault(printed("{\"a\":{\"%.*s\":\"\"}}", CLAIMS_TEXT_PRESET, value), CLAIMS_TOO_LONG);
    expect_fault(printed("{\"%.*s\":{\"\":1}}", CLAIMS_TEXT_PRESET, value), CLAIMS_TOO_LONG);
}
