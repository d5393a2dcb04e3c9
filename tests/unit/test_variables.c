/* SPDX-License-Identifier: Apache-2.0 */
/* The table of variables and the look-up of names in it. */

#include "core/log/variables.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct variable_ref ref;

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

TestSuite(variables, .init = set_up, .fini = tear_down);

static const char *find(const char *name)
{
    return variable_find(slice_str(name), &arena, &ref);
}

static void refuses(const char *name, const char *said)
{
    const char *wrong = find(name);
    cr_assert(wrong, "%s", name);
    cr_assert(strstr(wrong, said), "%s", wrong);
}

Test(variables, are_found_by_their_whole_name)
{
    cr_assert(!find("status"));
    cr_assert_str_eq(ref.of->name, "status");
    cr_assert(ref.of->kind == VARIABLE_NUMBER && ref.of->part == PART_NONE && !ref.name.n);
    refuses("statu", "there is no variable \"statu\", did you mean \"status\"?");
    refuses("", "there is no variable \"\"; docs/access-log.md");
    refuses("utterly_unlike", "there is no variable \"utterly_unlike\"; docs/access-log.md");
}

Test(variables, of_a_family_are_found_by_what_stands_before_the_dot)
{
    cr_assert(!find("request.User-Agent"));
    cr_assert_str_eq(ref.of->name, "request.");
    cr_assert(slice_eq(ref.name, SLICE("User-Agent")) && ref.token == TOKEN_USER_AGENT);
    cr_assert(!find("claim.https://example.com/groups"));
    cr_assert(slice_eq(ref.name, SLICE("https://example.com/groups")));
    cr_assert(!find("query.a b=c.d"));
    cr_assert(slice_eq(ref.name, SLICE("a b=c.d")));
    cr_assert(!find("identity.subject") && ref.of->part == PART_NONE);
}

Test(variables, of_a_family_are_hinted_at_by_the_nearest_family)
{
    refuses("reqest.accept", "did you mean \"request.accept\"?");
    refuses("claims.groups", "did you mean \"claim.groups\"?");
    refuses("cookie.", "did you mean \"cookie.NAME\"?");
    refuses("identity.subjct", "did you mean \"identity.subject\"?");
    refuses("zebra.x", "there is no variable \"zebra.x\"; docs/access-log.md");
}

Test(variables, want_names_that_can_be_there)
{
    refuses("request.a b", "\"a b\" is not the name of a header field");
    refuses("response.a:", "is not the name of a header field");
    refuses("cookie.a;b", "\"a;b\" is not the name of a cookie");
    refuses("capture.a-b", "\"a-b\" is not a group: allowed are 1 to 9, and names of groups");
    refuses("capture.1a", "is not a group");
}

Test(variables, of_a_regex_are_groups_by_number_or_name)
{
    cr_assert(!find("capture.1") && ref.group == 1);
    cr_assert(!find("capture.9") && ref.group == 9);
    cr_assert(!find("capture._v2") && ref.group == 0);
    cr_assert_str_eq(ref.name.p, "_v2");
    refuses("capture.0", "is not a group");
    refuses("capture.10", "is not a group");
    refuses("capture.99999999999999999999999", "is not a group");
}

/* The journal's fields are made from these names: capitals, digits and underscores only. */
Test(variables, that_every_log_has_are_single_words)
{
    for (const struct variable *of = variables; of->name; of++) {
        const size_t letters = strspn(of->name, "abcdefghijklmnopqrstuvwxyz0123456789_");
        cr_assert(!of->preset || letters == strlen(of->name), "%s", of->name);
    }
}

/* Without the first of these a look-up would find the family, without the second nothing. */
Test(variables, have_families_that_hide_no_other_variable)
{
    for (const struct variable *of = variables; of->name; of++) {
        const char *last = of->name + strlen(of->name) - 1;
        cr_assert((of->part != PART_NONE) == (*last == '.'), "%s", of->name);
        for (const struct variable *other = variables; other->name; other++)
            cr_assert(of->part == PART_NONE || other == of ||
                          strncmp(other->name, of->name, strlen(of->name)) != 0,
                      "%s", other->name);
    }
}

Test(variables, say_when_they_are_known)
{
    const struct {
        const char *name, *when;
    } want[] = {{"client", "request"},    {"capture.1", "request"}, {"variant", "attempt"},
                {"endpoint", "response"}, {"status", "response"},   {"bytes_out", "end"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        cr_assert(!find(want[i].name));
        cr_assert_str_eq(known_when_name(ref.of->known), want[i].when, "%s", want[i].name);
    }
}
