/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/wish.h"

#include "common/slice.h"

enum { DIGITS_MAX = 12 };

struct unit {
    const char *name;
    uint64_t worth;
};

/* Digits, and one of these units. */
static bool amount(struct weir_slice s, const struct unit *units, uint64_t *to)
{
    size_t i = 0;
    for (*to = 0; i < s.n && i <= DIGITS_MAX && is_digit(s.p[i]); i++)
        *to = *to * 10 + (uint64_t)(s.p[i] - '0');
    if (i == 0 || i > DIGITS_MAX)
        return false;
    const struct weir_slice rest = {s.p + i, s.n - i};
    for (; units->name; units++)
        if (slice_eq(rest, slice_str(units->name))) {
            *to *= units->worth;
            return true;
        }
    return false;
}

static const struct unit times[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}},
                         sizes[] = {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {NULL, 0}},
                         plain[] = {{"", 1}, {NULL, 0}};

static const char *read_delay(struct weir_slice v, const struct wish_limits *l,
                              struct weir_attempt_fault *f)
{
    if (!amount(v, times, &f->delay_ms))
        return "delay is a time such as 250ms or 2s";
    return f->delay_ms <= l->delay_ms ? NULL : "delay is longer than max_delay allows";
}

static const char *read_abort(struct weir_slice v, struct weir_attempt_fault *f)
{
    uint64_t n;
    if (!amount(v, plain, &n) || n < 200 || n > 599)
        return "abort is a status from 200 to 599";
    f->status = (int)n;
    f->abort = WEIR_ABORT_STATUS;
    return NULL;
}

static const char *read_grpc(struct weir_slice v, struct weir_attempt_fault *f)
{
    uint64_t n;
    if (!amount(v, plain, &n) || n < 1 || n > 16)
        return "grpc is a status from 1 to 16";
    f->status = (int)n;
    f->abort = WEIR_ABORT_GRPC;
    return NULL;
}

static const char *read_truncate(struct weir_slice v, struct weir_attempt_fault *f)
{
    f->abort = WEIR_ABORT_TRUNCATE;
    return amount(v, sizes, &f->truncate_at) ? NULL : "truncate is a size such as 100 or 64k";
}

static const char *read_rate(struct weir_slice v, struct weir_attempt_fault *f)
{
    const uint64_t most = (uint64_t)1 << 32;
    const bool good = amount(v, sizes, &f->bytes_per_second) && f->bytes_per_second > 0 &&
                      f->bytes_per_second <= most;
    return good ? NULL : "rate is bytes a second, such as 100 or 64k";
}

static const char *read_reset(struct weir_slice v, struct weir_attempt_fault *f)
{
    f->abort = WEIR_ABORT_RESET;
    return v.p ? "reset has no value" : NULL;
}

static const char *read_word(struct weir_slice word, const struct wish_limits *l,
                             struct weir_attempt_fault *f)
{
    struct weir_slice value = word;
    const struct weir_slice name = slice_trim(slice_cut(&value, '='));
    const enum weir_abort before = f->abort;
    const char *wrong = "known are delay, abort, grpc, reset, truncate and rate";
    value = slice_trim(value);
    if (slice_ieq(name, slice_str("delay")))
        return read_delay(value, l, f);
    if (slice_ieq(name, slice_str("rate")))
        return read_rate(value, f);
    if (slice_ieq(name, slice_str("abort")))
        wrong = read_abort(value, f);
    else if (slice_ieq(name, slice_str("grpc")))
        wrong = read_grpc(value, f);
    else if (slice_ieq(name, slice_str("truncate")))
        wrong = read_truncate(value, f);
    else if (slice_ieq(name, slice_str("reset")))
        wrong = read_reset(value, f);
    return !wrong && before ? "it can't end in two ways" : wrong;
}

const char *wish_parse(struct weir_slice text, const struct wish_limits *limits,
                       struct weir_attempt_fault *out)
{
    const char *wrong = NULL;
    *out = (struct weir_attempt_fault){0};
    if (!slice_trim(text).n)
        return "it is empty";
    while (text.p && !wrong)
        wrong = read_word(slice_trim(slice_cut(&text, ',')), limits, out);
    return wrong;
}
