/* SPDX-License-Identifier: Apache-2.0 */
/* The table of variables, and names looked up in it. Look-ups happen at load, a few dozen of them:
 * the table is searched from its beginning. */

#include "core/variables.h"

#include "base/fault.h"
#include "core/variables_parts.h"
#include "http/fields.h"

const struct variable variables[] = {
#define V(id, name, kind, preset, known, help)                                                     \
    {name, VARIABLE_##kind, preset, KNOWN_##known, variable_get_##id, help},
    VARIABLE_LIST(V)
#undef V
        {NULL, VARIABLE_TEXT, false, KNOWN_REQUEST, NULL, NULL},
};

bool variable_is_family(const struct variable *of)
{
    return of->name[strlen(of->name) - 1] == '.';
}

static const struct variable *find(struct slice name)
{
    for (const struct variable *of = variables; of->name; of++) {
        const struct slice known = slice_str(of->name);
        if (variable_is_family(of) ? slice_starts(name, known) && name.n > known.n
                                   : slice_eq(name, known))
            return of;
    }
    return NULL;
}

static const char *unknown(struct slice name, struct arena *a)
{
    const char *names[128];
    size_t n = 0;

    for (const struct variable *of = variables; of->name && n < array_n(names) - 1; of++)
        names[n++] = of->name;
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    return arena_printf(a, "there is no field \"%.*s\"%s%s%s", SLICE_ARG(name),
                        near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

const char *variable_find(struct slice name, struct arena *a, struct variable_ref *ref)
{
    const struct variable *of = find(name);

    if (!of)
        return unknown(name, a);
    *ref = (struct variable_ref){.of = of};
    if (!variable_is_family(of))
        return NULL;
    ref->name = slice_from(name, strlen(of->name));
    ref->token = token_of(ref->name);
    if (!field_name_ok(ref->name))
        return arena_printf(a, "\"%.*s\" is not the name of a header field", SLICE_ARG(ref->name));
    return NULL;
}
