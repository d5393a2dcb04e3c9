/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dark_launch/grants.h"
#include "common/slice.h"

enum { NOW = 1764000000, ID = 0x7d0f6c1a };

static const struct grant_key key = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32},
                              other_key = {(const uint8_t *)"0123456789abcdef0123456789abcdeF", 32};
static struct grants *t;
static char token[GRANT_TOKEN_MAX];
static struct grant got;

static struct grants *table_of(unsigned capacity)
{
    struct grants *made = mmap(NULL, grants_size(capacity), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(made != MAP_FAILED && grants_is_new(made));
    cr_assert(grants_init(made, capacity));
    return made;
}

static struct grant grant_of(uint64_t id, const char *name, uint64_t expires)
{
    struct grant g = {.id = id, .created = NOW, .expires = expires, .name_n = strlen(name)};
    memcpy(g.name, name, g.name_n);
    return g;
}

static void add(uint64_t id, const char *name, uint64_t expires)
{
    const struct grant g = grant_of(id, name, expires);
    cr_assert(grants_add(t, &g, NOW));
}

static void begin(void)
{
    t = table_of(8);
    add(ID, "alice", NOW + 7200);
    const struct grant g = grant_of(ID, "alice", NOW + 7200);
    cr_assert(grant_token(key, &g, token));
}

TestSuite(dark_grants, .init = begin, .timeout = 60);

static bool opens_at(const char *text, size_t n, uint64_t now)
{
    return grants_verify(t, key, (struct weir_slice){text, n}, now, &got);
}

static bool opens(const char *text)
{
    return opens_at(text, strlen(text), NOW);
}

Test(dark_grants, open_with_their_token)
{
    cr_assert(opens(token), "%s", token);
    cr_assert_eq(got.id, ID);
    cr_assert(slice_eq(grant_name(&got), WEIR_SLICE("alice")));
    cr_assert(opens_at(token, strlen(token), NOW + 7199));
}

Test(dark_grants, tokens_have_this_form)
{
    cr_assert_eq(strncmp(token, "v1.000000007d0f6c1a.1764007200.", 31), 0, "%s", token);
    cr_assert_eq(strlen(token), 31 + 43);
    cr_assert_eq(
        strspn(token + 31, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
}

Test(dark_grants, end_when_they_expire_or_are_revoked)
{
    cr_assert(!opens_at(token, strlen(token), NOW + 7200));
    cr_assert(!grants_revoke(t, ID + 1, NOW));
    cr_assert(grants_revoke(t, ID, NOW));
    cr_assert(!opens(token));
    cr_assert(!grants_revoke(t, ID, NOW), "once is enough");
}

Test(dark_grants, end_when_they_leave_the_table)
{
    grants_remove(t, ID);
    cr_assert(!opens(token));
}

/* No other text does, whichever byte is another one, is missing, or is one too many. */
Test(dark_grants, open_with_no_other_token)
{
    const size_t n = strlen(token);
    char text[GRANT_TOKEN_MAX + 8];
    for (size_t i = 0; i < n; i++)
        for (unsigned c = 0; c < 256; c++) {
            memcpy(text, token, n);
            text[i] = (char)c;
            cr_assert(opens_at(text, n, NOW) == (text[i] == token[i]), "byte %zu is %u", i, c);
        }
    for (size_t i = 0; i < n; i++) {
        cr_assert(!opens_at(token, i, NOW), "%zu bytes", i);
        cr_assert(!opens_at(token + i + 1, n - i - 1, NOW), "from %zu", i + 1);
        memcpy(text, token, i);
        memcpy(text + i + 1, token + i, n - i);
        text[i] = token[i];
        cr_assert(!opens_at(text, n + 1, NOW), "%zu doubled", i);
    }
    static const char *const tails[] = {"=", " ", "\n", ".", "A", "%00"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        snprintf(text, sizeof text, "%s%s", token, tails[i]);
        cr_assert(!opens(text), "%s", text);
    }
    memcpy(text, token, n + 1);
    cr_assert(!opens_at(text, n + 1, NOW), "a NUL behind it");
}

Test(dark_grants, open_with_no_token_of_another_key_name_or_expiry)
{
    char text[GRANT_TOKEN_MAX];
    struct grant g = grant_of(ID, "alice", NOW + 7200);
    cr_assert(grant_token(other_key, &g, text));
    cr_assert(!opens(text));
    g = grant_of(ID, "alicf", NOW + 7200);
    cr_assert(grant_token(key, &g, text) && !opens(text));
    g = grant_of(ID, "alice", NOW + 7201);
    cr_assert(grant_token(key, &g, text) && !opens(text), "the table says when it ends");
    g = grant_of(ID + 1, "alice", NOW + 7200);
    cr_assert(grant_token(key, &g, text) && !opens(text), "it isn't in the table");
    g = (struct grant){.id = 9};
    cr_assert(grant_token(key, &g, text) && !opens(text), "nor is nobody's");
}

Test(dark_grants, open_with_no_text_that_is_no_token)
{
    static const char *const texts[] = {"",
                                        "v1",
                                        "v1.",
                                        "v1..",
                                        "v1...",
                                        "v2.000000007d0f6c1a.1.",
                                        "v1.000000007D0F6C1A.1764007200.",
                                        "v1.0000000000000000.0.",
                                        "\"v1.000000007d0f6c1a\"",
                                        "null",
                                        "v1.000000007d0f6c1a"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert(!opens(texts[i]), "%s", texts[i]);
    char *huge = malloc(1 << 20);
    memset(huge, 'v', 1 << 20);
    memcpy(huge, token, strlen(token));
    cr_assert(!opens_at(huge, 1 << 20, NOW));
    free(huge);
}

Test(dark_grants, names_and_ids_are_checked)
{
    char text[GRANT_ID_TEXT + 1];
    uint64_t id;
    cr_assert(grant_name_ok(WEIR_SLICE("Alice.B_c@x+y-9")));
    static const struct weir_slice wrong[] = {
        {"", 0},
        {"a b", 3},
        {"a\nb", 3},
        {"a\"b", 3},
        {"a\0b", 3},
        {"\xc3\xa4", 2},
        {"a/b", 3},
        {"a;b", 3},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 65},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(!grant_name_ok(wrong[i]), "%.*s", (int)wrong[i].n, wrong[i].p);
    grant_id_text(0xff, text);
    cr_assert(grant_id_parse((struct weir_slice){text, 16}, &id) && id == 0xff);
    cr_assert(!grant_id_parse(WEIR_SLICE("0000000000000000"), &id));
    cr_assert(!grant_id_parse(WEIR_SLICE("00000000000000FF"), &id));
    cr_assert(!grant_id_parse(WEIR_SLICE("0ff"), &id));
}

/* -- the table --------------------------------------------------------------------------------- */

Test(dark_grants, take_the_place_of_what_ended_first)
{
    for (unsigned i = 1; i < 8; i++)
        add(100 + i, "bob", NOW + 1000 - i);
    const struct grant late = grant_of(1, "carol", NOW + 9000);
    cr_assert(!grants_add(t, &late, NOW), "all are in force");
    cr_assert(grants_add(t, &late, NOW + 995));
    cr_assert(!grants_revoke(t, 107, NOW), "this one ended first");
    cr_assert(grants_revoke(t, 104, NOW));
    const struct grant later = grant_of(2, "carol", NOW + 9000);
    cr_assert(grants_add(t, &later, NOW + 1));
    cr_assert(!grants_revoke(t, 104, NOW + 2), "the revoked one is gone");
    cr_assert(grants_revoke(t, 101, NOW + 2) && grants_revoke(t, 1, NOW + 2));
}

Test(dark_grants, count_their_uses_and_tell_once_a_minute)
{
    cr_assert(grants_use(t, ID, NOW));
    cr_assert(!grants_use(t, ID, NOW + 1) && !grants_use(t, ID, NOW + 59));
    cr_assert(grants_use(t, ID, NOW + 60));
    cr_assert(!grants_use(t, ID, NOW + 30), "another process may be behind");
    cr_assert(!grants_use(t, ID + 1, NOW), "one that isn't there");
    cr_assert(grants_at(t, 0, &got));
    cr_assert_eq(got.uses, 5);
    cr_assert_eq(got.last_used, NOW + 60);
}

Test(dark_grants, are_kept_when_the_table_is_made_again)
{
    const uint8_t first = grants_key(t).p[0], last = grants_key(t).p[31];
    cr_assert(grants_init(t, 8));
    cr_assert(opens(token));
    cr_assert(grants_key(t).p[0] == first && grants_key(t).p[31] == last);
    struct grants *another = table_of(8);
    cr_assert(memcmp(grants_key(another).p, grants_key(t).p, 32) != 0);
}

Test(dark_grants, are_written_by_one_at_a_time)
{
    cr_assert(grants_lock(t, 1000));
    cr_assert(!grants_lock(t, 1001) && !grants_lock(t, 1000 + GRANTS_STUCK_MS - 1));
    cr_assert(grants_lock(t, 1000 + GRANTS_STUCK_MS), "who died is passed over");
    grants_unlock(t);
    cr_assert(grants_lock(t, 1001));
}

/* A process reads while another one puts ever new grants into the same few places: what is found is
 * one grant, whole. Names tell ids, and expiries do. */
Test(dark_grants, are_never_read_by_halves)
{
    enum { ROUNDS = 200000 };
    struct grants *small = table_of(2);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (!child) {
        for (uint64_t id = 1; id <= ROUNDS; id++) {
            char name[GRANT_NAME_MAX + 1];
            const int width = (int)(id % 50) + 10;
            snprintf(name, sizeof name, "%0*llu", width, (unsigned long long)id);
            const struct grant g = grant_of(id, name, NOW - ROUNDS + id);
            if (!grants_add(small, &g, NOW + ROUNDS))
                _exit(1);
        }
        _exit(0);
    }
    int status = -1;
    unsigned read = 0;
    while (waitpid(child, &status, WNOHANG) == 0)
        for (unsigned at = 0; at < 2; at++)
            if (grants_at(small, at, &got)) {
                read++;
                cr_assert_eq(got.expires, NOW - ROUNDS + got.id);
                cr_assert_eq(got.name_n, got.id % 50 + 10);
                char name[GRANT_NAME_MAX + 1] = {0};
                memcpy(name, got.name, got.name_n);
                cr_assert_eq(strtoull(name, NULL, 10), got.id);
            }
    cr_assert_eq(status, 0);
    cr_assert_gt(read, 0);
}
