/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_FAULT_PROXY_H
#define WEIR_TESTS_LIB_FAULT_PROXY_H

/* A network that does what networks do: a TCP proxy on a loopback port of the kernel's choice, in a
 * thread of the test, between clients and one server. How it behaves is switched while it runs, for
 * connections that are there and those that come.
 *
 *     struct fault_proxy *p = fault_proxy_start("127.0.0.1:6379");
 *     ... fault_proxy_address(p) ...
 *     fault_proxy_set(p, FAULT_HANG);
 *     fault_proxies_end();
 *
 * Each of these calls returns when it is in force. */

#include <stddef.h>
#include <stdint.h>

enum proxy_fault {
    FAULT_NONE,      /* passes everything on, after the delay */
    FAULT_HANG,      /* takes connections, and no byte; what was sent is passed on afterwards */
    FAULT_HALF_OPEN, /* bytes and ends get lost, in both directions, and nobody is told; a
                        connection that has seen this stays so */
    FAULT_GARBAGE, /* whatever a client says is answered with the garbage; the server hears nothing
                    */
    FAULT_REFUSE,  /* new connections are reset; those that are there go on */
    FAULT_TEAR, /* of what the server says next only the first half comes, and a reset after it */
    FAULT_LIE,  /* of what the server says a letter or digit is another one, now and then */
};

struct fault_proxy;

/* `to` is "127.0.0.1:PORT" or "unix:PATH", borrowed for the call; nobody has to listen there yet.
 */
struct fault_proxy *fault_proxy_start(const char *to);
const char *fault_proxy_address(const struct fault_proxy *p);
uint16_t fault_proxy_port(const struct fault_proxy *p);

void fault_proxy_set(struct fault_proxy *p, enum proxy_fault fault);
/* What the server says comes so much later. */
void fault_proxy_delay(struct fault_proxy *p, unsigned ms);
/* Borrowed until the end. */
void fault_proxy_garbage(struct fault_proxy *p, const char *bytes, size_t n);
/* Resets all connections that are there, towards both sides. */
void fault_proxy_cut(struct fault_proxy *p);
/* Where new connections go from now on. */
void fault_proxy_to(struct fault_proxy *p, const char *to);
/* Connections that are there now, and all there ever were. */
unsigned fault_proxy_open(struct fault_proxy *p);
unsigned fault_proxy_taken(struct fault_proxy *p);
/* All of them. */
void fault_proxies_end(void);

#endif
