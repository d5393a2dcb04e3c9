/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of refusals, from texts as Redis 5 to 7 write them. */
#include "fleet/fleet_error.h"

#include <criterion/criterion.h>

static const char *word(const char *text)
{
    return fleet_error_word(fleet_error_kind(slice_str(text)));
}

Test(fleet_error, is_known_by_how_it_begins)
{
    cr_assert_str_eq(word("OOM command not allowed when used memory > 'maxmemory'."), "oom");
    cr_assert_str_eq(word("READONLY You can't write against a read only replica."), "readonly");
    cr_assert_str_eq(word("WRONGTYPE Operation against a key holding the wrong kind of value"),
                     "wrongtype");
    cr_assert_str_eq(word("NOAUTH Authentication required."), "noauth");
    cr_assert_str_eq(word("WRONGPASS invalid username-password pair"), "wrongpass");
    cr_assert_str_eq(word("NOPERM this user has no permissions to run the 'get' command"),
                     "noperm");
    cr_assert_str_eq(word("LOADING Redis is loading the dataset in memory"), "loading");
    cr_assert_str_eq(word("MASTERDOWN Link with MASTER is down"), "masterdown");
    cr_assert_str_eq(word("BUSY Redis is busy running a script."), "busy");
    cr_assert_str_eq(word("NOSCRIPT No matching script. Please use EVAL."), "noscript");
    cr_assert_str_eq(word("ERR unknown command 'TIME'"), "other");
    cr_assert_str_eq(word(""), "other");
}

Test(fleet_error, is_found_within_that_of_a_script)
{
    cr_assert_str_eq(word("ERR Error running script (call to f_6b1bf4): @user_script:8: "
                          "@user_script: 8: -OOM command not allowed when used memory"),
                     "oom");
    cr_assert_str_eq(word("ERR Error running script (call to f_6b1bf4): @user_script:1: "
                          "WRONGTYPE Operation against a key"),
                     "wrongtype");
    cr_assert_str_eq(word("ERR Error running script (call to f_6b1bf4): @user_script:1: attempt"),
                     "other");
}

Test(fleet_error, has_a_word_of_its_own_for_each_kind)
{
    for (int i = 0; i < FLEET_ERROR_N; i++)
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(fleet_error_word((enum fleet_error)i),
                              fleet_error_word((enum fleet_error)k));
}
