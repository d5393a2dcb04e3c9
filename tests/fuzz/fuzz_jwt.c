/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what clients and issuers send to the module auth. The first byte says what the rest is:
 *
 *   t  a token. One that is accepted is no longer when any one of its characters is another;
 *   s  HEADER, a line feed, PAYLOAD, which are signed here, so that claims are reached. Accepted
 * ones are HS256, and their flat claims keep to the limits; k  a set of keys. Each key that is
 * taken has algorithms of its own type only; b  an Authorization line. Users and passwords have no
 * control characters.
 *
 * Beside the secret of the target's own, the keys are those of RFC 7515 A and RFC 8037 A. */
#include "auth/claims.h"
#include "auth/credentials.h"
#include "auth/jwt.h"
#include "tests/fuzz/fuzz.h"

#include <openssl/err.h>
#include <openssl/hmac.h>

enum { NOW = 1300000000 };

#define SECRET_BYTES "0123456789abcdef0123456789abcdef"

static const char keys_text[] =
    "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"s\",\"k\":"
    "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"},"
    "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4h"
    "cgUuTwjAzZr1Z9CAow\"},"
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26m"
    "PddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo"
    "9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZl"
    "xvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW"
    "yuXpoQ\"}]}";

static const struct jwks *keys(void)
{
    static struct jwks set;
    struct auth_fault fault;
    if (!set.n)
        must(jwks_parse((struct weir_slice){keys_text, sizeof keys_text - 1}, JWKS_FILE, &set,
                        &fault));
    return &set;
}

static enum jwt_fault verify(struct weir_slice text, struct jwt_token *token)
{
    static const struct weir_slice audience = {"api", 3};
    struct jwt_rules rules = {.algs = JWT_ALGS_ALL, .endless = true, .skew_s = 60};
    rules.audiences = &audience;
    rules.audiences_n = text.n % 2; /* with and without */
    const enum jwt_fault f = jwt_verify(text, keys(), &rules, NOW, token);
    must((f == JWT_OK) == (token->claims != NULL));
    must(jwt_fault_word(f) && ERR_peek_error() == 0);
    return f;
}

static void fuzz_token(struct slice in)
{
    struct jwt_token token;
    char *copy = fuzz_copy(in);
    const struct weir_slice text = {copy, in.n};
    if (verify(text, &token) == JWT_OK) {
        jwt_token_free(&token);
        copy[fuzz_number(in) % in.n] ^= 1;
        must(verify(text, &token) != JWT_OK);
    }
    free(copy);
}

/* -- tokens that are signed -------------------------------------------------------------------- */

static size_t put_base64url(char *to, const void *p, size_t n)
{
    size_t len = (size_t)EVP_EncodeBlock((uint8_t *)to, p, (int)n);
    while (len && to[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
    return len;
}

static void check_claims(const struct jwt_token *token)
{
    static const struct claims_limits limits = {CLAIMS_PAIRS_MAX, CLAIMS_TEXT_MAX};
    enum claims_fault fault;
    struct claims *c = claims_new(token->claims, &limits, &fault);
    size_t n = 0;
    must((c != NULL) == (fault == CLAIMS_OK));
    for (size_t i = 0; c && i < c->n; i++)
        n += (i && c->v[i].name.p == c->v[i - 1].name.p ? 0 : c->v[i].name.n) + c->v[i].value.n;
    must(!c || (c->n <= CLAIMS_PAIRS_MAX && n <= CLAIMS_TEXT_MAX));
    claims_free(c);
}

static void fuzz_signed(struct slice in)
{
    enum { PART_MAX = 6000 };
    uint8_t mac[32];
    char text[3 * PART_MAX];
    unsigned mac_n = sizeof mac;
    struct jwt_token token;
    const size_t mark = slice_find(in, '\n');
    if (mark >= in.n || in.n > PART_MAX)
        return;
    size_t n = put_base64url(text, in.p, mark);
    text[n++] = '.';
    n += put_base64url(text + n, in.p + mark + 1, in.n - mark - 1);
    must(HMAC(EVP_sha256(), SECRET_BYTES, 32, (uint8_t *)text, n, mac, &mac_n));
    text[n++] = '.';
    n += put_base64url(text + n, mac, mac_n);
    if (verify((struct weir_slice){text, n}, &token) == JWT_OK) {
        must(token.alg == JWT_ALG_HS256);
        check_claims(&token);
    }
    jwt_token_free(&token);
}

/* -- keys and credentials ---------------------------------------------------------------------- */

static void fuzz_keys(struct slice in)
{
    struct jwks set;
    struct auth_fault fault;
    const enum jwks_source from = in.n % 2 ? JWKS_FILE : JWKS_FETCHED;
    const bool good = jwks_parse((struct weir_slice){in.p, in.n}, from, &set, &fault);
    must(good == (set.n > 0) && good == (fault.text[0] == '\0') && ERR_peek_error() == 0);
    must(set.n <= JWKS_KEYS_MAX && (!set.skipped == !set.skipped_why));
    for (size_t i = 0; i < set.n; i++) {
        const struct jwks_key *k = &set.keys[i];
        must(k->pkey && k->algs && (k->algs & ~jwt_alg_set(k->type)) == 0);
        must(k->type != JWT_KEY_OCT || from == JWKS_FILE);
    }
    jwks_free(&set);
}

static bool is_clean(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

static void fuzz_credentials(struct slice in)
{
    struct credentials_basic b;
    const struct credentials c = credentials_read((struct weir_slice){in.p, in.n});
    must((c.kind == CREDENTIALS_BEARER || c.kind == CREDENTIALS_BASIC) == (c.token.n > 0));
    if (c.kind != CREDENTIALS_BASIC || !credentials_basic(c.token, &b))
        return;
    must(b.user.n && b.user.n <= CREDENTIALS_USER_MAX && b.password.n <= CREDENTIALS_PASSWORD_MAX);
    must(is_clean(b.user) && is_clean(b.password) && !memchr(b.user.p, ':', b.user.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice in = slice_from(slice_of((const char *)data, n), 1);
    if (n < 2)
        return 0;
    if (data[0] == 't')
        fuzz_token(in);
    else if (data[0] == 's')
        fuzz_signed(in);
    else if (data[0] == 'k')
        fuzz_keys(in);
    else if (data[0] == 'b')
        fuzz_credentials(in);
    return 0;
}
