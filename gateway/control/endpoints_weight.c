/* SPDX-License-Identifier: Apache-2.0 */
/* Weights that operators give. What is allowed is what the file may say, except that nobody gets 0
 * by this way: who is to get nothing is drained, which says so where endpoints are shown. */
#include <stdio.h>

#include "base/event.h"
#include "control/decide.h"
#include "control/endpoints.h"
#include "control/overrides/overrides.h"

enum { WEIGHT_MAX = 65535 /* as clusters.NAME.endpoints.weight */ };

/* False with a refusal. null: the file's. */
static bool read_weight(const struct endpoint *ep, const json_t *j, uint32_t *out,
                        struct admin_answer *answer)
{
    const json_int_t n = json_is_integer(j) ? json_integer_value(j) : -1;
    *out = ep->configured;
    if (json_is_null(j))
        return true;
    if (n == 0 && ep->configured > 0) {
        admin_error(
            answer, 400, "weight",
            "a weight of 0 is the file's to give; to keep requests away drain the endpoint");
        return false;
    }
    if (n < 0 || n > WEIGHT_MAX) {
        admin_error(answer, 400, "weight",
                    "a weight is a whole number from 1 to %d, or null for the file's", WEIGHT_MAX);
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

static void write_weight(const struct endpoints *e, const struct endpoint *ep, bool changed,
                         struct text *t)
{
    json_open(t, '{');
    json_key(t, "cluster");
    json_slice(t, ep->cluster->conf->place.name);
    json_key(t, "endpoint");
    json_str(t, ep->name);
    json_key(t, "weight");
    json_uint(t, ep->base);
    json_key(t, "file_weight");
    json_uint(t, ep->configured);
    json_key(t, "changed");
    json_bool(t, changed);
    json_key(t, "left");
    json_uint(t, endpoints_left(e, ep->cluster));
    json_close(t, '}');
    text_char(t, '\n');
}

static void log_weight(const struct endpoint *ep, const char *event, uint32_t before)
{
    event_info(event, KV_SLICE("cluster", ep->cluster->conf->place.name), KV("endpoint", ep->name),
               KV_INT("weight", ep->base), KV_INT("before", before),
               KV_INT("file", ep->configured));
}

void endpoints_weigh(const struct endpoints *e, struct endpoint *ep, const json_t *weight,
                     struct admin_answer *out)
{
    const uint32_t before = ep->base;
    uint32_t wanted;
    if (!read_weight(ep, weight, &wanted, out))
        return;
    endpoint_weight_set(ep->cluster->cell, ep->slot, wanted, ep->configured);
    cluster_follow(ep->cluster);
    if (ep->base != before)
        log_weight(ep, "endpoint_weighed", before);
    out->type = SLICE("application/json");
    write_weight(e, ep, ep->base != before, &out->body);
}

/* The addresses of a name have one weight in the file, so what is said of one of them has no place
 * there. An endpoint that is a mere text has to become a group, therefore the address. */
struct slice endpoints_weight_says(const struct endpoint *ep, char to[static ENDPOINT_SAYS_MAX])
{
    const struct endpoint_conf *conf = ep->conf;
    if (!conf || !conf->addr.len)
        return slice_of(NULL, 0);
    const struct slice cluster = ep->cluster->conf->place.name, address = conf->address;
    char place[ENDPOINT_SAYS_MAX / 2];
    snprintf(place, sizeof place, "clusters > %.*s > endpoints > %.*s", SLICE_ARG(cluster),
             SLICE_ARG(address));
    const int n = snprintf(to, ENDPOINT_SAYS_MAX, "%s\taddress = \"%.*s\"\n%s\tweight = %u\n",
                           place, SLICE_ARG(address), place, ep->base);
    return n < ENDPOINT_SAYS_MAX ? slice_of(to, (size_t)n) : slice_of(NULL, 0);
}

/* It is listed no more: as decide.c calls it. */
static void forget_override(const struct endpoints *e, const struct endpoint *ep)
{
    char key[DECISION_KEY_MAX + 1];
    const int n = snprintf(key, sizeof key, "endpoint/weight/%.*s/%s",
                           SLICE_ARG(ep->cluster->conf->place.name), ep->name);
    if (e->overrides && n > 0 && (size_t)n < sizeof key)
        overrides_returned(e->overrides, slice_of(key, (size_t)n), SLICE("the configuration"));
}

void endpoints_follow_file(const struct endpoints *e)
{
    for (size_t i = 0; i < e->w->g->config->clusters_n; i++) {
        struct cluster *cl = &e->w->clusters[i];
        cluster_follow(cl);
        for (size_t j = 0; j < cl->n; j++) {
            const struct endpoint *ep = cl->endpoints[j];
            const uint32_t weighed = endpoint_weight_forget(cl->cell, ep->slot, ep->configured);
            if (!weighed)
                continue;
            log_weight(ep, "endpoint_weight_forgotten", weighed);
            forget_override(e, ep);
        }
    }
}
