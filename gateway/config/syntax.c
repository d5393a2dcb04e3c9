/* SPDX-License-Identifier: Apache-2.0 */
/* A first look at the text of a configuration, token by token, by the rules of libconfig's own
 * scanner. libconfig says "syntax error" where it noticed, which for a missing bracket is the end
 * of the file: here brackets are paired, so that the message names the line where the open one
 * stands. What it does to a value in silence or to the process is kept from it: version 1.5 cuts
 * numbers to 32 bits, reads 010 as ten where 1.7 reads eight, and ends the program when an included
 * file can't be read (files.c looks at those first). Nesting is bounded because a tree is walked by
 * recursion. */
#include "config/syntax.h"

#include <ctype.h>

#include "base/map.h"

struct scan {
    const struct syntax *sx;
    struct slice text;
    size_t at;
    int line;
    size_t depth;
    struct {
        char close;          /* the bracket that will close it */
        int line;            /* of the one that opened it */
        unsigned id;         /* counts all that were opened */
    } open[NESTING_MAX + 1]; /* [0] is the top */
    unsigned opened;
};

static bool scan_token(struct scan *sc);
static bool skip_text(struct scan *sc);
static bool skip_comment(struct scan *sc);
static void skip_line(struct scan *sc);
static struct slice take_name(struct scan *sc);
static bool check_number(struct scan *sc);
static bool check_include(struct scan *sc);
static bool bracket_open(struct scan *sc, char close);
static bool bracket_close(struct scan *sc, char close);

static bool fault(struct scan *sc, int line, const char *fmt, ...) printf_like(3, 4);

bool syntax_check(const struct syntax *sx)
{
    struct scan sc = {.sx = sx, .text = sx->text, .line = 1};
    while (sc.at < sc.text.n)
        if (!scan_token(&sc))
            return false;
    if (sc.depth == 0)
        return true;
    return fault(&sc, sc.open[sc.depth].line,
                 "the bracket that opens here is never closed: \"%c\" is missing",
                 sc.open[sc.depth].close);
}

static struct slice rest_of(const struct scan *sc)
{
    return slice_from(sc->text, sc->at);
}

static bool scan_token(struct scan *sc)
{
    char c = sc->text.p[sc->at];
    if (isalpha((unsigned char)c) || c == '*') {
        take_name(sc);
        return true;
    }
    if (isdigit((unsigned char)c) || c == '+' || c == '-')
        return check_number(sc);
    switch (c) {
    case '"':
        return skip_text(sc);
    case '@':
        return check_include(sc);
    case '#':
        skip_line(sc);
        return true;
    case '/':
        return skip_comment(sc);
    case '{':
        return bracket_open(sc, '}');
    case '[':
        return bracket_open(sc, ']');
    case '(':
        return bracket_open(sc, ')');
    case '}':
    case ']':
    case ')':
        return bracket_close(sc, c);
    default:
        sc->line += c == '\n';
        sc->at++;
        return true;
    }
}

static bool fault(struct scan *sc, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (sc->sx)
        faults_add(sc->sx->faults, sc->sx->file, line, "%s",
                   arena_vprintf(&sc->sx->faults->arena, fmt, ap));
    va_end(ap);
    return false;
}

/* -- texts and comments ---------------------------------------------------------------------- */

static bool skip_text(struct scan *sc)
{
    int line = sc->line;
    for (sc->at++; sc->at < sc->text.n; sc->at++) {
        char c = sc->text.p[sc->at];
        if (c == '"') {
            sc->at++;
            return true;
        }
        if (c == '\\')
            sc->at++;
        if (sc->at < sc->text.n && sc->text.p[sc->at] == '\n')
            sc->line++;
    }
    return fault(sc, line, "the text that begins here has no closing quote");
}

static bool skip_comment(struct scan *sc)
{
    int line = sc->line;
    if (slice_starts(rest_of(sc), SLICE("//"))) {
        skip_line(sc);
        return true;
    }
    if (!slice_starts(rest_of(sc), SLICE("/*"))) {
        sc->at++; /* libconfig will say what it thinks of it */
        return true;
    }
    for (sc->at += 2; sc->at < sc->text.n; sc->at++) {
        if (slice_starts(rest_of(sc), SLICE("*/"))) {
            sc->at += 2;
            return true;
        }
        sc->line += sc->text.p[sc->at] == '\n';
    }
    return fault(sc, line, "the comment that begins here is never closed");
}

static void skip_line(struct scan *sc)
{
    sc->at += slice_find(rest_of(sc), '\n');
}

/* -- names and numbers ----------------------------------------------------------------------- */

static struct slice take_name(struct scan *sc)
{
    size_t from = sc->at;
    while (sc->at < sc->text.n &&
           (isalnum((unsigned char)sc->text.p[sc->at]) || memchr("-_*", sc->text.p[sc->at], 3)))
        sc->at++;
    return slice_between(sc->text.p + from, sc->text.p + sc->at);
}

static size_t digits_at(const struct scan *sc, int (*is_digit)(int c))
{
    size_t n = 0;
    while (sc->at + n < sc->text.n && is_digit((unsigned char)sc->text.p[sc->at + n]))
        n++;
    return n;
}

