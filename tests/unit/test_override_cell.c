/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of overrides in shared memory. */
#include "control/overrides/override_cell.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/shm.h"

static struct shm *shm;
static struct override_cell *c;
static struct faults faults;

static void begin(void)
{
    shm = shm_create(16 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    faults_init(&faults);
    cr_assert(override_cell_prepare(shm, 4, &faults));
    c = override_cell_adopt(shm, 4);
    cr_assert(c);
    cr_assert_eq(override_cell_find(shm, 4), c);
}

static void end(void)
{
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(override_cell, .init = begin, .fini = end);

static bool put(const char *key, const char *json)
{
    struct override o = {.digest = 7};
    snprintf(o.key, sizeof o.key, "%s", key);
    snprintf(o.json, sizeof o.json, "%s", json);
    return override_put(c, &o);
}

/* What it says; "": there is none. */
static const char *says(const char *key)
{
    static struct override o;
    return override_find(c, slice_str(key), &o) ? o.json : "";
}

Test(override_cell, keeps_one_for_each_key)
{
    cr_assert(put("a", "1") && put("b", "2") && put("a", "3"));
    cr_assert_str_eq(says("a"), "3");
    cr_assert_str_eq(says("b"), "2");
    cr_assert_str_eq(says("c"), "");
    cr_assert_eq(override_count(c), 2);
    cr_assert_eq(override_remove(c, SLICE("a")), 1);
    cr_assert_eq(override_remove(c, SLICE("a")), 0);
    cr_assert_str_eq(says("a"), "");
}

Test(override_cell, has_room_for_so_many_and_always_for_those_that_are_there)
{
    cr_assert(put("a", "") && put("b", "") && put("c", "") && put("d", "1"));
    cr_assert(!override_has_room(c, SLICE("e")));
    cr_assert(!put("e", ""));
    cr_assert_eq(atomic_load(&c->refused), 1);
    for (int i = 0; i < 10; i++)
        cr_assert(put("d", "again"));
    cr_assert_str_eq(says("d"), "again");
    cr_assert_eq(override_count(c), 4);
    override_remove(c, SLICE("a"));
    cr_assert(put("e", ""));
}

Test(override_cell, replaces_what_was_said_of_parts)
{
    cr_assert(put("breaker/state/app//e1", "") && put("breaker/state/app//e2", ""));
    cr_assert(put("breaker/state/application", ""));
    cr_assert(put("breaker/state/app", "all"));
    cr_assert_eq(override_count(c), 2);
    cr_assert(put("breaker/state/app//e1", "but one"));
    cr_assert_str_eq(says("breaker/state/app"), "all");
    cr_assert_eq(override_remove(c, SLICE("breaker/state/app")), 2);
}

Test(override_cell, ends_in_two_steps)
{
    struct override o;
    size_t at = 0;
    cr_assert(put("a", ""));
    cr_assert(override_find(c, SLICE("a"), &o));
    cr_assert(override_end(c, o.id));
    cr_assert(!override_end(c, o.id), "somebody else does it");
    cr_assert_str_eq(says("a"), "");
    cr_assert(override_next(c, true, &at, &o) && !strcmp(o.key, "a"));
    cr_assert(put("a", "new"));
    override_forget(c, o.id);
    at = 0;
    cr_assert(!override_next(c, true, &at, &o));
    cr_assert_str_eq(says("a"), "new");
}

Test(override_cell, takes_back_the_place_of_a_process_that_died_while_it_wrote)
{
    const pid_t pid = fork();
    if (pid == 0) {
        atomic_store(&c->places[0].state, OVERRIDE_WRITTEN);
        atomic_store(&c->places[0].writer, (uint32_t)getpid());
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert(put("a", "1"));
    cr_assert_eq(atomic_load(&c->places[0].state), OVERRIDE_USED);
    cr_assert_str_eq(says("a"), "1");
}

Test(override_cell, is_taken_over_when_there_is_to_be_room_for_another_number)
{
    cr_assert(put("a", "1") && put("b", "2"));
    shm_generation(shm, 2);
    cr_assert(!override_cell_prepare(shm, 1, &faults));
    cr_assert_str_eq(faults.first->text,
                     "admin.overrides is 1, but 2 are in force (weirctl overrides shows them)");
    cr_assert(override_cell_prepare(shm, 8, &faults));
    struct override_cell *before = c;
    c = override_cell_adopt(shm, 8);
    cr_assert_neq(c, before);
    cr_assert_str_eq(says("a"), "1");
    cr_assert_str_eq(says("b"), "2");
    cr_assert_eq(override_count(before), 0);
    cr_assert_eq(override_cell_adopt(shm, 8), c);
    cr_assert_eq(override_count(c), 2);
}

Test(override_cell, needs_room_in_the_region)
{
    struct shm *small = shm_create(256 << 10);
    cr_assert(small);
    shm_generation(small, 1);
    cr_assert(!override_cell_prepare(small, 1024, &faults));
    cr_assert(strstr(faults.first->text, "memory.shared"), "%s", faults.first->text);
    shm_detach(small);
}
