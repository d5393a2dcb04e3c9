/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_BROWSE_H
#define WEIR_TESTS_LIB_BROWSE_H

/* A client that others wrote: libcurl, in either protocol, with TLS or without. It asks the
 * listener at $port for http(s)://site.test:$port/..., checks content against the pattern, and
 * gives up by itself after the tests' deadline. HTTP/2 in cleartext, and with many
 * requests at once, is spoken by h2_talk in its stead: libcurl 7.88 begins a connection that is
 * used again with another preface, and now and then misses the end of a stream.
 *
 *     struct browser *b = browser_open(BROWSE_H2, certs_path("root.crt"));
 *     cr_assert_eq(browse(b, .target = "/?size=1000")->status, 200);
 *
 * Browsers end with browsers_end(), which also ends libcurl. */

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { BROWSE_AT_ONCE = 64 };
/* HTTP/2: with prior knowledge in cleartext, by ALPN over TLS. */
enum browse_protocol { BROWSE_H1, BROWSE_H2 };

struct browse_ask {
    const char *method; /* GET when NULL; POST when there is content */
    const char *target; /* sent as it is */
    const char *fields; /* lines: "A: b\nC: d" */
    bool sends;         /* content: `content` bytes of pattern */
    uint64_t content;
    bool no_length;       /* chunks, or DATA alone */
    bool expects;         /* sends content when it is told to (HTTP/1.1) */
    const char *trailers; /* lines; HTTP/1.1 only, with no_length */
    unsigned sip_ms;      /* rests that long after each piece of content that came */
    uint64_t abort_at;    /* ends it all when so much content has come; 0: never */
};

struct page {
    int status;           /* 0: none came */
    int version;          /* 1 or 2 */
    struct text head;     /* status line and fields of the last head, with CRLFs; NUL behind it */
    struct text trailers; /* NUL behind them */
    unsigned interims;    /* how many 1xx */
    uint64_t got, sent;   /* bytes of content */
    bool broken;          /* what came is not the pattern */
    char text[64 * 1024]; /* what came, as far as it fits; NUL behind it */
    CURLcode error;       /* CURLE_OK, or why it failed: */
    char fault[CURL_ERROR_SIZE];
    long connects; /* connections opened for it */
};

struct browser;

/* ca: a file; NULL: cleartext. */
struct browser *browser_open(enum browse_protocol protocol, const char *ca);
void browser_close(struct browser *b);
void browsers_end(void);

/* One request; the page stays until the browser's next. */
#define browse(b, ...) browse_one(b, &(struct browse_ask){__VA_ARGS__})
const struct page *browse_one(struct browser *b, const struct browse_ask *ask);
/* n of them at once. The pages are at browser_page(b, 0 .. n - 1). */
void browse_all(struct browser *b, const struct browse_ask *asks, unsigned n);
const struct page *browser_page(const struct browser *b, unsigned i);

bool page_is_pattern(const struct page *p, uint64_t n);
/* The value of the i-th such field of the head, of the trailers; "" when there is none. Up to four
 * stay valid. */
const char *page_field(const struct page *p, const char *name, unsigned i);
const char *page_trailer(const struct page *p, const char *name);

#endif
