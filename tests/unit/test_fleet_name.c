/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance is called: as configured, or drawn once and kept in shared memory. */
#include "fleet/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/generation.h"
#include "io/shm.h"

static struct config config;
static struct generation g = {.config = &config};
static struct shm *shm;
static struct faults faults;

static void begin(void)
{
    shm = shm_create(1 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    faults_init(&faults);
    config.fleet.set = true;
}

static void end(void)
{
    shm_detach(shm);
    faults_fini(&faults);
}

TestSuite(fleet_name, .init = begin, .fini = end);

Test(fleet_name, is_the_hosts_with_six_digits_that_stay)
{
    char first[FLEET_NAME_MAX + 1];
    fleet_at_load(&g, shm, &faults);
    const struct slice name = fleet_instance(&config.fleet, shm);
    snprintf(first, sizeof first, "%.*s", SLICE_ARG(name));
    cr_assert_gt(name.n, 7);
    cr_assert_eq(name.p[name.n - 7], '-');
    cr_assert_eq(strspn(name.p + name.n - 6, "0123456789abcdef"), 6);
    shm_generation(shm, 2);
    fleet_at_load(&g, shm, &faults);
    cr_assert(slice_eq(fleet_instance(&config.fleet, shm), slice_str(first)), "over reloads");
}

Test(fleet_name, is_the_configured_one_where_there_is_one)
{
    config.fleet.instance = SLICE("edge-1");
    fleet_at_load(&g, shm, &faults);
    cr_assert(slice_eq(fleet_instance(&config.fleet, shm), SLICE("edge-1")));
}

Test(fleet_name, is_not_drawn_without_a_fleet)
{
    config.fleet.set = false;
    fleet_at_load(&g, shm, &faults);
    cr_assert_eq(fleet_instance(&config.fleet, shm).n, 0);
}

Test(fleet_name, is_a_fault_when_there_is_no_room)
{
    char key[32];
    for (int i = 0; snprintf(key, sizeof key, "%d", i), shm_cell(shm, slice_str(key), 64); i++) {
    }
    fleet_at_load(&g, shm, &faults);
    cr_assert_eq(faults.errors, 1);
}
