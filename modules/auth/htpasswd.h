/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_HTPASSWD_H
#define WEIR_AUTH_HTPASSWD_H

/* Users and their passwords' hashes, from a file as `htpasswd -B` makes it: USER:HASH, bcrypt only.
 *
 *     struct htpasswd_check check;
 *     htpasswd_find(&users, user, &check);                  here
 *     bool good = htpasswd_verify(&check, password);        on a helper thread
 *
 * A check takes as long as the hash's cost says, tens of milliseconds and more, on purpose. What is
 * found is a copy, so the users may be replaced while a check runs. */

#include "auth/fault.h"

enum {
    HTPASSWD_HASH = 60,                 /* characters of a bcrypt hash */
    HTPASSWD_TEXT_PRESET = 1024 * 1024, /* bytes of a file: about 10000 users */
    HTPASSWD_USER_MAX = 255,            /* bytes, as apache has it */
    HTPASSWD_COST_MIN = 4,
    HTPASSWD_COST_MAX = 15,    /* some seconds; more would stop a helper thread for others */
    HTPASSWD_COST_PRESET = 10, /* of the check for nobody in a file without users */
};

struct htpasswd_entry {
    struct weir_slice user, hash; /* of the text */
    int line;
};

/* Immutable once it is parsed. */
struct htpasswd {
    char *text;                     /* owned */
    struct htpasswd_entry *entries; /* owned; in the order of the users' names */
    size_t n;
    unsigned cost_min, cost_max; /* of all hashes. When they differ, time tells who is no user */
};

/* Empty lines and those that begin with '#' are nothing; a file without users is right (the last
 * one may be taken away). False with a fault, and *out empty, on any other line, a user that stands
 * there twice, another hash than bcrypt's ($2a$, $2b$, $2y$), and over the limits. How long
 * the text may be is the caller's affair; it bounds the number of users. */
bool htpasswd_parse(struct weir_slice text, struct htpasswd *out, struct auth_fault *fault);
void htpasswd_free(struct htpasswd *h);

struct htpasswd_check {
    char hash[HTPASSWD_HASH + 1];
    bool known;
};

/* For a user that there isn't: a hash of the file's highest cost which no password has, so that
 * this check takes its time too. */
void htpasswd_find(const struct htpasswd *h, struct weir_slice user, struct htpasswd_check *out);
/* Any thread. As always with bcrypt, only the first 72 bytes of a password count; over 511 bytes
 * (libxcrypt's limit), and with a NUL in it, it is wrong. */
bool htpasswd_verify(const struct htpasswd_check *c, struct weir_slice password);

#endif
