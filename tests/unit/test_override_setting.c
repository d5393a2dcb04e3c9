/* SPDX-License-Identifier: Apache-2.0 */
/* Which setting an override is about, and whether a configuration says the same there. */
#include "control/overrides/override_setting.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char setting[SETTING_MAX + 1];

static bool fill(const char *pattern, const char *asked)
{
    json_t *j = json_loads(asked, 0, NULL);
    cr_assert(j);
    const bool ok = setting_fill(pattern, j, setting);
    json_decref(j);
    return ok;
}

#define SPLIT "routes.{route}.canary.split:name,cluster,weight"

Test(override_setting, is_filled_from_what_is_asked)
{
    cr_assert(fill(SPLIT, "{\"route\":\"reviews\"}"));
    cr_assert_str_eq(setting, "routes/reviews/canary/split:name,cluster,weight");
    cr_assert(fill("log.level", "{}"));
    cr_assert_str_eq(setting, "log/level");
    cr_assert(fill("routes.{route}.fault.{fault}:enabled", "{\"route\":\"a.b\",\"fault\":\"f\"}"));
    cr_assert_str_eq(setting, "routes/a.b/fault/f:enabled");
}

Test(override_setting, wants_every_member_as_a_plain_word)
{
    cr_assert(!fill(SPLIT, "{}"));
    cr_assert(!fill(SPLIT, "{\"route\":7}"));
    cr_assert(!fill(SPLIT, "{\"route\":\"\"}"));
    cr_assert(!fill(SPLIT, "{\"route\":\"a\\\"b\"}"));
    cr_assert(!fill(SPLIT, "{\"route\":\"a b\"}"));
    char asked[SETTING_MAX + 64];
    snprintf(asked, sizeof asked, "{\"route\":\"%0*d\"}", SETTING_MAX, 0);
    cr_assert(!fill(SPLIT, asked));
}

static const char file[] =
    "{\"log\":{\"level\":\"info\",\"error\":\"a \\\"quoted\\\" {text}, with ] in it\"},"
    "\"routes\":[{\"name\":\"other\",\"canary\":{\"split\":[]}},"
    "{\"name\":\"reviews\",\"canary\":{\"seed\":\"x\",\"split\":[{\"cluster\":\"a\",\"weight\":95,"
    "\"name\":\"\"},{\"cluster\":\"b\",\"weight\":5,\"name\":\"\"}]},"
    "\"fault\":{\"name\":\"slow\",\"percent\":\"2%\",\"enabled\":true,\"delay\":{\"fixed\":\"1s\"}}"
    "}],"
    "\"clusters\":{\"a\":{\"endpoints\":[\"10.0.0.1:80\",{\"address\":\"unix:/run/"
    "b\",\"weight\":2}],"
    "\"breaker\":{\"open_for\":\"5s\"}}},\"modules\":{}}\n";

#define EDITED 1024
static uint64_t digest(const char *where)
{
    return setting_digest(slice_str(file), where);
}

/* With `from` written as `to`. */
static uint64_t changed(const char *where, const char *from, const char *to)
{
    char edited[EDITED];
    const char *at = strstr(file, from);
    cr_assert(at, "%s", from);
    snprintf(edited, sizeof edited, "%.*s%s%s", (int)(at - file), file, to, at + strlen(from));
    return setting_digest(slice_str(edited), where);
}

#define WEIGHTS "routes/reviews/canary/split:name,cluster,weight"

Test(override_setting, changes_when_a_member_does_that_counts)
{
    cr_assert(digest(WEIGHTS));
    cr_assert_neq(changed(WEIGHTS, "\"weight\":5,", "\"weight\":6,"), digest(WEIGHTS));
    cr_assert_neq(changed(WEIGHTS, "\"cluster\":\"b\"", "\"cluster\":\"c\""), digest(WEIGHTS));
    cr_assert_neq(changed(WEIGHTS, "\"name\":\"\"}]", "\"name\":\"new\"}]"), digest(WEIGHTS));
    cr_assert_neq(changed(WEIGHTS, ",\"name\":\"\"}]", ",\"name\":\"\"},{\"cluster\":\"c\"}]"),
                  digest(WEIGHTS));
    cr_assert_neq(changed("log/level", "\"info\"", "\"warn\""), digest("log/level"));
}