/* Whole numbers; what has a point or an exponent is left to libconfig, and no setting takes it. */
static bool check_number(struct scan *sc)
{
    enum { HEX_MAX = 7, LONG_HEX_MAX = 15, LONG_MAX_DIGITS = 18 };
    size_t from = sc->at;
    sc->at += sc->text.p[sc->at] == '-' || sc->text.p[sc->at] == '+';
    bool hex = slice_starts(rest_of(sc), SLICE("0x")) || slice_starts(rest_of(sc), SLICE("0X"));
    sc->at += hex ? 2 : 0;
    struct slice digits = slice_of(sc->text.p + sc->at, digits_at(sc, hex ? isxdigit : isdigit));
    sc->at += digits.n;
    if (!hex && sc->at < sc->text.n && memchr(".eE", sc->text.p[sc->at], 3)) {
        sc->at++;
        sc->at += digits_at(sc, isdigit);
        return true;
    }
    if (!hex && digits.n > 1 && digits.p[0] == '0')
        return fault(sc, sc->line,
                     "the number %.*s begins with a 0, which only newer versions of libconfig take "
                     "for octal; permissions are written as a text, such as \"0660\"",
                     (int)(sc->at - from), sc->text.p + from);
    uint64_t v;
    bool is_long = slice_starts(rest_of(sc), SLICE("L"));
    bool fits = digits.n == 0;
    if (hex)
        fits = digits.n <= (is_long ? LONG_HEX_MAX : HEX_MAX);
    else if (slice_to_u64(digits, &v))
        fits = is_long ? digits.n <= LONG_MAX_DIGITS : v <= INT32_MAX;
    if (fits && sc->at == from)
        sc->at++;
    return fits || fault(sc, sc->line,
                         "the number %.*s is too large; one above 2147483647 ends with an L, and "
                         "sizes are better written as a text with a unit, such as \"4g\"",
                         (int)(sc->at - from), sc->text.p + from);
}

/* -- @include -------------------------------------------------------------------------------- */

/* libconfig takes it only where it is first on its line but for blanks. */
static bool check_include(struct scan *sc)
{
    size_t i = sc->at;
    while (i > 0 && (sc->text.p[i - 1] == ' ' || sc->text.p[i - 1] == '\t'))
        i--;
    bool first = i == 0 || sc->text.p[i - 1] == '\n';
    struct slice path = slice_trim(slice_from(rest_of(sc), strlen("@include")));
    if (!first || !slice_starts(rest_of(sc), SLICE("@include")) || !slice_starts(path, SLICE("\"")))
        return fault(sc, sc->line, "an @ that begins no @include \"file\" on a line of its own");
    if (!sc->sx->include)
        return fault(sc, sc->line, "@include is only possible in a file");
    path = slice_from(path, 1);
    path.n = slice_find(path, '"');
    sc->at = (size_t)(path.p - sc->text.p) + path.n + 1;
    if (sc->at > sc->text.n || memchr(path.p, '\n', path.n) || memchr(path.p, '\\', path.n))
        return fault(sc, sc->line, "the path after @include is one text without backslashes");
    return sc->sx->include(sc->sx->ctx, path, sc->line);
}

/* -- brackets -------------------------------------------------------------------------------- */

static bool bracket_open(struct scan *sc, char close)
{
    if (sc->depth == NESTING_MAX)
        return fault(sc, sc->line, "brackets are nested more than %d deep", NESTING_MAX);
    sc->depth++;
    sc->open[sc->depth].close = close;
    sc->open[sc->depth].line = sc->line;
    sc->open[sc->depth].id = ++sc->opened;
    sc->at++;
    return true;
}

static bool bracket_close(struct scan *sc, char close)
{
    if (sc->depth == 0)
        return fault(sc, sc->line, "\"%c\" closes a bracket that was never opened", close);
    if (sc->open[sc->depth].close != close)
        return fault(sc, sc->line, "\"%c\" where \"%c\" should close the bracket of line %d", close,
                     sc->open[sc->depth].close, sc->open[sc->depth].line);
    sc->depth--;
    sc->at++;
    return true;
}

/* -- settings that stand twice --------------------------------------------------------------- */

static bool is_assigned(const struct scan *sc)
{
    size_t i = sc->at;
    while (i < sc->text.n && isspace((unsigned char)sc->text.p[i]))
        i++;
    return i < sc->text.n && (sc->text.p[i] == '=' || sc->text.p[i] == ':');
}

bool syntax_twice(struct slice text, struct twice *out)
{
    struct scan sc = {.text = text, .line = 1};
    struct arena a;
    struct map seen; /* "GROUP NAME" -> its struct twice */
    bool found = false;
    arena_init(&a, NULL, 0);
    map_init(&seen);
    while (!found && sc.at < text.n) {
        char c = text.p[sc.at];
        if (!isalpha((unsigned char)c) && c != '*') {
            if (!scan_token(&sc))
                break;
            continue;
        }
        struct twice *one = ARENA_NEW(&a, struct twice);
        *one = (struct twice){.name = take_name(&sc), .first = sc.line};
        if (!is_assigned(&sc))
            continue;
        const char *key = arena_printf(&a, "%u %.*s", sc.open[sc.depth].id, SLICE_ARG(one->name));
        const struct twice *other = map_set(&seen, slice_str(key), one);
        found = other != NULL;
        if (found)
            *out = (struct twice){other->name, other->first, one->first};
    }
    map_fini(&seen);
    arena_fini(&a);
    return found;
}
