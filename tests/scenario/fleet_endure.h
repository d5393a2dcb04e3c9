/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_FLEET_ENDURE_H
#define WEIR_TESTS_FLEET_ENDURE_H

/* Whatever Redis does, or the network before it: requests are answered, what was decided holds, and
 * afterwards the instances agree again, without a storm of transitions and of lines in the log. One
 * story for all faults; what differs is how they begin and end, and how they show.
 *
 *     FLEET_ENDURES_SUITE(fleet_faults);
 *     Test(fleet_faults, a_server_that_hangs)
 *     {
 *         ENDURE(.begin = hang, .end = go_ahead, .effect = DISCONNECTED, .attempts = 1,
 *                .said = "no answer within 1000 ms");
 *     }
 */

#include "fleet_three.h"

#define FLEET_ENDURES_SUITE(name)                                                                  \
    TestSuite(name, .init = three_begin, .fini = three_end, .timeout = 120)

enum fleet_effect {
    DISCONNECTED, /* Redis is given up, and looked for again */
    APART,        /* the instance is on its own; the connection may be there or not */
    ALONE,        /* it is joined, and its circuit alone is on its own */
    UNHARMED,     /* it stays joined, and is led */
};

struct fleet_fault {
    void (*begin)(void), (*end)(void); /* NULL: nothing has to be done */
    void (*look)(void);                /* at what else is to be seen while it lasts; NULL */
    enum fleet_effect effect;
    unsigned victims;  /* instances from 0; 0: all of them */
    unsigned attempts; /* to connect, of each, during which it goes on */
    const char *error; /* a series of errors that go on instead */
    const char *said;  /* in the log; NULL: nothing at all */
    const char *told;  /* to who decides for the fleet meanwhile; NULL: as of the effect */
    bool lost;         /* Redis has lost what was shared */
};

/* .told where Redis can be asked and takes nothing. */
#define FLEET_NOT_TAKEN "The fleet: Redis doesn't take it, the log says why; it waits"

/* From three_start(top) to three_work(). */
void fleet_endure(const struct fleet_fault *f, const char *top);
#define ENDURE(...) fleet_endure(&(struct fleet_fault){__VA_ARGS__}, RIG_FLEET)

/* All proxies do so; they do what they should; they refuse connections, and there are none. */
void fleet_network(enum proxy_fault fault);
void fleet_network_is_well(void);
void fleet_network_refuses(void);

/* Something may have been missed: each record is looked at again, without waiting for its turn. */
void fleet_look_again(void);

#endif
