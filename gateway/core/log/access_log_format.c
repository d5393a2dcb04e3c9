/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the access log: compiled from log.format at load, written once per exchange.
 *
 * Both forms are a template (core/log/template.h): a list of fields, each with the literal text before
 * it, and what stands behind the last. In JSON the literal text is the key with its comma, so a
 * line is written by copying; the first comma becomes the opening brace. Everything that came from
 * outside is escaped, so a line is one line whatever a request holds. */

#include "core/log/access_log.h"

#include "core/log/access_log_parts.h"
#include "core/module/module_log.h"

/* What Apache calls combined and nginx has by default. */
#define COMMON                                                                                     \
    "%{source} - - [%{time_common}] \"%{request_line}\" %{status} %{bytes_out} \"%{referer}\" "    \
    "\"%{user_agent}\""

enum { NUMBER_MAX = 20 }; /* digits of the largest; more than "false" has letters */

static const struct template_use use = {
    .what = "log.format", .when = KNOWN_END, .groups = -1, .absent = SLICE_INIT("-")};

static void compile_json(struct access_format *f, struct slice names, struct arena *a,
                         struct faults *faults);
static void compile_string(struct access_format *f, struct slice format, struct arena *a,
                           struct faults *faults);
static void check_credentials(const struct template *t, struct faults *faults);
static void write_json(const struct access_format *f, struct exchange *x, struct text *out);
static void write_string(const struct access_format *f, struct exchange *x, struct text *out);

/* -- compiling --------------------------------------------------------------------------------- */

struct access_format *access_format_compile(const struct log_conf *lc, struct arena *a,
                                            struct faults *faults)
{
    const size_t before = faults->errors;
    struct access_format *f = ARENA_NEW(a, struct access_format);
    const struct slice format = lc->format;

    if (slice_eq(format, SLICE("json")) || slice_starts(format, SLICE("json ")))
        compile_json(f, slice_trim(slice_from(format, SLICE("json").n)), a, faults);
    else if (slice_eq(format, SLICE("common")))
        compile_string(f, SLICE(COMMON), a, faults);
    else
        compile_string(f, format, a, faults);
    check_credentials(&f->t, faults);
    return faults->errors == before ? f : NULL;
}

/* ',"name":', with the name escaped: that of a claim may hold anything. */
static struct slice json_key_of(struct slice name, enum variable_kind kind, struct arena *a)
{
    struct text t;

    text_init(&t);
    text_str(&t, ",\"");
    text_json_escaped(&t, name);
    text_str(&t, kind == VARIABLE_TEXT || kind == VARIABLE_PLAIN ? "\":\"" : "\":");
    const struct slice key = arena_dup(a, text_slice(&t));
    text_fini(&t);
    return key;
}

static void add_json(struct access_format *f, struct slice name, struct arena *a,
                     struct faults *faults)
{
    struct template_piece piece = {0};

    if (!template_find(name, &use, a, faults, &piece.ref))
        return;
    piece.before = json_key_of(name, piece.ref.of->kind, a);
    f->t.pieces[f->t.n++] = piece;
}

static size_t count_variables(void)
{
    size_t n = 0;

    while (variables[n].name)
        n++;
    return n;
}

static void compile_json(struct access_format *f, struct slice names, struct arena *a,
                         struct faults *faults)
{
    f->json = true;
    f->all = !names.n;
    if (f->all) {
        f->t.pieces = ARENA_ARRAY(a, struct template_piece, count_variables());
        for (const struct variable *of = variables; of->name; of++)
            if (of->preset)
                add_json(f, slice_str(of->name), a, faults);
        return;
    }
    f->t.pieces = ARENA_ARRAY(a, struct template_piece, names.n / 2 + 1); /* words of one letter */
    for (struct slice rest = names; rest.p;) {
        const struct slice name = slice_trim(slice_cut(&rest, ' '));
        if (name.n)
            add_json(f, name, a, faults);
    }
}

static void compile_string(struct access_format *f, struct slice format, struct arena *a,
                           struct faults *faults)
{
    const struct template *t = template_compile(format, &use, a, faults);

    if (!t)
        return;
    f->t = *t;
    if (t->n == 0)
        faults_add(faults, NULL, 0,
                   "log.format is \"%.*s\"; allowed: \"json\", \"json FIELD ...\", \"common\", or "
                   "a text with %%{FIELD} in it",
                   SLICE_ARG(format));
}

/* Credentials in a log are a leak that somebody chose: let them see what they chose. */
static void check_credentials(const struct template *t, struct faults *faults)
{
    for (const struct template_piece *p = t->pieces; p < t->pieces + t->n; p++) {
        const enum token token = p->ref.token;
        if (token == TOKEN_AUTHORIZATION || token == TOKEN_PROXY_AUTHORIZATION ||
            token == TOKEN_COOKIE || token == TOKEN_SET_COOKIE)
            faults_warn(faults, NULL, 0, "log.format writes credentials to the access log: %s%.*s",
                        p->ref.of->name, SLICE_ARG(p->ref.name));
    }
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
static void add_item(struct text *out, const struct template_piece *it,
                     const struct variable_value *v)
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

    for (const struct template_piece *it = f->t.pieces; it < f->t.pieces + f->t.n; it++) {
        if (!it->ref.of->get(x, &it->ref, &v))
            continue;
        add_item(out, it, &v);
        if (it->ref.of->kind == VARIABLE_TEXT)
            text_json_escaped(out, v.text);
        if (it->ref.of->kind == VARIABLE_TEXT || it->ref.of->kind == VARIABLE_PLAIN)
            text_char(out, '"');
    }
    if (f->all)
        module_log_json(x, out);
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

    for (const struct template_piece *it = f->t.pieces; it < f->t.pieces + f->t.n; it++) {
        if (!it->ref.of->get(x, &it->ref, &v)) {
            text_add(out, it->before);
            text_add(out, it->absent);
            continue;
        }
        add_item(out, it, &v);
        if (it->ref.of->kind == VARIABLE_TEXT)
            add_escaped(out, v.text);
    }
    text_add(out, f->t.tail);
    text_char(out, '\n');
}
