/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the target normaliser and the host parser. The first byte chooses the rules and the
 * method, the rest is the target. What must hold of every target that is accepted:
 *
 *   normalising the result again gives the same, and nothing is copied for it;
 *   the path has no dot segment, no %00, no byte that no URI has, and is not longer than before;
 *   the query is what stood behind the first '?', untouched;
 *   an authority is a host, and a host's name is one that parses to itself.
 */
#include "base/arena.h"
#include "base/check.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_path(struct slice path, struct slice raw, const struct target_rules *rules)
{
    must(path.n > 0 && path.n <= raw.n + 1 && path.p[0] == '/');
    for (size_t i = 0; i < path.n; i++) {
        must((uint8_t)path.p[i] > ' ' && (uint8_t)path.p[i] < 0x7f && path.p[i] != '?');
        must(!slice_starts(slice_from(path, i), SLICE("%00")));
    }
    for (struct slice rest = path; rest.p;) {
        struct slice segment = slice_cut(&rest, '/');
        must(!slice_eq(segment, SLICE(".")) && !slice_eq(segment, SLICE("..")));
    }
    struct arena a;
    struct slice again;
    arena_init(&a, NULL, 0);
    must(path_normalise(path, rules, &a, &again) == TARGET_FAULT_NONE);
    must(slice_eq(path, again));
    must(rules->keep_encoded_slashes || again.p == path.p);
    arena_fini(&a);
}

static void check_host(struct slice text, struct arena *a)
{
    struct host once, twice;
    bool good = host_parse(text, a, &once);
    must(host_ok(text) == (good || text.n == 0));
    if (!good)
        return;
    must(host_parse(once.name, a, &twice));
    must(slice_eq(once.name, twice.name) && twice.port == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum method methods[] = {METHOD_GET, METHOD_OPTIONS, METHOD_CONNECT, METHOD_OTHER};
    static const enum slash_rule slashes[] = {SLASH_MERGE, SLASH_KEEP, SLASH_REFUSE, SLASH_MERGE};
    if (n == 0)
        return 0;
    const struct target_rules rules = {slashes[data[0] & 3], data[0] & 4};
    enum method m = methods[data[0] >> 3 & 3];
    struct slice raw = slice_of((const char *)data + 1, n - 1);
    struct arena a;
    struct target t;
    arena_init(&a, NULL, 0);
    check_host(raw, &a);
    if (target_parse(raw, m, &rules, &a, &t) == TARGET_FAULT_NONE) {
        size_t mark = slice_find(raw, '?');
        must((t.query.p != NULL) == (mark < raw.n));
        must(!t.query.p || slice_eq(t.query, slice_from(raw, mark + 1)));
        if (t.form == TARGET_ABSOLUTE || t.form == TARGET_AUTHORITY)
            check_host(t.authority, &a);
        if (t.form != TARGET_AUTHORITY && !slice_eq(t.path, SLICE("*")))
            check_path(t.path, raw, &rules);
    }
    arena_fini(&a);
    return 0;
}
