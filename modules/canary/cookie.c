/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed begins with words of this module's own, so that a key that something else uses,
 * too, makes no signatures for us; and with the cookie's name, so that the id of one split isn't
 * good in another. Signatures are compared as texts: there is one right text for each. */
#include "canary/cookie.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/slice.h"

enum {
    ID_BYTES = 16,
    ENCODED = 25,
    NAME_MAX_N = 256,
    ATTRIBUTE_MAX = 1024, /* RFC 6265bis 5.6: browsers leave out longer ones */
};

static bool __attribute__((format(printf, 2, 3)))
refuse(char reason[COOKIE_REASON], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(reason, COOKIE_REASON, fmt, args);
    va_end(args);
    return false;
}

/* RFC 6265 4.1.1: any character except controls and ";". */
static bool is_attribute(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] == 0x7f || s.p[i] == ';')
            return false;
    return true;
}

static bool begins(struct weir_slice s, const char *with)
{
    const size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

bool cookie_ok(struct weir_slice name, const struct cookie_attributes *a,
               char reason[COOKIE_REASON])
{
    static const char host[] = "__Host-", secure[] = "__Secure-";
    if (!slice_is_token(name) || name.n > NAME_MAX_N)
        return refuse(reason, "\"%.*s\" can't be the name of a cookie",
                      (int)(name.n < 64 ? name.n : 64), name.p ? name.p : "");
    if (!is_attribute(a->path) || !begins(a->path, "/"))
        return refuse(reason, "path is \"%.*s\"; it begins with \"/\" and has no \";\"",
                      SLICE_ARG(a->path));
    if (!is_attribute(a->domain) || (a->domain.n && memchr(a->domain.p, ' ', a->domain.n)))
        return refuse(reason, "domain is \"%.*s\"; the name of a host", SLICE_ARG(a->domain));
    if (a->path.n > ATTRIBUTE_MAX || a->domain.n > ATTRIBUTE_MAX)
        return refuse(reason, "its path or domain is longer than the %d bytes that browsers take",
                      ATTRIBUTE_MAX);
    if (a->same_site == SAME_SITE_NONE && !a->secure)
        return refuse(reason, "same_site is \"none\", which browsers only take with secure = true");
    if ((begins(name, host) || begins(name, secure)) && !a->secure)
        return refuse(reason, "browsers take \"%.*s\" only with secure = true", SLICE_ARG(name));
    if (begins(name, host) && (a->domain.n || a->path.n != 1))
        return refuse(reason, "browsers take \"%.*s\" only with path = \"/\" and without domain",
                      SLICE_ARG(name));
    return true;
}

bool cookie_value_ok(struct weir_slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] == 0x7f || strchr("\",;\\", value.p[i]))
            return false;
    return value.n > 0;
}

/* -- ids and signatures ---------------------------------------------------------------------- */

static void encode(const unsigned char bytes[ID_BYTES], char to[COOKIE_ID])
{
    unsigned char text[ENCODED];
    EVP_EncodeBlock(text, bytes, ID_BYTES);
    for (unsigned i = 0; i < COOKIE_ID; i++)
        to[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
}

bool cookie_new_id(char id[COOKIE_ID])
{
    unsigned char bytes[ID_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    encode(bytes, id);
    return true;
}

static bool signature(struct weir_slice key, struct weir_slice name, const char id[COOKIE_ID],
                      char to[COOKIE_ID])
{
    char said[NAME_MAX_N + 64];
    unsigned char mac[EVP_MAX_MD_SIZE];
    const int n = snprintf(said, sizeof said, "weir canary cookie\n%.*s\n%.*s", SLICE_ARG(name),
                           COOKIE_ID, id);
    if (n < 0 || (size_t)n >= sizeof said ||
        !HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)said, (size_t)n, mac, NULL))
        return false;
    encode(mac, to);
    return true;
}

bool cookie_sign(struct weir_slice key, struct weir_slice name, const char id[COOKIE_ID],
                 char out[COOKIE_SIGNED])
{
    memcpy(out, id, COOKIE_ID);
    out[COOKIE_ID] = '.';
    return signature(key, name, id, out + COOKIE_ID + 1);
}

bool cookie_verify(struct weir_slice key, struct weir_slice name, struct weir_slice value,
                   struct weir_slice *id)
{
    char right[COOKIE_ID];
    if (value.n != COOKIE_SIGNED || value.p[COOKIE_ID] != '.' || memchr(value.p, 0, COOKIE_ID) ||
        !signature(key, name, value.p, right) ||
        CRYPTO_memcmp(right, value.p + COOKIE_ID + 1, COOKIE_ID) != 0)
        return false;
    *id = (struct weir_slice){value.p, COOKIE_ID};
    return true;
}

/* -- as it is sent ---------------------------------------------------------------------------- */

bool cookie_text(char *to, size_t size, size_t *n, struct weir_slice name, struct weir_slice value,
                 const struct cookie_attributes *a, bool https)
{
    static const char *const sites[] = {
        [SAME_SITE_LAX] = "Lax", [SAME_SITE_STRICT] = "Strict", [SAME_SITE_NONE] = "None"};
    char age[40] = "";
    if (a->max_age_s)
        snprintf(age, sizeof age, "; Max-Age=%llu", (unsigned long long)a->max_age_s);
    const int length =
        snprintf(to, size, "%.*s=%.*s; Path=%.*s%s%.*s%s%s%s; SameSite=%s", SLICE_ARG(name),
                 SLICE_ARG(value), SLICE_ARG(a->path), a->domain.n ? "; Domain=" : "",
                 SLICE_ARG(a->domain), age, a->secure || https ? "; Secure" : "",
                 a->http_only ? "; HttpOnly" : "", sites[a->same_site]);
    if (length < 0 || (size_t)length >= size)
        return false;
    *n = (size_t)length;
    return true;
}
