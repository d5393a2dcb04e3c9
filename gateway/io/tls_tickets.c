/* SPDX-License-Identifier: Apache-2.0 */
/* Session tickets (RFC 5077, RFC 8446 4.6.1): sessions that the client keeps for us, encrypted with
 * AES-256-CBC and signed with HMAC-SHA256 by keys that lie in shared memory. So a ticket of one
 * worker is good in all of them, and after a reload.
 *
 *     keys[0] newest: makes new tickets and takes them     age < lifetime
 *     keys[1] taken, and replaced by a new ticket          age < 2 * lifetime
 *     keys[2] empty, unless the lifetime was made shorter
 *
 * Writing: the version is odd meanwhile, and the writer is who made it odd. A writer that died in
 * between leaves it odd; the next one waits, takes over, and throws all keys away.
 * Reading: each process copies the keys when the version has changed. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <unistd.h>

enum {
    WRITE_WAITS = 100, /* for another writer, 100 us each: a write takes less than one */
    WAIT_US = 100,
    READ_TRIES = 1000, /* then the old copy stays in use */
};

#define WITH_EVP_MAC (OPENSSL_VERSION_NUMBER >= 0x30000000L)

struct tls_ticket_view {
    const struct tls_tickets *shared;
    uint32_t version; /* of the copy */
    struct tls_ticket_key keys[TLS_TICKET_KEYS];
    EVP_CIPHER *cipher; /* looked up once, not for each handshake */
};

/* -- writing ----------------------------------------------------------------------------------- */

/* Makes the version odd; false when another writer was faster. */
static bool begin_write(struct tls_tickets *t, bool *torn)
{
    uint32_t seen = atomic_load(&t->version);
    for (unsigned i = 0; (seen & 1) && i < WRITE_WAITS; i++) {
        usleep(WAIT_US);
        const uint32_t now = atomic_load(&t->version);
        if (now != seen)
            i = 0;
        seen = now;
    }
    *torn = seen & 1;
    return atomic_compare_exchange_strong(&t->version, &seen, *torn ? seen + 2 : seen + 1);
}

static void end_write(struct tls_tickets *t)
{
    atomic_fetch_add(&t->version, 1);
}

static void wipe_key(struct tls_ticket_key *k)
{
    OPENSSL_cleanse(k, sizeof *k);
}

static bool make_key(struct tls_ticket_key *k, uint64_t now_s)
{
    if (RAND_priv_bytes(k->name, sizeof k->name) != 1 ||
        RAND_priv_bytes(k->cipher, sizeof k->cipher) != 1 ||
        RAND_priv_bytes(k->mac, sizeof k->mac) != 1) {
        ERR_clear_error();
        wipe_key(k);
        return false;
    }
    k->made_s = now_s;
    return true;
}

static void push_key(struct tls_tickets *t, const struct tls_ticket_key *k)
{
    memmove(&t->keys[1], &t->keys[0], sizeof t->keys - sizeof t->keys[0]);
    t->keys[0] = *k;
}

bool tls_tickets_prepare(struct tls_tickets *t, uint64_t now_s)
{
    const uint32_t version = atomic_load(&t->version);
    if (version != 0 && !(version & 1))
        return true;
    struct tls_ticket_key key = {0};
    if (!make_key(&key, now_s))
        return false;
    bool torn;
    if (begin_write(t, &torn)) {
        if (torn)
            OPENSSL_cleanse(t->keys, sizeof t->keys);
        if (t->keys[0].made_s == 0)
            push_key(t, &key);
        end_write(t);
    }
    wipe_key(&key);
    return true;
}

/* A clock that was set back must not make a key eternal. */
static bool clamp_future(struct tls_tickets *t, uint64_t now_s)
{
    bool changed = false;
    for (size_t i = 0; i < TLS_TICKET_KEYS; i++) {
        if (t->keys[i].made_s <= now_s)
            continue;
        t->keys[i].made_s = now_s;
        changed = true;
    }
    return changed;
}

static bool wipe_old(struct tls_tickets *t, uint64_t lifetime_s, uint64_t now_s)
{
    bool changed = false;
    for (size_t i = 1; i < TLS_TICKET_KEYS; i++) {
        if (t->keys[i].made_s == 0 || now_s - t->keys[i].made_s < 2 * lifetime_s)
            continue;
        wipe_key(&t->keys[i]);
        changed = true;
    }
    return changed;
}

static bool is_due(const struct tls_tickets *t, uint64_t lifetime_s, uint64_t now_s)
{
    if (atomic_load(&t->version) & 1)
        return true;
    bool due = t->keys[0].made_s == 0 || now_s - t->keys[0].made_s >= lifetime_s;
    for (size_t i = 0; i < TLS_TICKET_KEYS; i++)
        due = due || t->keys[i].made_s > now_s ||
              (i && t->keys[i].made_s && now_s - t->keys[i].made_s >= 2 * lifetime_s);
    return due;
}

