/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H2_MEMORY_H
#define WEIR_HTTP_H2_MEMORY_H

/* What nghttp2 allocates from, for many sessions of one thread: requests come and go without a
 * malloc, but for what is larger than a frame. */

#include <nghttp2/nghttp2.h>

#include "base/slab.h"

enum { H2_MEMORY_CLASSES = 9 };

struct h2_memory {
    nghttp2_mem mem; /* for nghttp2_session_server_new3 and its like; points to what it stands in */
    struct slab classes[H2_MEMORY_CLASSES];
};

void h2_memory_init(struct h2_memory *m);
/* Everything must be back. */
void h2_memory_fini(struct h2_memory *m);

/* The same memory for one's own things. NULL: the system has none. */
void *h2_alloc(struct h2_memory *m, size_t n) nodiscard;
/* NULL is harmless. */
void h2_release(struct h2_memory *m, void *p);

#endif
