/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_ORIGIN_H
#define WEIR_TESTS_LIB_ORIGIN_H

/* A scripted origin: a listening socket and a thread for each connection, so that what it does
 * stands straight down the page. What it does with a request is said in words, by the test for all
 * requests (origin_script) and by the query of each request itself; the query's words come last:
 *
 *     GET /any?status=404&size=1000&chunked=100&trailers
 *
 *     status=N    200         size=N      bytes of content (pattern.h); without: the origin's name
 *     echo        the content is the request as it came (head, and at most 64 KiB of content)
 *     count       the content is "BYTES of pattern\n" or "BYTES of rubbish\n": the request's
 * content chunked=N   in chunks of N bytes                trailers   a trailer section behind them
 *     until_close no length: the end of the connection ends the content
 *     field=N:V   one more field in the head           no_length   neither length nor chunks
 *     delay=MS    before the head                     pause=MS, piece=N   drip the content
 *     cut=N       close after N bytes of content      reset=N    reset there
 *     hang        never answer                        interim=N  N times 103 before the head
 *     proceed     100 when the request expects it     early      answer before the content has come
 *     close       announce the end and close          bye        close without a word
 *     upgrade     101, then what comes goes back; the end of it is answered with "bye\n" and an end
 *     flood=N     101, then N bytes of pattern and an end
 *     raw         what origin_raw() says, then close  */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

/* Starts to listen on a free port of 127.0.0.1, and makes "$NAME" stand for it in configurations.
 * Ends with the test. */
struct origin *origin_start(const char *name);
struct origin *origin_start_at(const char *name, const char *at, uint16_t port);
void origin_script(struct origin *o, const char *words);
void origin_raw(struct origin *o, const void *bytes, size_t n);
/* Never accepts, and its queue is full: whoever connects waits. */
void origin_clog(struct origin *o);
/* No longer listens, and resets all connections; listens again on the same port. */
void origin_stop(struct origin *o);
void origin_again(struct origin *o);
void origins_end(void);

uint16_t origin_port(const struct origin *o);
/* So far: connections accepted, still open, requests answered or being answered, bytes received. */
unsigned origin_connections(struct origin *o);
unsigned origin_open(struct origin *o);
unsigned origin_requests(struct origin *o);
uint64_t origin_bytes(struct origin *o);
/* The last head that came, as received; the caller frees it. */
char *origin_last_head(struct origin *o);

#endif
