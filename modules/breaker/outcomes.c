/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway has more words for what can go wrong than an operator wants to write down; so each
 * kind here stands for a few of them. What the gateway itself is to blame for has no kind. */
#include "breaker/outcomes.h"

#include "common/slice.h"

enum { WORDS = 6 };

static const struct kind {
    const char *name;
    const char *whys[WORDS]; /* the log's words; NULL ends them */
} kinds[] = {
    {"connect", {"connect", "timeout_connect", "tls"}},
    {"refused", {"refused"}},
    {"reset", {"reset", "closed", "truncated"}},
    {"timeout",
     {"timeout_connect", "timeout_response_head", "timeout_response_body", "timeout_request",
      "timeout_try"}},
    {"bad_response", {"bad_response"}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* https://grpc.io/docs/guides/status-codes/, by number; those by which a server says that it can't.
 */
static const char *const grpc_names[] = {
    [1] = "grpc_cancelled",          [2] = "grpc_unknown",   [4] = "grpc_deadline_exceeded",
    [8] = "grpc_resource_exhausted", [10] = "grpc_aborted",  [13] = "grpc_internal",
    [14] = "grpc_unavailable",       [15] = "grpc_data_loss"};
enum { GRPC_NAMES = sizeof grpc_names / sizeof grpc_names[0] };

const char outcomes_form[] =
    "\"5xx\" or another class, a status such as \"502\", \"connect\", \"refused\", \"reset\", "
    "\"timeout\", \"bad_response\", \"grpc_unavailable\" and other failures of gRPC";

static void add_status(struct outcomes *o, unsigned status)
{
    o->statuses[status / 64] |= (uint64_t)1 << status % 64;
}

static void add_class(struct outcomes *o, unsigned class)
{
    for (unsigned i = 0; i < 100; i++)
        add_status(o, class * 100 + i);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool add_number(struct outcomes *o, struct weir_slice word)
{
    if (word.n != 3 || word.p[0] < '1' || word.p[0] > '5')
        return false;
    const unsigned class = (unsigned)(word.p[0] - '0');
    if (memcmp(word.p + 1, "xx", 2) == 0)
        add_class(o, class);
    else if (is_digit(word.p[1]) && is_digit(word.p[2]))
        add_status(o, class * 100 + (unsigned)(word.p[1] - '0') * 10 + (unsigned)(word.p[2] - '0'));
    else
        return false;
    return true;
}

bool outcomes_add(struct outcomes *o, struct weir_slice word)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (slice_eq(word, slice_str(kinds[i].name))) {
            o->kinds |= 1u << i;
            return true;
        }
    for (unsigned i = 0; i < GRPC_NAMES; i++)
        if (grpc_names[i] && slice_eq(word, slice_str(grpc_names[i]))) {
            o->grpc |= 1u << i;
            return true;
        }
    return add_number(o, word);
}

void outcomes_preset(struct outcomes *o)
{
    add_class(o, 5);
    o->kinds = (1u << KINDS) - 1;
}

bool outcomes_has_status(const struct outcomes *o, int status)
{
    return status >= 0 && status < 640 && o->statuses[status / 64] >> status % 64 & 1;
}

bool outcomes_has_why(const struct outcomes *o, const char *why)
{
    for (unsigned i = 0; why && i < KINDS; i++)
        for (unsigned k = 0; o->kinds >> i & 1 && k < WORDS && kinds[i].whys[k]; k++)
            if (strcmp(why, kinds[i].whys[k]) == 0)
                return true;
    return false;
}

bool outcomes_has_grpc(const struct outcomes *o, struct weir_slice status)
{
    unsigned n = 0;
    if (!o->grpc || status.n == 0 || status.n > 2)
        return false;
    for (size_t i = 0; i < status.n; i++) {
        if (!is_digit(status.p[i]))
            return false;
        n = n * 10 + (unsigned)(status.p[i] - '0');
    }
    return n < GRPC_NAMES && o->grpc >> n & 1;
}
