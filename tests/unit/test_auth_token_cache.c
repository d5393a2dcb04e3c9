/* SPDX-License-Identifier: Apache-2.0 */
/* What was verified lately: for how long, with which keys, and who makes room for whom. A model
 * that is a plain array says what the cache has to say. */
#include "auth/token_cache.h"
#include "tests/unit/auth_case.h"

enum { NOW = 1000, TTL = 60, SKEW = 5, FOREVER = 0 };

static struct token_cache *cache;
static int freed;

static void on_free(void *value)
{
    (void)value;
    freed++;
}

static void set_up_of(size_t entries)
{
    token_cache_free(cache);
    freed = 0;
    cache = token_cache_new(&(struct token_cache_options){entries, TTL, SKEW, on_free});
    cr_assert(cache);
}

static void set_up(void)
{
    auth_begin();
    set_up_of(4);
}

static void tear_down(void)
{
    token_cache_free(cache);
    cache = NULL;
    auth_end();
}

TestSuite(auth_token_cache, .init = set_up, .fini = tear_down);

static struct token_cache_id id_of(const char *token)
{
    struct token_cache_id id;
    cr_assert(token_cache_of_token(&id, text(token)));
    return id;
}

static void put(const char *token, uint64_t exp_s, void *value)
{
    const struct token_cache_id id = id_of(token);
    token_cache_put(cache, &id,
                    &(struct token_cache_grant){1, exp_s == FOREVER ? UINT64_MAX : exp_s, NOW},
                    value);
}

static void *find(const char *token, uint64_t version, uint64_t now_s)
{
    const struct token_cache_id id = id_of(token);
    return token_cache_find(cache, &id, version, now_s);
}

static int values[64];

Test(auth_token_cache, finds_what_was_put)
{
    put("a", FOREVER, &values[0]);
    put("b", FOREVER, &values[1]);
    cr_assert_eq(find("a", 1, NOW), &values[0]);
    cr_assert_eq(find("b", 1, NOW), &values[1]);
    cr_assert_null(find("c", 1, NOW));
    const struct token_cache_counts counts = token_cache_counts(cache);
    cr_assert(counts.hits == 2 && counts.misses == 1 && counts.evicted == 0 && freed == 0);
}

Test(auth_token_cache, forgets_after_its_time)
{
    put("a", FOREVER, &values[0]);
    cr_assert(find("a", 1, NOW + TTL - 1));
    cr_assert_null(find("a", 1, NOW + TTL));
    cr_assert_eq(freed, 1);
    cr_assert_null(find("a", 1, NOW));
}

Test(auth_token_cache, forgets_when_the_token_expires)
{
    put("a", NOW + 10, &values[0]);
    cr_assert(find("a", 1, NOW + 10 + SKEW - 1));
    cr_assert_null(find("a", 1, NOW + 10 + SKEW));
    put("late", NOW - SKEW + 1, &values[1]);
    cr_assert(find("late", 1, NOW));
    put("over", NOW - SKEW, &values[2]);
    cr_assert_null(find("over", 1, NOW));
    cr_assert_eq(freed, 2);
}

Test(auth_token_cache, forgets_when_the_keys_change)
{
    put("a", FOREVER, &values[0]);
    cr_assert_null(find("a", 2, NOW));
    cr_assert_eq(freed, 1);
    cr_assert_null(find("a", 1, NOW));
}

Test(auth_token_cache, replaces_an_entry)
{
    put("a", FOREVER, &values[0]);
    put("a", FOREVER, &values[1]);
    cr_assert_eq(freed, 1);
    cr_assert_eq(find("a", 1, NOW), &values[1]);
}

Test(auth_token_cache, makes_room_by_the_least_recently_used)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        put(names[i], FOREVER, &values[i]);
    cr_assert(find("a", 1, NOW));
    put("e", FOREVER, &values[4]);
    cr_assert_null(find("b", 1, NOW));
    cr_assert(find("a", 1, NOW) && find("c", 1, NOW) && find("d", 1, NOW) && find("e", 1, NOW));
    cr_assert(freed == 1 && token_cache_counts(cache).evicted == 1);
}

Test(auth_token_cache, uses_free_places_first)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        put(names[i], i == 3 ? NOW + 1 : (uint64_t)FOREVER, &values[i]);
    cr_assert_null(find("d", 1, NOW + 1 + SKEW));
    put("e", FOREVER, &values[4]);
    cr_assert(find("a", 1, NOW) && find("b", 1, NOW) && find("c", 1, NOW) && find("e", 1, NOW));
    cr_assert_eq(token_cache_counts(cache).evicted, 0);
}

Test(auth_token_cache, frees_everything_at_the_end)
{
    put("a", FOREVER, &values[0]);
    put("b", FOREVER, &values[1]);
    token_cache_free(cache);
    cache = NULL;
    cr_assert_eq(freed, 2);
    token_cache_free(NULL);
}

