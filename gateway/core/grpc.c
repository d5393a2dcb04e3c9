/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC puts its own outcome beside that of HTTP: a call that failed is a 200 whose grpc-status says
 * so, in the trailers, or in the head when there is nothing else ("Trailers-Only"). Clients that
 * meet anything else guess one from the HTTP status, and guess badly: a 404 becomes
 * UNIMPLEMENTED, a 429 is retried. So what the gateway says to a gRPC request says it in gRPC. */
#include "core/grpc.h"

#include "base/text.h"
#include "core/exchange.h"

/* -- requests ---------------------------------------------------------------------------------- */

bool grpc_is(const struct fields *f)
{
    static const struct slice type = SLICE_INIT("application/grpc");
    const struct slice value = fields_get_token(f, TOKEN_CONTENT_TYPE);
    if (value.n < type.n || !slice_ieq(slice_of(value.p, type.n), type))
        return false;
    const struct slice rest = slice_from(value, type.n);
    return !rest.n || rest.p[0] == '+' || rest.p[0] == ';' || rest.p[0] == ' ';
}

bool grpc_timeout_parse(struct slice value, uint64_t *ms)
{
    enum { DIGITS_MAX = 8 };
    uint64_t n;
    if (value.n < 2 || value.n > DIGITS_MAX + 1 ||
        !slice_to_u64(slice_of(value.p, value.n - 1), &n))
        return false;
    switch (value.p[value.n - 1]) {
    case 'H':
        n *= 60 * 60 * 1000;
        break;
    case 'M':
        n *= 60 * 1000;
        break;
    case 'S':
        n *= 1000;
        break;
    case 'm':
        break;
    case 'u':
        n = (n + 999) / 1000;
        break;
    case 'n':
        n = (n + 999999) / 1000000;
        break;
    default:
        return false;
    }
    *ms = n ? n : 1;
    return true;
}

uint64_t grpc_timeout_bound(const struct fields *request, uint64_t limit_ms)
{
    const uint64_t longest = UINT64_C(30) * 24 * 60 * 60 * 1000; /* beyond it is no limit at all */
    const struct field *f = fields_find(request, SLICE("grpc-timeout"));
    uint64_t ms;
    if (!f || !grpc_timeout_parse(f->value, &ms) || ms > longest)
        return limit_ms;
    return limit_ms && limit_ms < ms ? limit_ms : ms;
}

/* -- codes ------------------------------------------------------------------------------------- */

enum grpc_code grpc_code_parse(struct slice value)
{
    uint64_t code;
    if (value.n > 2 || !slice_to_u64(value, &code) || code >= GRPC_CODES)
        return GRPC_UNKNOWN;
    return (enum grpc_code)code;
}

enum grpc_code grpc_code_of_status(uint16_t status)
{
    if (status >= 200 && status < 300)
        return GRPC_OK;
    switch (status) {
    case 400:
        return GRPC_INTERNAL;
    case 401:
        return GRPC_UNAUTHENTICATED;
    case 403:
        return GRPC_PERMISSION_DENIED;
    case 404:
        return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_UNAVAILABLE;
    default:
        return GRPC_UNKNOWN;
    }
}

/* Where the reason says more than its status. GRPC_OK: it doesn't. */
static const uint8_t by_why[WHY_N] = {
    [WHY_METHOD_REFUSED] = GRPC_INTERNAL, /* as gRPC servers say to other methods than POST */
    [WHY_BODY_TOO_LARGE] = GRPC_RESOURCE_EXHAUSTED,
    [WHY_TARGET_TOO_LONG] = GRPC_INTERNAL,
    [WHY_EXPECTATION] = GRPC_INTERNAL,
    [WHY_LIMITED] = GRPC_RESOURCE_EXHAUSTED, /* UNAVAILABLE is repeated at once */
    [WHY_HEAD_TOO_LARGE] = GRPC_RESOURCE_EXHAUSTED,
    [WHY_VERSION] = GRPC_INTERNAL,
    [WHY_MISDIRECTED] = GRPC_UNAVAILABLE, /* on another connection it may be served */
    [WHY_TIMEOUT_HEAD] = GRPC_DEADLINE_EXCEEDED,
    [WHY_TIMEOUT_BODY] = GRPC_DEADLINE_EXCEEDED,
    [WHY_TIMEOUT_REQUEST] = GRPC_DEADLINE_EXCEEDED,
    [WHY_TIMEOUT_RESPONSE_HEAD] = GRPC_DEADLINE_EXCEEDED,
    [WHY_TIMEOUT_RESPONSE_BODY] = GRPC_DEADLINE_EXCEEDED,
    [WHY_CLIENT_GONE] = GRPC_CANCELLED,
    [WHY_CLIENT_SLOW] = GRPC_CANCELLED,
};

enum grpc_code grpc_code_of_why(enum why why)
{
    return by_why[why] ? (enum grpc_code)by_why[why] : grpc_code_of_status(why_facts(why)->status);
}

void grpc_message(struct text *out, struct slice s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n && i < GRPC_MESSAGE_MAX; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c >= ' ' && c <= '~' && c != '%')
            text_char(out, (char)c);
        else
            text_add(out, slice_of((char[]){'%', digits[c >> 4], digits[c & 15]}, 3));
    }
}

/* -- how it ended ------------------------------------------------------------------------------ */

static const struct field *find_status(const struct fields *f)
{
    return fields_find(f, SLICE("grpc-status"));
}

enum grpc_code grpc_outcome(const struct exchange *x)
{
    if (x->answering)
        return (enum grpc_code)x->grpc_code;
    if (x->why || !x->attempt)
        return grpc_code_of_why(x->why);
    const struct attempt *at = x->attempt;
    const struct field *f = find_status(&at->trailers);
    if (!f)
        f = find_status(&at->head.fields);
    if (f)
        return grpc_code_parse(f->value);
    return at->head.status == 200 ? GRPC_MISSING : grpc_code_of_status(at->head.status);
}

bool grpc_break(struct exchange *x, struct fields *trailers)
{
    if (x->reply.body != BODY_CHUNKED)
        return false;
    const enum grpc_code code = grpc_code_of_why(x->why);
    fields_init(trailers, &x->arena, 2);
    fields_add(trailers, &x->arena, SLICE("grpc-status"),
               slice_str(arena_printf(&x->arena, "%d", code)));
    fields_add(trailers, &x->arena, SLICE("grpc-message"), slice_str(why_facts(x->why)->text));
    return true;
}
