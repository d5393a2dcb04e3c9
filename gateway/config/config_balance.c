/* SPDX-License-Identifier: Apache-2.0 */
/* How a cluster's requests are divided among its endpoints: the balancers' settings, and those that
 * decide which endpoints are to be used at all. docs/balancing.md says what they do. */
#include "config/sections.h"

#include <inttypes.h>

#include "http/token.h"

enum { HOUR_MS = 60 * 60 * 1000, PLACES_MAX = 5000011 };

/* In the order of enum balance. */
const char *const balances[] = {"round_robin", "least_request", "random", "ring_hash",
                                "maglev",      "peak_ewma",     NULL};

const struct option least_request_options[] = {
    OPTION_INT("choices", struct cluster_conf, least_request.choices, "2", 2, 64,
               "how many endpoints are drawn, of which the one with the fewest requests is taken"),
    OPTION_INT("bias", struct cluster_conf, least_request.bias, "100", 0, 1000,
               "how much requests in flight count, in per cent: 0: weights alone count; more than "
               "100: busy ones are avoided more"),
    OPTION_END,
};

static const struct option cookie_options[] = {
    OPTION_TEXT("name", struct cluster_conf, hash.cookie.name, "", "its name",
                .form = "a token: letters, digits and !#$%&'*+-.^_`|~"),
    OPTION_MS("ttl", struct cluster_conf, hash.cookie.ttl, "0s", 0, INT64_C(8784) * HOUR_MS,
              "a client without one gets one that lives so long; 0s: it gets none, and goes to any "
              "endpoint"),
    OPTION_TEXT("path", struct cluster_conf, hash.cookie.path, "/", "its path, when it is made"),
    OPTION_END,
};

static void note_cookie(struct option_reader *r, const config_setting_t *s, void *base)
{
    (void)r;
    ((struct cluster_conf *)base)->hash.cookie.set = s != NULL;
}

const struct option hash_options[] = {
    OPTION_TEXT("header", struct cluster_conf, hash.header, "",
                "the value of this field is the key"),
    OPTION_SUB("cookie", cookie_options, "the value of this cookie is the key",
               .check = note_cookie, .optional = true),
    OPTION_TEXT("query", struct cluster_conf, hash.query, "",
                "the value of this parameter is the key"),
    OPTION_BOOL("source", struct cluster_conf, hash.source, "false",
                "the client's address is the key"),
    OPTION_BOOL(
        "identity", struct cluster_conf, hash.identity, "false",
        "the subject of the identity is the key, where something on the route asks for one"),
    OPTION_INT("load_factor", struct cluster_conf, hash.load_factor, "0", 0, 10000,
               "the most that an endpoint may have in flight, in per cent of the average; what is "
               "over it goes to the next one; 101 or more, 0: no bound"),
    OPTION_INT("ring_min", struct cluster_conf, hash.ring_min, "1024", 1, 8388608,
               "points on the ring, at least"),
    OPTION_INT("ring_max", struct cluster_conf, hash.ring_max, "65536", 1, 8388608,
               "... and at most; between them each endpoint has 256"),
    OPTION_INT("table_size", struct cluster_conf, hash.places, "65537", 3, PLACES_MAX,
               "places in Maglev's table: a prime, a hundred times the endpoints or more"),
    OPTION_END,
};

const struct option zone_aware_options[] = {
    OPTION_BOOL("enabled", struct cluster_conf, zone_aware.enabled, "true",
                "prefer endpoints of the gateway's own zone (`zone` at the top)"),
    OPTION_INT("min_endpoints", struct cluster_conf, zone_aware.min_endpoints, "6", 1, 65535,
               "zones don't matter while fewer endpoints can be used"),
    OPTION_END,
};

