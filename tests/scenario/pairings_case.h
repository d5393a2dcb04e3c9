/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_PAIRINGS_CASE_H
#define WEIR_TESTS_SCENARIO_PAIRINGS_CASE_H

/* A case of the table of pairings: a request and what has to come of it, over every pairing of
 * protocols; or, where a request of libcurl's can't say it, a function. */

#include "tests/lib/pairing.h"

enum { CASE_LINES = 8 };
enum case_only { ON_ALL, ON_H1_ORIGIN, ON_H2_ORIGIN, ON_H1_CLIENT, ON_H2_CLIENT };

/* The pairing that is at work. */
struct pairing_run {
    const struct pairing *p;
    const char *name; /* of the case */
    struct origin *app;
    struct browser *b;
};

struct pairing_case {
    const char *name;
    enum case_only only;
    struct browse_ask ask;
    int status;       /* 200 when 0 */
    bool fails;       /* the response begins so, and is not whole */
    const char *text; /* its content */
    int64_t pattern;  /* or so many bytes of pattern; -1: neither is looked at */
    unsigned interims;
    const char *trailer;            /* x-sum */
    const char *says[CASE_LINES];   /* lines of the response's head, in small letters */
    const char *lacks[CASE_LINES];  /* beginnings of lines that it doesn't have */
    const char *told[CASE_LINES];   /* the same of the request that came to the origin */
    const char *untold[CASE_LINES]; /* */
    void (*run)(struct pairing_run *r);
};

/* Fails the test, but lets the other cases run. */
#define EXPECT(r, cond, ...)                                                                       \
    cr_expect(cond, "%s, %s: %s; %s", (r)->p->name, (r)->name, #cond, pairing_note(__VA_ARGS__))
const char *pairing_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Is it a line of `head` (or, with a whole name, the beginning of one)? Capitals don't count. */
bool head_has(const char *head, const char *line);

void run_request_trailers(struct pairing_run *r);
void run_expect(struct pairing_run *r);
void run_many_fields(struct pairing_run *r);
void run_cookies(struct pairing_run *r);
void run_target_and_host(struct pairing_run *r);
void run_early(struct pairing_run *r);
void run_hang(struct pairing_run *r);
void run_client_leaves_download(struct pairing_run *r);
void run_client_leaves_upload(struct pairing_run *r);
void run_client_leaves_waiting(struct pairing_run *r);
void run_thirty_at_once(struct pairing_run *r);
void run_one_after_the_other(struct pairing_run *r);
void run_slow_origin(struct pairing_run *r);
void run_slow_client(struct pairing_run *r);

#endif
