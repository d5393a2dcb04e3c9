/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_BALANCING_CASE_H
#define WEIR_TESTS_SCENARIO_BALANCING_CASE_H

/* What scenarios of balancing share: the origins "app", "bee" and "cat", and who of them answers.
 */

#include "tests/scenario/health_case.h"

extern struct origin *balancing_app, *balancing_bee, *balancing_cat;
/* The rig, and the origins. */
void balancing_begin(void);
#define BALANCING_SUITE(name)                                                                      \
    TestSuite(name, .init = balancing_begin, .fini = rig_end, .timeout = 120)

struct shares {
    unsigned app, bee, cat;
};
/* Who answers so many requests, one after the other on a connection of their own. All must be
 * answered 200; the scripts of origins say how checks are answered. */
struct shares shares_of(unsigned n);

/* Checks of this one fail, or pass, from now on; returns when that is known. Ordinary requests are
 * answered 200 all the same. */
void balancing_fail(struct origin *o);
void balancing_heal(struct origin *o);

#endif