Test(auth_token_cache, has_4096_entries_by_default)
{
    set_up_of(0);
    for (int i = 0; i <= TOKEN_CACHE_ENTRIES_PRESET; i++)
        put(printed("%d", i), FOREVER, &values[0]);
    cr_assert(freed == 1 && token_cache_counts(cache).evicted == 1);
    cr_assert_null(find("0", 1, NOW));
    cr_assert(find("1", 1, NOW));
}

Test(auth_token_cache, works_with_a_single_entry)
{
    set_up_of(1);
    put("a", FOREVER, &values[0]);
    put("b", FOREVER, &values[1]);
    cr_assert_null(find("a", 1, NOW));
    cr_assert_eq(find("b", 1, NOW), &values[1]);
}

Test(auth_token_cache, knows_passwords_by_realm_user_and_password)
{
    static const struct {
        uint64_t realm;
        const char *user, *password;
    } all[] = {{0, "anna", "x"}, {1, "anna", "x"}, {0, "ann", "ax"},
               {0, "annax", ""}, {0, "", "annax"}, {0, "anna", "X"}};
    struct token_cache_id ids[array_n(all)], again;
    for (size_t i = 0; i < array_n(all); i++) {
        cr_assert(token_cache_of_password(cache, all[i].realm, text(all[i].user),
                                          text(all[i].password), &ids[i]));
        for (size_t k = 0; k < i; k++)
            cr_assert(memcmp(&ids[i], &ids[k], sizeof ids[i]) != 0);
    }
    cr_assert(token_cache_of_password(cache, 0, text("anna"), text("x"), &again));
    cr_assert(memcmp(&again, &ids[0], sizeof again) == 0);
    char longest[TOKEN_CACHE_PASSWORD_MAX] = {0};
    const struct weir_slice fit = {longest, sizeof longest - 4};
    cr_assert(token_cache_of_password(cache, 0, text("anna"), fit, &ids[1]));
    cr_assert_not(token_cache_of_password(cache, 0, text("anna1"), fit, &ids[1]));
    /* Another cache, another key. */
    set_up_of(4);
    cr_assert(token_cache_of_password(cache, 0, text("anna"), text("x"), &again));
    cr_assert(memcmp(&again, &ids[0], sizeof again) != 0);
}

/* -- model ------------------------------------------------------------------------------------- */

/* The newest first; what isn't good any more may stay until it is asked for. */
struct model {
    int token[8], n;
    uint64_t until_s[8], version[8];
};

static int model_at(const struct model *m, int token)
{
    for (int i = 0; i < m->n; i++)
        if (m->token[i] == token)
            return i;
    return -1;
}

static void model_remove(struct model *m, int at)
{
    m->n--;
    for (int i = at; i < m->n; i++) {
        m->token[i] = m->token[i + 1];
        m->until_s[i] = m->until_s[i + 1];
        m->version[i] = m->version[i + 1];
    }
}

static void model_push(struct model *m, int token, uint64_t until_s, uint64_t version)
{
    for (int i = m->n++; i > 0; i--) {
        m->token[i] = m->token[i - 1];
        m->until_s[i] = m->until_s[i - 1];
        m->version[i] = m->version[i - 1];
    }
    m->token[0] = token;
    m->until_s[0] = until_s;
    m->version[0] = version;
}

static void model_put(struct model *m, int token, uint64_t until_s, uint64_t version)
{
    if (model_at(m, token) >= 0)
        model_remove(m, model_at(m, token));
    if (m->n == 8)
        m->n--;
    model_push(m, token, until_s, version);
}

static bool model_find(struct model *m, int token, uint64_t now_s, uint64_t version)
{
    const int at = model_at(m, token);
    if (at < 0)
        return false;
    const uint64_t until_s = m->until_s[at], of = m->version[at];
    model_remove(m, at);
    if (of != version || now_s >= until_s)
        return false;
    model_push(m, token, until_s, of);
    return true;
}

Test(auth_token_cache, does_what_a_plain_list_does)
{
    struct model m = {0};
    uint32_t seed = 7;
    uint64_t now_s = NOW;
    set_up_of(8);
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        const int token = seed >> 28;
        const uint64_t version = 1 + i / 5000, exp_s = now_s + (seed >> 20 & 127);
        const struct token_cache_id id = id_of(printed("%d", token));
        now_s += (seed >> 18 & 3) == 0;
        if (seed >> 16 & 1) {
            const uint64_t until_s = exp_s + SKEW < now_s + TTL ? exp_s + SKEW : now_s + TTL;
            token_cache_put(cache, &id, &(struct token_cache_grant){version, exp_s, now_s},
                            &values[token]);
            model_put(&m, token, until_s, version);
        } else {
            const void *want = model_find(&m, token, now_s, version) ? &values[token] : NULL;
            cr_assert_eq(token_cache_find(cache, &id, version, now_s), want, "step %d", i);
        }
    }
    cr_assert_gt(token_cache_counts(cache).hits, 1000);
    cr_assert_gt(token_cache_counts(cache).evicted, 1000);
}
