/* SPDX-License-Identifier: Apache-2.0 */
/* The section `metrics`: how finely latencies are counted, and how much of what is counted gets
 * series of its own. */
#include "config/sections.h"

static void read_buckets(struct option_reader *r, const config_setting_t *s, void *field);

#define FORM_BUCKETS                                                                               \
    "1 to 30 durations from \"1us\" to \"1h\", each above the one before, such as [ \"500us\", "   \
    "\"5ms\", \"1s\" ]"
#define HOUR_US (UINT64_C(3600) * 1000000)

const struct latency_bounds latency_bounds_default = {
    .us = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
           5000000, 10000000},
    .n = 14,
    .layout = 0x7e5d11b5bb533269, /* what latency_bounds_seal() makes of them */
};

const struct option metrics_options[] = {
    OPTION_CUSTOM(
        "buckets", struct metrics_conf, buckets, read_buckets,
        "[ \"500us\", \"1ms\", \"2500us\", \"5ms\", \"10ms\", \"25ms\", \"50ms\", \"100ms\", "
        "\"250ms\", \"500ms\", \"1s\", \"2500ms\", \"5s\", \"10s\" ]",
        FORM_BUCKETS,
        "upper bounds of the buckets of latencies; where they change at a reload, "
        "histograms begin anew, and nothing else does"),
    OPTION_INT("endpoints", struct metrics_conf, endpoints, "256", 0, 1000000,
               "a cluster with room for more endpoints than this has no series of each of them; 0: "
               "none has"),
    OPTION_INT("flows", struct metrics_conf, flows, "4096", 0, 1000000,
               "requests are counted for each pair of a listener and a route, unless there are more "
               "pairs than this: 640 bytes of memory.shared for each, and every eight processes"),
    OPTION_END,
};

/* FNV-1a: the same in every binary, as the region outlives this one. */
void latency_bounds_seal(struct latency_bounds *b)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < b->n; i++)
        for (unsigned shift = 0; shift < 64; shift += 8)
            h = (h ^ (b->us[i] >> shift & 0xff)) * 0x100000001b3;
    b->layout = h ? h : 1;
}

static bool parse_us(struct slice text, uint64_t *us)
{
    if (slice_ends(text, SLICE("us")))
        return slice_to_u64(slice_of(text.p, text.n - 2), us);
    return option_parse_ms(text, us) && !__builtin_mul_overflow(*us, UINT64_C(1000), us);
}

static void read_buckets(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct latency_bounds *b = field;
    struct texts texts;
    *b = latency_bounds_default;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    if (texts.n == 0 || texts.n > LATENCY_BOUNDS_MAX) {
        option_wrong(r, s, FORM_BUCKETS);
        return;
    }
    struct latency_bounds read = {.n = texts.n};
    for (size_t i = 0; i < texts.n; i++) {
        uint64_t *us = &read.us[i];
        if (!parse_us(texts.v[i], us) || *us == 0 || *us > HOUR_US || (i && *us <= us[-1])) {
            option_wrong(r, text_at(s, i), FORM_BUCKETS);
            return;
        }
    }
    latency_bounds_seal(&read);
    *b = read;
}
