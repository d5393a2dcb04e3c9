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
    fleet_record_add(&rec, SLICE("since"), SLICE("5"));
    fleet_record_add(&rec, SLICE("run"), SLICE("abc"));
    fleet_record_add(&rec, SLICE("taken"), SLICE("2"));
    fleet_record_add(&rec, SLICE("by"), SLICE("edge-1"));
    fleet_record_add(&rec, SLICE("at"), SLICE("1700000000000"));
    fleet_record_add(&rec, SLICE("."), SLICE(""));
    cr_assert_null(fleet_record_end(&rec));
    cr_assert_eq(rec.version, 7);
    cr_assert_eq(rec.lineage, 5);
    cr_assert(slice_eq(rec.run, SLICE("abc")));
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
    cr_assert_null(of("{\"f\":\"1\",\"n\":\"1\",\"since\":\"1\",\"by\":\"a\",\"at\":\"1\","
                      "\"run\":\"\",\"lease\":\"x\"}"));
    cr_assert_eq(rec.fields_n, 0);
}

/* One with this member instead of the right one. */
static const char *with(const char *name, const char *value)
{
    static const char *const right[][2] = {{"f", "1"},  {"n", "7"},  {"since", "5"},
                                           {"by", "a"}, {"at", "1"}, {"run", "abc"}};
    fleet_record_begin(&rec);
    for (size_t i = 0; i < 6; i++)
        if (strcmp(right[i][0], name) != 0)
            fleet_record_add(&rec, slice_str(right[i][0]), slice_str(right[i][1]));
    if (value)
        fleet_record_add(&rec, slice_str(name), slice_str(value));
    return fleet_record_end(&rec);
}

Test(fleet_record, is_refused_when_a_member_makes_no_sense)
{
    cr_assert_null(with("n", "7"));
    cr_assert_null(with("n", "9007199254740991"));
    cr_assert_str_eq(with("f", "2"), "its format is of another version of Weir");
    cr_assert_str_eq(with("n", "x"), "its version (n) is no number");
    cr_assert_str_eq(with("n", "0"), "its version (n) is no number");
    cr_assert_str_eq(with("n", "9007199254740992"), "its version (n) is no number");
    cr_assert_str_eq(with("since", "-1"), "its lineage (since) is no number");
    cr_assert_str_eq(with("since", "0"), "its lineage (since) is no number");
    cr_assert_str_eq(with("since", "8"), "its lineage (since) begins after its version (n)");
    cr_assert_str_eq(with("at", "-1"), "its time (at) is no number");
    static const char *const all[] = {"f", "n", "since", "by", "at", "run"};
    for (size_t i = 0; i < 6; i++)
        cr_assert_str_eq(with(all[i], NULL), "f, n, since, by, at or run is missing");
}

Test(fleet_record, is_refused_when_it_is_none)
{
    cr_assert_str_eq(of("{\"other\":\"1\"}"), "f, n, since, by, at or run is missing");
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
    fleet_record_begin(&rec);
    fleet_record_add(&rec, SLICE("run"), slice_of(name, 64));
    cr_assert_null(rec.why);
    fleet_record_add(&rec, SLICE("run"), slice_of(name, 65));
    cr_assert_str_eq(rec.why, "its server (run) has too long a name");
    static char value[FLEET_RECORD_TEXT_MAX + 1];
    fleet_record_begin(&rec);
    fleet_record_add(&rec, SLICE(".x"), slice_of(value, FLEET_RECORD_TEXT_MAX));
    cr_assert_null(rec.why);
    fleet_record_add(&rec, SLICE(".x"), slice_of(value, sizeof value));
    cr_assert_str_eq(rec.why, "a field is too long");
}

Test(fleet_record, is_kept_in_a_copy_that_is_written_anew)
{
    struct fleet_fields copy = {.n = 0};
    char value[] = "open";
    const struct weir_claim first[] = {{WEIR_SLICE("state"), {value, 4}},
                                       {WEIR_SLICE(""), WEIR_SLICE("")}};
    text_init(&copy.text);
    fleet_fields_set(&copy, first, 2);
    value[0] = 'x';
    cr_assert_eq(copy.n, 2);
    cr_assert_eq(memcmp(copy.at[0].name.p - 1, ".state", 6), 0);
    cr_assert_eq(memcmp(copy.at[0].value.p, "open", 4), 0);
    cr_assert_eq(copy.at[1].name.p[-1], '.');
    fleet_fields_set(&copy, first + 1, 1);
    cr_assert_eq(copy.n, 1);
    cr_assert_eq(copy.text.n, 1);
    text_fini(&copy.text);
}
