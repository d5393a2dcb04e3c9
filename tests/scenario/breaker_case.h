/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_BREAKER_CASE_H
#define WEIR_TESTS_BREAKER_CASE_H

/* A cluster "app" with a breaker, requests to it, and an operator who looks and forces over the
 * admin socket. */

#include <jansson.h>

#include "tests/lib/h2_talk.h"
#include "tests/lib/operator.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

/* The rig, and the origins "app" and "spare". */
extern struct origin *breaker_app, *breaker_spare;
void breaker_begin(void);
void breaker_end(void);
#define BREAKER_SUITE(name)                                                                        \
    TestSuite(name, .init = breaker_begin, .fini = breaker_end, .timeout = 120)

/* Settings of a circuit that is quick to open: half of ten calls. */
#define QUICK "open_on = { min_requests = 10; }; open_for = \"300ms\"; jitter = \"0%\"; "
#define SPARE "spare = { endpoints = [ \"$spare\" ]; };"

/* Starts it with these settings of the cluster's breaker, and the cluster "spare". */
void breaker_start(unsigned workers, const char *settings);

/* So many requests one after the other, each on a connection of its own (so all workers have some);
 * how many of them were answered with this status. */
unsigned breaker_send(unsigned n, const char *target, int status);
/* The same until the circuit of "app" is open. */
void breaker_open(const char *target);
/* Waits until an open circuit's time is over. */
void breaker_await_time(void);

/* Of the first circuit of "app". */
const char *breaker_state(void);
double breaker_number(const char *key);
/* weir_breaker_NAME{LABELS} */
double breaker_metric(const char *name, const char *labels);
#define breaker_transitions(to) breaker_metric("transitions_total", "cluster=\"app\",to=\"" to "\"")
#define breaker_rejects(why) breaker_metric("rejects_total", "cluster=\"app\",reason=\"" why "\"")

#endif
