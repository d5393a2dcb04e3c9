/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets and hosts, brought to one spelling.
 *
 * A path is scanned once. As long as it is already in the one spelling nothing is copied, and that
 * is what almost every request brings: path_scan() ends at the '?' and the path is a slice of what
 * came in. Only when it meets something that has to change is the path rewritten, segment by
 * segment, into the arena; the result is never longer than what came in.
 *
 * The invariant that everything behind relies on: a path that was rewritten once would not be
 * rewritten again. It holds because escapes are decoded exactly once and only to unreserved
 * characters, which never form a new escape, and because dot segments are taken out after decoding.
 *
 * Segments that are no dot segments here but are for some servers behind ("..;x", or ".." beside
 * an encoded slash) are refused: whatever two parsers could read differently goes no further. */
#include "http/target.h"

#include "base/addr.h"

enum kind { PLAIN, UNRESERVED, SLASH, PERCENT, QUESTION, IN_QUERY, HASH, REFUSED };

/* What each byte means in a path or a query. Refused is what the URI grammar doesn't have (RFC
 * 3986 appendix A), except for the square brackets: they belong into hosts only, but browsers send
 * them in queries and paths as they are, and nothing reads them in two ways. */
static const uint8_t kinds[256] = {
    [0 ... ' '] = REFUSED,
    ['"'] = REFUSED,
    ['#'] = HASH,
    ['%'] = PERCENT,
    ['-'] = UNRESERVED,
    ['.'] = UNRESERVED,
    ['/'] = SLASH,
    ['0' ... '9'] = UNRESERVED,
    ['<'] = REFUSED,
    ['>'] = REFUSED,
    ['?'] = QUESTION,
    ['A' ... 'Z'] = UNRESERVED,
    ['\\'] = IN_QUERY,
    ['^'] = IN_QUERY,
    ['_'] = UNRESERVED,
    ['`'] = IN_QUERY,
    ['a' ... 'z'] = UNRESERVED,
    ['{' ... '}'] = IN_QUERY,
    ['~'] = UNRESERVED,
    [0x7f ... 0xff] = REFUSED,
};

static enum kind kind_of(char c)
{
    return (enum kind)kinds[(uint8_t)c];
}

const char *target_fault_name(enum target_fault f)
{
    static const char *const names[] = {
#define F(id, name, text) name,
        TARGET_FAULT_LIST(F)
#undef F
    };
    return names[f];
}

const char *target_fault_text(enum target_fault f)
{
    static const char *const texts[] = {
#define F(id, name, text) text,
        TARGET_FAULT_LIST(F)
#undef F
    };
    return texts[f];
}

