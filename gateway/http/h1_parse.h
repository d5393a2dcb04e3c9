/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H1_PARSE_H
#define WEIR_HTTP_H1_PARSE_H

/* The strict HTTP/1 head parser (RFC 9112): bytes in, a head out, no I/O, no allocation. What two
 * parsers could read differently is refused: bare LF or CR, obs-fold, white space before the
 * colon, control characters, empty names, Content-Length beside Transfer-Encoding, differing or
 * malformed lengths, unknown transfer codings, an HTTP/1.1 request without exactly one valid Host.
 *
 * Scanning uses SSE4.2 or AVX2 where the processor has it (h1_scan.c), chosen at the first call;
 * H1_SCAN_PORTABLE in h1_scan_use() forces the portable path, which tests run too.
 *
 *     struct field room[100];
 *     struct h1_parser p = {.limits = &limits, .fields = room};
 *     n = h1_parse_request(&p, in, &head);
 *       n > 0: the head took n bytes.  0: more is needed.  -1: p.fault says why.
 */

#include <sys/types.h>

#include "http/head.h"

/* name, status that a server answers, text. The name shows in the access log. */
#define H1_FAULT_LIST(F)                                                                           \
    F(NONE, 0, "none")                                                                             \
    F(METHOD, 400, "the method is not a token")                                                    \
    F(TARGET, 400, "the request target has a byte that is not allowed in a URI")                   \
    F(TARGET_LONG, 414, "the request target is longer than limits.target_size")                    \
    F(VERSION, 400, "the version is not HTTP/digit.digit")                                         \
    F(VERSION_UNSUPPORTED, 505, "the major version of HTTP is not 1")                              \
    F(START_LINE, 400, "the start line is malformed")                                              \
    F(BARE_CR, 400, "a CR without LF")                                                             \
    F(BARE_LF, 400, "a LF without CR")                                                             \
    F(OBS_FOLD, 400, "a field line that begins with white space (obsolete line folding)")          \
    F(FIELD_NAME, 400, "a field name is empty or has a byte that is not a token character")        \
    F(FIELD_SPACE, 400, "white space between a field name and the colon")                          \
    F(FIELD_VALUE, 400, "a control character in a field value")                                    \
    F(HEAD_LARGE, 431, "the head is larger than limits.head_size")                                 \
    F(FIELDS_MANY, 431, "more fields than limits.field_count")                                     \
    F(LENGTH_BAD, 400, "Content-Length is not a number")                                           \
    F(LENGTH_TWICE, 400, "Content-Length is given more than once")                                 \
    F(LENGTH_AND_CODING, 400, "both Content-Length and Transfer-Encoding")                         \
    F(CODING, 400, "a transfer coding other than chunked")                                         \
    F(CODING_VERSION, 400, "Transfer-Encoding in an HTTP/1.0 message")                             \
    F(HOST_MISSING, 400, "an HTTP/1.1 request without Host")                                       \
    F(HOST_TWICE, 400, "more than one Host")                                                       \
    F(HOST_BAD, 400, "Host is not a host and a port")                                              \
    F(EXPECT, 417, "an expectation other than 100-continue")                                       \
    F(CONNECTION_BAD, 400, "Connection is not a list of tokens, or has more than 32 members")      \
    F(STATUS, 0, "the status is not three digits from 100 to 999")                                 \
    F(SWITCH, 0, "a 101 that was not asked for, or without Upgrade")                               \
    F(CONTENT_UNEXPECTED, 0, "content is announced where the status allows none")                  \
    F(CHUNK_SIZE, 400, "a chunk size is not a hexadecimal number, or overflows")                   \
    F(CHUNK_EXTENSION, 400, "a chunk extension is malformed or too long")                          \
    F(CHUNK_END, 400, "a chunk doesn't end with CRLF where its size says")                         \
    F(TRAILER, 400, "a trailer field is malformed or not allowed in trailers")                     \
    F(TRAILERS_LARGE, 431, "the trailers are larger than limits.head_size")

enum h1_fault {
#define F(name, status, text) H1_##name,
    H1_FAULT_LIST(F)
#undef F
        H1_FAULT_N
};
const char *h1_fault_name(enum h1_fault f); /* lower case, "bare_lf" */
const char *h1_fault_text(enum h1_fault f);
uint16_t h1_fault_status(enum h1_fault f);

struct h1_limits {
    uint32_t head_size;   /* bytes, start line and fields and the empty line */
    uint32_t target_size; /* bytes */
    uint16_t field_count;
};

struct h1_parser {
    const struct h1_limits *limits;
    struct field *fields; /* room for limits->field_count */
    size_t scanned;       /* bytes of an incomplete head that need not be looked at again */
    enum h1_fault fault;  /* after -1 */
};

enum {
    H1_EMPTY_LINES_MAX = 4, /* skipped before a request line; RFC 9112 2.2 asks for at least one */
    H1_OPTIONS_MAX = 32, /* members of all Connection lines: hop_strip() compares names to each */
};

/* `in` always begins at the first byte of the head; call again with a longer one after 0 (the
 * bytes may lie elsewhere by then, and only `scanned` need be kept). Empty lines
 * before a request line are skipped (RFC 9112 2.2) and count in n. Framing, Host, Expect,
 * Connection and keep-alive are judged here too: the head is ready to use. After n > 0 the parser
 * is ready for the next head. On 0 and -1 the head's members mean nothing.
 *
 * A head that trickles in costs no more than twice its length: after 0 it is parsed again only
 * when it is complete, when it has a byte that no head may have, or when its length has passed a
 * power of two.
 *
 * HTTP/1.2 to 1.9 are read as HTTP/1.1, as RFC 9110 2.5 says; another major version is refused. */
ssize_t h1_parse_request(struct h1_parser *p, struct slice in, struct request_head *h) nodiscard;
/* `request_method` and the request's upgrade decide the framing (RFC 9112 6.3). */
ssize_t h1_parse_response(struct h1_parser *p, struct slice in, enum method request_method,
                          bool request_upgrade, struct response_head *h) nodiscard;
/* Field lines up to and including the empty line, as in trailers. */
ssize_t h1_parse_fields(struct h1_parser *p, struct slice in, struct fields *out) nodiscard;

/* -- scanning (h1_scan.c) ------------------------------------------------------------------- */
enum h1_scan { H1_SCAN_AUTO, H1_SCAN_PORTABLE, H1_SCAN_SSE42, H1_SCAN_AVX2 };
/* False when the processor lacks it. */
bool h1_scan_use(enum h1_scan which);
/* The first byte in [p, end) that may not stand in a field value (below 0x20 but HTAB, or 0x7f),
 * or end. */
extern const char *(*h1_scan_value)(const char *p, const char *end);
/* The first byte that may not stand in a request target (byte_class, BYTE_TARGET), or end. */
extern const char *(*h1_scan_target)(const char *p, const char *end);
/* The first byte that is not a tchar, or end. */
extern const char *(*h1_scan_token)(const char *p, const char *end);

#endif
