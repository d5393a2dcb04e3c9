/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of modules' own requests. The rules are stricter than those for clients' requests, since
 * nothing that is refused here was somebody's to send. */
#include "core/call_fields.h"

#include "core/module/module_slice.h"

static bool field_ok(const struct weir_claim *f)
{
    return weir_field_settable(f->name) && field_value_ok(slice_in(f->value));
}

/* RFC 3986 3.2: a name or an address, with a port. What has a meaning elsewhere in a URL is refused
 * rather than interpreted. */
bool call_host_ok(struct slice host)
{
    for (size_t i = 0; i < host.n; i++) {
        const unsigned char c = (unsigned char)host.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("/?#@\\\"<>{}|^`,;", c))
            return false;
    }
    return true;
}

bool call_fields_ok(const struct weir_call_options *o)
{
    if (o->fields_n > CALL_FIELDS_MAX || !call_host_ok(slice_in(o->host)))
        return false;
    for (size_t i = 0; i < o->fields_n; i++)
        if (!field_ok(&o->fields[i]))
            return false;
    return true;
}

static bool named_before(const struct weir_call_options *o, size_t at)
{
    const struct slice name = slice_in(o->fields[at].name);
    for (size_t i = 0; i < at; i++)
        if (slice_ieq(slice_in(o->fields[i].name), name))
            return true;
    return false;
}

void call_fields_apply(const struct weir_call_options *o, struct fields *f, struct arena *a)
{
    for (size_t i = 0; i < o->fields_n; i++) {
        const struct slice name = slice_in(o->fields[i].name);
        const struct slice value = slice_in(o->fields[i].value);
        if (!value.p)
            fields_remove(f, name);
        else if (named_before(o, i))
            fields_add(f, a, arena_dup(a, name), arena_dup(a, value));
        else
            fields_set(f, a, arena_dup(a, name), arena_dup(a, value));
    }
}
