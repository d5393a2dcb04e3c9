/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "dark_launch/cache_control.h"
#include "common/slice.h"

/* In memory that has no byte more than is promised. */
static void becomes(const char *line, const char *expected)
{
    const struct weir_slice s = {line, strlen(line)};
    char *to = malloc(CACHE_CONTROL_ROOM(s.n));
    const size_t n = cache_control_private(s, to);
    cr_assert_leq(n, CACHE_CONTROL_ROOM(s.n));
    cr_assert(slice_eq((struct weir_slice){to, n}, (struct weir_slice){expected, strlen(expected)}),
              "%s: \"%.*s\", not \"%s\"", line, (int)n, to, expected);
    free(to);
}

Test(dark_cache_control, says_private_in_any_case)
{
    becomes("", "private");
    becomes(" , ,", "private");
    becomes("private", "private");
    becomes("max-age=60", "private, max-age=60");
    becomes("a,b,c,d,e", "private, a, b, c, d, e");
    becomes("no-store", "private, no-store");
}

Test(dark_cache_control, drops_what_shared_caches_would_go_by)
{
    becomes("public, max-age=600", "private, max-age=600");
    becomes("Public,S-MaxAge=9 ,max-age=1", "private, max-age=1");
    becomes("proxy-revalidate, must-revalidate", "private, must-revalidate");
    becomes("private=\"set-cookie, x\", no-cache", "private, no-cache");
    becomes("s-maxage=\"1,2\"", "private");
}

Test(dark_cache_control, keeps_quoted_texts_together)
{
    becomes("ext=\"a, public\", max-age=1", "private, ext=\"a, public\", max-age=1");
    becomes("ext=\"a\\\", public\", x", "private, ext=\"a\\\", public\", x");
}

Test(dark_cache_control, gives_up_what_is_no_list)
{
    becomes("ext=\"a, public", "no-store");
    becomes("ext=\"a\\", "no-store");
}
