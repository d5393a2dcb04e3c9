/* SPDX-License-Identifier: Apache-2.0 */
/* Status, fields and content are compared one after the other, each in one function; what differs
 * is put down already redacted, so that what is kept of two responses holds nothing that isn't
 * shown. */
#include "mirror/compare.h"

#include <stdio.h>

#include "mirror/json_diff.h"
#include "mirror/redact.h"
#include "common/slice.h"

enum { WHAT_SIZE = 256 }; /* of a difference's name: longer paths are cut */

struct comparing {
    const struct compare_rules *r;
    const struct outcome *a, *b;
    struct verdict *out;
};

static void put_down(struct comparing *c, enum differs kind, const char *what, const char *a,
                     const char *b)
{
    c->out->differs |= kind;
    if (!c->out->list)
        c->out->list = json_array();
    json_array_append_new(c->out->list,
                          json_pack("{s:s, s:s, s:s}", "what", what, "primary", a, "mirror", b));
}

static void compare_status(struct comparing *c)
{
    char a[16], b[16];
    if (c->a->status == c->b->status)
        return;
    snprintf(a, sizeof a, "%d", c->a->status);
    snprintf(b, sizeof b, "%d", c->b->status);
    put_down(c, DIFFERS_STATUS, "status", a, b);
}

static void compare_field(struct comparing *c, size_t i)
{
    const struct weir_slice a = c->a->fields[i], b = c->b->fields[i];
    const struct weir_slice name = c->r->fields[i].text;
    char what[WHAT_SIZE], a_text[REDACT_TEXT], b_text[REDACT_TEXT];
    if (!a.p == !b.p && slice_eq(a, b))
        return;
    snprintf(what, sizeof what, "header %.*s", (int)name.n, name.p);
    redact_field(a, c->r->show_values, a_text);
    redact_field(b, c->r->show_values, b_text);
    put_down(c, DIFFERS_FIELD, what, a_text, b_text);
}

/* -- content ---------------------------------------------------------------------------------- */

static void on_json_differs(void *ctx, const struct json_way *way, const json_t *a, const json_t *b)
{
    struct comparing *c = ctx;
    char what[WHAT_SIZE] = "json ", a_text[REDACT_TEXT], b_text[REDACT_TEXT];
    json_way_print(way, what + 5, sizeof what - 5);
    redact_json(a, c->r->show_values, a_text);
    redact_json(b, c->r->show_values, b_text);
    put_down(c, DIFFERS_CONTENT, what, a_text, b_text);
}

static json_t *parse(const struct outcome *o)
{
    if (!o->json || o->content.n == 0)
        return NULL;
    return json_loadb(o->content.p, o->content.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void compare_bytes(struct comparing *c)
{
    char a[REDACT_TEXT], b[REDACT_TEXT];
    redact_content(c->a->content, c->r->show_values, a);
    redact_content(c->b->content, c->r->show_values, b);
    put_down(c, DIFFERS_CONTENT, "content", a, b);
}

/* One is JSON, and the other isn't, whatever its head says. */
static void note_kinds(struct comparing *c, const json_t *a)
{
    put_down(c, DIFFERS_CONTENT, "content", a ? "json" : "not json", a ? "not json" : "json");
}

static void compare_json(struct comparing *c)
{
    json_t *a = parse(c->a), *b = parse(c->b);
    const struct json_diff d = {c->r->ignored, c->r->ignored_n, on_json_differs, c};
    if (a && b)
        json_diff(&d, a, b);
    else if (a || b)
        note_kinds(c, a);
    else if (c->r->content)
        compare_bytes(c);
    json_decref(a);
    json_decref(b);
}

static void compare_content(struct comparing *c)
{
    if (!c->a->whole || !c->b->whole)
        c->out->unread = true;
    else if (slice_eq(c->a->content, c->b->content))
        return;
    else if (c->r->json)
        compare_json(c);
    else
        compare_bytes(c);
}

/* -- all of it -------------------------------------------------------------------------------- */

void compare(const struct compare_rules *r, const struct outcome *primary,
             const struct outcome *mirror, struct verdict *out)
{
    struct comparing c = {r, primary, mirror, out};
    *out = (struct verdict){0};
    if (r->status)
        compare_status(&c);
    for (size_t i = 0; i < r->fields_n; i++)
        compare_field(&c, i);
    if (compare_wants_content(r))
        compare_content(&c);
}

/* RFC 9110 8.3.1: parameters follow a semicolon; RFC 6839 3.1: +json. */
bool compare_is_json(struct weir_slice type, struct weir_slice coding)
{
    const char *semicolon = type.n ? memchr(type.p, ';', type.n) : NULL;
    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    while (type.n && (type.p[type.n - 1] == ' ' || type.p[type.n - 1] == '\t'))
        type.n--;
    if (coding.n && !slice_ieq(coding, WEIR_SLICE("identity")))
        return false;
    if (type.n <= 5)
        return false;
    const struct weir_slice end = {type.p + type.n - 5, 5};
    return slice_ieq(type, WEIR_SLICE("application/json")) || slice_ieq(end, WEIR_SLICE("+json"));
}
