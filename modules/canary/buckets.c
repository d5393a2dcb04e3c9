/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: weighted rendezvous. In each bucket every variant draws a number u in (0,1) that depends
 * on its name alone, and the smallest -ln(u)/weight wins the bucket, which happens with the chance
 * weight/sum. Only the own score changes with a weight, so a bucket moves only into a variant that
 * grows and out of one that shrinks. Nothing depends on what was before.
 *
 * With drawn numbers a share of one half would be off by 50 buckets in the mean. Two things make it
 * better:
 *   - A variant doesn't draw; it has a permutation of the 10,000 values (2i+1)/20000, so each value
 *     comes once.
 *   - Against the list's first variant, only the ratio of the scores counts. Buckets are put in the
 *     order of that ratio, and it is replaced by what it should be at that rank r, were the chances
 *     exact: (2r+1)/(2B-2r-1), B being 10,000. The first's own score is then 1/weight. So of two
 *     variants the second has those buckets whose r is below B*weight/sum - 1/2: a threshold, exact
 *     to half a bucket, and still the same rule for any number of variants.
 *
 * Why not exact for three: were counts always exact, then moving the least weight from a to b would
 * move one bucket from a to b, and c's would stay (as a change of b's weight alone it must not
 * bring c any, and c's count is the same). So c's buckets would follow from c's share alone: the
 * first so many of an order of c's own; likewise a's and b's. No bucket may be among the first of
 * two, so its places in any two of the orders, as parts of the whole, add up to 1 at least. Places
 * are 1/2 on average; so all of them would have to be 1/2, which no order can do.
 *
 * All numbers are integers, so that no libm and no compiler makes instances differ: logarithms are
 * fixed-point and only put buckets in order; comparing scores is exact. */

#include "canary/buckets.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOG_BITS = 28, /* behind the point: the largest logarithm is below 2^4, so it fits in 32 bits */
    HALVES = 2 * BUCKETS,
};

/* The score of a variant in a bucket, times its weight: a fraction. */
struct ratio {
    uint32_t above, below;
};

/* What building needs: about 300 kB, on the stack. */
struct work {
    uint32_t logs[BUCKETS];  /* of the value with this index */
    uint32_t first[BUCKETS]; /* the logarithm that the list's first has in each bucket */
    uint32_t other[BUCKETS]; /* another's */
    uint64_t order[BUCKETS], spare[BUCKETS];
    struct ratio best[BUCKETS]; /* of the variant that has the bucket so far */
};

static void set_logs(uint32_t logs[BUCKETS]);
static uint32_t log2_of(uint32_t n);
static void draw(uint32_t to[BUCKETS], const uint32_t logs[BUCKETS], struct weir_slice name);
static uint64_t seed_of(struct weir_slice name);
static uint64_t next_random(uint64_t *state);
static void rank(struct work *w);
static void sort(uint64_t *v, uint64_t *spare);
static void compete(struct work *w, uint8_t of[BUCKETS], const uint32_t *weights, size_t variant);

void buckets_build(uint8_t of[BUCKETS], const struct weir_slice *names, const uint32_t *weights,
                   size_t n)
{
    struct work w;
    set_logs(w.logs);
    draw(w.first, w.logs, names[0]);
    for (unsigned b = 0; b < BUCKETS; b++) {
        of[b] = 0;
        w.best[b] = (struct ratio){1, 1};
    }
    for (size_t i = 1; i < n; i++) {
        if (!weights[i])
            continue;
        draw(w.other, w.logs, names[i]);
        rank(&w);
        compete(&w, of, weights, i);
    }
}

/* -log2((2i+1)/20000) for each i. The base doesn't matter where ratios are compared. */
static void set_logs(uint32_t logs[BUCKETS])
{
    const uint32_t whole = log2_of(HALVES);
    for (uint32_t i = 0; i < BUCKETS; i++)
        logs[i] = whole - log2_of(2 * i + 1);
}

/* Bit by bit: squaring doubles a logarithm. */
static uint32_t log2_of(uint32_t n)
{
    uint32_t whole = 31 - (uint32_t)__builtin_clz(n);
    uint64_t x = (uint64_t)n << (31 - whole); /* in [1,2), 31 bits behind the point */
    for (unsigned i = 0; i < LOG_BITS; i++) {
        x = x * x >> 31;
        const unsigned bit = x >> 32 != 0;
        x >>= bit;
        whole = whole << 1 | bit;
    }
    return whole;
}

/* -- what each variant has ------------------------------------------------------------------ */

/* The name's permutation of the values (Fisher and Yates). */
static void draw(uint32_t to[BUCKETS], const uint32_t logs[BUCKETS], struct weir_slice name)
{
    uint64_t state = seed_of(name);
    for (uint32_t i = 0; i < BUCKETS; i++) {
        const uint32_t j = (uint32_t)((next_random(&state) >> 32) * (i + 1) >> 32);
        to[i] = to[j];
        to[j] = logs[i];
    }
}

/* FNV-1a. Names come from the configuration: nobody looks for two that collide. */
static uint64_t seed_of(struct weir_slice name)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3;
    return h;
}

