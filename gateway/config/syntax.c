/* SPDX-License-Identifier: Apache-2.0 */
/* A first look at the text of a configuration, before libconfig parses it. libconfig says "syntax
 * error" where it noticed, which for a missing bracket is the end of the file; here brackets are
 * paired, so that the message names the line where the open one stands. It also bounds nesting,
 * since a tree is walked by recursion, and refuses @include where there is no folder to include
 * from. Texts and comments are skipped by the rules of libconfig's own scanner. */
#include "config/sections.h"

struct scan {
    struct slice text;
    size_t at;
    int line;
    const char *file;
    struct faults *faults;
    struct {
        char bracket; /* the one that will close it */
        int line;
    } open[NESTING_MAX];
    size_t depth;
};

static bool skip_text(struct scan *sc);
static bool skip_block_comment(struct scan *sc);
static void skip_line(struct scan *sc);
static bool bracket_open(struct scan *sc, char close);
static bool bracket_close(struct scan *sc, char close);
static bool is_include(const struct scan *sc);

static bool scan_one(struct scan *sc)
{
    struct slice rest = slice_from(sc->text, sc->at);
    switch (rest.p[0]) {
    case '"':
        return skip_text(sc);
    case '#':
        skip_line(sc);
        return true;
    case '/':
        if (slice_starts(rest, SLICE("/*")))
            return skip_block_comment(sc);
        if (slice_starts(rest, SLICE("//")))
            skip_line(sc);
        else
            sc->at++;
        return true;
    case '{':
        return bracket_open(sc, '}');
    case '[':
        return bracket_open(sc, ']');
    case '(':
        return bracket_open(sc, ')');
    case '}':
    case ']':
    case ')':
        return bracket_close(sc, rest.p[0]);
    case '\n':
        sc->line++;
        break;
    default:
        break;
    }
    sc->at++;
    return true;
}

bool syntax_check(struct slice text, const char *file, bool includes, struct faults *faults)
{
    struct scan sc = {.text = text, .line = 1, .file = file, .faults = faults};
    while (sc.at < text.n) {
        if (!includes && text.p[sc.at] == '@' && is_include(&sc)) {
            faults_add(faults, file, sc.line, "@include is only possible in a file");
            return false;
        }
        if (!scan_one(&sc))
            return false;
    }
    if (sc.depth == 0)
        return true;
    faults_add(faults, file, sc.open[sc.depth - 1].line,
               "the bracket that opens here is never closed: \"%c\" is missing",
               sc.open[sc.depth - 1].bracket);
    return false;
}

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
    faults_add(sc->faults, sc->file, line, "the text that begins here has no closing quote");
    return false;
}

static bool skip_block_comment(struct scan *sc)
{
    int line = sc->line;
    for (sc->at += 2; sc->at < sc->text.n; sc->at++) {
        if (slice_starts(slice_from(sc->text, sc->at), SLICE("*/"))) {
            sc->at += 2;
            return true;
        }
        if (sc->text.p[sc->at] == '\n')
            sc->line++;
    }
    faults_add(sc->faults, sc->file, line, "the comment that begins here is never closed");
    return false;
}

static void skip_line(struct scan *sc)
{
    while (sc->at < sc->text.n && sc->text.p[sc->at] != '\n')
        sc->at++;
}

static bool bracket_open(struct scan *sc, char close)
{
    if (sc->depth == NESTING_MAX) {
        faults_add(sc->faults, sc->file, sc->line, "brackets are nested more than %d deep",
                   NESTING_MAX);
        return false;
    }
    sc->open[sc->depth].bracket = close;
    sc->open[sc->depth++].line = sc->line;
    sc->at++;
    return true;
}

static bool bracket_close(struct scan *sc, char close)
{
    sc->at++;
    if (sc->depth == 0) {
        faults_add(sc->faults, sc->file, sc->line, "\"%c\" closes a bracket that was never opened",
                   close);
        return false;
    }
    sc->depth--;
    if (sc->open[sc->depth].bracket == close)
        return true;
    faults_add(sc->faults, sc->file, sc->line,
               "\"%c\" where \"%c\" should close the bracket of line %d", close,
               sc->open[sc->depth].bracket, sc->open[sc->depth].line);
    return false;
}

/* As libconfig sees it: first on its line but for blanks. */
static bool is_include(const struct scan *sc)
{
    size_t i = sc->at;
    while (i > 0 && (sc->text.p[i - 1] == ' ' || sc->text.p[i - 1] == '\t'))
        i--;
    return (i == 0 || sc->text.p[i - 1] == '\n') &&
           slice_starts(slice_from(sc->text, sc->at), SLICE("@include"));
}
