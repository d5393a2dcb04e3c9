/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what is written is read, and bytes from anywhere are seen through. */
#include "tracing/record.h"

#include "common/slice.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char bytes[3000];
static struct record_writer w;
static struct weir_slice rest;
static struct record_item item;

static const struct record_request usual = {
    .high = 1,
    .low = 2,
    .span = 3,
    .parent = 4,
    .flags = 1,
    .began_us = 5,
    .took_us = 6,
    .status = 200,
    .version = 20,
    .grpc = 5,
    .failed = true,
    .method = {"GET", 3},
    .scheme = {"https", 5},
    .host = {"h", 1},
    .path = {"/p", 2},
    .client = {"192.0.2.1", 9},
    .agent = {"curl", 4},
    .route = {"r", 1},
    .cluster = {"c", 1},
    .variant = {"v", 1},
    .why = {"reset", 5},
    .request_id = {"id", 2},
    .state = {"a=1", 3},
};
static const struct record_attempt attempt = {
    .span = 7,
    .after_us = 8,
    .took_us = 9,
    .number = 2,
    .status = 503,
    .endpoint = {"10.0.0.1:80", 11},
    .cluster = {"c2", 2},
    .why = {"closed", 6},
};
static const struct record_wait wait = {
    .span = 10,
    .after_us = 11,
    .took_us = 12,
    .module = {"auth", 4},
    .hook = {"on_identify", 11},
};

static void write_all(void)
{
    record_begin(&w, bytes, sizeof bytes, &usual);
    record_add_attempt(&w, &attempt);
    record_add_wait(&w, &wait);
    rest = (struct weir_slice){bytes, w.n};
}

#define IS(s, text) cr_assert(slice_eq(s, WEIR_SLICE(text)), "%.*s", SLICE_ARG(s))

Test(tracing_record, is_read_as_it_was_written)
{
    write_all();
    cr_assert_eq(record_spans(rest), 3);
    record_next(&rest, &item);
    cr_assert_eq(item.kind, RECORD_REQUEST);
    const struct record_request *r = &item.request;
    cr_assert(r->high == 1 && r->low == 2 && r->span == 3 && r->parent == 4 && r->flags == 1);
    cr_assert(r->began_us == 5 && r->took_us == 6 && r->status == 200 && r->version == 20 &&
              r->failed && r->grpc == 5);
    IS(r->method, "GET");
    IS(r->scheme, "https");
    IS(r->host, "h");
    IS(r->path, "/p");
    IS(r->client, "192.0.2.1");
    IS(r->agent, "curl");
    IS(r->route, "r");
    IS(r->cluster, "c");
    IS(r->variant, "v");
    IS(r->why, "reset");
    IS(r->request_id, "id");
    IS(r->state, "a=1");
    record_next(&rest, &item);
    cr_assert_eq(item.kind, RECORD_ATTEMPT);
    const struct record_attempt *at = &item.attempt;
    cr_assert(at->span == 7 && at->after_us == 8 && at->took_us == 9 && at->number == 2);
    cr_assert_eq(at->status, 503);
    IS(at->endpoint, "10.0.0.1:80");
    IS(at->cluster, "c2");
    IS(at->why, "closed");
    record_next(&rest, &item);
    cr_assert_eq(item.kind, RECORD_WAIT);
    cr_assert(item.wait.span == 10 && item.wait.after_us == 11 && item.wait.took_us == 12);
    IS(item.wait.module, "auth");
    IS(item.wait.hook, "on_identify");
    record_next(&rest, &item);
    cr_assert_eq(item.kind, RECORD_END);
}

Test(tracing_record, cuts_long_texts)
{
    static char big[2000];
    memset(big, 'x', sizeof big);
    const struct weir_slice s = {big, sizeof big};
    record_begin(
        &w, bytes, sizeof bytes,
        &(struct record_request){.span = 1, .path = s, .agent = s, .route = s, .state = s});
    rest = (struct weir_slice){bytes, w.n};
    record_next(&rest, &item);
    cr_assert_eq(item.request.path.n, RECORD_PATH);
    cr_assert_eq(item.request.agent.n, RECORD_AGENT);
    cr_assert_eq(item.request.route.n, RECORD_TEXT);
    cr_assert_eq(item.request.state.n, 0, "half of a tracestate is none");
}

Test(tracing_record, of_a_request_is_never_too_long)
{
    static char big[2000];
    const struct weir_slice s = {big, sizeof big}, state = {big, RECORD_STATE};
    record_begin(&w, bytes, RECORD_MOST,
                 &(struct record_request){.span = 1,
                                          .method = s,
                                          .scheme = s,
                                          .host = s,
                                          .path = s,
                                          .client = s,
                                          .agent = s,
                                          .route = s,
                                          .cluster = s,
                                          .variant = s,
                                          .why = s,
                                          .request_id = s,
                                          .state = state});
    cr_assert_eq(w.left_out, 0);
    cr_assert_eq(record_spans((struct weir_slice){bytes, w.n}), 1);
}

Test(tracing_record, leaves_out_what_finds_no_room)
{
    record_begin(&w, bytes, 300, &usual);
    for (int i = 0; i < 20; i++)
        record_add_attempt(&w, &attempt);
    cr_assert(w.n <= 300);
    cr_assert(w.spans > 1 && w.left_out > 1);
    cr_assert_eq(w.spans + w.left_out, 21);
    cr_assert_eq(record_spans((struct weir_slice){bytes, w.n}), w.spans);
}

/* -- bytes from anywhere ----------------------------------------------------------------------- */

Test(tracing_record, that_is_cut_is_none)
{
    write_all();
    for (size_t n = 0; n < w.n; n++) {
        char *copy = malloc(n + 1); /* a read beyond is seen by AddressSanitizer */
        memcpy(copy, bytes, n);
        const unsigned spans = record_spans((struct weir_slice){copy, n});
        cr_assert(spans < 3, "%zu bytes have %u spans", n, spans);
        free(copy);
    }
}

Test(tracing_record, of_another_version_is_none)
{
    write_all();
    bytes[3]++;
    cr_assert_eq(record_spans(rest), 0);
}

Test(tracing_record, without_a_request_in_front_is_none)
{
    write_all();
    record_next(&rest, &item);
    cr_assert_eq(record_spans(rest), 0);
    record_begin(&w, bytes, sizeof bytes, &usual);
    const size_t n = w.n;
    memcpy(bytes + n, bytes, n);
    cr_assert_eq(record_spans((struct weir_slice){bytes, 2 * n}), 0, "nor with two");
}

Test(tracing_record, that_was_spoilt_is_read_within_its_bounds)
{
    uint64_t random = 1;
    write_all();
    const size_t n = w.n;
    for (int i = 0; i < 20000; i++) {
        char *copy = malloc(n);
        memcpy(copy, bytes, n);
        for (int k = 0; k < 3; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            copy[(random >> 33) % n] = (char)(random >> 24);
        }
        rest = (struct weir_slice){copy, n};
        do
            record_next(&rest, &item);
        while (item.kind != RECORD_END && item.kind != RECORD_SPOILED);
        free(copy);
    }
}