Test(override_setting, stays_when_anything_else_does)
{
    cr_assert_eq(changed(WEIGHTS, "\"seed\":\"x\"", "\"seed\":\"y\""), digest(WEIGHTS));
    cr_assert_eq(changed(WEIGHTS, "\"weight\":5,", "\"weight\":5,\"headers\":[1,{\"weight\":2}],"),
                 digest(WEIGHTS));
    cr_assert_eq(changed("log/level", "with ]", "without ]"), digest("log/level"));
    static const char slow[] = "routes/reviews/fault/slow:percent,enabled";
    cr_assert(digest(slow));
    cr_assert_eq(changed(slow, "\"1s\"", "\"2s\""), digest(slow));
    cr_assert_neq(changed(slow, "\"2%\"", "\"3%\""), digest(slow));
}

Test(override_setting, of_which_nothing_counts_only_has_to_be_there)
{
    static const char breaker[] = "clusters/a/breaker:";
    cr_assert(digest(breaker));
    cr_assert_eq(changed(breaker, "\"5s\"", "\"6s\""), digest(breaker));
    cr_assert_eq(changed(breaker, "\"breaker\"", "\"braker\""), 0);
    cr_assert_eq(digest("clusters/b:"), 0);
    cr_assert_eq(digest("clusters/a/breaker/open_for/x:"), 0);
}

Test(override_setting, may_have_a_default_where_nothing_stands)
{
    static const char all[] = "modules/fault:enabled=true";
    cr_assert(digest(all));
    cr_assert_eq(changed(all, "\"modules\":{}", "\"modules\":{\"fault\":{\"enabled\":true}}"),
                 digest(all));
    cr_assert_neq(changed(all, "\"modules\":{}", "\"modules\":{\"fault\":{\"enabled\":false}}"),
                  digest(all));
}

Test(override_setting, that_is_gone_is_0_and_broken_text_harms_nobody)
{
    cr_assert_eq(digest("routes/gone/canary/split:weight"), 0);
    cr_assert_eq(digest("log/levl"), 0);
    for (size_t n = 0; n < sizeof file; n++)
        (void)!setting_digest(slice_of(file, n), WEIGHTS);
    (void)!setting_digest(SLICE("]]}}\"\\"), WEIGHTS);
}

#define WEIGHT "clusters.{c}.endpoints.{e}:weight=1"

Test(override_setting, names_elements_by_addresses)
{
    cr_assert(fill(WEIGHT, "{\"c\":\"a\",\"e\":\"10.0.0.1:80\"}"));
    cr_assert_str_eq(setting, "clusters/a/endpoints/10.0.0.1%3A80:weight=1");
    cr_assert_neq(changed(setting, "\"10.0.0.1:80\"", "{\"address\":\"10.0.0.1:80\",\"weight\":3}"),
                  digest(setting));
    cr_assert_eq(changed(setting, "\"10.0.0.1:80\"", "{\"address\":\"10.0.0.1:80\"}"),
                 digest(setting));
    cr_assert_eq(changed(setting, "\"weight\":2}", "\"weight\":3}"), digest(setting));
    cr_assert(fill(WEIGHT, "{\"c\":\"a\",\"e\":\"unix:/run/b\"}"));
    cr_assert_neq(changed(setting, "\"weight\":2}", "\"weight\":3}"), digest(setting));
    cr_assert_eq(changed(setting, "[\"10.0.0.1:80\",", "["), digest(setting));
}

static void check_shown(const char *path, const char *expected)
{
    struct text t;
    text_init(&t);
    setting_show(path, &t);
    cr_assert(slice_eq(text_slice(&t), slice_str(expected)), "%.*s", (int)t.n, t.p);
    text_fini(&t);
}

Test(override_setting, is_shown_with_dots)
{
    check_shown(WEIGHTS, "routes.reviews.canary.split");
    check_shown("clusters/a/endpoints/unix%3A%2Frun%2F50%25:weight",
                "clusters.a.endpoints.unix:/run/50%");
}
