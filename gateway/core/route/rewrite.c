/* SPDX-License-Identifier: Apache-2.0 */
/* What a route makes of a target: the one that goes on to the origin, and the Location of a
 * redirect. Both replace the whole path, or the prefix that matched, and keep the query; a path
 * that brings a '?' of its own replaces the query too.
 *
 *     prefix /a, replaced by    /x        /        (or /x/)
 *     /a                        /x        /        /x/
 *     /a/                       /x/       /        /x/
 *     /a/b                      /x/b      /b       /x/b
 *
 * Nothing that stands here can end a field line: the target comes from target_parse(), which has
 * refused control characters, and what a Location takes from the configuration is escaped. */

#include "core/route/route.h"

#include <stdio.h>

/* -- paths ------------------------------------------------------------------------------------- */

/* A path in two pieces, so that the second need not be copied to be looked at. */
struct path_pieces {
    struct slice head, tail;
};

static struct path_pieces replace_prefix(struct slice path, struct slice prefix, struct slice with)
{
    struct path_pieces out = {.head = with, .tail = slice_from(path, prefix.n)};
    if (slice_eq(prefix, SLICE("/"))) /* its slash belongs to what follows */
        out.tail = slice_eq(path, prefix) ? SLICE("") : path;
    if (out.tail.n > 0 && with.n > 0 && with.p[with.n - 1] == '/')
        out.head.n--;
    if (out.head.n == 0)
        return (struct path_pieces){.head = out.tail};
    return out;
}

/* `path` and `prefix` as the configuration gives them; at most one isn't empty. */
static struct path_pieces new_path(const struct route_conf *rc, struct slice old, struct slice path,
                                   struct slice prefix)
{
    if (path.n)
        return (struct path_pieces){.head = path};
    if (prefix.n && rc->match.path_form == PATH_PREFIX && slice_starts(old, rc->match.path))
        return replace_prefix(old, rc->match.path, prefix);
    return (struct path_pieces){.head = old};
}

static bool has_query(struct path_pieces path)
{
    return slice_find(path.head, '?') < path.head.n;
}

/* -- to the origin ----------------------------------------------------------------------------- */

/* Path and query where they stand side by side in `raw`; else p == NULL. */
static struct slice as_received(const struct target *t, struct slice raw)
{
    const uintptr_t path = (uintptr_t)t->path.p, from = (uintptr_t)raw.p;
    if (path < from || path - from > raw.n || t->path.n > raw.n - (path - from))
        return slice_of(NULL, 0); /* it was normalised into the arena */
    const char *end = t->path.p + t->path.n;
    if (!t->query.p)
        return t->path;
    return t->query.p == end + 1 ? slice_between(t->path.p, t->query.p + t->query.n)
                                 : slice_of(NULL, 0);
}

static char *put(char *to, struct slice s)
{
    return s.n ? mempcpy(to, s.p, s.n) : to;
}

struct slice route_target(const struct route_conf *rc, const struct target *t, struct slice raw,
                          struct arena *a)
{
    if (t->form == TARGET_AUTHORITY)
        return raw;
    if (t->path.n == 0 || t->path.p[0] != '/') /* "*" is no path */
        return t->path;
    struct path_pieces path = {.head = t->path};
    if (rc->rewrite.path.n || rc->rewrite.prefix.n) {
        path = new_path(rc, t->path, rc->rewrite.path, rc->rewrite.prefix);
    } else {
        const struct slice whole = as_received(t, raw);
        if (whole.p)
            return whole;
    }
    const bool query = t->query.p && !has_query(path);
    char *out = arena_alloc(a, path.head.n + path.tail.n + 1 + t->query.n), *end = out;
    end = put(put(end, path.head), path.tail);
    if (query) {
        *end++ = '?';
        end = put(end, t->query);
    }
    return slice_between(out, end);
}

/* -- redirects --------------------------------------------------------------------------------- */

/* Bytes that no URI has (RFC 3986 appendix A); '%' stays, as it begins an escape. */
static bool is_foreign(char c)
{
    return (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f || strchr("\"<>\\^`{|}", c);
}

/* Copies, with escapes for foreign bytes: at most three times as long. */
static char *put_escaped(char *to, struct slice s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (is_foreign((char)c)) {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        } else {
            *to++ = (char)c;
        }
    }
    return to;
}

static unsigned default_port(struct slice scheme)
{
    return slice_ieq(scheme, SLICE("https")) ? 443 : 80;
}

/* The port to write, 0 for none: the given one, else that of a given scheme, else the request's. */
static unsigned redirect_port(const struct route_conf *rc, struct slice scheme,
                              const struct host *host)
{
    unsigned port = (unsigned)rc->redirect.port;
    if (!port && !rc->redirect.scheme.n)
        port = host->port;
    return port == default_port(scheme) ? 0 : port;
}

/* "https://example.com:8443" */
static char *put_authority(char *end, const struct route_conf *rc, struct slice scheme,
                           struct slice name, const struct host *host)
{
    char digits[8];
    const unsigned port = redirect_port(rc, scheme, host);
    end = put_escaped(put_escaped(end, scheme), SLICE("://"));
    end = put_escaped(end, name);
    if (port)
        end = put(end, slice_of(digits, (size_t)snprintf(digits, sizeof digits, ":%u", port)));
    return end;
}

struct slice route_location(const struct route_conf *rc, const struct target *t,
                            struct slice scheme, const struct host *host, struct arena *a)
{
    const bool is_path = t->path.n && t->path.p[0] == '/';
    const struct path_pieces path =
        new_path(rc, is_path ? t->path : SLICE("/"), rc->redirect.path, rc->redirect.prefix);
    const struct slice name = rc->redirect.host.n ? rc->redirect.host : host->name;
    if (rc->redirect.scheme.n)
        scheme = rc->redirect.scheme;

    const size_t most = scheme.n + name.n + path.head.n + path.tail.n + t->query.n;
    char *out = arena_alloc(a, 3 * most + sizeof "://:65535/.?"), *end = out;
    if (name.n) /* a relative one else, which a client may be sent too (RFC 9110 10.2.2) */
        end = put_authority(end, rc, scheme, name, host);
    else if (slice_starts(path.head, SLICE("//")))
        end = put(end, SLICE("/.")); /* "//x" alone would name the host x */
    end = put_escaped(put_escaped(end, path.head), path.tail);
    if (t->query.p && !has_query(path)) {
        *end++ = '?';
        end = put_escaped(end, t->query);
    }
    return slice_between(out, end);
}
