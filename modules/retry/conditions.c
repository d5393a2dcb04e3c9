/* SPDX-License-Identifier: Apache-2.0 */
/* Two questions are kept apart. Is the outcome one of those that are listed? And can the request
 * have been processed already? An attempt that never sent a byte, or whose stream was refused (RFC
 * 9113 8.7), is safe to repeat whatever the method; everything else is up to the method. gRPC has
 * but one method, and it is not idempotent: naming one of its statuses is how a route says that its
 * calls may be repeated after it. */
#include "retry/conditions.h"

static const struct outcome_kind kinds[] = {
    {"connect_failed", WEIR_FAILURE_CONNECT | WEIR_FAILURE_TIMEOUT_CONNECT},
    {"refused_stream", WEIR_FAILURE_REFUSED},
    {"reset_unsent", WEIR_FAILURE_RESET},
    {"reset", WEIR_FAILURE_RESET},
    {"timeout", WEIR_FAILURE_TIMEOUT_CONNECT | WEIR_FAILURE_TIMEOUT_HEAD},
    {"bad_response", WEIR_FAILURE_BAD_RESPONSE},
};
enum { KINDS = sizeof kinds / sizeof kinds[0], RESET_UNSENT = 2 /* only when nothing was sent */ };

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

const char conditions_form[] =
    "\"connect_failed\", \"refused_stream\", \"reset_unsent\", \"reset\", \"timeout\", "
    "\"bad_response\", \"gateway_error\", \"5xx\", \"4xx\", \"retriable_4xx\", a status such as "
    "\"503\" (200 to 599), and those of gRPC such as \"grpc_unavailable\"";

static bool add_kind(struct conditions *c, struct weir_slice word)
{
    const unsigned kind = kind_named(kinds, KINDS, word);
    if (kind < KINDS)
        c->kinds |= 1u << kind;
    return kind < KINDS;
}

static bool add_group(struct conditions *c, struct weir_slice word)
{
    for (unsigned i = 0; i < GROUPS; i++)
        if (slice_eq(word, slice_str(groups[i].name))) {
            statuses_add(&c->statuses, groups[i].from, groups[i].to);
            if (groups[i].failures)
                c->kinds |= (1u << KINDS) - 1;
            return true;
        }
    return false;
}

/* Not the one of success. */
static bool add_grpc(struct conditions *c, struct weir_slice word)
{
    const unsigned code = grpc_named(word);
    if (code == 0 || code == GRPC_CODES)
        return false;
    c->grpc |= 1u << code;
    return true;
}

/* A single one; classes are groups here. */
static bool add_status(struct conditions *c, struct weir_slice word)
{
    return word.n == 3 && word.p[0] >= '2' && word.p[1] != 'x' &&
           statuses_add_word(&c->statuses, word);
}

bool conditions_add(struct conditions *c, struct weir_slice word)
{
    return add_kind(c, word) || add_group(c, word) || add_grpc(c, word) || add_status(c, word);
}

const char conditions_preset_words[] = "connect_failed, refused_stream, reset";

void conditions_preset(struct conditions *c)
{
    for (struct weir_slice rest = slice_str(conditions_preset_words); rest.n;)
        add_kind(c, slice_trim(slice_cut(&rest, ',')));
}

/* -- matching -------------------------------------------------------------------------------- */

static enum worth match_failure(const struct conditions *c, const struct outcome *o,
                                const char **word)
{
    for (unsigned i = 0; i < KINDS; i++) {
        if (!(c->kinds >> i & 1) || (i == RESET_UNSENT && o->sent) ||
            !(kinds[i].failures & o->failure))
            continue;
        *word = kinds[i].name;
        return !o->sent || o->failure == WEIR_FAILURE_REFUSED ? WORTH_ANY : WORTH_METHOD;
    }
    return WORTH_NOTHING;
}

enum worth conditions_match(const struct conditions *c, const struct outcome *o, const char **word)
{
    *word = NULL;
    if (o->failure)
        return match_failure(c, o, word);
    if (o->grpc > 0 && o->grpc < GRPC_CODES && c->grpc >> o->grpc & 1) {
        *word = grpc_name((unsigned)o->grpc);
        return WORTH_ANY;
    }
    if (statuses_has(&c->statuses, o->status))
        *word = "status";
    else if (o->field)
        *word = "field";
    return *word ? WORTH_METHOD : WORTH_NOTHING;
}

/* CONNECT and TRACE aren't served, and a method's name is a token (RFC 9110 9.1). */
bool conditions_method_ok(struct weir_slice name)
{
    return slice_is_token(name) && !slice_eq(name, slice_str("CONNECT")) &&
           !slice_eq(name, slice_str("TRACE"));
}
