/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of a circuit that instances share, looked at in all its states: 2 or 3 instances
 * that lose their connections and join again whenever it hurts, messages that are late, doubled,
 * out of order or lost, offers that Redis executes after their connection is gone, a Redis that is
 * restarted empty, loses its keys or fails over to a replica that is behind.
 *
 *     a version is made by one instance, and is one record to all;
 *     led instances send no more probes in a half-open version than are allowed;
 *     what is open at an instance closes there only after a probe has gone well somewhere;
 *     whatever has happened: when nothing fails any more, all can come to agree.
 *
 * First that all of this holds; then each rule is left out, and the model has to find what that
 * breaks: so it isn't blind. Not in it: what operators force, and two masters at once (what the
 * older one took is lost when it goes, as in a failover; probes of both aren't counted together).
 *
 *     model             all cases; the last line counts them
 *     model WORDS       the case of that name, with the way to what it finds */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL                                                                                   \
    .compare = true, .exact = true, .lineage = true, .server = true, .hold_alone = true,           \
    .hold_foreign = true, .newer = true, .fleet_permits = true, .in_cell = true,                   \
    .own_epoch = true, .reread = true, .repair = true, .offer_again = true, .half_counts = true,   \
    .probes = 1, .successes = 1

#define THREE PROTOCOL, .instances = 3, .numbers = 3
#define TWO PROTOCOL, .instances = 2, .numbers = 4, .lossy = true
#define LOSING PROTOCOL, .instances = 2, .numbers = 3, .losses = 1, .few_leaves = true
#define LOSING_LATER                                                                               \
    PROTOCOL, .instances = 2, .numbers = 4, .losses = 1, .few_leaves = true, .restart = true

/* A rule is left out where it stands again, behind the others. */
#pragma GCC diagnostic ignored "-Woverride-init"

static const char twice[] = "a version is made twice",
                  many[] = "more probes than are allowed in one half-open version",
                  closed[] = "a circuit has closed, and no probe has gone well since it opened",
                  apart[] = "instances will never agree again, though nothing fails any more";

static const struct {
    const char *name;
    const char *wrong; /* what has to be found; NULL: nothing */
    struct rules rules;
} cases[] = {
    {"three instances", NULL, {THREE}},
    {"two of two probes", NULL, {TWO, .probes = 2, .successes = 2}},
    {"restarted empty, three instances",
     NULL,
     {PROTOCOL, .instances = 3, .numbers = 2, .losses = 1, .few_leaves = true, .restart = true}},
    {"restarted empty", NULL, {LOSING, .restart = true}},
    {"restarted empty, after four versions", NULL, {LOSING_LATER}},
    {"failed over", NULL, {LOSING, .failover = true}},
    {"keys lost", NULL, {LOSING, .flush = true}},
    {"what is lost isn't offered again", NULL, {LOSING, .restart = true, .offer_again = false}},

    {"offers aren't compared", twice, {THREE, .compare = false}},
    {"any newer offer is taken", twice, {LOSING, .flush = true, .exact = false}},
    {"lost versions are used again", twice, {LOSING, .restart = true, .lineage = false}},
    {"another server's record is taken as it is",
     many,
     {LOSING, .failover = true, .server = false}},
    {"what opened alone closes by joining", closed, {THREE, .hold_alone = false}},
    {"what opened closes by another lineage", closed, {LOSING_LATER, .hold_foreign = false}},
    {"older messages count", closed, {TWO, .newer = false}},
    {"permits of each instance", many, {THREE, .fleet_permits = false}},
    {"permits beside the cell", many, {LOSING, .flush = true, .in_cell = false}},
    {"late answers count", closed, {TWO, .own_epoch = false}},
    {"led again without reading", apart, {LOSING, .reread = false}},
    {"records aren't read again", apart, {TWO, .repair = false}},
    {"half-open closes by time", closed, {THREE, .half_counts = false}},
};

/* What is said of a case, and whether it is what was to be found. */
static bool run_case(size_t k, bool with_trace)
{
    struct explored e = explore(&cases[k].rules);
    const char *wanted = cases[k].wrong;
    bool ok =
        !e.unfinished && (e.wrong && wanted ? strcmp(e.wrong, wanted) == 0 : !e.wrong && !wanted);
    printf("%s: %s: %zu states, %zu steps; %s\n", ok ? "fine" : "WRONG", cases[k].name, e.states,
           e.steps,
           e.unfinished ? "and there are more"
           : e.wrong    ? e.wrong
                        : "nothing is wrong");
    if (e.trace && (with_trace || !ok))
        fputs(e.trace, stdout);
    fflush(stdout);
    free(e.trace);
    return ok;
}

int main(int argc, char **argv)
{
    size_t n = sizeof(cases) / sizeof(*cases), passed = 0, failed = 0;
    for (size_t k = 0; k < n; k++) {
        if (argc > 1 && strcmp(argv[1], cases[k].name) != 0)
            continue;
        if (run_case(k, argc > 1))
            passed++;
        else
            failed++;
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed || !passed;
}
