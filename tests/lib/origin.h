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
 *     chunked=N   in chunks of N bytes, no length      trailers   a trailer section behind them
 *     until_close no length: the end of the connection ends the content
 *     field=N:V   one more field in the head           no_length   neither length nor chunks
 *     delay=MS    before the head                     pause=MS, piece=N   drip the content
 *     cut=N       close after N bytes of content      reset=N    reset there
 *     abort       RST instead of a head
 *     hang        never answer                        interim=N  N times 103 before the head
 *     proceed     100 when the request expects it     early      answer before the content has come
 *     sip=MS      rest after every 64 KiB of the request's content
 *     close       announce the end and close          bye        close without a word
 *     upgrade     101, then what comes goes back; the end of it is answered with "bye\n" and an end
 *     flood=N     101, then N bytes of pattern and an end
 *     raw         what origin_raw() says, then close
 *     note=TEXT   nothing: for the gateway to look at
 *
 * Over HTTP/2 the words say the same of streams: chunked=N gives DATA frames of N bytes, reset=N
 * RST_STREAM (so does abort), close GOAWAY; no length is announced with chunked, until_close or
 * no_length; upgrade and flood answer an extended CONNECT (RFC 8441, which the settings then allow)
 * with 200. cut and bye close the connection. A request's head is shown as HTTP/1 would have it,
 * with HTTP/2.0 behind the target, Host for :authority and every other pseudo-field as a line. And
 * only there:
 *
 *     refuse=N    the origin's first N requests: REFUSED_STREAM
 *     goaway=N    the origin's first N requests: GOAWAY that doesn't count them in
 *     max_streams=N  in the settings (origin_script only)
 *     serving=N   a gRPC answer that says so of the server's health (1: it serves)
 *     short=N     end the stream after N bytes, though more were announced */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

/* ORIGIN_ALPN: what the client chooses; without TLS by how it begins. */
enum origin_protocol { ORIGIN_H1, ORIGIN_H2, ORIGIN_ALPN };

struct origin_spec {
    const char *name;
    const char *at; /* an address; 127.0.0.1 when NULL */
    uint16_t port;  /* 0: a free one */
    enum origin_protocol protocol;
    bool tls;
    const char *certificate; /* of certs.h, without ".crt"; "origin" when NULL */
    const char *client_ca;   /* a file of certs.h: clients must have a certificate of it */
};

/* Starts to listen, and makes "$NAME" stand for its address in configurations. Ends with the test.
 */
struct origin *origin_start_with(struct origin_spec spec);
/* One that speaks HTTP/1.1 without TLS. */
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
/* Requests that the other side gave up before they were through: RST_STREAM, or the end of the
 * connection, when the script didn't ask for one. */
unsigned origin_aborts(struct origin *o);
/* The last head that came, as received; the caller frees it. */
char *origin_last_head(struct origin *o);

#endif
