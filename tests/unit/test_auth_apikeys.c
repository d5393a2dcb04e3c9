/* SPDX-License-Identifier: Apache-2.0 */
/* API keys out of their file: found by what was presented, with their claims. */
#include "auth/apikeys.h"
#include "tests/unit/auth_case.h"

TestSuite(auth_apikeys, .init = auth_begin, .fini = auth_end);

/* As printf %s KEY | sha256sum says. */
#define KEY_1 "shop-key-0123456789"
#define HASH_1 "5b4df253a6f28cae974aedcfc025a17d622269ac6be2713dfe94b468782f4b31"
#define KEY_2 "shop-key-new-0123456789"
#define HASH_2 "4245604b3fa909f3067c41d07e7450d4dc11d3c1042e80635661880cf371088b"
#define KEY_15 "15-chars-longer"
#define HASH_15 "f216603b915fc01ecf2b321349bbf1cd2e0bdd0dc4a12085d9924694eaef4d28"
#define KEY_16 "16-chars-long-ok"
#define HASH_16 "8313c7a7b056d4ce98bf3d2e5976224d33b4d89dc4af74cd74a216538647f98c"

static void free_keys(void *k)
{
    apikeys_free(k);
}

static struct apikeys *keys_of(const char *file)
{
    struct auth_fault fault;
    struct apikeys *k = ARENA_NEW(&arena, struct apikeys);
    cr_assert(apikeys_parse(text(file), k, &fault), "line %d: %s", fault.line, fault.text);
    arena_on_end(&arena, free_keys, k);
    return k;
}

static void refuse(const char *file, int line, const char *part)
{
    struct apikeys k;
    struct auth_fault fault;
    cr_assert_not(apikeys_parse(text(file), &k, &fault), "%s", file);
    cr_assert_eq(fault.line, line, "%d: %s", fault.line, fault.text);
    cr_assert(strstr(fault.text, part), "%s", fault.text);
    cr_assert(!k.text && !k.keys && !k.n);
}

static const char *name_of(const struct apikeys *k, const char *presented)
{
    const struct apikeys_key *key = apikeys_find(k, text(presented));
    return key ? printed("%.*s", (int)key->name.n, key->name.p) : "nobody";
}

Test(auth_apikeys, finds_a_key_by_its_hash)
{
    const struct apikeys *k = keys_of("# our keys\n\nshop " HASH_1 "\r\n\tother\t" HASH_16 "  \n");
    cr_assert_eq(k->n, 2);
    cr_assert_str_eq(name_of(k, KEY_1), "shop");
    cr_assert_str_eq(name_of(k, KEY_16), "other");
    cr_assert_str_eq(name_of(k, KEY_2), "nobody");
    cr_assert_str_eq(name_of(k, KEY_1 " "), "nobody");
    cr_assert_str_eq(name_of(k, HASH_1), "nobody");
    cr_assert_str_eq(name_of(keys_of(""), KEY_1), "nobody");
    cr_assert_null(apikeys_find(k, (struct weir_slice){0}));
}

Test(auth_apikeys, lets_a_name_have_two_keys_while_they_change)
{
    const struct apikeys *k = keys_of("shop " HASH_1 "\nshop " HASH_2);
    cr_assert_str_eq(name_of(k, KEY_1), "shop");
    cr_assert_str_eq(name_of(k, KEY_2), "shop");
}

Test(auth_apikeys, refuses_short_keys_even_when_the_file_has_them)
{
    const struct apikeys *k = keys_of("short " HASH_15 "\nfits " HASH_16);
    cr_assert_str_eq(name_of(k, KEY_15), "nobody");
    cr_assert_str_eq(name_of(k, KEY_16), "fits");
}

