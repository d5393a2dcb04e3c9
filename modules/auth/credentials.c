/* SPDX-License-Identifier: Apache-2.0 */
/* Reads credentials and writes challenges. A value is taken as the standards write it or not at
 * all: another server may read what is left open here in its own way. */
#include "auth/credentials.h"

#include <openssl/crypto.h>

#include "auth/jwt_base64.h"
#include "common/slice.h"

/* -- reading ----------------------------------------------------------------------------------- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~+/", c));
}

/* token68 (RFC 9110 11.2), which is b64token (RFC 6750 2.1). */
static bool is_token(struct weir_slice s)
{
    size_t i = 0;
    while (i < s.n && is_token_char(s.p[i]))
        i++;
    const size_t named = i;
    while (i < s.n && s.p[i] == '=')
        i++;
    return named > 0 && i == s.n;
}

static struct credentials as_token(enum credentials_kind kind, struct weir_slice token)
{
    if (!is_token(token))
        return (struct credentials){CREDENTIALS_MALFORMED, {0}};
    return (struct credentials){kind, token};
}

struct credentials credentials_read(struct weir_slice authorization)
{
    struct weir_slice rest = authorization;
    const struct weir_slice scheme = slice_cut(&rest, ' ');
    const enum credentials_kind kind = slice_ieq(scheme, WEIR_SLICE("Bearer"))  ? CREDENTIALS_BEARER
                                       : slice_ieq(scheme, WEIR_SLICE("Basic")) ? CREDENTIALS_BASIC
                                                                                : CREDENTIALS_NONE;
    if (kind == CREDENTIALS_NONE)
        return (struct credentials){0};
    while (rest.n && rest.p[0] == ' ')
        rest = (struct weir_slice){rest.p + 1, rest.n - 1};
    return as_token(kind, rest);
}

struct credentials credentials_cookie(struct weir_slice value)
{
    if (!value.p)
        return (struct credentials){0};
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = (struct weir_slice){value.p + 1, value.n - 2};
    return as_token(CREDENTIALS_BEARER, value);
}

struct weir_slice credentials_api_key(struct weir_slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' ||
            value.p[i] >= 0x7f) /* signed or not, bytes over 127 aren't ASCII */
            return (struct weir_slice){0};
    return value.n && value.n <= CREDENTIALS_API_KEY_MAX ? value : (struct weir_slice){0};
}

bool credentials_basic(struct weir_slice token, struct credentials_basic *out)
{
    size_t n;
    out->user = out->password = (struct weir_slice){0};
    if (JWT_BASE64_ROOM(token.n) > sizeof out->text ||
        !jwt_base64_decode(token, JWT_BASE64_PADDED, (uint8_t *)out->text, &n))
        return false;
    struct weir_slice password = {out->text, n};
    const bool control = slice_has_control(password);
    const struct weir_slice user = slice_cut(&password, ':');
    if (control || !password.p || !user.n || user.n > CREDENTIALS_USER_MAX ||
        password.n > CREDENTIALS_PASSWORD_MAX)
        return false;
    out->user = user;
    out->password = password;
    return true;
}

void credentials_basic_wipe(struct credentials_basic *b)
{
    OPENSSL_cleanse(b, sizeof *b);
}

/* -- challenges -------------------------------------------------------------------------------- */

static const char *const errors[] = {NULL, "invalid_request", "invalid_token",
                                     "insufficient_scope"};

/* A text that grows in the caller's memory; `good` is lost when something doesn't fit. */
struct writer {
    char *to;
    size_t n, room;
    bool good;
};

static void put(struct writer *w, struct weir_slice s)
{
    if (s.n > w->room - w->n) {
        w->good = false;
        return;
    }
    if (s.n)
        memcpy(w->to + w->n, s.p, s.n);
    w->n += s.n;
}

/* RFC 9110 5.6.4. */
static void put_quoted(struct writer *w, struct weir_slice s)
{
    put(w, WEIR_SLICE("\""));
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            put(w, WEIR_SLICE("\\"));
        put(w, (struct weir_slice){s.p + i, 1});
    }
    put(w, WEIR_SLICE("\""));
}

/* RFC 6750 3: these have fewer characters than a quoted string may have. */
static bool is_description(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\')
            return false;
    return true;
}

static void put_error(struct writer *w, const struct credentials_challenge *c)
{
    put(w, WEIR_SLICE(", error="));
    put_quoted(w, slice_str(errors[c->error]));
    if (!c->description)
        return;
    w->good = w->good && is_description(slice_str(c->description));
    put(w, WEIR_SLICE(", error_description="));
    put_quoted(w, slice_str(c->description));
}

static void put_challenge(struct writer *w, const struct credentials_challenge *c)
{
    w->good = w->good && credentials_realm_ok(c->realm);
    put(w, c->scheme == CREDENTIALS_BASIC     ? WEIR_SLICE("Basic realm=")
           : c->scheme == CREDENTIALS_API_KEY ? WEIR_SLICE("ApiKey realm=")
                                              : WEIR_SLICE("Bearer realm="));
    put_quoted(w, c->realm);
    if (c->scheme == CREDENTIALS_BASIC)
        put(w, WEIR_SLICE(", charset=\"UTF-8\"")); /* RFC 7617 2.1 */
    else if (c->scheme == CREDENTIALS_BEARER && c->error != CREDENTIALS_NO_ERROR)
        put_error(w, c);
}

bool credentials_realm_ok(struct weir_slice realm)
{
    return realm.n <= CREDENTIALS_REALM_MAX && !slice_has_control(realm);
}

size_t credentials_challenge_write(const struct credentials_challenge *v, size_t n, char *to,
                                   size_t room)
{
    struct writer w = {.to = to, .room = room, .good = true};
    for (size_t i = 0; i < n; i++) {
        if (i)
            put(&w, WEIR_SLICE(", "));
        put_challenge(&w, &v[i]);
    }
    return w.good ? w.n : 0;
}
