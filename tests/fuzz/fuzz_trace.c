/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what requests say of traces, and records. The first byte says what the rest is:
 *
 *   p  a traceparent. What is taken is written as one that means the same;
 *   b  a B3 field;
 *   m  X-B3-TraceId, -SpanId, -Sampled and -Flags, with a line feed between each two;
 *   s  a tracestate line. Two of it have twice as many members as one;
 *   r  a record. One that is good has as many items as it says, and makes spans that are JSON. */
#include "tests/fuzz/fuzz.h"
#include "tracing/context.h"
#include "tracing/otlp.h"
#include "tracing/record.h"
#include "tracing/tracestate.h"

static const struct trace_context untouched = {.high = 1, .low = 2, .span = 3, .flags = 4};

static bool is_same(const struct trace_context *a, const struct trace_context *b)
{
    return a->high == b->high && a->low == b->low && a->span == b->span && a->flags == b->flags;
}

/* Ids come together; flags are those that are known, and say something only when it was decided. */
static void is_sound(bool good, const struct trace_context *c)
{
    if (!good) {
        must(is_same(c, &untouched));
        return;
    }
    must(!(c->high | c->low) == !c->span);
    must(!(c->flags & ~(TRACE_SAMPLED | TRACE_RANDOM)) && (c->decided || !c->flags));
    must(c->decided || c->span);
}

static void fuzz_parent(struct weir_slice in)
{
    struct trace_context c = untouched, again = untouched;
    char text[TRACEPARENT_N];
    const bool good = traceparent_read(in, &c);
    is_sound(good, &c);
    if (!good)
        return;
    must(c.decided && c.span);
    traceparent_write(text, &c);
    must(traceparent_read((struct weir_slice){text, sizeof text}, &again) && is_same(&c, &again));
    must(memcmp(text + 3, in.p + 3, TRACEPARENT_N - 5) == 0);
}

static void fuzz_b3(struct weir_slice in)
{
    struct trace_context c = untouched;
    is_sound(b3_read(in, &c), &c);
}

static struct weir_slice cut_line(struct weir_slice *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    const struct weir_slice line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    const size_t used = line.n + (end != NULL);
    *rest = end ? (struct weir_slice){rest->p + used, rest->n - used} : (struct weir_slice){0};
    return line;
}

static void fuzz_b3_fields(struct weir_slice in)
{
    struct trace_context c = untouched;
    struct b3_fields f = {.trace = cut_line(&in)};
    f.span = cut_line(&in);
    f.sampled = cut_line(&in);
    f.flags = cut_line(&in);
    is_sound(b3_read_fields(&f, &c), &c);
}

static void fuzz_state(struct weir_slice in)
{
    unsigned once = 0, twice = 0;
    if (!tracestate_count(in, &once))
        return;
    must(once <= TRACESTATE_MEMBERS);
    const bool fits = tracestate_count(in, &twice) && tracestate_count(in, &twice);
    must(fits == (2 * once <= TRACESTATE_MEMBERS) && (!fits || twice == 2 * once));
}

static void fuzz_record(struct weir_slice in)
{
    const unsigned n = record_spans(in);
    struct record_item item;
    struct weir_slice rest = in;
    unsigned items = 0;
    do {
        record_next(&rest, &item);
        items += item.kind != RECORD_END && item.kind != RECORD_SPOILED;
    } while (item.kind != RECORD_END && item.kind != RECORD_SPOILED);
    must(!n || n == items);
    if (!n)
        return;
    struct otlp o;
    json_t *resource = json_array();
    otlp_begin(&o, resource);
    otlp_add(&o, in);
    must(json_array_size(o.spans) == n);
    char *text = otlp_end(&o);
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(j);
    json_decref(j);
    json_decref(resource);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    char *copy = malloc(n - 1); /* ends where the input ends, so that a read beyond is seen */
    must(copy);
    memcpy(copy, data + 1, n - 1);
    const struct weir_slice in = {copy, n - 1};
    if (data[0] == 'p')
        fuzz_parent(in);
    else if (data[0] == 'b')
        fuzz_b3(in);
    else if (data[0] == 'm')
        fuzz_b3_fields(in);
    else if (data[0] == 's')
        fuzz_state(in);
    else if (data[0] == 'r')
        fuzz_record(in);
    free(copy);
    return 0;
}
