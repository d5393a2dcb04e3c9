/* SPDX-License-Identifier: Apache-2.0 */
/* The table of variables, and names looked up in it. Look-ups happen at load, a few dozen of them:
 * the table is searched from its beginning. */

#include "core/log/variables.h"

#include "base/fault.h"
#include "core/route/route.h"
#include "core/log/variables_parts.h"
#include "http/fields.h"

const struct variable variables[] = {
#define V(id, name, kind, preset, known, help)                                                     \
    {name, VARIABLE_##kind, preset, PART_NONE, KNOWN_##known, variable_get_##id, help},
#define F(id, prefix, part, known, help)                                                           \
    {prefix, VARIABLE_TEXT, false, PART_##part, KNOWN_##known, variable_get_##id##_named, help},
    VARIABLE_LIST(V, F)
#undef V
#undef F
        {.name = NULL},
};

static const struct variable *find(struct slice name);
static const char *read_part(struct arena *a, struct variable_ref *ref);
static const char *unknown(struct slice name, struct arena *a);

const char *variable_find(struct slice name, struct arena *a, struct variable_ref *ref)
{
    const struct variable *of = find(name);

    if (!of)
        return unknown(name, a);
    *ref = (struct variable_ref){.of = of, .token = TOKEN_OTHER};
    if (of->part == PART_NONE)
        return NULL;
    ref->name = arena_dup(a, slice_from(name, strlen(of->name)));
    return read_part(a, ref);
}

static const struct variable *find(struct slice name)
{
    for (const struct variable *of = variables; of->name; of++) {
        const struct slice known = slice_str(of->name);
        if (of->part != PART_NONE ? slice_starts(name, known) && name.n > known.n
                                  : slice_eq(name, known))
            return of;
    }
    return NULL;
}

const char *known_when_name(enum known_when when)
{
    static const char *const names[] = {"request", "attempt", "response", "end"};
    return names[when];
}

/* -- what stands behind the dot of a family ---------------------------------------------------- */

/* As PCRE2 has names of groups, without UTF. */
static bool is_group_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = ascii_lower(s.p[i]);
        if (!(c >= 'a' && c <= 'z') && c != '_' && !(i && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

static bool read_group(struct variable_ref *ref)
{
    uint64_t n;

    if (!slice_to_u64(ref->name, &n))
        return is_group_name(ref->name);
    ref->group = n <= ROUTE_GROUPS ? (unsigned)n : 0;
    return ref->group != 0;
}

static const char *read_part(struct arena *a, struct variable_ref *ref)
{
    const char *what = NULL;

    switch (ref->of->part) {
    case PART_FIELD:
        ref->token = token_of(ref->name);
        what = field_name_ok(ref->name) ? NULL : "the name of a header field";
        break;
    case PART_COOKIE: /* RFC 6265 4.1.1: the same letters */
        what = field_name_ok(ref->name) ? NULL : "the name of a cookie";
        break;
    case PART_GROUP:
        what = read_group(ref) ? NULL : "a group: allowed are 1 to 9, and names of groups";
        break;
    case PART_TEXT:
    case PART_NONE:
        break;
    }
    return what ? arena_printf(a, "\"%.*s\" is not %s", SLICE_ARG(ref->name), what) : NULL;
}

/* -- names that there are not ------------------------------------------------------------------ */

/* The nearest of the variables, or of the families. */
static const char *nearest(struct slice name, bool families)
{
    const char *names[array_n(variables)];
    size_t n = 0;

    for (const struct variable *of = variables; of->name; of++)
        if ((of->part != PART_NONE) == families)
            names[n++] = of->name;
    names[n] = NULL;
    return nearest_name(name, names);
}

/* What was probably meant; NULL: no idea. Of a family the part before the dot is what was wrong. */
static const char *meant(struct slice name, struct arena *a)
{
    const size_t dot = slice_find(name, '.');
    const struct slice part = slice_from(name, dot + 1);
    const char *near = nearest(name, false);

    if (near || dot == name.n)
        return near;
    near = nearest(slice_of(name.p, dot + 1), true);
    return near ? arena_printf(a, "%s%.*s", near, SLICE_ARG(part.n ? part : SLICE("NAME"))) : NULL;
}

static const char *unknown(struct slice name, struct arena *a)
{
    const char *near = meant(name, a);

    return arena_printf(a, "there is no variable \"%.*s\"%s%s%s; docs/access-log.md lists them",
                        SLICE_ARG(name), near ? ", did you mean \"" : "", near ? near : "",
                        near ? "\"?" : "");
}
