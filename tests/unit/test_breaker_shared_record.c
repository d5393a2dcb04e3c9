/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet has of a circuit: written, read, and what can't be. */

#include "breaker/shared_record.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/slice.h"

static const struct machine_conf conf = {.probe_ms = 300};
static struct shared_record rec;

static bool read_fields(const struct weir_claim *fields, size_t n, uint64_t age_ms)
{
    const struct weir_fleet_record r = {.version = 4,
                                        .lineage = 2,
                                        .by = WEIR_SLICE("edge-b"),
                                        .age_ms = age_ms,
                                        .fields = fields,
                                        .fields_n = n};
    return shared_record_read(&rec, &r, &conf, 1000);
}

static bool read_state(const char *state, const char *openings, const char *lasts, uint64_t age_ms)
{
    const struct weir_claim fields[] = {
        {WEIR_SLICE("later"), WEIR_SLICE("x")},         {WEIR_SLICE("state"), slice_str(state)},
        {WEIR_SLICE("openings"), slice_str(openings)},  {WEIR_SLICE("lasts_ms"), slice_str(lasts)},
        {WEIR_SLICE("cause"), WEIR_SLICE("probe_bad")},
    };
    return read_fields(fields, sizeof fields / sizeof fields[0], age_ms);
}

Test(breaker_shared_record, is_read_as_it_was_written)
{
    const struct machine_target t = {
        .state = MACHINE_OPEN, .openings = 3, .lasts_ms = 5000, .cause = MACHINE_TRIPPED};
    struct shared_fields f;
    shared_record_write(&f, &t, slice_str("6 of 6"));
    cr_assert(read_fields(f.v, SHARED_FIELDS, 1500));
    cr_assert(rec.fleet.version == 4 && rec.fleet.lineage == 2);
    cr_assert_eq(rec.state.state, MACHINE_OPEN);
    cr_assert_eq(rec.state.openings, 3);
    cr_assert_eq(rec.state.lasts_ms, 5000);
    cr_assert_eq(rec.state.time_ms, 1000 + 3500);
    cr_assert_eq(rec.state.cause, MACHINE_TRIPPED);
    cr_assert_str_eq(rec.by, "edge-b");
    cr_assert_str_eq(rec.figures, "6 of 6");
}

Test(breaker_shared_record, that_nobody_has_made_is_closed)
{
    const struct weir_fleet_record none = {0};
    cr_assert(shared_record_read(&rec, &none, &conf, 1000));
    cr_assert_eq(rec.state.state, MACHINE_CLOSED);
    cr_assert_str_eq(rec.by, "");
}

/* What is left of it is between nothing and all, whatever clocks do. */
Test(breaker_shared_record, has_its_time_by_its_age)
{
    cr_assert(read_state("open", "1", "500", 0));
    cr_assert_eq(rec.state.time_ms, 1500);
    cr_assert(read_state("open", "1", "500", 500));
    cr_assert_eq(rec.state.time_ms, 1000);
    cr_assert(read_state("ramp_25", "1", "500", UINT64_MAX));
    cr_assert_eq(rec.state.time_ms, 1000);
    cr_assert(read_state("half_open", "1", "0", 77));
    cr_assert_eq(rec.state.time_ms, 1300);
    cr_assert(read_state("closed", "1", "0", 77));
    cr_assert_eq(rec.state.time_ms, 923);
    cr_assert(read_state("closed", "1", "0", UINT64_MAX));
    cr_assert_eq(rec.state.time_ms, 0);
}

Test(breaker_shared_record, is_refused_when_it_makes_no_sense)
{
    cr_assert(!read_state("ajar", "1", "500", 0));
    cr_assert(!read_state("", "1", "500", 0));
    cr_assert(!read_state("open", "32", "500", 0));
    cr_assert(!read_state("open", "-1", "500", 0));
    cr_assert(!read_state("open", "1", "86400001", 0));
    cr_assert(!read_state("open", "1", "99999999999999999999999", 0));
    cr_assert(!read_state("open", "1", "5s", 0));
    cr_assert(!read_state("open", "1", "", 0));
    cr_assert(!read_fields(NULL, 0, 0));
}

Test(breaker_shared_record, is_cut_where_it_is_too_long)
{
    char longer[WEIR_FLEET_FIELD_MAX + 50];
    memset(longer, 'a', sizeof longer);
    longer[3] = '\n';
    const struct machine_target t = {.state = MACHINE_CLOSED};
    struct shared_fields f;
    shared_record_write(&f, &t, (struct weir_slice){longer, sizeof longer});
    cr_assert_eq(f.v[4].value.n, WEIR_FLEET_FIELD_MAX);
    f.v[4].value.n = sizeof longer;
    cr_assert(read_fields(f.v, SHARED_FIELDS, 0));
    cr_assert_eq(strlen(rec.figures), WEIR_FLEET_FIELD_MAX);
    cr_assert_eq(rec.figures[3], ' ');
}

Test(breaker_shared_record, may_have_a_cause_that_is_not_known_here)
{
    struct weir_claim fields[] = {{WEIR_SLICE("state"), WEIR_SLICE("closed")},
                                  {WEIR_SLICE("openings"), WEIR_SLICE("0")},
                                  {WEIR_SLICE("lasts_ms"), WEIR_SLICE("0")},
                                  {WEIR_SLICE("cause"), WEIR_SLICE("moon")}};
    cr_assert(read_fields(fields, 4, 0));
    cr_assert_eq(rec.state.cause, MACHINE_OPERATOR);
}
