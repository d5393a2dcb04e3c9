/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/answer.h"

#include "common/slice.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum answer answer_of(int status)
{
    if (status >= 200 && status < 300)
        return ANSWER_TAKEN;
    const bool again = status == 0 || status == 429 || (status >= 502 && status <= 504);
    return again ? ANSWER_AGAIN : ANSWER_REFUSED;
}

/* -- partial success --------------------------------------------------------------------------- */

/* proto3's JSON has 64-bit numbers in texts, and lets readers take numbers, too. */
static uint64_t number_of(const json_t *j)
{
    const char *text = json_string_value(j);
    const long long n = text ? strtoll(text, NULL, 10) : json_integer_value(j);
    return n > 0 ? (uint64_t)n : 0;
}

uint64_t answer_rejected(struct weir_slice body, char message[ANSWER_MESSAGE])
{
    json_t *root = body.n ? json_loadb(body.p, body.n, 0, NULL) : NULL;
    const json_t *partial = json_object_get(root, "partialSuccess");
    const char *said = json_string_value(json_object_get(partial, "errorMessage"));
    const uint64_t n = number_of(json_object_get(partial, "rejectedSpans"));
    snprintf(message, ANSWER_MESSAGE, "%s", said ? said : "");
    json_decref(root);
    return n;
}

/* -- again ------------------------------------------------------------------------------------- */

static bool read_seconds(struct weir_slice s, uint64_t *ms)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
        n = n < ANSWER_LONGEST_MS ? n * 10 + (uint64_t)(s.p[i] - '0') : n;
    }
    *ms = n * 1000;
    return s.n > 0;
}

static uint64_t read_date(struct weir_slice s, uint64_t wall_us)
{
    char text[40];
    struct tm t = {0};
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(s));
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
    const time_t at = end && *end == 0 ? timegm(&t) : 0;
    const uint64_t now_s = wall_us / 1000000;
    return at > 0 && (uint64_t)at > now_s ? ((uint64_t)at - now_s) * 1000 : 0;
}

static uint64_t asked_ms(struct weir_slice retry_after, uint64_t wall_us)
{
    uint64_t ms = 0;
    if (!retry_after.n)
        return 0;
    if (!read_seconds(retry_after, &ms))
        ms = read_date(retry_after, wall_us);
    return ms < ANSWER_LONGEST_MS ? ms : ANSWER_LONGEST_MS;
}

uint64_t answer_wait_ms(unsigned failures, struct weir_slice retry_after, uint64_t wall_us,
                        uint64_t random)
{
    const uint64_t asked = asked_ms(retry_after, wall_us);
    uint64_t ms = ANSWER_FIRST_MS;
    for (unsigned i = 1; i < failures && ms < ANSWER_SLOWEST_MS; i++)
        ms *= 2;
    ms = ms < ANSWER_SLOWEST_MS ? ms : ANSWER_SLOWEST_MS;
    ms -= random % (ms / 2 + 1);
    return ms > asked ? ms : asked;
}
