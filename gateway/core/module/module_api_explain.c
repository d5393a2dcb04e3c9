/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/explain.h>: a request that an operator describes, and what modules say of it. */
#include "core/module/explain.h"

#include <stdio.h>

#include "core/identity.h"
#include "core/log/template.h"
#include "core/module/module_slice.h"
#include "http/query.h"

enum { LINE_MAX_BYTES = 512, MILLION = 1000000 };

/* -- asking ------------------------------------------------------------------------------------ */

static void ask(struct weir_explain *e, const struct module_use *mu)
{
    const struct weir_use u = {
        .conf = mu->settings,
        .global = mu->global,
        .local = e->w->locals ? e->w->locals[mu->index] : NULL,
    };
    e->asked = mu->module;
    e->chosen = 0;
    json_open(e->out, '{');
    json_key(e->out, "module");
    json_str(e->out, mu->module->desc->name);
    json_key(e->out, "says");
    json_open(e->out, '[');
    e->w->acting = mu->module;
    if (mu->module->desc->explain)
        mu->module->desc->explain(e, &u);
    e->w->acting = NULL;
    json_close(e->out, ']');
    json_close(e->out, '}');
    e->left -= e->chosen < e->left ? e->chosen : e->left;
}

void explain_chain(struct weir_explain *e, const struct chain *c)
{
    for (size_t i = 0; c && i < c->uses_n; i++)
        ask(e, &c->uses[i]);
}

static void add(struct weir_explain *e, struct explain_choice choice)
{
    if (e->choices_n < EXPLAIN_CHOICES)
        e->choices[e->choices_n++] = choice;
}

void explain_rest(struct weir_explain *e, uint32_t cluster)
{
    if (e->left)
        add(e, (struct explain_choice){.cluster = cluster, .millionths = e->left});
    e->left = 0;
}

/* -- the request ------------------------------------------------------------------------------- */

struct weir_slice weir_explain_method(const struct weir_explain *e)
{
    return slice_out(e->q->method);
}

struct weir_slice weir_explain_path(const struct weir_explain *e)
{
    return slice_out(e->q->path);
}

struct weir_slice weir_explain_field(const struct weir_explain *e, const char *name)
{
    const struct field *f = fields_find(e->q->fields, slice_str(name));
    struct slice all = f ? f->value : (struct slice){0};
    while (f && (f = fields_next(e->q->fields, f)))
        all =
            slice_str(arena_printf(e->q->arena, "%.*s, %.*s", SLICE_ARG(all), SLICE_ARG(f->value)));
    return slice_out(all);
}

struct weir_slice weir_explain_cookie(const struct weir_explain *e, const char *name)
{
    struct slice value = {0};
    (void)!cookie_find(e->q->fields, slice_str(name), &value);
    return slice_out(value);
}

struct weir_slice weir_explain_query(const struct weir_explain *e, const char *name)
{
    struct slice value = {0};
    (void)!query_find(e->q->query, slice_str(name), e->q->arena, &value);
    return slice_out(value);
}

struct weir_slice weir_explain_claim(const struct weir_explain *e, const char *name, size_t nth)
{
    return slice_out(identity_claim(e->q->identity, slice_str(name), nth));
}

struct weir_slice weir_explain_source(const struct weir_explain *e)
{
    char text[ADDR_TEXT_MAX];
    const size_t n = ip_print(e->q->source, text);
    return slice_out(arena_dup(e->q->arena, slice_of(text, n)));
}

weir_cluster weir_explain_cluster_of(const struct weir_explain *e)
{
    return e->cluster;
}

struct weir_process *weir_explain_process(const struct weir_explain *e)
{
    return process_of(e->w);
}

struct weir_slice weir_explain_template(const struct weir_explain *e, const struct weir_template *wt)
{
    const struct template *t = (const struct template *)wt;
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < t->n; i++) {
        const struct template_piece *p = &t->pieces[i];
        text_add(&text, p->before);
        text_printf(&text, "%%{%s%.*s%s%.*s}", p->ref.of->name, SLICE_ARG(p->ref.name),
                    p->absent.n ? "|" : "", SLICE_ARG(p->absent));
    }
    text_add(&text, t->tail);
    const struct slice s = arena_dup(e->q->arena, text_slice(&text));
    text_fini(&text);
    return slice_out(s);
}

/* -- the answer -------------------------------------------------------------------------------- */

void weir_explain_say(struct weir_explain *e, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    json_str(e->out, line);
}

void weir_explain_choice(struct weir_explain *e, weir_cluster cluster, struct weir_slice variant,
                         uint32_t millionths)
{
    const uint64_t part =
        (uint64_t)e->left * (millionths < MILLION ? millionths : MILLION) / MILLION;
    if (cluster >= e->w->g->config->clusters_n)
        return;
    e->chosen += (uint32_t)part;
    add(e, (struct explain_choice){.cluster = cluster,
                                   .variant = slice_in(variant),
                                   .millionths = (uint32_t)part,
                                   .by = e->asked});
}
