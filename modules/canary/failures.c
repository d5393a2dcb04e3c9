/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway has more words for what can go wrong than an operator wants to write down; so each
 * kind here stands for a few of them. */
#include "canary/failures.h"

#include "common/slice.h"

enum { WORDS = 6 };

static const struct kind {
    const char *name;
    const char *whys[WORDS]; /* the log's words; NULL ends them */
} kinds[] = {
    {"connect", {"connect", "timeout_connect", "tls"}},
    {"reset", {"reset", "closed", "truncated", "refused"}},
    {"timeout",
     {"timeout_connect", "timeout_response_head", "timeout_response_body", "timeout_try",
      "timeout_request"}},
    {"bad_response", {"bad_response"}},
    {"unavailable", {"no_endpoint"}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char failures_form[] = "\"5xx\" or another class, a status such as \"502\", \"connect\", "
                             "\"reset\", \"timeout\", \"bad_response\", \"unavailable\"";

static void add_status(struct failures *f, unsigned status)
{
    f->statuses[status / 64] |= (uint64_t)1 << status % 64;
}

static void add_class(struct failures *f, unsigned class)
{
    for (unsigned i = 0; i < 100; i++)
        add_status(f, class * 100 + i);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool failures_add(struct failures *f, struct weir_slice word)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (slice_eq(word, slice_str(kinds[i].name))) {
            f->kinds |= 1u << i;
            return true;
        }
    if (word.n != 3 || word.p[0] < '1' || word.p[0] > '5')
        return false;
    const unsigned class = (unsigned)(word.p[0] - '0');
    if (memcmp(word.p + 1, "xx", 2) == 0)
        add_class(f, class);
    else if (is_digit(word.p[1]) && is_digit(word.p[2]))
        add_status(f, class * 100 + (unsigned)(word.p[1] - '0') * 10 + (unsigned)(word.p[2] - '0'));
    else
        return false;
    return true;
}

void failures_preset(struct failures *f)
{
    add_class(f, 5);
    f->kinds = (1u << KINDS) - 1;
}

bool failures_has_status(const struct failures *f, int status)
{
    return status >= 0 && status < 640 && f->statuses[status / 64] >> status % 64 & 1;
}

bool failures_has_why(const struct failures *f, const char *why)
{
    for (unsigned i = 0; why && i < KINDS; i++)
        for (unsigned k = 0; f->kinds >> i & 1 && k < WORDS && kinds[i].whys[k]; k++)
            if (strcmp(why, kinds[i].whys[k]) == 0)
                return true;
    return false;
}
