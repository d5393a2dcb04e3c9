/* SPDX-License-Identifier: Apache-2.0 */
/* Users out of a file of htpasswd's, and their passwords. Costs are the lowest, so that the tests
 * are fast. */
#include "auth/htpasswd.h"
#include "tests/unit/auth_case.h"

#include <crypt.h>

TestSuite(auth_htpasswd, .init = auth_begin, .fini = auth_end);

/* As htpasswd -nbB -C 4 anna secret, and -C 5 otto "open sesame" wrote them. */
#define ANNA "anna:$2y$04$cH2nKPhROJFVmk7GtJNLseKEmBv7mSNLlBCc89NAMTy1KVn0C.krO"
#define OTTO "otto:$2y$05$jsh0QnsFI3Qqvv34aHaHnOWbFjWNPnHPjmN7qVun/VCcylLNaMLbO"
#define HASH_4 "$2y$04$4n1ZWQ0QIPtdvl7XWFJ2Q.oWqP5yKHc1RrLxQ7o0oY9mC7dGZ4l8i"

static void free_users(void *h)
{
    htpasswd_free(h);
}

static struct htpasswd *users_of(const char *file)
{
    struct auth_fault fault;
    struct htpasswd *h = ARENA_NEW(&arena, struct htpasswd);
    cr_assert(htpasswd_parse(text(file), h, &fault), "line %d: %s", fault.line, fault.text);
    arena_on_end(&arena, free_users, h);
    return h;
}

static void refuse(const char *file, int line, const char *part)
{
    struct htpasswd h;
    struct auth_fault fault;
    cr_assert_not(htpasswd_parse(text(file), &h, &fault), "%s", file);
    cr_assert_eq(fault.line, line, "%d: %s", fault.line, fault.text);
    cr_assert(strstr(fault.text, part), "%s", fault.text);
    cr_assert(!h.text && !h.entries && !h.n);
}

static bool verify(const struct htpasswd *h, const char *user, struct weir_slice password)
{
    struct htpasswd_check check;
    htpasswd_find(h, text(user), &check);
    return htpasswd_verify(&check, password);
}

Test(auth_htpasswd, takes_what_htpasswd_writes)
{
    const struct htpasswd *h = users_of(OTTO "\n" ANNA "\n");
    cr_assert_eq(h->n, 2);
    cr_assert(verify(h, "anna", text("secret")));
    cr_assert(verify(h, "otto", text("open sesame")));
    cr_assert_not(verify(h, "anna", text("open sesame")));
    cr_assert_not(verify(h, "anna", text("secre")));
    cr_assert_not(verify(h, "anna", text("")));
    cr_assert_not(verify(h, "Anna", text("secret")));
    cr_assert_not(verify(h, "ann", text("secret")));
    cr_assert_not(verify(h, "", text("secret")));
}

Test(auth_htpasswd, takes_all_prefixes_of_bcrypt_but_the_broken_one)
{
    struct crypt_data data = {0};
    static const char *const prefixes[] = {"$2a$", "$2b$", "$2y$"};
    for (size_t i = 0; i < array_n(prefixes); i++) {
        const char *setting = printed("%s04$abcdefghijklmnopqrstuu", prefixes[i]);
        const struct htpasswd *h = users_of(printed("u:%s", crypt_r("pass", setting, &data)));
        cr_assert(verify(h, "u", text("pass")), "%s", prefixes[i]);
        cr_assert_not(verify(h, "u", text("pass2")), "%s", prefixes[i]);
    }
    refuse(printed("u:%s", crypt_r("pass", "$2x$04$abcdefghijklmnopqrstuu", &data)), 1, "bcrypt");
}

Test(auth_htpasswd, ignores_comments_and_empty_lines)
{
    cr_assert_eq(users_of("# people\n\n  \r\n" ANNA "\r\n#" OTTO)->n, 1);
    cr_assert_eq(users_of("")->n, 0);
}

Test(auth_htpasswd, says_which_line_is_wrong_and_what_to_do)
{
    refuse(ANNA "\n\nuser\n", 3, "USER:HASH");
    refuse(":" HASH_4, 1, "USER:HASH");
    refuse("a\tb:" HASH_4, 1, "control");
    refuse(ANNA "\nu:$apr1$abc$def", 2, "htpasswd -B");
    refuse("u:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", 1, "htpasswd -B");
    refuse("u:plain", 1, "htpasswd -B");
    refuse("u:", 1, "htpasswd -B");
    refuse("u:" HASH_4 "x", 1, "htpasswd -B");
    refuse("u:" HASH_4 ":extra", 1, "htpasswd -B");
    refuse("u:$2y$0x$4n1ZWQ0QIPtdvl7XWFJ2Q.oWqP5yKHc1RrLxQ7o0oY9mC7dGZ4l8i", 1, "htpasswd -B");
    refuse("u:$2y$04$4n1ZWQ0QIPtdvl7XWFJ2Q.oWqP5yKHc1RrLxQ7o0oY9mC7dGZ4l8!", 1, "htpasswd -B");
    refuse(ANNA "\n" OTTO "\n" ANNA "\n", 3, "anna stands in line 1");
}

