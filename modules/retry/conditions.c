/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway has more words for what can go wrong than an operator wants to write down; so each
 * kind here stands for a few of them.
 *
 * Two questions are kept apart. Is the outcome one of those that are listed? And can the request
 * have been processed already? An attempt that never sent a byte, or whose stream was refused (RFC
 * 9113 8.7), is safe to repeat whatever the method; everything else is up to the method. gRPC has
 * but one method, and it is not idempotent: naming one of its statuses is how a route says that its
 * calls may be repeated after it. */
#include "retry/conditions.h"

#include "common/slice.h"
#include "retry/digit.h"

enum { WORDS = 4 };

static const char refused[] = "refused";

static const struct kind {
    const char *name;
    const char *whys[WORDS]; /* the log's words; NULL ends them */
    bool unsent;             /* only when nothing was sent */
} kinds[] = {
    {"connect_failed", {"connect", "timeout_connect", "tls"}, false},
    {"refused_stream", {refused}, false},
    {"reset_unsent", {"reset", "closed"}, true},
    {"reset", {"reset", "closed"}, false},
    {"timeout", {"timeout_connect", "timeout_response_head", "timeout_try"}, false},
    {"bad_response", {"bad_response"}, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Words that stand for several. */
static const struct {
    const char *name;
    uint16_t from, to; /* statuses */
    bool failures;     /* and all kinds */
} groups[] = {
    {"5xx", 500, 599, true},
    {"gateway_error", 502, 504, true},
    {"4xx", 400, 499, false},
    {"retriable_4xx", 409, 409, false},
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

static const char *const grpc_names[] = {
    "grpc_ok",
    "grpc_cancelled",
    "grpc_unknown",
    "grpc_invalid_argument",
    "grpc_deadline_exceeded",
    "grpc_not_found",
    "grpc_already_exists",
    "grpc_permission_denied",
    "grpc_resource_exhausted",
    "grpc_failed_precondition",
    "grpc_aborted",
    "grpc_out_of_range",
    "grpc_unimplemented",
    "grpc_internal",
    "grpc_unavailable",
    "grpc_data_loss",
    "grpc_unauthenticated",
};
enum { GRPC_NAMES = sizeof grpc_names / sizeof grpc_names[0] };

const char conditions_form[] =
    "\"connect_failed\", \"refused_stream\", \"reset_unsent\", \"reset\", \"timeout\", "
    "\"bad_response\", \"gateway_error\", \"5xx\", \"4xx\", \"retriable_4xx\", a status such as "
    "\"503\" (200 to 599), and those of gRPC such as \"grpc_unavailable\"";

static void add_statuses(struct conditions *c, unsigned from, unsigned to)
{
    for (unsigned s = from; s <= to; s++)
        c->statuses[s / 64] |= (uint64_t)1 << s % 64;
}

static bool add_kind(struct conditions *c, struct weir_slice word)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (slice_eq(word, slice_str(kinds[i].name))) {
            c->kinds |= 1u << i;
            return true;
        }
    return false;
}

static bool add_group(struct conditions *c, struct weir_slice word)
{
    for (unsigned i = 0; i < GROUPS; i++)
        if (slice_eq(word, slice_str(groups[i].name))) {
            add_statuses(c, groups[i].from, groups[i].to);
            if (groups[i].failures)
                c->kinds |= (1u << KINDS) - 1;
            return true;
        }
    return false;
}

/* Not the one of success. */
static bool add_grpc(struct conditions *c, struct weir_slice word)
{
    for (unsigned i = 1; i < GRPC_NAMES; i++)
        if (slice_eq(word, slice_str(grpc_names[i]))) {
            c->grpc |= 1u << i;
            return true;
        }
    return false;
}

static bool add_status(struct conditions *c, struct weir_slice word)
{
    if (word.n != 3 || word.p[0] < '2' || word.p[0] > '5' || !is_digit(word.p[1]) ||
        !is_digit(word.p[2]))
        return false;
    const unsigned status = (unsigned)(word.p[0] - '0') * 100 + (unsigned)(word.p[1] - '0') * 10 +
                            (unsigned)(word.p[2] - '0');
    add_statuses(c, status, status);
    return true;
}

bool conditions_add(struct conditions *c, struct weir_slice word)
{
    return add_kind(c, word) || add_group(c, word) || add_grpc(c, word) || add_status(c, word);
}

void conditions_preset(struct conditions *c)
{
    static const char *const words[] = {"connect_failed", "refused_stream", "reset"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        add_kind(c, slice_str(words[i]));
}

/* -- matching -------------------------------------------------------------------------------- */

static bool has_why(const struct kind *k, const char *why)
{
    for (unsigned i = 0; i < WORDS && k->whys[i]; i++)
        if (strcmp(k->whys[i], why) == 0)
            return true;
    return false;
}

static enum worth match_failure(const struct conditions *c, const struct outcome *o,
                                const char **word)
{
    for (unsigned i = 0; i < KINDS; i++) {
        if (!(c->kinds >> i & 1) || (kinds[i].unsent && o->sent) || !has_why(&kinds[i], o->why))
            continue;
        *word = kinds[i].name;
        return !o->sent || strcmp(o->why, refused) == 0 ? WORTH_ANY : WORTH_METHOD;
    }
    return WORTH_NOTHING;
}

static bool has_status(const struct conditions *c, int status)
{
    return status >= 0 && status < 640 && c->statuses[status / 64] >> status % 64 & 1;
}

enum worth conditions_match(const struct conditions *c, const struct outcome *o, const char **word)
{
    *word = NULL;
    if (o->why)
        return match_failure(c, o, word);
    if (o->grpc > 0 && o->grpc < GRPC_NAMES && c->grpc >> o->grpc & 1) {
        *word = grpc_names[o->grpc];
        return WORTH_ANY;
    }
    if (has_status(c, o->status))
        *word = "status";
    else if (o->field)
        *word = "field";
    return *word ? WORTH_METHOD : WORTH_NOTHING;
}

int conditions_grpc(struct weir_slice value)
{
    if (value.n == 0 || value.n > 2)
        return -1;
    int n = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (!is_digit(value.p[i]))
            return -1;
        n = n * 10 + (value.p[i] - '0');
    }
    return n;
}

/* CONNECT and TRACE aren't served, and a method's name is a token (RFC 9110 9.1). */
bool conditions_method_ok(struct weir_slice name)
{
    return slice_is_token(name) && !slice_eq(name, slice_str("CONNECT")) &&
           !slice_eq(name, slice_str("TRACE"));
}
