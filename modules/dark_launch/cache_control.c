/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/cache_control.h"

#include "common/slice.h"

/* Where the directive that begins at `at` ends: at a comma that isn't quoted, or with the line.
 * Behind the line when a quotation doesn't end. */
static size_t directive_end(struct weir_slice line, size_t at)
{
    bool quoted = false;
    for (; at < line.n; at++) {
        if (line.p[at] == '"')
            quoted = !quoted;
        else if (quoted && line.p[at] == '\\')
            at++;
        else if (!quoted && line.p[at] == ',')
            return at;
    }
    return quoted ? line.n + 1 : line.n;
}

static bool is_for_shared_caches(struct weir_slice directive)
{
    static const struct weir_slice names[] = {
        {"public", 6}, {"s-maxage", 8}, {"proxy-revalidate", 16}, {"private", 7}};
    struct weir_slice rest = directive;
    const struct weir_slice name = slice_trim(slice_cut(&rest, '='));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_ieq(name, names[i]))
            return true;
    return false;
}

static size_t put(char *to, size_t used, struct weir_slice s)
{
    memcpy(to + used, s.p, s.n);
    return used + s.n;
}

size_t cache_control_private(struct weir_slice line, char *to)
{
    size_t used = put(to, 0, WEIR_SLICE("private"));
    for (size_t at = 0, end; at < line.n; at = end + 1) {
        end = directive_end(line, at);
        if (end > line.n)
            return put(to, 0, WEIR_SLICE("no-store"));
        const struct weir_slice directive = slice_trim((struct weir_slice){line.p + at, end - at});
        if (!directive.n || is_for_shared_caches(directive))
            continue;
        used = put(to, used, WEIR_SLICE(", "));
        used = put(to, used, directive);
    }
    return used;
}
