/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_LOAD_H
#define WEIR_TESTS_LIB_LOAD_H

/* A bounded load: N clients in threads, each on a connection that it keeps as long as it may, one
 * request after the other. What counts as a failure is what a careful client would have to tell
 * its user: a connection refused, no response or half of one, a status other than 200, or content
 * that is not the pattern. Being told "Connection: close", or finding the connection ended before
 * the next request is sent, isn't one. */

#include <stdbool.h>
#include <stdint.h>

enum { LOAD_CLIENTS = 64 };

struct load_plan {
    unsigned clients;
    uint16_t port;       /* $port when 0 */
    bool tls;            /* over TLS, without looking at the certificate */
    const char *request; /* "GET /?size=1000 HTTP/1.1\r\nHost: a\r\n\r\n" when NULL */
    unsigned pause_ms;   /* between requests */
};

struct load_result {
    unsigned ok, failed, connections;
    char first[256]; /* the first failure */
};

#define load_start(...) load_start_with((struct load_plan){__VA_ARGS__})
void load_start_with(struct load_plan p);
/* Requests answered so far. */
unsigned load_done(void);
/* Waits until `more` further requests have been answered. */
void load_await(unsigned more);
struct load_result load_stop(void);

#endif
