/* SPDX-License-Identifier: Apache-2.0 */
/* What a circuit has seen lately, over time and over calls. */

#include "breaker/window.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct window_conf timed = {.span_ms = 1000}, counted = {.calls = 10};
static struct window *w;
static struct window_sums s;

static void begin_anew(void)
{
    memset(w, 0, window_size(timed) + window_size(counted));
}

static void set_up(void)
{
    const size_t n = window_size(timed) + window_size(counted);
    w = aligned_alloc(64, (n + 63) / 64 * 64);
    begin_anew();
}

static void tear_down(void)
{
    free(w);
}
TestSuite(breaker_window, .init = set_up, .fini = tear_down);

/* One call for each letter: . good, x failed, s slow, b both. */
static void add(struct window_conf c, uint64_t ms, uint16_t version, const char *calls)
{
    for (; *calls; calls++)
        window_add(w, c, ms,
                   (struct window_call){.version = version,
                                        .failed = *calls == 'x' || *calls == 'b',
                                        .slow = *calls == 's' || *calls == 'b'});
}

static void expect(struct window_conf c, uint64_t ms, uint16_t version, unsigned calls,
                   unsigned failed, unsigned slow)
{
    s = window_sum(w, c, ms, version);
    cr_assert(s.calls == calls && s.failed == failed && s.slow == slow, "%u %u %u", s.calls,
              s.failed, s.slow);
}

Test(breaker_window, slides_over_time)
{
    add(timed, 50, 0, "..x");
    add(timed, 450, 0, "s.");
    add(timed, 999, 0, "b");
    expect(timed, 999, 0, 6, 2, 2);
    expect(timed, 1049, 0, 3, 1, 2);
    expect(timed, 1450, 0, 1, 1, 1);
    expect(timed, 1999, 0, 0, 0, 0);
    add(timed, 2050, 0, "x");
    expect(timed, 2050, 0, 1, 1, 0);
}

Test(breaker_window, counts_each_call_once_wherever_it_falls)
{
    for (uint64_t ms = 0; ms < 5000; ms += 7)
        add(timed, ms, 0, ms % 2 ? "x" : ".");
    s = window_sum(w, timed, 4999, 0);
    /* nine whole buckets of 100 ms and one that has run to its last millisecond */
    cr_assert(s.calls >= 142 && s.calls <= 144, "%u", s.calls);
    cr_assert(s.failed >= 71 && s.failed <= 72, "%u", s.failed);
}

Test(breaker_window, keeps_the_last_calls)
{
    add(counted, 0, 0, "xxx");
    expect(counted, 0, 0, 3, 3, 0);
    add(counted, 0, 0, ".......");
    expect(counted, 1u << 30, 0, 10, 3, 0);
    add(counted, 0, 0, "..");
    expect(counted, 0, 0, 10, 1, 0);
    add(counted, 0, 0, "ssssssssb.");
    expect(counted, 0, 0, 10, 1, 9);
}

Test(breaker_window, begins_anew_with_each_version)
{
    const struct window_conf both[] = {timed, counted};
    for (size_t i = 0; i < 2; i++) {
        memset(w, 0, window_size(both[i]));
        add(both[i], 10, 7, "xxxx");
        expect(both[i], 10, 8, 0, 0, 0);
        cr_assert_eq(s.in_row, 0);
        add(both[i], 10, 8, ".x");
        expect(both[i], 10, 8, 2, 1, 0);
        cr_assert_eq(s.in_row, 1);
        add(both[i], 10, 7, "xxxx");
        expect(both[i], 10, 8, 2, 1, 0);
        cr_assert_eq(s.in_row, 1, "what is of a former version comes too late");
        add(both[i], 10, 65535, "x");
        add(both[i], 10, 8, "x");
        expect(both[i], 10, 8, 3, 2, 0);
    }
}

Test(breaker_window, goes_on_when_versions_begin_anew)
{
    add(timed, 10, 65535, "xx");
    add(timed, 10, 0, "x");
    expect(timed, 10, 0, 1, 1, 0);
    add(timed, 10, 65535, "x");
    expect(timed, 10, 0, 1, 1, 0);
    memset(w, 0, window_size(counted));
    add(counted, 10, 65535, "xx");
    add(counted, 10, 0, "x");
    expect(counted, 10, 0, 1, 1, 0);
}

