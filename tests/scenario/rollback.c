/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that was in force before comes back, from memory, whatever the files are. */
#include "tests/lib/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/origin.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

static struct origin *one, *two;

static void begin(void)
{
    rig_begin();
    origin_start("app");
    one = origin_start("one");
    two = origin_start("two");
}

TestSuite(rollback, .init = begin, .fini = rig_end, .timeout = 120);

#define CTL(...) cr_assert_eq(weirctl_run(__VA_ARGS__), 0, "%s", weirctl_said())
#define SAYS WEIRCTL_SAYS
#define TO(origin) .endpoints = "[ \"$" origin "\" ]"

static bool goes_to(struct origin *to)
{
    const unsigned before = origin_requests(to);
    cr_assert_eq(get("/")->status, 200);
    return origin_requests(to) == before + 1;
}

static bool status_says(const char *text)
{
    return weirctl_run("--json status") == 0 && strstr(weirctl_said(), text);
}

Test(rollback, brings_back_what_was_in_force_and_back_again)
{
    rig_start(TO("one"));
    cr_assert_eq(weirctl_run("rollback"), 1);
    SAYS("there is no earlier configuration");
    cr_assert_eq(weirctl_run("config text previous"), 1);
    SAYS("there is no earlier configuration");
    cr_assert(rig_reload(TO("two")));
    AWAIT(goes_to(two));
    cr_assert(status_says("\"origin\":\"file\""));
    CTL("rollback");
    SAYS("The configuration before is in force again, as generation 3, with 1 workers.");
    SAYS("weir.conf says something else, and the next reload takes it");
    AWAIT(goes_to(one));
    cr_assert(status_says("\"origin\":\"rollback\""));
    CTL("status");
    SAYS("weir.conf as it was before (rollback), generation 3");
    CTL("rollback");
    AWAIT(goes_to(two));
    cr_assert(!strstr(weirctl_said(), "says something else"), "%s", weirctl_said());
    CTL("rollback");
    AWAIT(goes_to(one));
    CTL("reload");
    AWAIT(goes_to(two));
    cr_assert(status_says("\"origin\":\"file\""));
}

Test(rollback, is_to_the_last_one_that_was_another)
{
    rig_start(TO("one"));
    cr_assert(rig_reload(TO("two")));
    CTL("reload");
    CTL("reload");
    rig_write_conf((struct rig_conf){.endpoints = "[ 7 ]"});
    cr_assert_eq(weirctl_run("reload"), 1);
    CTL("rollback");
    AWAIT(goes_to(one));
}

/* Also when nothing is left of it on the disk. */
Test(rollback, of_several_files_needs_none_of_them)
{
    char *text = NULL;
    rig_write_conf((struct rig_conf){TO("one")});
    char *whole = rig_read("weir.conf");
    rig_write_file("part.conf", "# nothing\n@include \"deep.conf\"\n");
    rig_write_file("deep.conf", "affinity = false;\n");
    cr_assert(asprintf(&text, "@include \"part.conf\"\n%s", whole) > 0);
    rig_start(.whole = text);
    AWAIT(goes_to(one));
    CTL("config text");
    SAYS("part.conf --\n# nothing\n@include \"deep.conf\"\n");
    cr_assert(rig_reload(TO("two")));
    cr_assert_eq(unlink(rig_path("part.conf")), 0);
    cr_assert_eq(unlink(rig_path("deep.conf")), 0);
    cr_assert_eq(unlink(rig_path("weir.conf")), 0);
    CTL("rollback");
    SAYS("weir.conf says something else");
    AWAIT(goes_to(one));
    CTL("rollback");
    AWAIT(goes_to(two));
    cr_assert_eq(weirctl_run("reload"), 1);
    AWAIT(goes_to(two));
    free(text);
    free(whole);
}

Test(rollback, prints_texts_as_they_were_read)
{
    rig_start(TO("one"));
    char *before = rig_read("weir.conf");
    cr_assert(rig_reload(TO("two")));
    CTL("config text previous");
    cr_assert_str_eq(weirctl_said(), before);
    CTL("rollback");
    CTL("config text");
    cr_assert_str_eq(weirctl_said(), before);
    free(before);
}

Test(rollback, is_possible_after_an_upgrade)
{
    rig_start(TO("one"));
    cr_assert(rig_reload(TO("two")));
    cr_assert(rig_upgrade());
    AWAIT(weirctl_run("rollback") == 0);
    AWAIT(goes_to(one));
    cr_assert(rig_upgrade());
    AWAIT(goes_to(one)); /* an upgrade is no reload */
    AWAIT(status_says("\"origin\":\"rollback\""));
    CTL("rollback");
    AWAIT(goes_to(two));
}

/* A file that is another one by the time of the upgrade is a change as by a reload. */
Test(rollback, goes_behind_an_upgrade_that_took_another_file)
{
    rig_start(TO("one"));
    rig_write_conf((struct rig_conf){TO("two")});
    cr_assert(rig_upgrade());
    AWAIT(goes_to(two));
    AWAIT(weirctl_run("rollback") == 0);
    AWAIT(goes_to(one));
}

Test(rollback, ends_overrides_of_what_it_changes)
{
#define SPLIT(w)                                                                                   \
    .clusters = "v1 = { endpoints = [ \"$one\" ]; }; v2 = { endpoints = [ \"$two\" ]; };",         \
    .routes = "( { name = \"r\"; canary = { split = ( { cluster = \"v1\"; weight = 1; },"          \
              "{ cluster = \"v2\"; weight = " w "; } ); }; } )"
    rig_start(SPLIT("0"));
    cr_assert(rig_reload(SPLIT("2")));
    CTL("canary set r v1=0 v2=1");
    CTL("rollback");
    SAYS("routes.r.canary.split: the file changes it; the override of canary/weights/r by ");
    AWAIT(goes_to(one));
}
