/* SPDX-License-Identifier: Apache-2.0 */
/* Names and keys of algorithms, out of their one table. */
#include "auth/jwt_alg.h"

#include "common/slice.h"

static const struct {
    const char *name;
    enum jwt_key_type key;
} algs[] = {
#define ALG(name, key, digest) {#name, JWT_KEY_##key},
    JWT_ALGS(ALG)
#undef ALG
};

bool jwt_alg_find(struct weir_slice name, enum jwt_alg *out)
{
    for (int i = 0; i < JWT_ALGS_N; i++) {
        if (!slice_eq(name, slice_str(algs[i].name)))
            continue;
        *out = (enum jwt_alg)i;
        return true;
    }
    return false;
}

const char *jwt_alg_name(enum jwt_alg a)
{
    return algs[a].name;
}

unsigned jwt_alg_set(enum jwt_key_type t)
{
    unsigned set = 0;
    for (int i = 0; i < JWT_ALGS_N; i++)
        if (algs[i].key == t)
            set |= jwt_alg_bit((enum jwt_alg)i);
    return set;
}
