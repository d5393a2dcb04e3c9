/* SPDX-License-Identifier: Apache-2.0 */
/* Families of variables: what a request or a response has under a name. */

#include "core/variables_parts.h"

static bool give_header(const struct fields *f, const struct variable_ref *ref,
                        struct variable_value *v)
{
    if (ref->token != TOKEN_OTHER)
        return give_text(v, fields_get_token(f, ref->token));
    const struct field *found = fields_find(f, ref->name);
    return found && give_text(v, found->value);
}

VARIABLE(request_header)
{
    return give_header(&x->request.fields, ref, v);
}

VARIABLE(response_header)
{
    return x->head_sent && give_header(&x->reply.fields, ref, v);
}
