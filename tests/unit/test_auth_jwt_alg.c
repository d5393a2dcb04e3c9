/* SPDX-License-Identifier: Apache-2.0 */
/* The table of algorithms: what is in it, and what can't be. */
#include "auth/jwt_alg.h"

#include <criterion/criterion.h>
#include <string.h>

static bool find(const char *name, enum jwt_alg *out)
{
    return jwt_alg_find((struct weir_slice){name, strlen(name)}, out);
}

Test(auth_jwt_alg, finds_each_by_its_exact_name)
{
    for (int i = 0; i < JWT_ALGS_N; i++) {
        enum jwt_alg found = JWT_ALGS_N;
        cr_assert(find(jwt_alg_name((enum jwt_alg)i), &found));
        cr_assert_eq((int)found, i);
    }
}

Test(auth_jwt_alg, has_no_none_and_no_near_names)
{
    static const char *const names[] = {"",      "none",   "None",  "NONE",  "rs256",
                                        "eddsa", "HS256 ", "ES512", "HS384", "PS512",
                                        "RS25",  "ES256K", "dir"};
    enum jwt_alg found;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_not(find(names[i], &found), "%s", names[i]);
    cr_assert_not(jwt_alg_find((struct weir_slice){"HS256\0", 6}, &found));
}

Test(auth_jwt_alg, belongs_to_one_type_of_key)
{
    unsigned all = 0;
    for (int t = JWT_KEY_RSA; t <= JWT_KEY_OCT; t++) {
        const unsigned set = jwt_alg_set((enum jwt_key_type)t);
        cr_assert_neq(set, 0);
        cr_assert_eq(all & set, 0);
        all |= set;
    }
    cr_assert_eq(all, (unsigned)JWT_ALGS_ALL);
    cr_assert_eq(jwt_alg_set(JWT_KEY_OCT), jwt_alg_bit(JWT_ALG_HS256));
    cr_assert_eq((unsigned)JWT_ALGS_PUBLIC, all & ~jwt_alg_bit(JWT_ALG_HS256));
}