Test(auth_htpasswd, bounds_the_cost)
{
    const char *rest = "4n1ZWQ0QIPtdvl7XWFJ2Q.oWqP5yKHc1RrLxQ7o0oY9mC7dGZ4l8i";
    refuse(printed("u:$2y$03$%s", rest), 1, "cost of 3");
    refuse(printed("u:$2y$16$%s", rest), 1, "cost of 16");
    const struct htpasswd *h = users_of(printed("u:$2y$15$%s\nv:$2y$04$%s", rest, rest));
    cr_assert(h->cost_min == HTPASSWD_COST_MIN && h->cost_max == HTPASSWD_COST_MAX);
}

Test(auth_htpasswd, has_room_for_the_shortest_lines_and_bounds_names)
{
    struct auth_fault fault;
    struct htpasswd h;
    enum { USERS = 64, LINE = 1 + 1 + HTPASSWD_HASH + 1 };
    char *all = arena_alloc(&arena, USERS * LINE);
    for (int i = 0; i < USERS; i++)
        memcpy(all + (size_t)i * LINE, printed("%c:%s\n", '<' + i, HASH_4), LINE);
    /* The shortest lines there are, the last one without its end. */
    cr_assert(htpasswd_parse((struct weir_slice){all, USERS * LINE - 1}, &h, &fault), "%s",
              fault.text);
    cr_assert_eq(h.n, USERS);
    htpasswd_free(&h);
    char user[HTPASSWD_USER_MAX + 2] = {0};
    memset(user, 'u', HTPASSWD_USER_MAX);
    cr_assert_eq(users_of(printed("%s:%s", user, HASH_4))->n, 1);
    refuse(printed("%sx:%s", user, HASH_4), 1, "255 bytes");
}

Test(auth_htpasswd, checks_nobody_at_the_highest_cost)
{
    struct htpasswd_check check;
    struct crypt_data data = {0};
    htpasswd_find(users_of(ANNA "\n" OTTO), text("nobody"), &check);
    cr_assert_not(check.known);
    cr_assert_eq(strlen(check.hash), HTPASSWD_HASH);
    cr_assert(strncmp(check.hash, "$2y$05$", 7) == 0, "%s", check.hash);
    /* libcrypt takes it: a setting that it refuses would cost nothing. */
    const char *made = crypt_r("secret", check.hash, &data);
    cr_assert(made && strncmp(made, check.hash, 29) == 0, "%s", made);
    htpasswd_find(users_of(""), text("anna"), &check);
    cr_assert(strncmp(check.hash, "$2y$10$", 7) == 0, "%s", check.hash);
}

Test(auth_htpasswd, never_lets_nobody_in)
{
    struct htpasswd_check check;
    struct crypt_data data = {0};
    htpasswd_find(users_of(ANNA), text("nobody"), &check);
    /* Even a password of nobody's hash would not do. */
    memcpy(check.hash, crypt_r("secret", "$2y$04$abcdefghijklmnopqrstuu", &data), HTPASSWD_HASH);
    cr_assert_not(htpasswd_verify(&check, text("secret")));
    check.known = true;
    cr_assert(htpasswd_verify(&check, text("secret")));
}

Test(auth_htpasswd, refuses_passwords_that_libcrypt_would_cut)
{
    const struct htpasswd *h = users_of(ANNA);
    char longer[CRYPT_MAX_PASSPHRASE_SIZE + 1];
    memset(longer, 'x', sizeof longer);
    cr_assert_not(verify(h, "anna", (struct weir_slice){"secret\0x", 8}));
    cr_assert_not(verify(h, "anna", (struct weir_slice){"secret\0", 7}));
    cr_assert_not(verify(h, "anna", (struct weir_slice){longer, sizeof longer}));
    cr_assert_not(verify(h, "anna", (struct weir_slice){longer, sizeof longer - 2}));
    cr_assert_not(verify(h, "anna", (struct weir_slice){0}));
}

Test(auth_htpasswd, needs_the_users_no_more_once_one_is_found)
{
    struct htpasswd h;
    struct auth_fault fault;
    struct htpasswd_check check;
    cr_assert(htpasswd_parse(text(ANNA), &h, &fault));
    htpasswd_find(&h, text("anna"), &check);
    htpasswd_free(&h);
    cr_assert(htpasswd_verify(&check, text("secret")));
}
