/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the access log: compiled from log.format at load, written once per exchange.
 *
 * Both forms are a list of items, each a field and the literal text before it, and what stands
 * behind the last. In JSON the literal text is the key with its comma, so a line is written by
 * copying; the first comma becomes the opening brace. Everything that came from outside is escaped,
 * so a line is one line whatever a request holds. */

#include "core/access_log.h"

#include "core/access_log_parts.h"
#include "http/fields.h"

/* What Apache calls combined and nginx has by default. */
#define COMMON                                                                                     \
    "%{source} - - [%{time_common}] \"%{request_line}\" %{status} %{bytes_out} \"%{referer}\" "    \
    "\"%{user_agent}\""

enum { NUMBER_MAX = 20 }; /* digits of the largest; more than "false" has letters */

struct compiler {
    struct access_format *f;
    struct arena *arena;
    struct faults *faults;
    size_t room; /* for items */
};

static void compile_json(struct compiler *c, struct slice names);
static void compile_string(struct compiler *c, struct slice format);
static struct log_item *add_field(struct compiler *c, struct slice name);
static void add_json(struct compiler *c, struct slice name);
static void write_json(const struct access_format *f, struct exchange *x, struct text *out);
static void write_string(const struct access_format *f, struct exchange *x, struct text *out);

/* -- compiling --------------------------------------------------------------------------------- */

struct access_format *access_format_compile(const struct log_conf *lc, struct arena *a,
                                            struct faults *faults)
{
    const size_t before = faults->errors;
    struct compiler c = {.f = ARENA_NEW(a, struct access_format), .arena = a, .faults = faults};
    const struct slice format = lc->format;

    if (slice_eq(format, SLICE("json")) || slice_starts(format, SLICE("json ")))
        compile_json(&c, slice_trim(slice_from(format, SLICE("json").n)));
    else if (slice_eq(format, SLICE("common")))
        compile_string(&c, SLICE(COMMON));
    else
        compile_string(&c, format);
    return faults->errors == before ? c.f : NULL;
}

static void compile_json(struct compiler *c, struct slice names)
{
    c->f->json = true;
    for (struct slice rest = names; rest.p;) {
        struct slice name = slice_trim(slice_cut(&rest, ' '));
        if (name.n)
            add_json(c, name);
    }
    for (const struct variable *of = variables; names.n == 0 && of->name; of++)
        if (of->preset)
            add_json(c, slice_str(of->name));
}

static void add_json(struct compiler *c, struct slice name)
{
    struct log_item *it = add_field(c, name);

    if (!it)
        return;
    const bool quoted = it->ref.of->kind == VARIABLE_TEXT || it->ref.of->kind == VARIABLE_PLAIN;
    it->before =
        slice_str(arena_printf(c->arena, ",\"%.*s\":%s", SLICE_ARG(name), quoted ? "\"" : ""));
}

/* Cuts literal text off the front of *rest, up to a field; "%%" in it is one percent sign. */
static struct slice cut_literal(struct compiler *c, struct slice *rest)
{
    char *p = arena_alloc(c->arena, rest->n + 1);
    size_t n = 0, at = 0;

    for (; at < rest->n; at++) {
        const bool percent = rest->p[at] == '%' && at + 1 < rest->n;
        if (percent && rest->p[at + 1] == '{')
            break;
        if (percent && rest->p[at + 1] == '%')
            at++;
        p[n++] = rest->p[at];
    }
    *rest = slice_from(*rest, at);
    return slice_of(p, n);
}

static void compile_string(struct compiler *c, struct slice format)
{
    struct slice rest = format;

    for (;;) {
        struct slice literal = cut_literal(c, &rest);
        if (!rest.n) {
            c->f->tail = literal;
            break;
        }
        rest = slice_from(rest, 2); /* %{ */
        if (slice_find(rest, '}') == rest.n) {
            faults_add(c->faults, NULL, 0, "log.format: %%{%.*s has no closing brace",
                       SLICE_ARG(rest));
            return;
        }
        struct slice absent = slice_cut(&rest, '}');
        struct slice name = slice_cut(&absent, '|');
        struct log_item *it = add_field(c, name);
        if (!it)
            return;
        it->before = literal;
        it->absent = absent.p ? absent : SLICE("-");
    }
    if (c->f->n == 0)
        faults_add(c->faults, NULL, 0,
                   "log.format is \"%.*s\"; allowed: \"json\", \"json FIELD ...\", \"common\", or "
                   "a text with %%{FIELD} in it",
                   SLICE_ARG(format));
}

/* -- names ------------------------------------------------------------------------------------- */

/* Credentials in a log are a leak that somebody chose: let them see what they chose. */
static void check_credentials(struct compiler *c, const struct variable_ref *ref)
{
    const enum token t = ref->token;

    if (t == TOKEN_AUTHORIZATION || t == TOKEN_PROXY_AUTHORIZATION || t == TOKEN_COOKIE ||
        t == TOKEN_SET_COOKIE)
        faults_warn(c->faults, NULL, 0, "log.format writes credentials to the access log: %s%.*s",
                    ref->of->name, SLICE_ARG(ref->name));
}

