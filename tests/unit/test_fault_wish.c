/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/wish.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct wish_limits limits = {.delay_ms = 5000};

static const char *parse(const char *text, struct weir_attempt_fault *f)
{
    return wish_parse((struct weir_slice){text, strlen(text)}, &limits, f);
}

Test(fault_wish, reads_what_a_tester_wants)
{
    static const struct {
        const char *text;
        struct weir_attempt_fault f;
    } cases[] = {
        {"delay=250ms", {.delay_ms = 250}},
        {"delay=5s", {.delay_ms = 5000}},
        {"Delay = 1s , abort=503", {.delay_ms = 1000, .abort = WEIR_ABORT_STATUS, .status = 503}},
        {"abort=200", {.abort = WEIR_ABORT_STATUS, .status = 200}},
        {"grpc=14", {.abort = WEIR_ABORT_GRPC, .status = 14}},
        {"reset", {.abort = WEIR_ABORT_RESET}},
        {"truncate=0", {.abort = WEIR_ABORT_TRUNCATE}},
        {"truncate=64k", {.abort = WEIR_ABORT_TRUNCATE, .truncate_at = 65536}},
        {"rate=2k,delay=0ms", {.bytes_per_second = 2048}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_attempt_fault f;
        const char *wrong = parse(cases[i].text, &f);
        cr_assert(!wrong, "%s: %s", cases[i].text, wrong);
        cr_assert(f.delay_ms == cases[i].f.delay_ms && f.abort == cases[i].f.abort &&
                      f.status == cases[i].f.status && f.truncate_at == cases[i].f.truncate_at &&
                      f.bytes_per_second == cases[i].f.bytes_per_second,
                  "%s", cases[i].text);
    }
}

Test(fault_wish, says_what_is_wrong)
{
    static const char *const wrong[][2] = {
        {"", "empty"},
        {"  ", "empty"},
        {"delay", "delay is"},
        {"delay=", "delay is"},
        {"delay=5", "delay is"},
        {"delay=-5ms", "delay is"},
        {"delay=5001ms", "longer"},
        {"delay=9999999999999s", "delay is"},
        {"abort=199", "abort is"},
        {"abort=600", "abort is"},
        {"abort=5xx", "abort is"},
        {"grpc=17", "grpc is"},
        {"grpc=0", "grpc is"},
        {"reset=1", "no value"},
        {"truncate=1q", "truncate is"},
        {"rate=0", "rate is"},
        {"rate=5000m", "rate is"},
        {"hang", "known are"},
        {"delay=1s,", "known are"},
        {"delay=1s abort=503", "delay is"},
        {"abort=503,reset", "two ways"},
        {"reset,reset", "two ways"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct weir_attempt_fault f;
        const char *said = parse(wrong[i][0], &f);
        cr_assert(said && strstr(said, wrong[i][1]), "%s: %s", wrong[i][0],
                  said ? said : "nothing");
    }
}
