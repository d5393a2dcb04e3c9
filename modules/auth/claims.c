/* SPDX-License-Identifier: Apache-2.0 */
/* Flattens claims: collects on the stack, within the limits, then makes one block of what there is.
 *
 *     block:  struct claims | pairs | names and values, one behind the other
 *
 * Invariant: `path` is the name of the claim that is being looked at. */
#include "auth/claims.h"

#include <stdlib.h>

#include "common/slice.h"

/* Pieces of `text`. */
struct pair {
    size_t name, name_n, value, value_n;
};

struct build {
    struct claims_limits limits;
    struct pair v[CLAIMS_PAIRS_MAX];
    size_t n, text_n, path_n;
    unsigned left_out, depth;
    char path[CLAIMS_TEXT_MAX], text[CLAIMS_TEXT_MAX];
};

static enum claims_fault add_value(struct build *b, const json_t *v);
static enum claims_fault add_object(struct build *b, const json_t *object);
static struct claims *pack(const struct build *b);

static const struct {
    const char *word, *text;
} faults[] = {
#define FAULT(name, word, text) {word, text},
    CLAIMS_FAULTS(FAULT)
#undef FAULT
};

const char *claims_fault_word(enum claims_fault f)
{
    return faults[f].word;
}

const char *claims_fault_text(enum claims_fault f)
{
    return faults[f].text;
}

struct claims *claims_new(const json_t *object, const struct claims_limits *limits,
                          enum claims_fault *fault)
{
    struct build b;
    b.limits = *limits;
    b.n = b.text_n = b.path_n = b.left_out = b.depth = 0;
    *fault = add_object(&b, object);
    if (*fault != CLAIMS_OK)
        return NULL;
    struct claims *c = pack(&b);
    if (!c)
        *fault = CLAIMS_MEMORY;
    return c;
}

void claims_free(struct claims *c)
{
    free(c);
}

/* -- collecting -------------------------------------------------------------------------------- */

/* Appends to one of the buffers, which have the same size. */
static bool append(const struct build *b, char *to, size_t *n, const char *p, size_t p_n)
{
    if (p_n > b->limits.text - *n)
        return false;
    memcpy(to + *n, p, p_n);
    *n += p_n;
    return true;
}

static enum claims_fault add_object(struct build *b, const json_t *object)
{
    const size_t path_n = b->path_n;
    const char *key;
    json_t *v;
    if (++b->depth > CLAIMS_DEPTH_MAX)
        return CLAIMS_TOO_DEEP;
    json_object_foreach((json_t *)object, key, v)
    {
        if ((path_n && !append(b, b->path, &b->path_n, ".", 1)) ||
            !append(b, b->path, &b->path_n, key, strlen(key)))
            return CLAIMS_TOO_LONG;
        const enum claims_fault f = add_value(b, v);
        if (f != CLAIMS_OK)
            return f;
        b->path_n = path_n;
    }
    b->depth--;
    return CLAIMS_OK;
}

static bool is_taken(const struct build *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].name_n == b->path_n && memcmp(b->text + b->v[i].name, b->path, b->path_n) == 0)
            return true;
    return false;
}

static bool append_scalar(struct build *b, const json_t *v)
{
    if (json_is_string(v))
        return append(b, b->text, &b->text_n, json_string_value(v), json_string_length(v));
    if (json_is_boolean(v))
        return json_is_true(v) ? append(b, b->text, &b->text_n, "true", 4)
                               : append(b, b->text, &b->text_n, "false", 5);
    /* 15 digits are what a double keeps of any decimal: 0.1 stays 0.1. */
    char number[64];
    const size_t n =
        json_dumpb(v, number, sizeof number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return n <= sizeof number && append(b, b->text, &b->text_n, number, n);
}

/* One more value of the claim; the first one brings its name. */
static enum claims_fault add_scalar(struct build *b, const json_t *v, bool first)
{
    if (b->n == b->limits.pairs)
        return CLAIMS_TOO_MANY;
    struct pair p = {.name = b->text_n, .name_n = b->path_n};
    if (!first)
        p.name = b->v[b->n - 1].name;
    else if (!append(b, b->text, &b->text_n, b->path, b->path_n))
        return CLAIMS_TOO_LONG;
    p.value = b->text_n;
    if (!append_scalar(b, v))
        return CLAIMS_TOO_LONG;
    p.value_n = b->text_n - p.value;
    b->v[b->n++] = p;
    return CLAIMS_OK;
}

static bool is_scalar(const json_t *v)
{
    return json_is_string(v) || json_is_number(v) || json_is_boolean(v);
}

static enum claims_fault add_list(struct build *b, const json_t *list)
{
    const size_t before = b->n;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        b->left_out += json_is_object(v) || json_is_array(v);
        const enum claims_fault f = is_scalar(v) ? add_scalar(b, v, b->n == before) : CLAIMS_OK;
        if (f != CLAIMS_OK)
            return f;
    }
    return CLAIMS_OK;
}

static enum claims_fault add_value(struct build *b, const json_t *v)
{
    if (json_is_object(v))
        return add_object(b, v);
    if (!is_scalar(v) && !json_is_array(v))
        return CLAIMS_OK;
    if (is_taken(b))
        return CLAIMS_AMBIGUOUS;
    return json_is_array(v) ? add_list(b, v) : add_scalar(b, v, true);
}

/* -- packing ----------------------------------------------------------------------------------- */

static struct claims *pack(const struct build *b)
{
    struct claims *c = malloc(sizeof *c + b->n * sizeof *c->v + b->text_n);
    if (!c)
        return NULL;
    struct weir_claim *v = (struct weir_claim *)(c + 1);
    char *text = (char *)(v + b->n);
    memcpy(text, b->text, b->text_n);
    for (size_t i = 0; i < b->n; i++)
        v[i] = (struct weir_claim){{text + b->v[i].name, b->v[i].name_n},
                                   {text + b->v[i].value, b->v[i].value_n}};
    *c = (struct claims){v, b->n, b->left_out};
    return c;
}
