/* SPDX-License-Identifier: Apache-2.0 */
/* Variables about the request as it was received, and the numbers it is known by. */

#include "base/text.h"
#include "core/log/variables_parts.h"

VARIABLE(worker)
{
    UNUSED;
    return give_number(v, x->w->index);
}

VARIABLE(exchange)
{
    UNUSED;
    return give_number(v, x->id);
}

VARIABLE(request_id)
{
    UNUSED;
    return give_text(v, x->request_id);
}

VARIABLE(method)
{
    UNUSED;
    return give_text(v, x->request.method);
}

VARIABLE(scheme)
{
    UNUSED;
    return give_text(v, x->facts->scheme);
}

VARIABLE(host)
{
    UNUSED;
    return give_text(v, x->host.name);
}

VARIABLE(path)
{
    UNUSED;
    return give_text(v, x->target.path);
}

VARIABLE(query)
{
    UNUSED;
    return give_text(v, x->target.query);
}

VARIABLE(target)
{
    UNUSED;
    return give_text(v, x->request.target);
}

static struct slice version_of(const struct exchange *x)
{
    if (x->request.major == 2)
        return SLICE("HTTP/2.0");
    return x->request.minor ? SLICE("HTTP/1.1") : SLICE("HTTP/1.0");
}

VARIABLE(protocol)
{
    UNUSED;
    v->text = version_of(x);
    return x->request.method.n != 0;
}

/* "GET /path HTTP/1.1", cut where it is too long for a line that people read. */
VARIABLE(request_line)
{
    UNUSED;
    struct text t;

    text_init_fixed(&t, v->memory, sizeof v->memory - SLICE(" HTTP/1.1").n);
    text_add(&t, x->request.method);
    text_char(&t, ' ');
    text_add(&t, x->request.target);
    t.cut = false;
    t.cap = sizeof v->memory;
    text_char(&t, ' ');
    text_add(&t, version_of(x));
    v->text = text_slice(&t);
    return x->request.method.n != 0;
}

VARIABLE(user_agent)
{
    UNUSED;
    return give_text(v, fields_get_token(&x->request.fields, TOKEN_USER_AGENT));
}

VARIABLE(referer)
{
    UNUSED;
    return give_text(v, fields_get_token(&x->request.fields, TOKEN_REFERER));
}

VARIABLE(bytes_in)
{
    UNUSED;
    return give_number(v, x->bytes_in);
}
