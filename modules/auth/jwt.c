/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies one token, in an order that gives its maker nothing to play with:
 *
 *     size - three parts - header - algorithm - key - signature - claims - times - issuer, audience
 *
 * Invariant: nothing of the payload is decoded before the signature is right; and the signature's
 * algorithm is one that the rules allow and that the key itself has (jwt_signature.c). */
#include "auth/jwt.h"

#include <math.h>
#include <stdlib.h>

#include "auth/jwt_base64.h"
#include "auth/jwt_signature.h"
#include "common/slice.h"

/* One token on its way. */
struct work {
    const struct jwt_rules *rules;
    struct weir_slice header, payload, signature; /* as sent, of the token */
    struct weir_slice content;                    /* header.payload: what is signed */
    uint8_t *room;                                /* owned; for the longest part */
    json_t *head;                                 /* owned */
    const char *kid;                              /* of head; NULL: none */
    enum jwt_alg alg;
};

static enum jwt_fault split(struct work *w, struct weir_slice token);
static enum jwt_fault read_header(struct work *w);
static enum jwt_fault check_signature(const struct work *w, const struct jwks *keys);
static enum jwt_fault read_claims(struct work *w, uint64_t now_s, struct jwt_token *out);
static enum jwt_fault check_times(const struct jwt_rules *rules, uint64_t now_s,
                                  struct jwt_token *t);
static enum jwt_fault check_parties(const struct jwt_rules *rules, const json_t *claims);

static const struct {
    const char *word, *text;
} faults[] = {
#define FAULT(name, word, text) {word, text},
    JWT_FAULTS(FAULT)
#undef FAULT
};

const char *jwt_fault_word(enum jwt_fault f)
{
    return faults[f].word;
}

const char *jwt_fault_text(enum jwt_fault f)
{
    return faults[f].text;
}

enum jwt_fault jwt_verify(struct weir_slice token, const struct jwks *keys,
                          const struct jwt_rules *rules, uint64_t now_s, struct jwt_token *out)
{
    struct work w = {.rules = rules};
    *out = (struct jwt_token){0};
    enum jwt_fault f = split(&w, token);
    if (f == JWT_OK)
        f = read_header(&w);
    if (f == JWT_OK)
        f = check_signature(&w, keys);
    if (f == JWT_OK)
        f = read_claims(&w, now_s, out);
    json_decref(w.head);
    free(w.room);
    if (f != JWT_OK)
        jwt_token_free(out);
    return f;
}

void jwt_token_free(struct jwt_token *t)
{
    json_decref(t->claims);
    *t = (struct jwt_token){0};
}

static enum jwt_fault split(struct work *w, struct weir_slice token)
{
    struct weir_slice rest = token;
    if (token.n > (w->rules->size_max ? w->rules->size_max : JWT_SIZE_PRESET))
        return JWT_TOO_LONG;
    w->header = slice_cut(&rest, '.');
    w->payload = slice_cut(&rest, '.');
    w->signature = slice_cut(&rest, '.');
    if (rest.p || !w->header.n || !w->payload.n || !w->signature.n)
        return JWT_MALFORMED;
    w->content = (struct weir_slice){token.p, w->header.n + 1 + w->payload.n};
    w->room = malloc(JWT_BASE64_ROOM(w->content.n));
    return w->room ? JWT_OK : JWT_MEMORY;
}

/* A JSON object out of a part of the token; NULL: it is none. Owned. */
static json_t *object_of(const struct work *w, struct weir_slice part)
{
    size_t n;
    json_error_t error;
    if (!jwt_base64_decode(part, JWT_BASE64_URL, w->room, &n))
        return NULL;
    json_t *v = json_loadb((const char *)w->room, n, JSON_REJECT_DUPLICATES, &error);
    if (v && !json_is_object(v)) {
        json_decref(v);
        v = NULL;
    }
    return v;
}

/* -- header (RFC 7515 4.1) --------------------------------------------------------------------- */

static bool typ_fits(const json_t *head, struct weir_slice want)
{
    static const struct weir_slice prefix = {"application/", 12};
    const json_t *v = json_object_get(head, "typ");
    struct weir_slice typ = {json_string_value(v), json_string_length(v)};
    if (typ.n > prefix.n && slice_ieq((struct weir_slice){typ.p, prefix.n}, prefix))
        typ = (struct weir_slice){typ.p + prefix.n, typ.n - prefix.n};
    return typ.p && slice_ieq(typ, want);
}

/* No extension is understood, so whatever is critical, a list of nothing included, is too much; and
 * a payload that isn't encoded (RFC 7797) is none of ours even when nobody calls that critical. */
static bool is_critical(const json_t *head)
{
    const json_t *b64 = json_object_get(head, "b64");
    return json_object_get(head, "crit") || (b64 && !json_is_true(b64));
}

