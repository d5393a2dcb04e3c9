/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "dark_launch/cookies.h"
#include "common/slice.h"

static struct weir_slice of(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

static struct weir_slice value;

static unsigned found(const char *line)
{
    value = (struct weir_slice){0};
    return cookies_find(of(line), WEIR_SLICE("g"), &value);
}

Test(dark_cookies, finds_a_value_between_others)
{
    cr_assert_eq(found("a=1; g=tok=en ; b=2"), 1);
    cr_assert(slice_eq(value, WEIR_SLICE("tok=en")));
    cr_assert_eq(found("g=x"), 1);
    cr_assert_eq(found("a=1;g=x"), 1);
    cr_assert_eq(found("a=1; \t g = x"), 1);
    cr_assert(slice_eq(value, WEIR_SLICE("x")));
}

Test(dark_cookies, takes_only_the_name_itself)
{
    static const char *const lines[] = {"",      "g",       "G=x",    "gg=x",    "xg=x",
                                        "a=g=x", "a=\"1; ", "g\"=x",  "%67=x",   "a=b,g=x",
                                        "=g=x",  ";;;",     "a=1; g", "a=1&g=x", "\"g\"=x"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert_eq(found(lines[i]), 0, "%s", lines[i]);
}

Test(dark_cookies, counts_each_and_keeps_quotes)
{
    cr_assert_eq(found("g=1; g=2; a=3; g=4"), 3);
    cr_assert_eq(found("g=\"x\""), 1);
    cr_assert(slice_eq(value, WEIR_SLICE("\"x\"")));
    cr_assert_eq(found("g="), 1);
    cr_assert_eq(value.n, 0);
}

static void becomes(const char *line, const char *expected)
{
    static const struct weir_slice names[] = {{"g", 1}, {"", 0}, {"h", 1}};
    char to[256];
    const size_t n = cookies_without(of(line), names, 3, to);
    cr_assert(slice_eq((struct weir_slice){to, n}, of(expected)), "%s: \"%.*s\", not \"%s\"", line,
              (int)n, to, expected);
}

Test(dark_cookies, leaves_the_others_byte_for_byte)
{
    becomes("g=x", "");
    becomes("g=x; h=y", "");
    becomes("a=1; g=x; b=2", "a=1; b=2");
    becomes("g=x; a=1", "a=1");
    becomes("a=1; g=x", "a=1");
    becomes("a=1;b=\"2 3\";g=x;  c= 4", "a=1;b=\"2 3\";  c= 4");
    becomes("a=1; gg=2; G=3; g; =g", "a=1; gg=2; G=3; g; =g");
    becomes("a=1; g=1; g=2; h=3; b=2", "a=1; b=2");
    becomes("", "");
    becomes("a=1;; b=2", "a=1;; b=2");
}
