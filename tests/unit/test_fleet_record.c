/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what can be read, and what is refused with which words. */
#include "fleet/fleet_record.h"

#include <criterion/criterion.h>

static struct fleet_record rec;

/* What is wrong with the object; NULL: nothing. */
static const char *of(const char *json)
{
    static char why[128];
    json_t *j = json_loads(json, 0, NULL);
    const char *said = fleet_record_of_json(&rec, j);
    snprintf(why, sizeof why, "%s", said ? said : "");
    json_decref(j);
    return said ? why : NULL;
}

Test(fleet_record, is_a_version_with_its_fields)
{
    fleet_record_begin(&rec);
    fleet_record_add(&rec, SLICE("f"), SLICE("1"));
    fleet_record_add(&rec, SLICE(".state"), SLICE("open"));
    fleet_record_add(&rec, SLICE("n"), SLICE("7"));
    fleet_record_add(&rec, SLICE("by"), SLICE("edge-1"));
    fleet_record_add(&rec, SLICE("at"), SLICE("1700000000000"));
    fleet_record_add(&rec, SLICE("."), SLICE(""));
    cr_assert_null(fleet_record_end(&rec));
    cr_assert_eq(rec.version, 7);
    cr_assert_eq(rec.at_ms, 1700000000000);
    cr_assert(slice_eq(rec.by, SLICE("edge-1")));
    cr_assert_eq(rec.fields_n, 2);
    cr_assert_eq(rec.fields[0].name.n, 5);
    cr_assert_eq(rec.fields[0].value.n, 4);
}

Test(fleet_record, is_version_0_when_there_is_nothing)
{
    fleet_record_begin(&rec);
    cr_assert_null(fleet_record_end(&rec));
    cr_assert_eq(rec.version, 0);
}

Test(fleet_record, leaves_members_of_later_versions_alone)
{
    cr_assert_null(of("{\"f\":\"1\",\"n\":\"1\",\"by\":\"a\",\"at\":\"1\",\"lease\":\"x\"}"));
    cr_assert_eq(rec.fields_n, 0);
}

Test(fleet_record, is_refused_when_it_makes_no_sense)
{
    cr_assert_str_eq(of("{\"f\":\"2\",\"n\":\"1\",\"by\":\"a\",\"at\":\"1\"}"),
                     "its format is of another version of Weir");
    cr_assert_str_eq(of("{\"f\":\"1\",\"n\":\"x\",\"by\":\"a\",\"at\":\"1\"}"),
                     "its version (n) is no number");
    cr_assert_str_eq(of("{\"f\":\"1\",\"n\":\"0\",\"by\":\"a\",\"at\":\"1\"}"),
                     "its version (n) is no number");
    cr_assert_str_eq(of("{\"f\":\"1\",\"n\":\"9007199254740992\",\"by\":\"a\",\"at\":\"1\"}"),
                     "its version (n) is no number");
    cr_assert_str_eq(of("{\"f\":\"1\",\"n\":\"1\",\"by\":\"a\",\"at\":\"-1\"}"),
                     "its time (at) is no number");
    cr_assert_str_eq(of("{\"f\":\"1\",\"n\":\"1\",\"by\":\"a\"}"), "f, n, by or at is missing");
    cr_assert_str_eq(of("{\"other\":\"1\"}"), "f, n, by or at is missing");
    cr_assert_str_eq(of("{\"f\":1}"), "a member is no text");
    cr_assert_str_eq(of("{}"), "it is empty");
    cr_assert_str_eq(of("[]"), "it is empty");
}

Test(fleet_record, has_a_bound_for_fields_and_names)
{
    fleet_record_begin(&rec);
    for (int i = 0; i < FLEET_RECORD_FIELDS; i++)
        fleet_record_add(&rec, SLICE(".x"), SLICE("y"));
    cr_assert_null(rec.why);
    fleet_record_add(&rec, SLICE(".x"), SLICE("y"));
    cr_assert_str_eq(rec.why, "it has too many fields");
    char name[200];
    memset(name, 'a', sizeof name);
    fleet_record_begin(&rec);
    fleet_record_add(&rec, SLICE("by"), slice_of(name, 128));
    cr_assert_null(rec.why);
    fleet_record_add(&rec, SLICE("by"), slice_of(name, 129));
    cr_assert_str_eq(rec.why, "its maker (by) has too long a name");
}
