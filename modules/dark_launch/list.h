/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_LIST_H
#define WEIR_DARK_LAUNCH_LIST_H

/* The list file: a subject in each line, as the identity has it, letter by letter.
 *
 *     # the team
 *     alice@example.com
 *
 * White space around a subject is not part of it; empty lines and lines that begin with "#" say
 * nothing. A line that can't be a subject is left out and counted: it lets nobody in, and those
 * that the rest of the file leaves out are out at once. */

#include <weir/module.h>

enum { LIST_SUBJECT_MAX = 512 }; /* bytes */

struct tester_list {
    struct weir_slice *v; /* sorted; in one block of memory with the text */
    size_t n;
    unsigned wrong;   /* lines that were left out */
    int first_wrong;  /* number of the first of them */
    const char *what; /* is wrong with it */
};

/* Copies what it needs. False: no memory; the list is empty then. tester_list_free() in any case.
 */
bool tester_list_parse(struct weir_slice text, struct tester_list *out)
    __attribute__((warn_unused_result));
void tester_list_free(struct tester_list *l);
bool tester_list_has(const struct tester_list *l, struct weir_slice subject);

#endif
