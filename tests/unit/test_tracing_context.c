/* SPDX-License-Identifier: Apache-2.0 */
/* What requests say of their trace: read to the letter, or not at all. */
#include "tracing/context.h"

#include "common/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static struct trace_context c;

static bool reads(const char *text)
{
    c = (struct trace_context){.high = 7};
    const bool good = traceparent_read(slice_str(text), &c);
    cr_assert(good || c.high == 7, "it changed something: %s", text);
    return good;
}

static void is_the_trace(unsigned flags)
{
    cr_assert_eq(c.high, 0x4bf92f3577b34da6);
    cr_assert_eq(c.low, 0xa3ce929d0e0e4736);
    cr_assert_eq(c.span, 0x00f067aa0ba902b7);
    cr_assert_eq(c.flags, flags);
}

/* -- traceparent ------------------------------------------------------------------------------- */

Test(tracing_context, reads_a_traceparent)
{
    cr_assert(reads("00-" TRACE "-" SPAN "-01"));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(c.decided);
    cr_assert(reads("00-" TRACE "-" SPAN "-00"));
    is_the_trace(0);
    cr_assert(c.decided);
}

Test(tracing_context, keeps_the_flags_that_it_knows)
{
    cr_assert(reads("00-" TRACE "-" SPAN "-02"));
    is_the_trace(TRACE_RANDOM);
    cr_assert(reads("00-" TRACE "-" SPAN "-ff"));
    is_the_trace(TRACE_SAMPLED | TRACE_RANDOM);
}

Test(tracing_context, reads_later_versions_as_far_as_they_look_like_this_one)
{
    cr_assert(reads("01-" TRACE "-" SPAN "-01"));
    cr_assert(reads("cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like"));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(reads("cc-" TRACE "-" SPAN "-01-"));
    cr_assert(!reads("cc-" TRACE "-" SPAN "-01.what"));
    cr_assert(!reads("cc-" TRACE "-" SPAN "-0"));
    cr_assert(!reads("ff-" TRACE "-" SPAN "-01"));
}

Test(tracing_context, refuses_a_traceparent_of_another_form)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01 ",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-011",
        "00-" TRACE "-" SPAN "-0G",
        "00-" TRACE "-" SPAN "-0A",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "_" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "0x-" TRACE "-" SPAN "-01",
        "0-0" TRACE "-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        " 0-" TRACE "-" SPAN "-01",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(!reads(wrong[i]), "it took \"%s\"", wrong[i]);
}

Test(tracing_context, takes_an_id_whose_one_half_is_zeros)
{
    cr_assert(reads("00-0000000000000000a3ce929d0e0e4736-" SPAN "-01"));
    cr_assert(reads("00-4bf92f3577b34da60000000000000000-" SPAN "-01"));
}

Test(tracing_context, writes_what_it_reads)
{
    char text[TRACEPARENT_N + 1] = {0};
    traceparent_write(text,
                      &(struct trace_context){.high = 1, .low = 2, .span = 0xabc, .flags = 3});
    cr_assert_str_eq(text, "00-00000000000000010000000000000002-0000000000000abc-03");
    cr_assert(reads(text));
    cr_assert(c.high == 1 && c.low == 2 && c.span == 0xabc && c.flags == 3);
}

/* -- B3 ---------------------------------------------------------------------------------------- */

static bool reads_b3(const char *text)
{
    c = (struct trace_context){.high = 7};
    const bool good = b3_read(slice_str(text), &c);
    cr_assert(good || c.high == 7, "it changed something: %s", text);
    return good;
}

Test(tracing_context, reads_b3_in_one_field)
{
    cr_assert(reads_b3(TRACE "-" SPAN));
    is_the_trace(0);
    cr_assert(!c.decided, "the decision is left to who reads it");
    cr_assert(reads_b3(TRACE "-" SPAN "-1"));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(c.decided);
    cr_assert(reads_b3(TRACE "-" SPAN "-0-05e3ac9a4f6e3b90"));
    is_the_trace(0);
    cr_assert(c.decided);
    cr_assert(reads_b3(TRACE "-" SPAN "-d"));
    is_the_trace(TRACE_SAMPLED);
}

Test(tracing_context, reads_short_trace_ids_of_b3)
{
    cr_assert(reads_b3("a3ce929d0e0e4736-" SPAN "-1"));
    cr_assert_eq(c.high, 0);
    cr_assert_eq(c.low, 0xa3ce929d0e0e4736);
}

Test(tracing_context, reads_a_decision_of_b3_alone)
{
    cr_assert(reads_b3("0"));
    cr_assert(c.decided && c.flags == 0 && !c.span && !(c.high | c.low));
    cr_assert(reads_b3("1"));
    cr_assert(c.decided && c.flags == TRACE_SAMPLED && !c.span);
    cr_assert(reads_b3("d"));
    cr_assert(c.decided && c.flags == TRACE_SAMPLED);
}

Test(tracing_context, refuses_b3_of_another_form)
{
    static const char *const wrong[] = {
        "",
        "2",
        "x",
        "-",
        TRACE,
        TRACE "-",
        TRACE "-" SPAN "-",
        TRACE "-" SPAN "-2",
        TRACE "-" SPAN "-10",
        TRACE "-" SPAN "-1-",
        TRACE "-" SPAN "-1-05e3ac9a4f6e3b9",
        TRACE "-" SPAN "-1-05e3ac9a4f6e3b90-",
        TRACE "-" SPAN "-1-05e3ac9a4f6e3b9g",
        TRACE "-0000000000000000-1",
        "00000000000000000000000000000000-" SPAN "-1",
        "4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-1",
        "bf92f3577b34da6a3ce929d0e0e4736-" SPAN "-1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(!reads_b3(wrong[i]), "it took \"%s\"", wrong[i]);
}

static struct weir_slice field(const char *text)
{
    return text ? slice_str(text) : (struct weir_slice){0};
}

static bool reads_fields(const char *trace, const char *span, const char *sampled,
                         const char *flags)
{
    const struct b3_fields f = {field(trace), field(span), field(sampled), field(flags)};
    c = (struct trace_context){.high = 7};
    const bool good = b3_read_fields(&f, &c);
    cr_assert(good || c.high == 7, "it changed something");
    return good;
}

Test(tracing_context, reads_b3_in_several_fields)
{
    cr_assert(reads_fields(TRACE, SPAN, "1", NULL));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(reads_fields(TRACE, SPAN, "0", NULL));
    is_the_trace(0);
    cr_assert(c.decided);
    cr_assert(reads_fields(TRACE, SPAN, NULL, NULL));
    cr_assert(!c.decided);
    cr_assert(reads_fields(TRACE, SPAN, NULL, "1"));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(reads_fields(TRACE, SPAN, "true", NULL));
    is_the_trace(TRACE_SAMPLED);
    cr_assert(reads_fields(NULL, NULL, "false", NULL));
    cr_assert(c.decided && !c.flags && !c.span);
}

Test(tracing_context, refuses_b3_fields_that_lack_something)
{
    cr_assert(!reads_fields(NULL, NULL, NULL, NULL));
    cr_assert(!reads_fields(TRACE, NULL, "1", NULL));
    cr_assert(!reads_fields(NULL, SPAN, "1", NULL));
    cr_assert(!reads_fields(TRACE, SPAN, "yes", NULL));
    cr_assert(!reads_fields("x" TRACE, SPAN, "1", NULL));
    cr_assert(!reads_fields(NULL, NULL, NULL, "0"));
}
