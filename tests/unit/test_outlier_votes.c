/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts of other instances: who is counted, since when, and what a note has room for. */
#include "outlier/votes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct votes v;

static struct weir_slice text_of(const char *s)
{
    return (struct weir_slice){s, s ? strlen(s) : 0};
}

static bool hear(const char *instance, const char *note, uint64_t now_ms)
{
    return votes_hear(&v, text_of(instance), text_of(note), now_ms);
}

/* Has ejected a:1 for the nth time. */
static void hear_of_a(const char *instance, const char *why, unsigned n, uint64_t now_ms)
{
    char note[128];
    snprintf(note, sizeof note, "{\"out\":{\"a:1\":{\"why\":\"%s\",\"n\":%u}}}", why, n);
    cr_assert(hear(instance, note, now_ms));
}

static struct votes_found found(const char *endpoint, uint64_t since_ms)
{
    struct votes_found f;
    votes_find(&v, text_of(endpoint), since_ms, &f);
    return f;
}

static void end(void)
{
    votes_free(&v);
}

TestSuite(outlier_votes, .fini = end);

Test(outlier_votes, are_counted_by_endpoint_and_named)
{
    hear_of_a("x", "5xx", 1, 10);
    hear_of_a("y", "failures", 1, 10);
    cr_assert(hear("z", "{\"out\":{\"b:1\":{\"why\":\"probe\",\"n\":4}}}", 10));
    cr_assert_eq(found("a:1", 0).n, 2);
    cr_assert_str_eq(found("a:1", 0).names, "x (5xx), y (failures)");
    cr_assert_str_eq(found("b:1", 0).names, "z (probe)");
    cr_assert_eq(found("a:", 0).n, 0);
    cr_assert_str_eq(found("a:", 0).names, "");
}

Test(outlier_votes, end_with_the_note_that_had_them)
{
    hear_of_a("x", "5xx", 1, 10);
    hear_of_a("y", "5xx", 1, 10);
    cr_assert(hear("x", "{\"out\":{}}", 20));
    cr_assert_eq(found("a:1", 0).n, 1);
    cr_assert(hear("y", NULL, 20));
    cr_assert_eq(found("a:1", 0).n, 0);
    cr_assert(hear("y", NULL, 20), "it is gone already");
}

Test(outlier_votes, from_before_the_endpoint_came_back_say_nothing)
{
    hear_of_a("x", "5xx", 1, 10);
    hear_of_a("y", "5xx", 1, 30);
    cr_assert_eq(found("a:1", 10).n, 2);
    cr_assert_eq(found("a:1", 11).n, 1);
    hear_of_a("x", "5xx", 1, 40);
    cr_assert_eq(found("a:1", 11).n, 1, "the same verdict as before");
    hear_of_a("x", "probe", 2, 40);
    cr_assert_eq(found("a:1", 11).n, 2, "the next one");
}

/* Else an endpoint that came back here would be ejected with each connection to Redis. */
Test(outlier_votes, are_known_again_after_a_time_apart)
{
    hear_of_a("x", "5xx", 1, 10);
    hear_of_a("y", "5xx", 1, 10);
    votes_blank(&v);
    cr_assert_eq(found("a:1", 0).n, 0, "nobody knows");
    hear_of_a("x", "5xx", 1, 50);
    cr_assert_eq(found("a:1", 20).n, 0);
    cr_assert_eq(found("a:1", 10).n, 1);
    votes_blank(&v);
    cr_assert_eq(v.n, 1, "y has said nothing the last time");
    hear_of_a("y", "5xx", 1, 60);
    cr_assert_eq(found("a:1", 20).n, 1);
}

Test(outlier_votes, heard_before_it_listened_count_where_nothing_has_come_back)
{
    hear_of_a("x", "5xx", 1, 0);
    cr_assert_eq(found("a:1", 0).n, 1);
    cr_assert_eq(found("a:1", 1).n, 0);
}

