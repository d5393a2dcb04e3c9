/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "header fields". A head may be changed in the one hook that comes before it goes
 * out; and what a module puts there can't break the message: names of framing, of the connection
 * and of its end are the gateway's, and values have nothing that ends a line. */
#include "core/module/module_api.h"

#define BIT(t) (UINT64_C(1) << TOKEN_##t)

/* RFC 9110 7.6.1, 8.6 and 10.1.1, RFC 9113 8.2.2; Host has settings and options of its own. */
static const uint64_t kept_back = BIT(CONNECTION) | BIT(CONTENT_LENGTH) | BIT(EXPECT) | BIT(HOST) |
                                  BIT(HTTP2_SETTINGS) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) |
                                  BIT(TE) | BIT(TRAILER) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

struct weir_name weir_name(struct weir_slice text)
{
    const struct slice name = slice_in(text);
    if (!is_token(name))
        return (struct weir_name){.text = {NULL, 0}};
    const enum token t = token_of(name);
    return (struct weir_name){.text = t == TOKEN_OTHER ? text : slice_out(token_name(t)), .id = t};
}

_Static_assert(TOKEN_OTHER == 0, "id 0: not well known");

/* A token has no colon, so pseudo-header fields are none. */
bool weir_field_settable(struct weir_slice text)
{
    const struct slice name = slice_in(text);
    return is_token(name) && !(kept_back >> token_of(name) & 1);
}

/* RFC 9113 8.2.1: nor white space around it. */
bool weir_value_ok(struct weir_slice text)
{
    const struct slice value = slice_in(text);
    return field_value_ok(value) && slice_trim(value).n == value.n;
}

static struct fields *fields_of(struct exchange *x, enum weir_head head)
{
    const bool attempt = x->hook && x->moment == MOMENT_ATTEMPT;
    switch (head) {
    case WEIR_REQUEST:
        return &x->request.fields;
    case WEIR_INWARD:
        return attempt ? attempt_own_head(x->attempt) : &x->plan.fields;
    case WEIR_RESPONSE:
        return &x->reply.fields;
    }
    return &x->request.fields;
}

static const struct field *find(const struct fields *f, const struct weir_name *name)
{
    return name->id ? fields_find_token(f, (enum token)name->id)
                    : fields_find(f, slice_in(name->text));
}

struct weir_slice weir_field(const struct weir_exchange *x, enum weir_head head,
                             const struct weir_name *name)
{
    const struct field *f = find(fields_of(exchange_of(x), head), name);
    return f ? slice_there(f->value) : (struct weir_slice){NULL, 0};
}

bool weir_field_each(const struct weir_exchange *x, enum weir_head head, size_t *at,
                     struct weir_slice *name, struct weir_slice *value)
{
    const struct fields *f = fields_of(exchange_of(x), head);
    if (*at >= f->n)
        return false;
    const struct field *one = &f->v[(*at)++];
    *name = slice_out(one->name);
    *value = slice_there(one->value);
    return true;
}

/* A name that is well known is one. */
static bool is_settable(const struct weir_name *name)
{
    return name->id ? !(kept_back >> name->id & 1) : weir_field_settable(name->text);
}

static bool may_change(const struct exchange *x, enum weir_head head, const struct weir_name *name)
{
    if (head == WEIR_REQUEST || !is_settable(name))
        return false;
    if (head == WEIR_INWARD && x->moment == MOMENT_ATTEMPT)
        return x->hook != NULL;
    return is_moment(x, head == WEIR_INWARD ? MOMENT_FORWARD : MOMENT_RESPONSE);
}

bool weir_field_set(struct weir_exchange *wx, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value)
{
    struct exchange *x = exchange_of(wx);
    if (!may_change(x, head, name) || !weir_value_ok(value))
        return false;
    fields_set(fields_of(x, head), &x->arena, slice_in(name->text), slice_in(value));
    return true;
}

bool weir_field_add(struct weir_exchange *wx, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value)
{
    struct exchange *x = exchange_of(wx);
    if (!may_change(x, head, name) || !weir_value_ok(value))
        return false;
    fields_add(fields_of(x, head), &x->arena, slice_in(name->text), slice_in(value));
    return true;
}

bool weir_field_remove(struct weir_exchange *wx, enum weir_head head, const struct weir_name *name)
{
    struct exchange *x = exchange_of(wx);
    if (!may_change(x, head, name))
        return false;
    return fields_remove(fields_of(x, head), slice_in(name->text)) > 0;
}

unsigned weir_field_rename(struct weir_exchange *wx, enum weir_head head,
                           const struct weir_name *from, const struct weir_name *to)
{
    struct exchange *x = exchange_of(wx);
    if (!may_change(x, head, from) || !may_change(x, head, to))
        return 0;
    return fields_rename(fields_of(x, head), slice_in(from->text), slice_in(to->text));
}
