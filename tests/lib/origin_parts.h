/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_ORIGIN_PARTS_H
#define WEIR_TESTS_LIB_ORIGIN_PARTS_H

/* What the files of the scripted origin share. Everything here but origin_* of origin.h runs in
 * connections' threads. */

#include <pthread.h>

#include "tests/lib/origin.h"
#include "tests/lib/origin_script.h"
#include "tests/lib/wire.h"

enum {
    ORIGIN_CONNECTIONS = 4096,
    ORIGIN_HEAD_MAX = 64 * 1024,
    ORIGIN_ECHO_MAX = 64 * 1024,
    ORIGIN_CLOGS = 8,
    ORIGIN_SIP = 64 * 1024 /* bytes between two rests of "sip" */
};

struct origin {
    char name[32];
    char address[16];
    uint16_t port;
    int fd; /* listening; -1 */
    enum origin_protocol protocol;
    SSL_CTX *tls; /* NULL: cleartext */
    pthread_t thread;
    bool accepting;       /* the thread runs */
    pthread_mutex_t lock; /* for everything below */
    struct script script;
    char *raw, *last_head;
    size_t raw_n;
    int fds[ORIGIN_CONNECTIONS]; /* open ones, by connection number; -1 */
    unsigned connections, open, threads, requests, refused, aborts;
    uint64_t bytes;
    int clogs[ORIGIN_CLOGS];
    unsigned clogs_n;
};

/* A connection: each speaks until it ends. */
struct conn {
    struct origin *o;
    unsigned number;
    struct wire wire;
};

void origin_serve_h1(struct conn *c);
void origin_serve_h2(struct conn *c);

/* A request's head has come: counts it and keeps it as the last one. */
void origin_note_head(struct origin *o, const char *head);
void origin_note_abort(struct origin *o);
void origin_note_bytes(struct origin *o, size_t n);
/* What the test says for all requests, and what this target's query adds. */
void origin_read_script(struct origin *o, struct script *s, const char *target, size_t n);

#endif
