/* SPDX-License-Identifier: Apache-2.0 */
#include "http/priority.h"

#include <criterion/criterion.h>

static void expect(const char *value, int urgency, bool incremental)
{
    struct priority p = PRIORITY_DEFAULT;
    cr_assert(priority_parse(slice_str(value), &p), "%s", value);
    cr_assert(p.urgency == urgency && p.incremental == incremental, "%s: u=%d i=%d", value,
              p.urgency, p.incremental);
}

Test(priority, reads_what_it_knows)
{
    expect("u=0", 0, false);
    expect("u=7,i", 7, true);
    expect(" i , u=1 ", 1, true);
    expect("i=?1;x=2", 3, true);
    expect("i, i=?0", 3, false);
    expect("u=1, u=2", 2, false);
    expect("", 3, false);
}

Test(priority, ignores_what_it_does_not_know)
{
    expect("u=8", 3, false);
    expect("u=-1", 3, false);
    expect("u=1.0", 3, false);
    expect("u=\"1\", i=1", 3, false);
    expect("u", 3, false);
    expect("x=1, u=2, y", 2, false);
}

Test(priority, leaves_things_as_they_are_when_it_is_no_dictionary)
{
    static const char *const bad[] = {"u=1,", ",u=1", "U=1", "=1", "u =1", "u=1,,i", "\"u\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct priority p = {.urgency = 5, .incremental = true};
        cr_assert(!priority_parse(slice_str(bad[i]), &p), "%s", bad[i]);
        cr_assert(p.urgency == 5 && p.incremental);
    }
}

Test(priority, keeps_what_is_not_said)
{
    struct priority p = {.urgency = 5, .incremental = true};
    cr_assert(priority_parse(SLICE("u=1"), &p));
    cr_assert(p.urgency == 1 && p.incremental);
}
