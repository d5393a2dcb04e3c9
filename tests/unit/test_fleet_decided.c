/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance remembers of decisions, and what it does when there is no place left. */
#include "fleet/fleet_decided.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "io/shm.h"

static struct fleet_decided memory;

static struct slice key_of(unsigned i)
{
    static char key[32];
    snprintf(key, sizeof key, "thing/value/%u", i);
    return slice_str(key);
}

static struct fleet_waiting *add(const char *key, const char *json, uint64_t id)
{
    const struct decision d = {
        .key = slice_str(key), .path = SLICE("/v1/x"), .json = slice_str(json)};
    return fleet_waiting_add(&memory, &d, id, 1000, 7);
}

Test(fleet_decided, is_in_shared_memory_over_reloads)
{
    struct shm *shm = shm_create(1 << 20);
    cr_assert_null(fleet_decided_find(NULL));
    cr_assert_null(fleet_decided_find(shm));
    shm_generation(shm, 1);
    struct fleet_decided *d = fleet_decided_at_load(shm);
    cr_assert(d);
    fleet_followed_note(d, SLICE("a"), (struct fleet_moment){5, 6}, false);
    shm_generation(shm, 2);
    cr_assert_eq(fleet_decided_at_load(shm), d);
    cr_assert_eq(fleet_decided_find(shm), d);
    cr_assert_eq(fleet_followed(d, SLICE("a")).at_ms, 5);
    shm_detach(shm);
}

Test(fleet_decided, orders_moments)
{
    const struct fleet_moment a = {5, 1}, b = {5, 2}, c = {6, 0};
    cr_assert(fleet_moment_later(b, a) && fleet_moment_later(c, b));
    cr_assert(!fleet_moment_later(a, a) && !fleet_moment_later(a, c));
}

Test(fleet_decided, remembers_the_last_of_each_thing)
{
    cr_assert_eq(fleet_followed(&memory, SLICE("a")).id, 0);
    cr_assert(fleet_followed_note(&memory, SLICE("a"), (struct fleet_moment){5, 6}, false));
    cr_assert(fleet_followed_note(&memory, SLICE("b"), (struct fleet_moment){7, 8}, false));
    cr_assert(fleet_followed_note(&memory, SLICE("a"), (struct fleet_moment){9, 1}, false));
    cr_assert_eq(fleet_followed(&memory, SLICE("a")).at_ms, 9);
    cr_assert_eq(fleet_followed(&memory, SLICE("b")).id, 8);
}

/* As two control processes do that hear of it at the same moment. */
Test(fleet_decided, remembers_the_last_of_what_has_two_places)
{
    fleet_followed_note(&memory, SLICE("b"), (struct fleet_moment){5, 6}, false);
    fleet_followed_note(&memory, SLICE("a"), (struct fleet_moment){7, 8}, false);
    strcpy(memory.followed[0].key, "a");
    cr_assert_eq(fleet_followed(&memory, SLICE("a")).at_ms, 7);
    fleet_followed_note(&memory, SLICE("a"), (struct fleet_moment){9, 1}, true);
    cr_assert_eq(memory.followed[0].at_ms, 9);
    cr_assert_eq(memory.followed[1].at_ms, 9);
    cr_assert(memory.followed[0].forgotten && memory.followed[1].forgotten);
}

Test(fleet_decided, gives_the_places_of_forgotten_things_away_when_it_is_full)
{
    for (unsigned i = 0; i < FLEET_DECISIONS_MAX; i++) {
        cr_assert(fleet_followed_has_room(&memory, key_of(i)));
        cr_assert(fleet_followed_note(&memory, key_of(i), (struct fleet_moment){i + 1, 1},
                                      i == 7 || i == 3));
    }
    cr_assert(fleet_followed_note(&memory, SLICE("x"), (struct fleet_moment){1, 1}, false));
    cr_assert_eq(fleet_followed(&memory, key_of(3)).at_ms, 0, "the oldest first");
    cr_assert_eq(fleet_followed(&memory, key_of(7)).at_ms, 8);
    cr_assert(fleet_followed_note(&memory, SLICE("y"), (struct fleet_moment){1, 1}, false));
    cr_assert(!fleet_followed_has_room(&memory, SLICE("z")));
    cr_assert(!fleet_followed_note(&memory, SLICE("z"), (struct fleet_moment){1, 1}, false));
    cr_assert(fleet_followed_has_room(&memory, SLICE("x")));
    cr_assert(fleet_followed_note(&memory, SLICE("x"), (struct fleet_moment){2, 1}, false));
}

Test(fleet_decided, keeps_what_is_to_be_told_until_that_is_done)
{
    struct fleet_waiting *w = add("a", "{\"v\":1}", 11);
    cr_assert(w && fleet_waiting_there(w));
    cr_assert_eq(fleet_waiting_find(&memory, SLICE("a")), w);
    cr_assert_null(fleet_waiting_find(&memory, SLICE("b")));
    cr_assert_eq(add("a", "{\"v\":2}", 12), w, "one for each thing");
    cr_assert_str_eq(w->json, "{\"v\":2}");
    cr_assert_str_eq(w->path, "/v1/x");
    cr_assert_eq(w->id, 12);
    cr_assert_eq(w->after_ms, 7);
    const uint64_t id = w->id;
    fleet_waiting_done(w, id + 1);
    cr_assert(fleet_waiting_there(w), "it is another one's by now");
    fleet_waiting_done(w, id);
    cr_assert_null(fleet_waiting_find(&memory, SLICE("a")));
}

Test(fleet_decided, has_places_for_so_many_that_wait)
{
    char key[8];
    for (unsigned i = 0; i < FLEET_WAITING_MAX; i++) {
        snprintf(key, sizeof key, "%u", i);
        cr_assert(fleet_waiting_has_room(&memory, slice_str(key)));
        cr_assert(add(key, "{}", i + 1));
    }
    cr_assert(!fleet_waiting_has_room(&memory, SLICE("x")));
    cr_assert_null(add("x", "{}", 99));
    cr_assert(fleet_waiting_has_room(&memory, SLICE("5")));
    cr_assert(add("5", "{}", 98));
}

Test(fleet_decided, takes_all_that_a_decision_may_have)
{
    static char key[DECISION_KEY_MAX + 1], json[DECISION_JSON_MAX + 1];
    memset(key, 'k', DECISION_KEY_MAX);
    memset(json, ' ', DECISION_JSON_MAX);
    struct fleet_waiting *w = add(key, json, 1);
    cr_assert_str_eq(w->key, key);
    cr_assert_str_eq(w->json, json);
}