static struct log_item *new_item(struct compiler *c)
{
    struct access_format *f = c->f;

    if (f->n == c->room) {
        struct log_item *old = f->items;
        c->room = c->room ? c->room * 2 : 64;
        f->items = ARENA_ARRAY(c->arena, struct log_item, c->room);
        if (f->n)
            memcpy(f->items, old, f->n * sizeof *old);
    }
    return &f->items[f->n++];
}

static struct log_item *add_field(struct compiler *c, struct slice name)
{
    struct variable_ref ref;
    const char *wrong = variable_find(name, c->arena, &ref);

    if (wrong) {
        faults_add(c->faults, NULL, 0, "log.format: %s; docs/access-log.md lists them", wrong);
        return NULL;
    }
    check_credentials(c, &ref);
    struct log_item *it = new_item(c);
    *it = (struct log_item){.ref = ref};
    return it;
}

/* -- writing ----------------------------------------------------------------------------------- */

void access_format_write(const struct access_format *f, struct exchange *x, struct text *out)
{
    if (f->json)
        write_json(f, x, out);
    else
        write_string(f, x, out);
}

/* A short text: two copies of a fixed size that overlap cost less than a call. */
static inline char *put(char *at, struct slice s)
{
    if (s.n > 32)
        return (char *)memcpy(at, s.p, s.n) + s.n;
    if (s.n >= 16) {
        memcpy(at, s.p, 16);
        memcpy(at + s.n - 16, s.p + s.n - 16, 16);
    } else if (s.n >= 8) {
        memcpy(at, s.p, 8);
        memcpy(at + s.n - 8, s.p + s.n - 8, 8);
    } else if (s.n >= 4) {
        memcpy(at, s.p, 4);
        memcpy(at + s.n - 4, s.p + s.n - 4, 4);
    } else {
        for (size_t i = 0; i < s.n; i++)
            at[i] = s.p[i];
    }
    return at + s.n;
}

/* In place: digits that were stored one by one and loaded again as a word would stall the
 * processor. */
static inline char *put_number(char *at, uint64_t v)
{
    size_t n = 1;

    for (uint64_t more = v; more >= 10; more /= 10)
        n++;
    for (size_t i = n; i > 0; i--, v /= 10)
        at[i - 1] = (char)('0' + v % 10);
    return at + n;
}

/* What stands before the field, and the field if its kind needs no escape; in one go, after one
 * look whether there is room. */
static void add_item(struct text *out, const struct log_item *it, const struct variable_value *v)
{
    const enum variable_kind kind = it->ref.of->kind;
    const size_t n = kind == VARIABLE_PLAIN ? v->text.n : NUMBER_MAX;

    if (!text_need(out, it->before.n + n))
        return;
    char *at = put(out->p + out->n, it->before);
    if (kind == VARIABLE_PLAIN)
        at = put(at, v->text);
    else if (kind == VARIABLE_NUMBER)
        at = put_number(at, v->number);
    else if (kind == VARIABLE_BOOL)
        at = put(at, v->number ? SLICE("true") : SLICE("false"));
    out->n = (size_t)(at - out->p);
}

static void write_json(const struct access_format *f, struct exchange *x, struct text *out)
{
    const size_t begin = out->n;
    struct variable_value v;

    for (const struct log_item *it = f->items; it < f->items + f->n; it++) {
        if (!it->ref.of->get(x, &it->ref, &v))
            continue;
        add_item(out, it, &v);
        if (it->ref.of->kind == VARIABLE_TEXT)
            text_json_escaped(out, v.text);
        if (it->ref.of->kind == VARIABLE_TEXT || it->ref.of->kind == VARIABLE_PLAIN)
            text_char(out, '"');
    }
    if (out->n == begin)
        text_char(out, '{');
    else
        out->p[begin] = '{'; /* in place of the first comma */
    text_add(out, SLICE("}\n"));
}

/* Nothing that could end the line, end a quoted text, or move a terminal's cursor. */
static void add_escaped(struct text *out, struct slice s)
{
    static const char hex[16] = "0123456789ABCDEF";

    for (;;) {
        size_t clean = 0;
        while (clean < s.n && (unsigned char)s.p[clean] >= 0x20 &&
               (unsigned char)s.p[clean] < 0x7f && s.p[clean] != '"' && s.p[clean] != '\\')
            clean++;
        text_add(out, slice_of(s.p, clean));
        if (clean == s.n)
            return;
        const unsigned char c = (unsigned char)s.p[clean];
        text_add(out, slice_of((char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4));
        s = slice_from(s, clean + 1);
    }
}

static void write_string(const struct access_format *f, struct exchange *x, struct text *out)
{
    struct variable_value v;

    for (const struct log_item *it = f->items; it < f->items + f->n; it++) {
        if (!it->ref.of->get(x, &it->ref, &v)) {
            text_add(out, it->before);
            text_add(out, it->absent);
            continue;
        }
        add_item(out, it, &v);
        if (it->ref.of->kind == VARIABLE_TEXT)
            add_escaped(out, v.text);
    }
    text_add(out, f->tail);
    text_char(out, '\n');
}