Test(outlier_votes, are_fresh_until_something_was_done_about_them)
{
    hear_of_a("x", "5xx", 1, 10);
    cr_assert(found("a:1", 0).fresh);
    votes_act(&v, text_of("a:1"));
    cr_assert_not(found("a:1", 0).fresh);
    hear_of_a("x", "5xx", 1, 20);
    cr_assert_not(found("a:1", 0).fresh);
    hear_of_a("y", "5xx", 1, 20);
    cr_assert(found("a:1", 0).fresh);
}

Test(outlier_votes, are_named_as_far_as_there_is_room)
{
    char name[128];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "edge-%02u-of-a-rather-long-name", i);
        hear_of_a(name, "5xx", 1, 10);
    }
    const struct votes_found f = found("a:1", 0);
    cr_assert_eq(f.n, 100);
    cr_assert(strstr(f.names, "edge-00-of-a-rather-long-name (5xx), edge-01"), "%s", f.names);
    cr_assert(strstr(f.names, " and 94 more"), "%s", f.names);
}

Test(outlier_votes, without_sense_count_as_none)
{
    static const char *const notes[] = {
        "", "x", "[]", "{}", "{\"out\":[]}", "{\"out\":{}", "{\"out\":{\"a:1\":{},\"a:1\":{}}}"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        hear_of_a("x", "5xx", 1, 10);
        cr_assert_not(hear("x", notes[i], 10), "%s", notes[i]);
        cr_assert_eq(found("a:1", 0).n, 0);
    }
    cr_assert_not(votes_hear(&v, (struct weir_slice){"x\0y", 3}, text_of("{\"out\":{}}"), 10));
}

Test(outlier_votes, of_a_later_version_are_read_as_far_as_they_are_known)
{
    cr_assert(hear("x",
                   "{\"out\":{\"a:1\":{\"why\":7,\"by\":[1]},\"b:1\":1,\"c:1\":{\"n\":-3}},"
                   "\"more\":{}}",
                   10));
    cr_assert_str_eq(found("a:1", 0).names, "x (?)");
    cr_assert_eq(found("b:1", 0).n, 0);
    cr_assert_eq(found("c:1", 0).n, 1);
}

Test(outlier_votes, are_shown_to_who_asks)
{
    hear_of_a("x", "5xx", 1, 10);
    json_t *all = votes_json(&v, text_of("a:1"));
    char *text = json_dumps(all, JSON_COMPACT);
    cr_assert_str_eq(text, "[{\"instance\":\"x\",\"why\":\"5xx\"}]");
    free(text);
    json_decref(all);
}

/* -- this instance's note ---------------------------------------------------------------------- */

static char written[256];

static void write_note(size_t size, unsigned n, size_t left_out)
{
    struct votes_note note;
    char name[16];
    votes_note_begin(&note, size);
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "a:%u", i);
        votes_note_add(&note, text_of(name), "5xx", i);
    }
    cr_assert_eq(note.left_out, left_out, "%zu", note.left_out);
    written[votes_note_end(&note, written)] = '\0';
}

Test(outlier_votes, are_written_as_they_are_read)
{
    write_note(sizeof written - 1, 0, 0);
    cr_assert_str_eq(written, "{\"out\":{}}");
    write_note(sizeof written - 1, 2, 0);
    cr_assert_str_eq(
        written, "{\"out\":{\"a:0\":{\"why\":\"5xx\",\"n\":0},\"a:1\":{\"why\":\"5xx\",\"n\":1}}}");
    cr_assert(hear("x", written, 10));
    cr_assert_eq(found("a:1", 0).n, 1);
}

Test(outlier_votes, that_find_no_room_are_left_out)
{
    write_note(128, 9, 7);
    cr_assert(strstr(written, "a:1"));
    cr_assert_not(strstr(written, "a:2"));
    cr_assert(hear("x", written, 10), "it is whole");
}
