/* SPDX-License-Identifier: Apache-2.0 */
/* The rings of the live log: what is read is what was written, or it is known how much is missing.
 */

#include "core/log/live_log.h"

#include "access_log_case.h"

#include <pthread.h>
#include <stdlib.h>

static struct live_ring *ring;
static struct live_reader reader;
static struct text got;
static uint64_t lost;

static void begin_ring(void)
{
    ring = calloc(1, sizeof *ring);
    cr_assert(ring);
    text_init(&got);
    live_reader_begin(&reader, ring);
}

static void end_ring(void)
{
    text_fini(&got);
    free(ring);
}

TestSuite(live_log, .init = begin_ring, .fini = end_ring);

static void put(const char *line)
{
    live_ring_put(ring, slice_str(line));
}

static void expect_got(const char *want)
{
    got.n = 0;
    live_reader_take(&reader, &got, &lost);
    cr_assert(slice_eq(text_slice(&got), slice_str(want)), "%.*s", (int)got.n, got.p);
}

Test(live_log, gives_lines_once_from_now_on)
{
    put("before\n");
    live_reader_begin(&reader, ring);
    expect_got("");
    put("one\n");
    put("two\n");
    expect_got("one\ntwo\n");
    expect_got("");
    put("three\n");
    expect_got("three\n");
    cr_assert_eq(lost, 0);
}

Test(live_log, goes_around)
{
    char line[64], want[64];
    for (int i = 0; i < 10000; i++) {
        snprintf(line, sizeof line, "line %*d\n", i % 40, i);
        snprintf(want, sizeof want, "%s", line);
        put(line);
        expect_got(want);
    }
    cr_assert_eq(lost, 0);
}

static size_t times_in(const struct text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->p[i] == '\n';
    return n;
}

Test(live_log, shows_the_newest_and_counts_what_was_written_over)
{
    for (int i = 0; i < 5000; i++) /* 20 bytes each, and 16 of its head */
        put("0123456789012345678\n");
    live_reader_take(&reader, &got, &lost);
    const size_t shown = times_in(&got);
    cr_assert(shown * 36 > LIVE_RING / 4 && shown * 36 <= LIVE_RING / 2, "the newest are shown");
    cr_assert_eq(lost + shown, 5000);
    put("behind\n");
    expect_got("behind\n");
    cr_assert_eq(lost + shown, 5000);
}

Test(live_log, knows_of_lines_that_were_too_long_when_it_is_quiet)
{
    atomic_store(&ring->lines, 3); /* as three of them leave it */
    expect_got("");
    cr_assert_eq(lost, 3);
    expect_got("");
    cr_assert_eq(lost, 3);
}

Test(live_log, is_wanted_until_the_time_that_is_said)
{
    _Atomic uint64_t until = 0;
    struct live_log *l = live_log_new(ring, &until);
    cr_assert(!live_log_wanted(l, 5));
    until = 6;
    cr_assert(live_log_wanted(l, 5) && !live_log_wanted(l, 6));
    live_log_free(l);
    live_log_free(NULL);
}

Test(live_log, writes_the_json_line_of_a_request)
{
    _Atomic uint64_t until = 1;
    begin();
    succeed();
    struct live_log *l = live_log_new(ring, &until);
    live_log_exchange(l, &x);
    live_reader_take(&reader, &got, &lost);
    cr_assert(slice_starts(text_slice(&got), SLICE("{\"time\":")));
    cr_assert(slice_ends(text_slice(&got), SLICE("}\n")));
    char *big = calloc(1, 2 * LIVE_LINE);
    memset(big, 'x', 2 * LIVE_LINE - 1);
    x.target.query = slice_str(big);
    live_log_exchange(l, &x); /* too long */
    put("next\n");
    expect_got("next\n");
    cr_assert_eq(lost, 1);
    live_log_free(l);
    free(big);
    end();
}

enum { MANY = 200000 };

static void *write_many(void *of)
{
    char line[32];
    for (int i = 0; i < MANY; i++) {
        const int n = snprintf(line, sizeof line, "%d\n", i);
        live_ring_put(of, slice_of(line, (size_t)n));
    }
    return NULL;
}

/* Nothing torn, nothing twice, and every line is got or known to be lost. */
Test(live_log, holds_against_a_writer_that_doesnt_wait)
{
    pthread_t writer;
    uint64_t lines = 0;
    long next = 0;
    cr_assert_eq(pthread_create(&writer, NULL, write_many, ring), 0);
    for (bool over = false; !over;) {
        over = atomic_load(&ring->lines) == MANY;
        got.n = 0;
        live_reader_take(&reader, &got, &lost);
        for (struct slice rest = text_slice(&got); rest.n; lines++) {
            uint64_t v;
            const struct slice line = slice_cut(&rest, '\n');
            cr_assert(slice_to_u64(line, &v) && v >= (uint64_t)next, "%.*s", SLICE_ARG(line));
            next = (long)v + 1;
        }
    }
    pthread_join(writer, NULL);
    put("end\n");
    got.n = 0;
    live_reader_take(&reader, &got, &lost);
    for (struct slice rest = text_slice(&got); rest.n; lines++)
        (void)slice_cut(&rest, '\n');
    cr_assert_eq(lines + lost, MANY + 1);
}