static enum jwt_fault read_header(struct work *w)
{
    w->head = object_of(w, w->header);
    const json_t *alg = json_object_get(w->head, "alg"), *kid = json_object_get(w->head, "kid");
    const struct weir_slice name = {json_string_value(alg), json_string_length(alg)};
    if (!w->head || !name.p || (kid && !json_is_string(kid)))
        return JWT_HEADER;
    w->kid = json_string_value(kid);
    if (!jwt_alg_find(name, &w->alg) || !(w->rules->algs & jwt_alg_bit(w->alg)))
        return JWT_ALG;
    if (is_critical(w->head))
        return JWT_CRIT;
    if (w->rules->typ.p && !typ_fits(w->head, w->rules->typ))
        return JWT_TYP;
    return JWT_OK;
}

/* -- signature --------------------------------------------------------------------------------- */

static bool is_candidate(const struct work *w, const struct jwks_key *key)
{
    const bool named = !w->kid || (key->kid && strcmp(key->kid, w->kid) == 0);
    return named && (key->algs & jwt_alg_bit(w->alg));
}

static enum jwt_fault check_signature(const struct work *w, const struct jwks *keys)
{
    uint8_t bytes[JWT_BASE64_ROOM(JWT_SIGNATURE_MAX * 4 / 3 + 4)];
    struct weir_slice signature = {(const char *)bytes, 0};
    unsigned tries = 0;
    if (JWT_BASE64_ROOM(w->signature.n) > sizeof bytes)
        return JWT_SIGNATURE;
    if (!jwt_base64_decode(w->signature, JWT_BASE64_URL, bytes, &signature.n))
        return JWT_MALFORMED;
    for (size_t i = 0; i < keys->n; i++) {
        if (!is_candidate(w, &keys->keys[i]))
            continue;
        if (tries++ == JWT_TRIES_MAX)
            return JWT_KID;
        if (jwt_signature_ok(&keys->keys[i], w->alg, w->content, signature))
            return JWT_OK;
    }
    return tries ? JWT_SIGNATURE : JWT_KEY;
}

/* -- claims (RFC 7519 4.1) --------------------------------------------------------------------- */

static enum jwt_fault read_claims(struct work *w, uint64_t now_s, struct jwt_token *out)
{
    out->alg = w->alg;
    out->claims = object_of(w, w->payload);
    if (!out->claims)
        return JWT_PAYLOAD;
    const json_t *sub = json_object_get(out->claims, "sub");
    if (sub && !json_is_string(sub))
        return JWT_CLAIM;
    const enum jwt_fault f = check_times(w->rules, now_s, out);
    return f == JWT_OK ? check_parties(w->rules, out->claims) : f;
}

/* A NumericDate: seconds, perhaps with a fraction. False when it is something else; *out is left as
 * it was when there is none. */
static bool read_date(const json_t *claims, const char *name, double *out)
{
    const json_t *v = json_object_get(claims, name);
    if (!v)
        return true;
    if (!json_is_number(v) || !isfinite(json_number_value(v)))
        return false;
    *out = json_number_value(v);
    return true;
}

/* exp: good before that moment; nbf: good from it on. The skew is in the token's favour. */
static enum jwt_fault check_times(const struct jwt_rules *rules, uint64_t now_s,
                                  struct jwt_token *t)
{
    /* Whole seconds up to here are exact in a double; a date beyond is as good as never. */
    const double horizon_s = 9007199254740992.0;
    const double now = (double)now_s, skew = (double)rules->skew_s;
    double exp = INFINITY, nbf = -INFINITY, iat = 0;
    if (!read_date(t->claims, "exp", &exp) || !read_date(t->claims, "nbf", &nbf) ||
        !read_date(t->claims, "iat", &iat))
        return JWT_CLAIM;
    if (exp == INFINITY && !rules->endless)
        return JWT_ENDLESS;
    if (now >= exp + skew)
        return JWT_EXPIRED;
    if (now < nbf - skew)
        return JWT_EARLY;
    t->exp_s = exp >= horizon_s ? UINT64_MAX : exp > 0 ? (uint64_t)exp : 0;
    return JWT_OK;
}

static bool is_audience(const struct jwt_rules *rules, const json_t *v)
{
    const struct weir_slice name = {json_string_value(v), json_string_length(v)};
    for (size_t i = 0; i < rules->audiences_n; i++)
        if (slice_eq(name, rules->audiences[i]))
            return true;
    return false;
}

/* `aud` is a text, or a list of them (RFC 7519 4.1.3). */
static enum jwt_fault check_audience(const struct jwt_rules *rules, const json_t *aud)
{
    bool found = json_is_string(aud) && is_audience(rules, aud);
    if (aud && !json_is_string(aud) && !json_is_array(aud))
        return JWT_CLAIM;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *one = json_array_get(aud, i);
        if (!json_is_string(one))
            return JWT_CLAIM;
        found = found || is_audience(rules, one);
    }
    return found || !rules->audiences_n ? JWT_OK : JWT_AUDIENCE;
}

static enum jwt_fault check_parties(const struct jwt_rules *rules, const json_t *claims)
{
    const json_t *iss = json_object_get(claims, "iss");
    const struct weir_slice name = {json_string_value(iss), json_string_length(iss)};
    if (iss && !name.p)
        return JWT_CLAIM;
    if (rules->issuer.p && (!name.p || !slice_eq(name, rules->issuer)))
        return JWT_ISSUER;
    return check_audience(rules, json_object_get(claims, "aud"));
}
