/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with variables: a list of pieces, each a variable and the literal text before it, and what
 * stands behind the last. */

#include "core/log/template.h"

#include "base/text.h"
#include "http/fields.h"

struct compiler {
    struct template *t;
    const struct template_use *use;
    struct arena *arena;
    struct faults *faults;
};

static bool add_piece(struct compiler *c, struct slice literal, struct slice *rest);
static struct slice cut_literal(struct arena *a, struct slice *rest);
static bool is_known(const struct variable *of, const struct template_use *use,
                     struct faults *faults);
static bool is_captured(const struct variable_ref *ref, const struct template_use *use,
                        struct faults *faults);

#define FAULT(faults, use, fmt, ...)                                                               \
    faults_add(faults, (use)->place ? (use)->place->file : NULL,                                   \
               (use)->place ? (use)->place->line : 0, "%s: " fmt, (use)->what, ##__VA_ARGS__)

/* -- compiling --------------------------------------------------------------------------------- */

static size_t count_pieces(struct slice text)
{
    size_t n = 0;

    for (size_t at = 1; at < text.n; at++)
        n += text.p[at - 1] == '%' && text.p[at] == '{'; /* "%%{" too: it may be one less */
    return n;
}

struct template *template_compile(struct slice text, const struct template_use *use,
                                  struct arena *a, struct faults *faults)
{
    const size_t before = faults->errors;
    struct compiler c = {
        .t = ARENA_NEW(a, struct template), .use = use, .arena = a, .faults = faults};
    struct slice rest = text;

    c.t->pieces = ARENA_ARRAY(a, struct template_piece, count_pieces(text));
    for (;;) {
        struct slice literal = cut_literal(a, &rest);
        if (!rest.n) {
            c.t->tail = literal;
            break;
        }
        if (!add_piece(&c, literal, &rest))
            break;
    }
    return faults->errors == before ? c.t : NULL;
}

/* Cuts literal text off the front of *rest, up to a variable. */
static struct slice cut_literal(struct arena *a, struct slice *rest)
{
    char *p = arena_alloc(a, rest->n + 1);
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

/* Cuts a variable off the front of *rest. False when it has no end: nothing behind it makes sense.
 */
static bool add_piece(struct compiler *c, struct slice literal, struct slice *rest)
{
    *rest = slice_from(*rest, 2); /* %{ */
    if (slice_find(*rest, '}') == rest->n) {
        FAULT(c->faults, c->use, "%%{%.*s has no closing brace", SLICE_ARG(*rest));
        return false;
    }
    struct slice absent = slice_cut(rest, '}');
    const struct slice name = slice_cut(&absent, '|');
    struct template_piece piece = {.before = literal, .absent = absent.p ? absent : c->use->absent};
    if (template_find(name, c->use, c->arena, c->faults, &piece.ref))
        c->t->pieces[c->t->n++] = piece;
    return true;
}

/* -- variables that may stand there ------------------------------------------------------------ */

bool template_find(struct slice name, const struct template_use *use, struct arena *a,
                   struct faults *faults, struct variable_ref *ref)
{
    const char *wrong = variable_find(name, a, ref);

    if (wrong)
        FAULT(faults, use, "%s", wrong);
    return !wrong && is_known(ref->of, use, faults) && is_captured(ref, use, faults);
}

static bool is_known(const struct variable *of, const struct template_use *use,
                     struct faults *faults)
{
    static const char *const whens[] = {
        [KNOWN_REQUEST] = "when the request has come",
        [KNOWN_ATTEMPT] = "when the request goes on to a backend",
        [KNOWN_RESPONSE] = "when the response's head has come",
        [KNOWN_END] = "when the exchange has ended",
    };

    if (of->known <= use->when)
        return true;
    FAULT(faults, use, "\"%s\" is known only %s, and this text is needed %s", of->name,
          whens[of->known], whens[use->when]);
    return false;
}

static bool is_captured(const struct variable_ref *ref, const struct template_use *use,
                        struct faults *faults)
{
    if (ref->of->part != PART_GROUP || use->groups < 0)
        return true;
    if (use->groups == 0)
        FAULT(faults, use, "\"capture.%.*s\" needs a route with a match.path_regex that has groups",
              SLICE_ARG(ref->name));
    else if ((int)ref->group > use->groups)
        FAULT(faults, use,
              "\"capture.%u\" is not there: match.path_regex of the route has %d group%s",
              ref->group, use->groups, use->groups == 1 ? "" : "s");
    else
        return true;
    return false;
}

/* -- rendering --------------------------------------------------------------------------------- */

static void add_value(struct text *out, const struct template_piece *piece, struct exchange *x)
{
    struct variable_value v;

    if (!piece->ref.of->get(x, &piece->ref, &v))
        text_add(out, piece->absent);
    else if (piece->ref.of->kind == VARIABLE_NUMBER)
        text_uint(out, v.number);
    else if (piece->ref.of->kind == VARIABLE_BOOL)
        text_add(out, v.number ? SLICE("true") : SLICE("false"));
    else
        text_add(out, v.text);
}

static bool render(const struct template *t, struct exchange *x, struct arena *a, struct slice *out)
{
    char memory[TEMPLATE_MAX];
    struct text text;

    text_init_fixed(&text, memory, sizeof memory);
    for (const struct template_piece *p = t->pieces; p < t->pieces + t->n && !text.cut; p++) {
        text_add(&text, p->before);
        add_value(&text, p, x);
    }
    text_add(&text, t->tail);
    if (text.cut)
        return false;
    *out = arena_dup(a, text_slice(&text));
    return true;
}

bool template_wants_identity(const struct template *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct slice name = slice_str(t->pieces[i].ref.of->name);
        if (slice_starts(name, SLICE("identity.")) || slice_starts(name, SLICE("claim.")))
            return true;
    }
    return false;
}

enum rendered template_render(const struct template *t, struct exchange *x, struct arena *a,
                              struct slice *out)
{
    if (t->n ? !render(t, x, a, out) : t->tail.n > TEMPLATE_MAX)
        return RENDERED_TOO_LONG;
    if (!t->n)
        *out = t->tail;
    return field_value_ok(*out) ? RENDERED_VALUE : RENDERED_TEXT;
}
