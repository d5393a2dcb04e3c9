/* SPDX-License-Identifier: Apache-2.0 */
/* The words, and how often they are written down: a change makes all workers weigh the cluster's
 * endpoints anew, so an endpoint that says the same with every response makes one change in half of
 * header_for. */
#include "core/cluster/endpoint_word.h"

#include "base/event.h"
#include "core/attempt.h"
#include "core/cluster/cluster.h"
#include "core/exchange.h"

static const char *const words[] = {
    [WORD_OK] = "ok", [WORD_DEGRADED] = "degraded", [WORD_DRAIN] = "drain"};

const char *endpoint_word_name(enum endpoint_word word)
{
    return words[word];
}

bool endpoint_word_parse(const struct fields *f, struct slice header, enum endpoint_word *out)
{
    bool found = false;
    *out = WORD_OK;
    for (const struct field *at = fields_find(f, header); at; at = fields_next(f, at))
        for (int w = WORD_OK; w <= WORD_DRAIN; w++)
            if (slice_ieq(slice_trim(at->value), slice_str(words[w]))) {
                found = true;
                *out = (int)*out > w ? *out : (enum endpoint_word)w;
            }
    return found;
}

/* What is believed now, and until when. */
static enum endpoint_word known(const struct endpoint_slot *s, uint64_t now_us, uint64_t *until_us)
{
    *until_us = atomic_load(&s->draining_until_us);
    if (*until_us > now_us)
        return WORD_DRAIN;
    *until_us = atomic_load(&s->degraded_until_us);
    return *until_us > now_us ? WORD_DEGRADED : WORD_OK;
}

bool endpoint_word_note(struct endpoint_cell *cell, uint32_t slot, enum endpoint_word word,
                        uint64_t now_us, uint64_t for_ms)
{
    enum { US_PER_MS = 1000 };
    uint64_t until_us;
    if (!cell || slot >= cell->capacity)
        return false;
    const enum endpoint_word before = known(&cell->slots[slot], now_us, &until_us);
    const bool news = word != before;
    const uint64_t end_us = now_us + for_ms * US_PER_MS;
    if (!news && (word == WORD_OK || until_us > end_us - for_ms * US_PER_MS / 2))
        return false;
    endpoint_word_set(cell, slot, word, end_us);
    return news;
}

/* An endpoint may change its mind with every response. What is more than this in a second stands in
 * the error log alone, which has a limit of its own. */
static bool is_event(uint64_t now_us)
{
    enum { US_PER_S = 1000000, MOST = 10 };
    static uint64_t second;
    static unsigned n;
    if (second != now_us / US_PER_S)
        n = 0;
    second = now_us / US_PER_S;
    return n++ < MOST;
}

void endpoint_word_hear(struct attempt *at, const struct health_conf *conf)
{
    const struct endpoint *ep = at->endpoint;
    enum endpoint_word word;
    const bool says = endpoint_word_parse(&at->head.fields, conf->header, &word);
    fields_remove(&at->head.fields, conf->header);
    if (!says || !ep)
        return;
    const uint64_t now_us = at->x->w->loop->clock.mono_us;
    if (!endpoint_word_note(at->cluster->cell, ep->slot, word, now_us, conf->header_for))
        return;
    const struct kv facts[] = {KV_SLICE("cluster", at->cluster->conf->place.name),
                               KV("endpoint", ep->name), KV("word", endpoint_word_name(word)),
                               KV("in", "response")};
    log_event(LEVEL_INFO, "endpoint_says", facts, array_n(facts));
    if (is_event(now_us))
        event_tell(LEVEL_INFO, "endpoint_says", facts, array_n(facts));
}
