/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_REDIS_SERVER_H
#define WEIR_TESTS_LIB_REDIS_SERVER_H

/* Real redis-servers and redis-sentinels, each a process of the test's with a folder of its own, on
 * a unix socket and on a free loopback port. Nothing is kept on disk: a server that is started
 * again is empty.
 *
 *     struct redis_server *s = redis_server_start("maxmemory 2mb\n");
 *     redis_server_say(s, "SET %s %d", "a", 1);
 *     redis_servers_end();
 *
 * They end with the test, at the latest when its process does. */

#include <stdbool.h>
#include <stdint.h>

struct redis_server;

/* `lines` are more of redis.conf; NULL. "%u" in them is another free port. It answers when this
 * returns. */
struct redis_server *redis_server_start(const char *lines);
/* A sentinel that watches `master` under this name, alone (quorum 1), and takes it for dead after
 * `down_ms` without an answer. */
struct redis_server *redis_sentinel_start(const struct redis_server *master, const char *name,
                                          unsigned down_ms);
/* A server whose contents are those of `master`, and as far as them when this returns. */
struct redis_server *redis_replica_start(const struct redis_server *master);

/* The port of TLS, when `lines` have "tls-port %u". */
uint16_t redis_server_tls_port(const struct redis_server *s);
uint16_t redis_server_port(const struct redis_server *s);
/* "127.0.0.1:PORT", "unix:PATH": for configurations. */
const char *redis_server_address(const struct redis_server *s);
const char *redis_server_unix(const struct redis_server *s);
const char *redis_server_folder(const struct redis_server *s);

/* A command, as redisCommand() formats it; waits. The text of the reply, of a list that of its
 * items, each followed by a space; "(nil)", "(gone)". It stays until the next call. */
const char *redis_server_say(struct redis_server *s, const char *fmt, ...);
/* Ends it at once, and starts it again on the same port and socket. */
void redis_server_kill(struct redis_server *s);
void redis_server_again(struct redis_server *s);
/* It answers no more (SIGSTOP), until: */
void redis_server_hang(struct redis_server *s);
void redis_server_go_on(struct redis_server *s);
/* All of them, and their folders. */
void redis_servers_end(void);

#endif
