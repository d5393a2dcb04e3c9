/* SPDX-License-Identifier: Apache-2.0 */
/* The file of API keys, and the search in it.
 *
 * Comparing with every hash takes the same time for all, but grows with the file. A search in
 * sorted hashes is fast, and how long it takes says how far the presented key's hash is like one
 * that is there. So the search goes through other numbers: HMACs of the hashes under a secret that
 * is drawn when the file is read. Who presents a key doesn't know what number it gets, so the time
 * says nothing about any hash; and the one place where a hash itself is compared takes constant
 * time.
 *
 * Invariant: keys are sorted by `order`, and no hash stands there twice. */
#include "auth/apikeys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdlib.h>

#include "common/slice.h"

static bool read_line(struct apikeys *k, struct weir_slice line, int number,
                      struct auth_fault *fault);
static bool read_claims(struct apikeys *k, struct apikeys_key *key, struct weir_slice rest,
                        struct auth_fault *fault);
static bool sort(struct apikeys *k, struct auth_fault *fault);

/* Memory for all that the text can hold at most. */
static bool make_room(struct apikeys *k, struct weir_slice text, struct auth_fault *fault)
{
    const size_t lines = slice_count(text, '\n') + 1;
    /* The shortest line with a key has a name of one character, a space and the hash. */
    const size_t shortest = text.n / (2 + 2 * APIKEYS_HASH) + 1;
    const size_t keys = lines < shortest ? lines : shortest;
    k->text = malloc(text.n + 1);
    k->keys = calloc(keys, sizeof *k->keys);
    k->claims = calloc(slice_count(text, '=') + 1, sizeof *k->claims);
    if (!k->text || !k->keys || !k->claims)
        return auth_fault_set(fault, 0, "no memory for it");
    if (RAND_bytes(k->secret, sizeof k->secret) != 1)
        return auth_fault_set(fault, 0, "no random numbers for its secret");
    if (text.n)
        memcpy(k->text, text.p, text.n);
    return true;
}

bool apikeys_parse(struct weir_slice text, struct apikeys *out, struct auth_fault *fault)
{
    *out = (struct apikeys){0};
    *fault = (struct auth_fault){0};
    bool good = make_room(out, text, fault);
    struct weir_slice rest = {out->text, text.n};
    for (int number = 1; good && rest.p; number++)
        good = read_line(out, slice_trim_line(slice_cut(&rest, '\n')), number, fault);
    good = good && sort(out, fault);
    if (!good)
        apikeys_free(out);
    return good;
}

void apikeys_free(struct apikeys *k)
{
    free(k->text);
    free(k->keys);
    free(k->claims);
    OPENSSL_cleanse(k->secret, sizeof k->secret);
    *k = (struct apikeys){0};
}

/* -- lines ------------------------------------------------------------------------------------- */

/* Cuts the first word off *rest; absent at the end. */
static struct weir_slice cut_word(struct weir_slice *rest)
{
    size_t n = 0;
    *rest = slice_trim_line(*rest);
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    const struct weir_slice word = {n ? rest->p : NULL, n};
    *rest = (struct weir_slice){rest->p + n, rest->n - n};
    return word;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool read_hash(struct weir_slice hex, uint8_t *to)
{
    if (hex.n != 2 * APIKEYS_HASH)
        return false;
    for (size_t i = 0; i < APIKEYS_HASH; i++) {
        const int high = nibble(hex.p[2 * i]), low = nibble(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool order_of(const struct apikeys *k, const uint8_t *hash, uint8_t *to)
{
    unsigned n = APIKEYS_HASH;
    return HMAC(EVP_sha256(), k->secret, sizeof k->secret, hash, APIKEYS_HASH, to, &n) != NULL;
}

static bool read_line(struct apikeys *k, struct weir_slice line, int number,
                      struct auth_fault *fault)
{
    struct apikeys_key key = {.line = number};
    if (!line.n || line.p[0] == '#')
        return true;
    key.name = cut_word(&line);
    if (key.name.n > APIKEYS_NAME_MAX || slice_has_control(key.name))
        return auth_fault_set(fault, number,
                              "its name has more than %d bytes, or control characters",
                              APIKEYS_NAME_MAX);
    if (!read_hash(cut_word(&line), key.hash))
        return auth_fault_set(fault, number,
                              "NAME must be followed by the key's SHA-256, 64 hexadecimal digits: "
                              "printf %%s KEY | sha256sum");
    if (!read_claims(k, &key, line, fault))
        return false;
    if (!order_of(k, key.hash, key.order))
        return auth_fault_set(fault, number, "its hash can't be made");
    k->keys[k->n++] = key;
    return true;
}

static bool read_claims(struct apikeys *k, struct apikeys_key *key, struct weir_slice rest,
                        struct auth_fault *fault)
{
    key->claims = k->claims + k->claims_n;
    for (struct weir_slice value; (value = cut_word(&rest)).p;) {
        const struct weir_slice all = value, name = slice_cut(&value, '=');
        if (!name.n || !value.p || slice_has_control(all))
            return auth_fault_set(fault, key->line,
                                  "behind NAME and SHA-256 stand claims, each as name=value "
                                  "without spaces");
        if (key->claims_n == APIKEYS_CLAIMS_MAX)
            return auth_fault_set(fault, key->line, "more than %d claims", APIKEYS_CLAIMS_MAX);
        k->claims[k->claims_n++] = (struct weir_claim){name, value};
        key->claims_n++;
    }
    return true;
}

/* -- search ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const struct apikeys_key *x = a, *y = b;
    const int c = memcmp(x->order, y->order, APIKEYS_HASH);
    return c ? c : x->line - y->line;
}

static bool sort(struct apikeys *k, struct auth_fault *fault)
{
    qsort(k->keys, k->n, sizeof *k->keys, compare);
    for (size_t i = 1; i < k->n; i++) {
        const struct apikeys_key *key = &k->keys[i];
        if (memcmp(key->order, key[-1].order, APIKEYS_HASH) == 0)
            return auth_fault_set(fault, key->line,
                                  "its key stands in line %d already; take one out", key[-1].line);
    }
    return true;
}

static int compare_order(const void *order, const void *key)
{
    return memcmp(order, ((const struct apikeys_key *)key)->order, APIKEYS_HASH);
}

const struct apikeys_key *apikeys_find(const struct apikeys *k, struct weir_slice presented)
{
    uint8_t hash[APIKEYS_HASH], order[APIKEYS_HASH];
    unsigned n = sizeof hash;
    if (presented.n < APIKEYS_PRESENTED_MIN || !k->n ||
        EVP_Digest(presented.p, presented.n, hash, &n, EVP_sha256(), NULL) != 1 ||
        !order_of(k, hash, order))
        return NULL;
    const struct apikeys_key *key = bsearch(order, k->keys, k->n, sizeof *key, compare_order);
    return key && CRYPTO_memcmp(key->hash, hash, sizeof hash) == 0 ? key : NULL;
}