const struct option slow_start_options[] = {
    OPTION_MS("window", struct cluster_conf, slow_start.window, "0s", 0, HOUR_MS,
              "how long an endpoint that is new, or healthy again, gets less than its share; 0s: "
              "no time at all"),
    OPTION_PERCENT("min_share", struct cluster_conf, slow_start.min_share, "10%",
                   "what it begins with"),
    OPTION_INT("aggression", struct cluster_conf, slow_start.aggression, "100", 10, 10000,
               "100: its share grows evenly; more: faster at first; less: slower at first"),
    OPTION_END,
};

/* -- cross-checks ------------------------------------------------------------------------------ */

static bool is_prime_number(int64_t n)
{
    for (int64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return true;
}

static int kinds_of_key(struct hash_conf *h)
{
    const struct {
        bool there;
        enum hash_by by;
    } kinds[] = {{h->header.n != 0, HASH_BY_HEADER},
                 {h->cookie.set, HASH_BY_COOKIE},
                 {h->query.n != 0, HASH_BY_QUERY},
                 {h->source, HASH_BY_SOURCE},
                 {h->identity, HASH_BY_IDENTITY}};
    int n = 0;
    for (size_t i = 0; i < array_n(kinds); i++)
        if (kinds[i].there) {
            h->by = (int)kinds[i].by;
            n++;
        }
    return n;
}

static void check_key(struct option_reader *r, const config_setting_t *s, struct cluster_conf *cl)
{
    struct hash_conf *h = &cl->hash;
    const config_setting_t *hash = member_or(s, "hash");
    const bool hashes = cl->balance == BALANCE_RING_HASH || cl->balance == BALANCE_MAGLEV;
    h->set = config_setting_get_member(s, "hash") != NULL;
    const int n = kinds_of_key(h);
    if (hashes && n != 1)
        option_fault(
            r, hash,
            "%s: balance = \"%s\" needs one key: hash = { header | cookie | query | source "
            "| identity }",
            option_path(r, s), balances[cl->balance]);
    if (!hashes && h->set)
        option_fault(r, hash,
                     "%s has hash, and balance = \"%s\" has no use for a key: balance = "
                     "\"ring_hash\" or \"maglev\"",
                     option_path(r, s), balances[cl->balance]);
    if (h->header.n && !is_token(h->header))
        option_fault(r, member_or(hash, "header"), "\"%.*s\" is no name of a header field",
                     SLICE_ARG(h->header));
    if (h->cookie.set && !is_token(h->cookie.name))
        option_fault(r, member_or(hash, "cookie"),
                     "%s.hash.cookie.name is \"%.*s\"; it needs a name, which is a token",
                     option_path(r, s), SLICE_ARG(h->cookie.name));
}

static bool is_cookie_path(struct slice path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] <= ' ' || path.p[i] == ';' || path.p[i] >= 0x7f)
            return false;
    return slice_starts(path, SLICE("/"));
}

void balance_check(struct option_reader *r, const config_setting_t *s, struct cluster_conf *cl)
{
    const struct hash_conf *h = &cl->hash;
    const config_setting_t *hash = member_or(s, "hash");
    check_key(r, s, cl);
    if (h->cookie.set && !is_cookie_path(h->cookie.path))
        option_fault(r, hash, "%s.hash.cookie.path is \"%.*s\"; a path that begins with \"/\"",
                     option_path(r, s), SLICE_ARG(h->cookie.path));
    if (h->load_factor && h->load_factor <= 100)
        option_fault(r, member_or(hash, "load_factor"),
                     "%s.hash.load_factor is %" PRId64 "; more than 100, or there is no room for "
                     "chance; 0: no bound",
                     option_path(r, s), h->load_factor);
    if (h->ring_min > h->ring_max)
        option_fault(r, member_or(hash, "ring_min"), "%s.hash.ring_min is more than ring_max",
                     option_path(r, s));
    if (!is_prime_number(h->places))
        option_fault(r, member_or(hash, "table_size"),
                     "%s.hash.table_size is %" PRId64 "; a prime, such as 65537 or 655373",
                     option_path(r, s), h->places);
}