/* -- escapes --------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at `p` stands for, or -1 when it is malformed. */
static int escape_value(const char *p, const char *end)
{
    if (end - p < 3)
        return -1;
    int high = hex_value(p[1]), low = hex_value(p[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Is the escape at `p` one that stays exactly as it is? False also for what is to be refused:
 * the rewriting pass finds the reason. */
static bool escape_is_clean(const char *p, const char *end)
{
    int value = escape_value(p, end);
    return value > 0 && value != '/' && value != '\\' && kinds[value] != UNRESERVED &&
           !(p[1] >= 'a') && !(p[2] >= 'a');
}

/* -- dot segments ---------------------------------------------------------------------------- */

/* How many bytes of a piece are leading dots, when these dots are all of it or stand before
 * parameters (";x"), which some servers cut off before they look; else 0. */
static size_t leading_dots(struct slice piece)
{
    size_t dots = 0;
    while (dots < piece.n && dots < 3 && piece.p[dots] == '.')
        dots++;
    bool whole = dots == piece.n || piece.p[dots] == ';';
    return dots <= 2 && whole ? dots : 0;
}

/* Would a server that cuts off parameters, or decodes an encoded slash, see a dot segment in this
 * segment, which isn't one? It is written: its escapes have upper-case digits. */
static bool hides_dots(struct slice segment)
{
    size_t at = 0;
    for (size_t i = 0; i + 2 < segment.n; i++) {
        if (segment.p[i] != '%')
            continue;
        int value = escape_value(segment.p + i, segment.p + segment.n);
        if (value != '/' && value != '\\')
            continue;
        if (leading_dots(slice_of(segment.p + at, i - at)))
            return true;
        at = i + 3;
    }
    return leading_dots(slice_from(segment, at)) > 0;
}

/* -- paths ----------------------------------------------------------------------------------- */

/* Can the segment behind the slash at `p` be left alone? True for ".well-known". */
static bool segment_is_clean(const char *p, const char *end, bool slashes_matter)
{
    if (p + 1 == end)
        return true;
    if (p[1] == '/')
        return !slashes_matter;
    if (p[1] != '.')
        return true;
    p += p + 2 < end && p[2] == '.' ? 3 : 2;
    return p < end && kind_of(*p) != SLASH && kind_of(*p) != QUESTION && *p != ';';
}

/* The end of the clean part of a path: `end`, or the '?', or the first byte where something has
 * to be changed or refused. */
static const char *path_scan(const char *p, const char *end, bool slashes_matter)
{
    for (; p < end; p++) {
        enum kind k = kind_of(*p);
        if (likely(k <= UNRESERVED))
            continue;
        if (k == SLASH && segment_is_clean(p, end, slashes_matter))
            continue;
        if (k != PERCENT || !escape_is_clean(p, end))
            return p;
        p += 2;
    }
    return end;
}

struct rewrite {
    const char *in, *in_end;
    char *out, *out_begin;
    const struct target_rules *rules;
};

static enum target_fault copy_escape(struct rewrite *w)
{
    static const char digits[] = "0123456789ABCDEF";
    int value = escape_value(w->in, w->in_end);
    if (value < 0)
        return TARGET_FAULT_ESCAPE;
    if (value == 0)
        return TARGET_FAULT_NUL;
    if ((value == '/' || value == '\\') && !w->rules->keep_encoded_slashes)
        return TARGET_FAULT_SLASH;
    w->in += 3;
    if (kinds[value] == UNRESERVED) {
        *w->out++ = (char)value;
    } else {
        *w->out++ = '%';
        *w->out++ = digits[value >> 4];
        *w->out++ = digits[value & 15];
    }
    return TARGET_FAULT_NONE;
}

/* Copies up to the next slash or the end. */
static enum target_fault copy_segment(struct rewrite *w)
{
    while (w->in < w->in_end) {
        enum kind k = kind_of(*w->in);
        if (k == SLASH)
            break;
        if (k == HASH)
            return TARGET_FAULT_FRAGMENT;
        if (k > PERCENT)
            return TARGET_FAULT_CONTROL;
        if (k == PERCENT) {
            enum target_fault fault = copy_escape(w);
            if (fault)
                return fault;
        } else {
            *w->out++ = *w->in++;
        }
    }
    return TARGET_FAULT_NONE;
}

/* Decides about the segment that was just written behind the slash at `slash`. */
static enum target_fault settle_segment(struct rewrite *w, char *slash)
{
    struct slice segment = slice_between(slash + 1, w->out);
    bool last = w->in == w->in_end;
    if (segment.n == 0) {
        if (!last && w->rules->duplicate_slashes == SLASH_REFUSE)
            return TARGET_FAULT_DOUBLE_SLASH;
        if (!last && w->rules->duplicate_slashes == SLASH_MERGE)
            w->out = slash;
        return TARGET_FAULT_NONE;
    }
    size_t dots = leading_dots(segment);
    if (dots != segment.n)
        return hides_dots(segment) ? TARGET_FAULT_DOTS : TARGET_FAULT_NONE;
    if (dots == 2) {
        if (slash == w->out_begin)
            return TARGET_FAULT_ABOVE_ROOT;
        do
            slash--;
        while (*slash != '/');
    }
    w->out = last ? slash + 1 : slash; /* "/a/." is "/a/", "/a/./b" is "/a/b" */
    return TARGET_FAULT_NONE;
}

static enum target_fault path_rewrite(struct slice path, const struct target_rules *rules,
                                      struct arena *a, struct slice *out)
{
    char *room = arena_alloc(a, path.n);
    struct rewrite w = {path.p, path.p + path.n, room, room, rules};
    while (w.in < w.in_end) {
        char *slash = w.out;
        *w.out++ = *w.in++;
        enum target_fault fault = copy_segment(&w);
        if (!fault)
            fault = settle_segment(&w, slash);
        if (fault)
            return fault;
    }
    *out = slice_between(room, w.out);
    return TARGET_FAULT_NONE;
}

enum target_fault path_normalise(struct slice path, const struct target_rules *rules,
                                 struct arena *a, struct slice *out)
{
    if (path.n == 0 || path.p[0] != '/')
        return TARGET_FAULT_FORM;
    const char *end = path.p + path.n;
    *out = path;
    if (path_scan(path.p, end, rules->duplicate_slashes != SLASH_KEEP) == end)
        return TARGET_FAULT_NONE;
    return path_rewrite(path, rules, a, out);
}

/* -- targets --------------------------------------------------------------------------------- */

/* A query is passed on as it came. Its escapes are the application's: "?off=50%" is not for us to
 * refuse, since nothing here depends on it. */
static enum target_fault query_check(struct slice query)
{
    for (size_t i = 0; i < query.n; i++) {
        enum kind k = kind_of(query.p[i]);
        if (unlikely(k >= HASH))
            return k == HASH ? TARGET_FAULT_FRAGMENT : TARGET_FAULT_CONTROL;
    }
    return TARGET_FAULT_NONE;
}

/* A path and what follows it; it begins with '/'. */
static enum target_fault path_and_query(struct slice raw, const struct target_rules *rules,
                                        struct arena *a, struct target *out)
{
    const char *end = raw.p + raw.n;
    const char *stop = path_scan(raw.p, end, rules->duplicate_slashes != SLASH_KEEP);
    bool clean = stop == end || *stop == '?';
    if (!clean) {
        const char *mark = memchr(stop, '?', (size_t)(end - stop));
        stop = mark ? mark : end;
    }
    out->path = slice_between(raw.p, stop);
    if (!clean) {
        enum target_fault fault = path_rewrite(out->path, rules, a, &out->path);
        if (fault)
            return fault;
    }
    if (stop == end)
        return TARGET_FAULT_NONE;
    out->query = slice_between(stop + 1, end);
    return query_check(out->query);
}

static bool host_split(struct slice text, struct slice *name, uint16_t *port);

static enum target_fault authority_check(struct slice authority, uint16_t *port)
{
    struct slice name;
    if (slice_find(authority, '@') < authority.n)
        return TARGET_FAULT_USERINFO;
    return host_split(authority, &name, port) ? TARGET_FAULT_NONE : TARGET_FAULT_HOST;
}

/* CONNECT has a host and a port for a target, and nothing else has (RFC 9112 3.2.3). */
static enum target_fault authority_form(struct slice raw, struct target *out)
{
    uint16_t port = 0;
    if (raw.p[0] == '/' || raw.p[0] == '*')
        return TARGET_FAULT_FORM;
    enum target_fault fault = authority_check(raw, &port);
    if (fault)
        return fault;
    out->form = TARGET_AUTHORITY;
    out->authority = raw;
    return port ? TARGET_FAULT_NONE : TARGET_FAULT_HOST;
}

/* "http://" or "https://", in any case; the length of it, or 0. */
static size_t scheme_of(struct slice raw, struct slice *scheme)
{
    static const struct slice known[] = {SLICE_INIT("http"), SLICE_INIT("https")};
    for (size_t i = 0; i < array_n(known); i++) {
        size_t n = known[i].n;
        if (raw.n >= n + 3 && slice_ieq(slice_of(raw.p, n), known[i]) &&
            memcmp(raw.p + n, "://", 3) == 0) {
            *scheme = known[i];
            return n + 3;
        }
    }
    return 0;
}

static enum target_fault absolute_form(struct slice raw, enum method m,
                                       const struct target_rules *rules, struct arena *a,
                                       struct target *out)
{
    size_t skip = scheme_of(raw, &out->scheme);
    if (skip == 0)
        return TARGET_FAULT_FORM;
    out->form = TARGET_ABSOLUTE;
    struct slice rest = slice_from(raw, skip);
    size_t n = 0;
    while (n < rest.n && kind_of(rest.p[n]) != SLASH && kind_of(rest.p[n]) != QUESTION &&
           kind_of(rest.p[n]) != HASH)
        n++;
    out->authority = slice_of(rest.p, n);
    uint16_t port;
    enum target_fault fault = authority_check(out->authority, &port);
    if (fault)
        return fault;
    rest = slice_from(rest, n);
    if (rest.n > 0 && rest.p[0] == '/')
        return path_and_query(rest, rules, a, out);
    /* Without a path the root is meant, except for OPTIONS: there it is the server as a whole (RFC
     * 9112 3.2.4). */
    out->path = m == METHOD_OPTIONS && rest.n == 0 ? SLICE("*") : SLICE("/");
    if (rest.n == 0)
        return TARGET_FAULT_NONE;
    if (rest.p[0] == '#')
        return TARGET_FAULT_FRAGMENT;
    out->query = slice_from(rest, 1);
    return query_check(out->query);
}

enum target_fault target_parse(struct slice raw, enum method m, const struct target_rules *rules,
                               struct arena *a, struct target *out)
{
    *out = (struct target){.form = TARGET_ORIGIN};
    if (raw.n == 0)
        return TARGET_FAULT_FORM;
    if (m == METHOD_CONNECT)
        return authority_form(raw, out);
    if (likely(raw.p[0] == '/'))
        return path_and_query(raw, rules, a, out);
    if (raw.n == 1 && raw.p[0] == '*' && m == METHOD_OPTIONS) {
        out->form = TARGET_ASTERISK;
        out->path = raw;
        return TARGET_FAULT_NONE;
    }
    return absolute_form(raw, m, rules, a, out);
}

/* -- hosts ----------------------------------------------------------------------------------- */

/* Bytes of a name. RFC 3986 would allow escapes and "!$&'()*+,;=" too; no name that DNS, a
 * certificate or a route can hold has them, so they only serve to be read differently behind us. */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Labels with a dot between them, and perhaps one behind the last. Returns how many bytes of
 * `text` the name takes, 0 when there is none. */
static size_t name_length(struct slice text)
{
    size_t i = 0;
    for (bool in_label = false; i < text.n; i++) {
        if (is_name_byte(text.p[i]))
            in_label = true;
        else if (text.p[i] == '.' && in_label)
            in_label = false;
        else
            break;
    }
    return i > HOST_NAME_MAX_BYTES ? 0 : i;
}

/* "[" IPv6 "]"; how many bytes it takes, 0 when it isn't one. Zones ("%25eth0") mean something on
 * one machine only and are refused. */
static size_t literal_length(struct slice text)
{
    size_t close = slice_find(text, ']');
    if (close == text.n)
        return 0;
    struct slice inner = slice_of(text.p + 1, close - 1);
    struct ip ip;
    return slice_find(inner, ':') < inner.n && ip_parse(inner, &ip) ? close + 1 : 0;
}

/* ":80", or ":" alone, or nothing. 0 is no port that anybody could mean. */
static bool port_read(struct slice text, uint16_t *port)
{
    uint64_t value;
    *port = 0;
    if (text.n <= 1)
        return text.n == 0 || text.p[0] == ':';
    if (text.p[0] != ':' || text.n > 6 || !slice_to_u64(slice_from(text, 1), &value))
        return false;
    *port = (uint16_t)value;
    return value >= 1 && value <= UINT16_MAX;
}

/* The grammar of a host that isn't empty. The name is as it came, with a trailing dot. */
static bool host_split(struct slice text, struct slice *name, uint16_t *port)
{
    if (text.n == 0)
        return false;
    size_t n = text.p[0] == '[' ? literal_length(text) : name_length(text);
    *name = slice_of(text.p, n);
    return n > 0 && port_read(slice_from(text, n), port);
}

bool host_parse(struct slice text, struct arena *a, struct host *out)
{
    struct slice name;
    if (!host_split(text, &name, &out->port))
        return false;
    if (name.p[name.n - 1] == '.')
        name.n--;
    size_t i = 0;
    while (i < name.n && name.p[i] == ascii_lower(name.p[i]))
        i++;
    if (i < name.n) {
        char *lower = arena_alloc(a, name.n);
        for (i = 0; i < name.n; i++)
            lower[i] = ascii_lower(name.p[i]);
        name.p = lower;
    }
    out->name = name;
    return true;
}

bool host_ok(struct slice text)
{
    struct slice name;
    uint16_t port;
    return text.n == 0 || host_split(text, &name, &port);
}
