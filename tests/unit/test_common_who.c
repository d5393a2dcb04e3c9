/* SPDX-License-Identifier: Apache-2.0 */
#include "common/who.h"

#include <criterion/criterion.h>

static struct weir_slice of(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

#define TEXTS(...)                                                                                 \
    (struct weir_texts)                                                                            \
    {                                                                                              \
        (struct weir_slice[]){__VA_ARGS__},                                                        \
            sizeof((struct weir_slice[]){__VA_ARGS__}) / sizeof(struct weir_slice)                 \
    }
#define T(s)                                                                                       \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

Test(common_who, are_known_by_whole_subjects_and_values)
{
    const struct who t = {.subjects = TEXTS(T("alice"), T("bob")), .any_of = TEXTS(T("testers"))};
    cr_assert(who_has_subject(&t, of("alice")) && who_has_subject(&t, of("bob")));
    static const char *const others[] = {"",      "alic",      "alice ",  " alice",
                                         "Alice", "alice,bob", "alicebob"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert(!who_has_subject(&t, of(others[i])), "%s", others[i]);
    cr_assert(who_has_value(&t, of("testers")));
    static const char *const values[] = {
        "", "testers2", "testers ", "tester", "Testers", "[\"testers\"]", "x,testers", "true", "*"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        cr_assert(!who_has_value(&t, of(values[i])), "%s", values[i]);
    cr_assert(!who_has_subject(&t, (struct weir_slice){0}));
    cr_assert(!who_has_value(&t, (struct weir_slice){"testers\0", 8}));
}

Test(common_who, believe_only_whom_the_settings_name)
{
    const struct weir_identity jwt = {of("alice"), of("https://id.test"), of("jwt")},
                               basic = {of("alice"), of("basic"), of("basic")};
    const struct who any = {0}, some = {.issuers = TEXTS(T("https://id.test"))},
                     ways = {.methods = TEXTS(T("jwt"))};
    cr_assert(who_counts(&any, &jwt) && who_counts(&any, &basic));
    cr_assert(who_counts(&some, &jwt) && !who_counts(&some, &basic));
    cr_assert(who_counts(&ways, &jwt) && !who_counts(&ways, &basic));
    cr_assert(!who_counts(&any, NULL) && !who_counts(&some, NULL));
    const struct weir_identity nearly = {of("alice"), of("https://id.test/"), of("jwt")};
    cr_assert(!who_counts(&some, &nearly));
}