Test(breaker_window, counts_failures_in_a_row)
{
    static const struct {
        const char *calls;
        unsigned in_row;
    } rows[] = {{"", 0}, {"x", 1}, {"xx", 2}, {"xx.", 0}, {"x.x", 1}, {".sx", 1}, {"xs", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(w, 0, window_size(timed));
        add(timed, 10, 3, rows[i].calls);
        cr_assert_eq(window_sum(w, timed, 10, 3).in_row, rows[i].in_row, "%s", rows[i].calls);
    }
    add(timed, 10, 4, "xxx");
    cr_assert_eq(window_sum(w, timed, 100000, 4).in_row, 3, "a row has no end");
}

Test(breaker_window, leaves_what_is_newer_alone)
{
    add(timed, 5000, 0, "xx");
    add(timed, 4000, 0, "x"); /* the same bucket, by a clock that is behind */
    expect(timed, 5000, 0, 2, 2, 0);
}

Test(breaker_window, counts_from_the_beginning_of_time_on)
{
    add(timed, 0, 0, "x.");
    expect(timed, 0, 0, 2, 1, 0);
    expect(timed, 999, 0, 2, 1, 0);
    expect(timed, 1000, 0, 0, 0, 0);
}

/* -- calls whose response is still under way ------------------------------------------------------ */

static uint64_t begin_call(struct window_conf c, uint64_t ms, uint16_t version)
{
    return window_add(w, c, ms, (struct window_call){.version = version, .open = true});
}

static void end_call(struct window_conf c, uint64_t ms, uint16_t version, bool failed,
                     uint64_t where)
{
    window_end(w, c, ms, (struct window_call){.version = version, .failed = failed}, where);
}

Test(breaker_window, turns_a_call_into_a_failure_where_it_was_counted)
{
    static const struct window_conf *const confs[] = {&timed, &counted};
    for (size_t i = 0; i < 2; i++) {
        begin_anew();
        const uint64_t first = begin_call(*confs[i], 50, 0), second = begin_call(*confs[i], 450, 0);
        expect(*confs[i], 450, 0, 2, 0, 0);
        end_call(*confs[i], 800, 0, true, second);
        end_call(*confs[i], 850, 0, false, first);
        expect(*confs[i], 850, 0, 2, 1, 0);
    }
    begin_anew();
    end_call(timed, 800, 0, true, begin_call(timed, 50, 0));
    expect(timed, 1100, 0, 0, 0, 0);
}

Test(breaker_window, counts_a_failure_anew_that_has_slid_out)
{
    end_call(timed, 2000, 0, true, begin_call(timed, 50, 0));
    expect(timed, 2000, 0, 1, 1, 0);
    begin_anew();
    const uint64_t where = begin_call(counted, 0, 0);
    add(counted, 0, 0, "..........");
    end_call(counted, 0, 0, true, where);
    expect(counted, 0, 0, 10, 1, 0);
}

Test(breaker_window, ends_a_row_with_a_good_end_and_not_with_a_beginning)
{
    for (unsigned i = 1; i <= 3; i++) {
        end_call(timed, i, 0, true, begin_call(timed, i, 0));
        cr_assert_eq(window_sum(w, timed, i, 0).in_row, i);
    }
    const uint64_t where = begin_call(timed, 5, 0);
    cr_assert_eq(window_sum(w, timed, 5, 0).in_row, 3);
    end_call(timed, 6, 0, false, where);
    cr_assert_eq(window_sum(w, timed, 6, 0).in_row, 0);
}

Test(breaker_window, takes_no_ends_of_calls_of_former_versions)
{
    static const struct window_conf *const confs[] = {&timed, &counted};
    for (size_t i = 0; i < 2; i++) {
        begin_anew();
        const uint64_t where = begin_call(*confs[i], 50, 1);
        add(*confs[i], 60, 2, ".");
        end_call(*confs[i], 70, 1, true, where);
        expect(*confs[i], 70, 2, 1, 0, 0);
        cr_assert_eq(s.in_row, 0);
    }
}

/* -- news ------------------------------------------------------------------------------------ */

static struct window_seen seen;
static struct window_news news;

static void expect_news(uint64_t ms, uint16_t version, unsigned calls, unsigned failed,
                        unsigned slow)
{
    news = window_look(w, timed, ms, version, &seen);
    cr_assert(news.calls == calls && news.failed == failed && news.slow == slow, "%u %u %u",
              news.calls, news.failed, news.slow);
}

Test(breaker_window, tells_of_each_call_once)
{
    seen = (struct window_seen){0};
    add(timed, 50, 1, "..x");
    expect_news(60, 1, 3, 1, 0);
    expect_news(70, 1, 0, 0, 0);
    add(timed, 75, 1, "b");
    add(timed, 110, 1, "s.");
    expect_news(120, 1, 3, 1, 2);
    add(timed, 1060, 1, "xx"); /* the bucket of 50 again */
    expect_news(1070, 1, 2, 2, 0);
    add(timed, 1080, 2, "x");
    expect_news(1090, 2, 1, 1, 0);
    add(timed, 1085, 1, "x"); /* late, of a version that is no more */
    expect_news(1095, 2, 0, 0, 0);
}

Test(breaker_window, tells_of_calls_that_break_off_later)
{
    const struct window_call open = {.version = 1, .open = true};
    seen = (struct window_seen){0};
    const uint64_t where = window_add(w, timed, 50, open);
    expect_news(60, 1, 1, 0, 0);
    cr_assert(!news.broken); /* it may still break off */
    window_end(w, timed, 300, (struct window_call){.version = 1, .failed = true}, where);
    expect_news(310, 1, 0, 1, 0);
    cr_assert_eq(news.in_row, 1);
}

Test(breaker_window, tells_where_rows_begin)
{
    seen = (struct window_seen){0};
    add(timed, 50, 1, "xx");
    expect_news(50, 1, 2, 2, 0);
    cr_assert(news.in_row == 2 && !news.broken);
    add(timed, 60, 1, "x");
    expect_news(60, 1, 1, 1, 0);
    cr_assert(news.in_row == 1 && !news.broken);
    add(timed, 70, 1, "x.xxxxx");
    expect_news(70, 1, 7, 6, 0);
    cr_assert(news.in_row == 5 && news.broken);
    add(timed, 80, 1, ".");
    expect_news(80, 1, 1, 0, 0);
    cr_assert(news.in_row == 0 && news.broken);
    add(timed, 80, 1, ".");
    expect_news(80, 1, 1, 0, 0);
    cr_assert(news.broken); /* it ends the rows of others */
    expect_news(80, 1, 0, 0, 0);
    cr_assert(!news.broken);
}
