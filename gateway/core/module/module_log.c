/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the access log that modules set. Most exchanges have none: then this costs a look at
 * each chain. */

#include "core/module/module_log.h"

#include "core/exchange.h"
#include "core/module/module.h"

static unsigned fields_of(const struct module_use *use)
{
    const char *const *names = use->module->desc->log_fields;
    unsigned n = 0;

    while (names && names[n])
        n++;
    return n;
}

static bool is_of(const struct module_use *use, const struct chain *chain)
{
    return chain && use >= chain->uses && use < chain->uses + chain->uses_n;
}

void module_log_set(struct exchange *x, const struct module_use *use, unsigned index,
                    struct slice value)
{
    if (index >= fields_of(use))
        return;
    for (struct chain_run *run = x->chains; run < x->chains + CHAIN_N; run++) {
        if (!is_of(use, run->chain))
            continue;
        if (!run->log)
            run->log = ARENA_ARRAY(&x->arena, struct slice, run->chain->log_fields);
        run->log[use->log_at + index] = arena_dup(&x->arena, value);
        return;
    }
}

/* Where a walk over all fields that were set stands: first those of chains that others have taken the
 * place of (a fallback has), then the others. */
struct at {
    const struct chain_past *past; /* NULL: `run` is one of x->chains */
    const struct chain_run *run;
    size_t use;
    unsigned field;
};

static struct at begin(const struct exchange *x)
{
    return (struct at){.past = x->past, .run = x->past ? &x->past->run : x->chains};
}

static void next_run(const struct exchange *x, struct at *at)
{
    const bool was_past = at->past != NULL;
    at->past = was_past ? at->past->next : NULL;
    at->run = at->past ? &at->past->run : was_past ? x->chains : at->run + 1;
    at->use = 0;
}

static bool next(const struct exchange *x, struct at *at, const struct module_use **use,
                 struct slice *value)
{
    for (; at->past || at->run < x->chains + CHAIN_N; next_run(x, at)) {
        for (; at->run->log && at->use < at->run->chain->uses_n;
             at->use++, at->field = 0) {
            *use = &at->run->chain->uses[at->use];
            for (const unsigned n = fields_of(*use); at->field < n;) {
                *value = at->run->log[(*use)->log_at + at->field++];
                if (value->p)
                    return true;
            }
        }
    }
    return false;
}

/* The last value of this field of this module. */
static struct slice last_of(const struct exchange *x, struct slice module, struct slice field)
{
    struct at at = begin(x);
    const struct module_use *use;
    struct slice value, last = {0};

    while (next(x, &at, &use, &value)) {
        const struct weir_module *m = use->module->desc;
        if (slice_eq(slice_str(m->name), module) &&
            slice_eq(slice_str(m->log_fields[at.field - 1]), field))
            last = value;
    }
    return last;
}

bool module_log_get(const struct exchange *x, struct slice name, struct slice *value)
{
    struct slice field = name;
    const struct slice module = slice_cut(&field, '.');

    *value = last_of(x, module, field);
    return value->p != NULL;
}

void module_log_json(const struct exchange *x, struct text *out)
{
    struct at at = begin(x);
    const struct module_use *use;
    struct slice value;

    while (next(x, &at, &use, &value)) {
        const char *module = use->module->desc->name;
        const char *field = use->module->desc->log_fields[at.field - 1];
        if (last_of(x, slice_str(module), slice_str(field)).p != value.p)
            continue; /* a name stands once in an object (RFC 8259 4) */
        text_str(out, ",\"");
        text_str(out, module);
        text_char(out, '.');
        text_str(out, field);
        text_str(out, "\":\"");
        text_json_escaped(out, value);
        text_char(out, '"');
    }
}