bool tls_tickets_rotate(struct tls_tickets *t, uint64_t lifetime_s, uint64_t now_s)
{
    struct tls_ticket_key key = {0};
    bool torn;
    if (!is_due(t, lifetime_s, now_s) || !make_key(&key, now_s) || !begin_write(t, &torn)) {
        wipe_key(&key);
        return false;
    }
    if (torn)
        OPENSSL_cleanse(t->keys, sizeof t->keys);
    bool changed = clamp_future(t, now_s);
    if (t->keys[0].made_s == 0 || now_s - t->keys[0].made_s >= lifetime_s) {
        push_key(t, &key);
        changed = true;
    }
    changed = wipe_old(t, lifetime_s, now_s) || changed;
    end_write(t);
    wipe_key(&key);
    return changed;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void refresh(struct tls_ticket_view *v)
{
    uint32_t version = atomic_load_explicit(&v->shared->version, memory_order_acquire);
    struct tls_ticket_key copy[TLS_TICKET_KEYS];
    for (unsigned i = 0; version != v->version && i < READ_TRIES; i++) {
        memcpy(copy, v->shared->keys, sizeof copy);
        atomic_thread_fence(memory_order_acquire);
        const uint32_t after = atomic_load_explicit(&v->shared->version, memory_order_relaxed);
        if (!(version & 1) && version == after) {
            memcpy(v->keys, copy, sizeof copy);
            v->version = version;
            OPENSSL_cleanse(copy, sizeof copy);
        }
        version = after;
    }
}

/* The key for new tickets (name NULL) or the one that a ticket names; NULL: none. */
static const struct tls_ticket_key *find_key(struct tls_ticket_view *v, const uint8_t *name)
{
    refresh(v);
    for (size_t i = 0; i < (name ? TLS_TICKET_KEYS : 1); i++)
        if (v->keys[i].made_s &&
            (!name || CRYPTO_memcmp(v->keys[i].name, name, sizeof v->keys[i].name) == 0))
            return &v->keys[i];
    return NULL;
}

/* -- OpenSSL's side ---------------------------------------------------------------------------- */

static bool begin_cipher(const struct tls_ticket_view *v, EVP_CIPHER_CTX *cipher,
                         const struct tls_ticket_key *k, unsigned char *iv, int encrypts)
{
    if (encrypts && RAND_bytes(iv, EVP_CIPHER_iv_length(v->cipher)) != 1)
        return false;
    return EVP_CipherInit_ex(cipher, v->cipher, NULL, k->cipher, iv, encrypts) == 1;
}

#if WITH_EVP_MAC
typedef EVP_MAC_CTX mac_ctx;

static bool begin_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *k)
{
    static char sha256[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("digest", sha256, sizeof sha256 - 1),
                                 OSSL_PARAM_END};
    return EVP_MAC_init(mac, k->mac, sizeof k->mac, params) == 1;
}
#else
typedef HMAC_CTX mac_ctx;

static bool begin_mac(HMAC_CTX *mac, const struct tls_ticket_key *k)
{
    return HMAC_Init_ex(mac, k->mac, sizeof k->mac, EVP_sha256(), NULL) == 1;
}
#endif

static int view_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

/* 1: done; 2: taken, and a new one is due; 0: not ours (a full handshake); -1: broken. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     mac_ctx *mac, int encrypts)
{
    struct tls_ticket_view *v = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), view_index());
    const struct tls_ticket_key *k = find_key(v, encrypts ? NULL : name);
    if (!k)
        return encrypts ? -1 : 0;
    if (encrypts)
        memcpy(name, k->name, sizeof k->name);
    if (!begin_cipher(v, cipher, k, iv, encrypts) || !begin_mac(mac, k))
        return -1;
    if (encrypts)
        return 1;
    /* A ticket of TLS 1.3 is used once, so each is followed by another. */
    return k == &v->keys[0] && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

struct tls_ticket_view *tls_ticket_view_new(const struct tls_tickets *t)
{
    struct tls_ticket_view *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->shared = t;
#if WITH_EVP_MAC
    v->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
#else
    v->cipher = (EVP_CIPHER *)EVP_aes_256_cbc();
#endif
    must(v->cipher);
    refresh(v);
    return v;
}

void tls_ticket_view_free(struct tls_ticket_view *v)
{
    if (!v)
        return;
#if WITH_EVP_MAC
    EVP_CIPHER_free(v->cipher);
#endif
    OPENSSL_cleanse(v, sizeof *v);
    free(v);
}

void tls_ticket_view_use(struct tls_ticket_view *v, SSL_CTX *ctx)
{
    must(SSL_CTX_set_ex_data(ctx, view_index(), v));
#if WITH_EVP_MAC
    must(SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket));
#else
    must(SSL_CTX_set_tlsext_ticket_key_cb(ctx, on_ticket));
#endif
}
