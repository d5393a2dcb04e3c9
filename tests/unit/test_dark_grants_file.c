/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/fini.h"
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dark_launch/grants_file.h"
#include "common/slice.h"

enum { NOW = 1764000000 };

static char dir[64], path[96], why[GRANTS_FILE_WHY];
static struct grants *t;

static struct grants *table_of(unsigned capacity)
{
    struct grants *made = calloc(1, grants_size(capacity));
    cr_assert(made && grants_init(made, capacity));
    return made;
}

static void begin(void)
{
    snprintf(dir, sizeof dir, "/tmp/weir-grants-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/grants.json", dir);
    t = table_of(4);
}

static void end(void)
{
    unlink(path);
    FINI_EXPECT(rmdir(dir) == 0, "something is left behind");
    free(t);
    fini_verdict();
}

TestSuite(dark_grants_file, .init = begin, .fini = end);

static void add(uint64_t id, const char *name, uint64_t expires)
{
    struct grant g = {.id = id, .created = NOW - 5, .expires = expires, .name_n = strlen(name)};
    memcpy(g.name, name, g.name_n);
    cr_assert(grants_add(t, &g, NOW));
}

static const struct grant *find(const struct grants *table, uint64_t id)
{
    static struct grant g;
    for (unsigned i = 0; i < grants_capacity(table); i++)
        if (grants_at(table, i, &g) && g.id == id)
            return &g;
    return NULL;
}

Test(dark_grants_file, brings_grants_back)
{
    add(0x10, "alice", NOW + 100);
    add(0x20, "bob", NOW + 200);
    add(0x30, "carol", NOW + 10);
    cr_assert(grants_revoke(t, 0x20, NOW + 1));
    grants_use(t, 0x10, NOW + 2);
    cr_assert(grants_file_write(t, path, why), "%s", why);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
    struct grants *again = table_of(4);
    cr_assert(grants_file_read(again, path, NOW + 50, why), "%s", why);
    const struct grant *g = find(again, 0x10);
    cr_assert(g && slice_eq(grant_name(g), WEIR_SLICE("alice")));
    cr_assert(g->created == NOW - 5 && g->expires == NOW + 100 && g->uses == 1 &&
              g->last_used == NOW + 2 && !g->revoked);
    g = find(again, 0x20);
    cr_assert(g && g->revoked == NOW + 1, "what was revoked stays so");
    cr_assert(!find(again, 0x30), "what has expired is left out");
    free(again);
}

Test(dark_grants_file, takes_a_missing_file_for_an_empty_one)
{
    cr_assert(grants_file_read(t, path, NOW, why));
    cr_assert(!find(t, 0x10));
}

Test(dark_grants_file, replaces_the_file_as_a_whole)
{
    add(0x10, "alice", NOW + 100);
    cr_assert(grants_file_write(t, path, why));
    char beside[128];
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *f = fopen(beside, "w"); /* of a process that died in the middle */
    fputs("{", f);
    fclose(f);
    grants_remove(t, 0x10);
    cr_assert(grants_file_write(t, path, why), "%s", why);
    cr_assert_neq(access(beside, F_OK), 0);
    struct grants *again = table_of(4);
    cr_assert(grants_file_read(again, path, NOW, why) && !find(again, 0x10));
    free(again);
}

Test(dark_grants_file, says_why_it_cant_be_written)
{
    cr_assert(!grants_file_write(t, "/nowhere/at/all", why));
    cr_assert_str_eq(why, "No such file or directory");
    cr_assert(!grants_file_read(t, dir, NOW, why));
    cr_assert_str_eq(why, "Is a directory");
}

static void refused(const char *text, const char *reason)
{
    struct grants *table = table_of(2);
    cr_assert(!grants_file_parse(table, (struct weir_slice){text, strlen(text)}, NOW, why), "%s",
              text);
    cr_assert(strstr(why, reason), "%s: %s", text, why);
    free(table);
}

#define GRANT(id, name, expires)                                                                   \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"created\":1,\"expires\":" expires                  \
    ",\"revoked\":0,\"uses\":0,\"last_used\":0}"
#define FILE_OF(list) "{\"version\":1,\"grants\":[" list "]}"

Test(dark_grants_file, refuses_what_is_no_table)
{
    refused("", "line");
    refused("{\"version\":1,", "line 1");
    refused("[]", "version");
    refused("{\"version\":2,\"grants\":[]}", "version");
    refused("{\"version\":1,\"grants\":{}}", "version");
    refused("{\"version\":1,\"version\":1,\"grants\":[]}", "duplicate");
    refused(FILE_OF("7"), "grant 1");
    refused(FILE_OF(GRANT("10", "alice", "9999999999")), "grant 1");
    refused(FILE_OF(GRANT("0000000000000010", "", "9999999999")), "grant 1");
    refused(FILE_OF(GRANT("0000000000000010", "al ice", "9999999999")), "grant 1");
    refused(FILE_OF(GRANT("0000000000000010", "alice", "-1")), "grant 1");
    refused(FILE_OF(GRANT("0000000000000010", "alice", "\"x\"")), "grant 1");
    refused(FILE_OF(GRANT("0000000000000010", "a", "9999999999") "," GRANT(
                "0000000000000011", "a", "9999999999") "," GRANT("0000000000000012", "a",
                                                                 "9999999999")),
            "more grants in force than the 2");
}