Test(auth_apikeys, gives_a_key_its_claims)
{
    const struct apikeys *k = keys_of(
        "a " HASH_1 " tier=gold  groups=x groups=y\tempty= eq=a=b\nb " HASH_2 " tier=free\n");
    const struct apikeys_key *a = apikeys_find(k, text(KEY_1)), *b = apikeys_find(k, text(KEY_2));
    static const char *const want[] = {"tier=gold", "groups=x", "groups=y", "empty=", "eq=a=b"};
    cr_assert(a && b && a->claims_n == array_n(want) && b->claims_n == 1);
    for (size_t i = 0; i < a->claims_n; i++)
        cr_assert_str_eq(printed("%.*s=%.*s", (int)a->claims[i].name.n, a->claims[i].name.p,
                                 (int)a->claims[i].value.n, a->claims[i].value.p),
                         want[i]);
    cr_assert(b->claims[0].value.n == 4 && memcmp(b->claims[0].value.p, "free", 4) == 0);
}

Test(auth_apikeys, takes_hexadecimal_in_any_case)
{
    char hash[] = HASH_1;
    for (char *c = hash; *c; c++)
        *c = *c >= 'a' ? (char)(*c - 32) : *c;
    cr_assert_str_eq(name_of(keys_of(printed("shop %s", hash)), KEY_1), "shop");
    refuse(printed("shop %s\nother %s", hash, HASH_1), 2, "line 1");
}

Test(auth_apikeys, says_which_line_is_wrong_and_what_to_do)
{
    refuse("shop", 1, "sha256sum");
    refuse("# x\nshop " KEY_1, 2, "sha256sum");
    refuse("shop " HASH_1 "0", 1, "sha256sum");
    refuse("shop g123456789012345678901234567890123456789012345678901234567890123", 1, "sha256sum");
    refuse("shop " HASH_1 " tier", 1, "name=value");
    refuse("shop " HASH_1 " =gold", 1, "name=value");
    refuse("shop " HASH_1 " a=\x01", 1, "name=value");
    refuse("sh\x01p " HASH_1, 1, "control");
    refuse("a " HASH_1 "\nb " HASH_2 "\nc " HASH_1, 3, "line 1");
}

Test(auth_apikeys, bounds_names_and_claims)
{
    char name[APIKEYS_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    cr_assert_eq(keys_of(printed("%.*s " HASH_1, APIKEYS_NAME_MAX, name))->n, 1);
    refuse(printed("%.*s " HASH_1, APIKEYS_NAME_MAX + 1, name), 1, "128 bytes");
    const char *line = "shop " HASH_1;
    for (int i = 0; i < APIKEYS_CLAIMS_MAX; i++)
        line = printed("%s c=%d", line, i);
    cr_assert_eq(apikeys_find(keys_of(line), text(KEY_1))->claims_n, APIKEYS_CLAIMS_MAX);
    refuse(printed("%s c=x", line), 1, "64 claims");
}

Test(auth_apikeys, has_room_for_the_shortest_lines)
{
    enum { KEYS = 200, LINE = 2 + 64 + 1 };
    struct apikeys k;
    struct auth_fault fault;
    char *all = arena_alloc(&arena, KEYS * LINE + 1);
    for (int i = 0; i < KEYS; i++)
        snprintf(all + (size_t)i * LINE, LINE + 1, "k %064d\n", i);
    /* The shortest lines there are, the last one without its end. */
    cr_assert(apikeys_parse((struct weir_slice){all, KEYS * LINE - 1}, &k, &fault), "%s",
              fault.text);
    cr_assert_eq(k.n, KEYS);
    apikeys_free(&k);
}

/* What a presented key is compared with on the way is another number in each set. */
Test(auth_apikeys, searches_in_an_order_that_nobody_can_know)
{
    const char *file = "a " HASH_1 "\nb " HASH_2;
    const struct apikeys *one = keys_of(file), *two = keys_of(file);
    const struct apikeys_key *a = apikeys_find(one, text(KEY_1)),
                             *b = apikeys_find(two, text(KEY_1));
    cr_assert(memcmp(a->hash, b->hash, APIKEYS_HASH) == 0);
    cr_assert(memcmp(a->order, b->order, APIKEYS_HASH) != 0);
    cr_assert(memcmp(a->order, a->hash, APIKEYS_HASH) != 0);
}
