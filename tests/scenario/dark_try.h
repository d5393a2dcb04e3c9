/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_DARK_TRY_H
#define WEIR_TESTS_DARK_TRY_H

/* Tries ways into a dark launch, one after the other, and compares what comes back with what a
 * gateway without a dark launch says. In their texts "@" and a letter stand for what door_word()
 * has said, and
 * "@0" for a NUL. */

#include <stdbool.h>
#include <stddef.h>

struct door {
    const char *name;
    const char *fields; /* lines, with "\n" between them */
    const char *method, *target, *host, *content;
    const char *raw; /* instead of all of that, over HTTP/1.1 */
    bool h1_only;
};

void door_word(char c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct door_answers;
/* Asserts that each gets an answer, and that the dark origin isn't even connected to. */
struct door_answers *doors_try(const struct door *doors, size_t n);
/* Tries them again, expects the same answers, and frees those; how many were compared. */
unsigned doors_compare(const struct door *doors, struct door_answers *with);

#endif