/* SplitMix64 (Steele, Lea, Flood 2014): a fixed sequence for each seed, on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Puts the buckets in the order of other/first, through other/(other+first), which is spread evenly
 * and fits in 31 bits. The bucket's number stands below it, and decides between equals. */
static void rank(struct work *w)
{
    for (uint64_t b = 0; b < BUCKETS; b++) {
        const uint64_t a = w->other[b], sum = a + w->first[b];
        w->order[b] = (a << 31) / sum << 32 | b;
    }
    sort(w->order, w->spare);
}

/* By the upper four bytes, from the lowest of them; each pass keeps what the former has done. */
static void sort(uint64_t *v, uint64_t *spare)
{
    for (unsigned shift = 32; shift < 64; shift += 8) {
        size_t at[257] = {0};
        for (size_t i = 0; i < BUCKETS; i++)
            at[(v[i] >> shift & 0xff) + 1]++;
        for (size_t d = 0; d < 256; d++)
            at[d + 1] += at[d];
        for (size_t i = 0; i < BUCKETS; i++)
            spare[at[v[i] >> shift & 0xff]++] = v[i];
        uint64_t *const sorted = spare;
        spare = v;
        v = sorted; /* after four passes it is the caller's again */
    }
}

/* Gives the variant those buckets in which its score is smaller than the best so far. Of equal
 * scores the first in the list wins. Products stay below 2^61. */
static void compete(struct work *w, uint8_t of[BUCKETS], const uint32_t *weights, size_t variant)
{
    const uint64_t weight = weights[variant];
    for (uint32_t r = 0; r < BUCKETS; r++) {
        const uint32_t b = (uint32_t)w->order[r];
        const struct ratio mine = {2 * r + 1, HALVES - 2 * r - 1};
        const struct ratio best = w->best[b];
        if ((uint64_t)mine.above * best.below * weights[of[b]] >=
            (uint64_t)best.above * mine.below * weight)
            continue;
        of[b] = (uint8_t)variant;
        w->best[b] = mine;
    }
}

/* -- users ---------------------------------------------------------------------------------- */

/* HMAC's context is made once; each user only restarts it. That needs the interface of the OpenSSL
 * at hand: 3 has deprecated the old one, 1.1.1 lacks the new one, and EVP_DigestSign, which both
 * have, costs 2 us. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L

struct bucket_hash {
    EVP_MAC_CTX *mac; /* owned */
};

static bool start_mac(struct bucket_hash *h, const unsigned char *key, size_t n)
{
    EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                 OSSL_PARAM_construct_end()};
    h->mac = kind ? EVP_MAC_CTX_new(kind) : NULL;
    EVP_MAC_free(kind);
    return h->mac && EVP_MAC_init(h->mac, key, n, params) == 1;
}

static void stop_mac(struct bucket_hash *h)
{
    EVP_MAC_CTX_free(h->mac);
}

static bool run_mac(struct bucket_hash *h, struct weir_slice s, unsigned char out[EVP_MAX_MD_SIZE])
{
    size_t n;
    return EVP_MAC_init(h->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(h->mac, (const unsigned char *)s.p, s.n) == 1 &&
           EVP_MAC_final(h->mac, out, &n, EVP_MAX_MD_SIZE) == 1;
}

#else

struct bucket_hash {
    HMAC_CTX *mac; /* owned */
};

static bool start_mac(struct bucket_hash *h, const unsigned char *key, size_t n)
{
    h->mac = HMAC_CTX_new();
    return h->mac && HMAC_Init_ex(h->mac, key, (int)n, EVP_sha256(), NULL) == 1;
}

static void stop_mac(struct bucket_hash *h)
{
    HMAC_CTX_free(h->mac);
}

static bool run_mac(struct bucket_hash *h, struct weir_slice s, unsigned char out[EVP_MAX_MD_SIZE])
{
    unsigned n;
    return HMAC_Init_ex(h->mac, NULL, 0, NULL, NULL) == 1 &&
           HMAC_Update(h->mac, (const unsigned char *)s.p, s.n) == 1 &&
           HMAC_Final(h->mac, out, &n) == 1;
}

#endif

struct bucket_hash *bucket_hash_new(struct weir_slice seed)
{
    /* A seed has any length, none included, and a key of HMAC may not be empty everywhere. */
    unsigned char key[EVP_MAX_MD_SIZE];
    unsigned n;
    struct bucket_hash *h = calloc(1, sizeof *h);
    if (h && EVP_Digest(seed.p, seed.n, key, &n, EVP_sha256(), NULL) == 1 && start_mac(h, key, n))
        return h;
    bucket_hash_free(h);
    return NULL;
}

void bucket_hash_free(struct bucket_hash *h)
{
    if (h)
        stop_mac(h);
    free(h);
}

static uint64_t number_at(const unsigned char *p)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < sizeof n; i++)
        n = n << 8 | p[i];
    return n;
}

bool bucket_of(struct bucket_hash *h, struct weir_slice key, unsigned *bucket, uint64_t *mark)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    if (!run_mac(h, key, out))
        return false;
    /* Of 2^64 values: what the remainder favours is nothing. */
    *bucket = (unsigned)(number_at(out) % BUCKETS);
    if (mark)
        *mark = number_at(out + sizeof *mark);
    return true;
}
