/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets out of JSON: which keys are taken, and for what. What a key is made of is jwks_key.c's.
 *
 * Invariant: each key of a set has at least one algorithm, all of its own type. */
#include "auth/jwks.h"

#include <jansson.h>

#include <stdlib.h>

#include "auth/jwks_key.h"
#include "common/slice.h"

static bool read_key(const json_t *jwk, enum jwks_source from, struct jwks_key *key,
                     const char **why);
static bool for_signatures(const json_t *jwk, const char **why);

/* The value of a member that is a text; absent otherwise. */
static struct weir_slice text_of(const json_t *jwk, const char *name)
{
    const json_t *v = json_object_get(jwk, name);
    return (struct weir_slice){json_string_value(v), json_string_length(v)};
}

static void free_key(struct jwks_key *key)
{
    free(key->kid);
    EVP_PKEY_free(key->pkey);
    *key = (struct jwks_key){0};
}

static void skip(struct jwks *set, const char *why)
{
    if (!set->skipped++)
        set->skipped_why = why;
}

static bool read_keys(const json_t *list, enum jwks_source from, struct jwks *set,
                      struct auth_fault *fault)
{
    const size_t n = json_array_size(list);
    if (!json_is_array(list))
        return auth_fault_set(fault, 0, "it has no list \"keys\" (RFC 7517 5)");
    if (n > JWKS_KEYS_MAX)
        return auth_fault_set(fault, 0, "it has %zu keys; at most %d are allowed", n,
                              JWKS_KEYS_MAX);
    set->keys = calloc(n ? n : 1, sizeof *set->keys);
    if (!set->keys)
        return auth_fault_set(fault, 0, "no memory for its keys");
    for (size_t i = 0; i < n; i++) {
        const char *why = NULL;
        if (read_key(json_array_get(list, i), from, &set->keys[set->n], &why))
            set->n++;
        else
            skip(set, why);
    }
    if (set->n)
        return true;
    return auth_fault_set(fault, 0, "none of its %zu keys can be used%s%s", n,
                          set->skipped ? "; the first one: " : "",
                          set->skipped ? set->skipped_why : "");
}

bool jwks_parse(struct weir_slice text, enum jwks_source from, struct jwks *out,
                struct auth_fault *fault)
{
    json_error_t error;
    *out = (struct jwks){0};
    *fault = (struct auth_fault){0};
    json_t *root = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return auth_fault_set(fault, error.line > 0 ? error.line : 0, "it isn't JSON: %s",
                              error.text);
    const bool good = read_keys(json_object_get(root, "keys"), from, out, fault);
    json_decref(root);
    if (!good)
        jwks_free(out);
    return good;
}

void jwks_free(struct jwks *set)
{
    for (size_t i = 0; i < set->n; i++)
        free_key(&set->keys[i]);
    free(set->keys);
    *set = (struct jwks){0};
}

/* -- one key ----------------------------------------------------------------------------------- */

static bool type_of(const json_t *jwk, enum jwt_key_type *out)
{
    static const struct {
        const char *kty, *crv; /* NULL: the type has no curves */
        enum jwt_key_type type;
    } types[] = {{"RSA", NULL, JWT_KEY_RSA},
                 {"EC", "P-256", JWT_KEY_P256},
                 {"EC", "P-384", JWT_KEY_P384},
                 {"OKP", "Ed25519", JWT_KEY_ED25519},
                 {"oct", NULL, JWT_KEY_OCT}};
    const struct weir_slice kty = text_of(jwk, "kty"), crv = text_of(jwk, "crv");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!slice_eq(kty, slice_str(types[i].kty)) ||
            (types[i].crv && !slice_eq(crv, slice_str(types[i].crv))))
            continue;
        *out = types[i].type;
        return true;
    }
    return false;
}

/* What is left of the type's algorithms; 0: nothing. */
static unsigned algs_of(const json_t *jwk, enum jwt_key_type type)
{
    enum jwt_alg alg;
    const unsigned all = jwt_alg_set(type);
    if (!json_object_get(jwk, "alg"))
        return all;
    return jwt_alg_find(text_of(jwk, "alg"), &alg) ? all & jwt_alg_bit(alg) : 0;
}

static bool copy_kid(const json_t *jwk, struct jwks_key *key, const char **why)
{
    const json_t *kid = json_object_get(jwk, "kid");
    if (!kid)
        return true;
    *why = "its \"kid\" isn't a text";
    if (!json_is_string(kid))
        return false;
    key->kid = strdup(json_string_value(kid));
    *why = "no memory for its \"kid\"";
    return key->kid != NULL;
}

static bool read_key(const json_t *jwk, enum jwks_source from, struct jwks_key *key,
                     const char **why)
{
    *key = (struct jwks_key){0};
    *why = "its type isn't one of RSA, EC on P-256 or P-384, OKP Ed25519, oct";
    if (!type_of(jwk, &key->type))
        return false;
    *why = "it is a secret, and those are taken from a file only";
    if (key->type == JWT_KEY_OCT && from != JWKS_FILE)
        return false;
    if (!for_signatures(jwk, why))
        return false;
    *why = "its \"alg\" isn't known, or is none of its type";
    key->algs = algs_of(jwk, key->type);
    if (!key->algs)
        return false;
    key->pkey = jwks_key_new(jwk, key->type, why);
    if (key->pkey && copy_kid(jwk, key, why))
        return true;
    free_key(key);
    return false;
}

/* RFC 7517 4.2, 4.3: either may be absent; what is there has to allow verifying. */
static bool for_signatures(const json_t *jwk, const char **why)
{
    const json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops");
    *why = "its \"use\" isn't \"sig\"";
    if (use && !slice_eq(text_of(jwk, "use"), WEIR_SLICE("sig")))
        return false;
    *why = "its \"key_ops\" have no \"verify\"";
    for (size_t i = 0; i < json_array_size(ops); i++) {
        const char *op = json_string_value(json_array_get(ops, i));
        if (op && strcmp(op, "verify") == 0)
            return true;
    }
    return ops == NULL;
}
