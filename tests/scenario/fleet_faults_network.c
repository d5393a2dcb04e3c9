/* SPDX-License-Identifier: Apache-2.0 */
/* The network between the instances and Redis fails. */
#include "fleet_endure.h"

#include <string.h>

FLEET_ENDURES_SUITE(fleet_faults_network);

static void hang_network(void)
{
    fleet_network(FAULT_HANG);
}

Test(fleet_faults_network, a_network_that_takes_connections_and_no_byte)
{
    ENDURE(.begin = hang_network, .end = fleet_network_is_well, .effect = DISCONNECTED,
           .attempts = 1, .said = "no answer within 1000 ms");
}

static void half_open(void)
{
    fleet_network(FAULT_HALF_OPEN);
}

Test(fleet_faults_network, a_network_that_loses_everything_and_says_nothing)
{
    ENDURE(.begin = half_open, .end = fleet_network_is_well, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

Test(fleet_faults_network, a_network_that_refuses_connections)
{
    ENDURE(.begin = fleet_network_refuses, .end = fleet_network_is_well, .effect = DISCONNECTED,
           .attempts = 10, .said = "Connection reset");
}

static void tear(void)
{
    fleet_network(FAULT_TEAR);
}

Test(fleet_faults_network, replies_that_are_cut_in_the_middle)
{
    ENDURE(.begin = tear, .end = fleet_network_is_well, .effect = DISCONNECTED, .attempts = 10,
           .said = "Connection reset");
}

/* Each time until it is joined again, which is worth a line only once. */
static void come_and_go(void)
{
    enum { TIMES = 8 };
    for (int t = 0; t < TIMES; t++) {
        THREE_EACH(i)
        fault_proxy_cut(three_proxy[i]);
        THREE_EACH(i)
        AWAIT(three_fleet("reconnects_total") > t && three_fleet("joined") == 1);
    }
}

Test(fleet_faults_network, connections_that_are_cut_again_and_again)
{
    ENDURE(.begin = come_and_go, .effect = UNHARMED, .said = "Connection reset");
}

static void part_one(void)
{
    fault_proxy_set(three_proxy[0], FAULT_HALF_OPEN);
}

Test(fleet_faults_network, a_partition_from_one_of_three)
{
    ENDURE(.begin = part_one, .end = fleet_network_is_well, .effect = DISCONNECTED, .victims = 1,
           .attempts = 1, .said = "no answer within 1000 ms");
}

static void slow_to(unsigned ms)
{
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_delay(three_proxy[i], ms);
}

static void slow_beyond_timeout(void)
{
    slow_to(1500);
}

static void fast(void)
{
    slow_to(0);
}

Test(fleet_faults_network, answers_that_come_after_the_timeout)
{
    ENDURE(.begin = slow_beyond_timeout, .end = fast, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void slow(void)
{
    slow_to(200);
    THREE_EACH(i)
    AWAIT(three_fleet("lag_seconds") >= 0.2);
}

Test(fleet_faults_network, answers_that_are_slow)
{
    ENDURE(.begin = slow, .end = fast, .effect = UNHARMED);
}

static void garble(void)
{
    fleet_network(FAULT_GARBAGE);
}

Test(fleet_faults_network, garbage_instead_of_answers)
{
    ENDURE(.begin = garble, .end = fleet_network_is_well, .effect = DISCONNECTED, .attempts = 10,
           .said = "it doesn't speak RESP");
}

/* More than redis.reply_size, and nobody keeps any of it. */
static void exaggerate(void)
{
    static char huge[9 << 20] = "$100000000\r\n";
    memset(huge + strlen(huge), 'x', sizeof huge - strlen(huge));
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_garbage(three_proxy[i], huge, sizeof huge);
    fleet_network(FAULT_GARBAGE);
}

static void look_at_memory(void)
{
    enum { KB_MAX = 64 * 1024 };
    pid_t control[THREE];
    const size_t n = rig_processes("control", control, THREE);
    cr_assert_eq(n, THREE);
    for (size_t i = 0; RIG_FIGURES && i < n; i++)
        cr_assert_lt(rig_private_kb(control[i]), KB_MAX);
}

Test(fleet_faults_network, answers_without_an_end)
{
    ENDURE(.begin = exaggerate, .end = fleet_network_is_well, .effect = DISCONNECTED, .attempts = 3,
           .look = look_at_memory, .said = "a reply has more than 8388608 bytes");
}
