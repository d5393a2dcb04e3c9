/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H1_WRITE_H
#define WEIR_HTTP_H1_WRITE_H

/* Heads and chunk frames into a queue of bytes. The writer trusts its input: whoever set a field
 * checked it (field_name_ok, field_value_ok). Framing fields and Connection are the writer's own:
 * they must not stand in the list, hop_strip() took them out.
 *
 * False: no memory was to be had, nothing was appended. */

#include "base/bytes.h"
#include "http/head.h"

struct h1_out {
    enum body_kind body; /* LENGTH writes Content-Length, CHUNKED Transfer-Encoding, NONE nothing */
    uint64_t content_length;
    bool write_length; /* NONE with "Content-Length: n" all the same (POST without content: 0; HEAD)
                        */
    bool close;        /* "Connection: close" */
    bool keep_alive;   /* "Connection: keep-alive", for HTTP/1.0 clients */
    struct slice upgrade; /* not empty: "Connection: upgrade" and "Upgrade: ..." */
    bool te_trailers;     /* "TE: trailers" with "Connection: te" */
};

/* "METHOD target HTTP/1.1", with `target` as given. */
bool h1_write_request(struct bytes *out, struct slice method, struct slice target,
                      const struct fields *f, const struct h1_out *o) nodiscard;
/* "HTTP/1.1 status reason"; the standard reason when it is empty. */
bool h1_write_response(struct bytes *out, uint16_t status, struct slice reason,
                       const struct fields *f, const struct h1_out *o) nodiscard;
/* The chunk's first line for n > 0 bytes of content; the CRLF behind the content. */
bool h1_write_chunk_begin(struct bytes *out, uint64_t n) nodiscard;
bool h1_write_chunk_end(struct bytes *out) nodiscard;
/* Moves up to `room` bytes of content from the front of `from`, as a chunk of their own when the
 * message is chunked. Nothing happens when there is no room or no content. After false (no memory)
 * the message can't be completed. */
bool h1_write_content(struct bytes *out, struct bytes *from, size_t room, bool chunked) nodiscard;
/* The last chunk and the trailers (may be NULL). */
bool h1_write_last_chunk(struct bytes *out, const struct fields *trailers) nodiscard;

#endif
