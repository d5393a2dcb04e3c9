/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_BLOB_H
#define WEIR_CORE_BLOB_H

/* A text in shared memory that is replaced as a whole: what the control process learns (keys of an
 * issuer, a list of grants) and workers use. Readers take no lock, never wait for a writer, alive
 * or dead, and never get half of a text.
 *
 *     struct weir_blob b;
 *     blob_init(&b, cell, capacity);           master: a zeroed cell of blob_size(capacity) bytes
 *     blob_publish(&b, text);                  control process
 *     if (blob_version(&b) != seen)            workers, now and then: one load
 *         n = blob_read(&b, to, &seen);
 *
 * The cell is shared by generations; a struct weir_blob belongs to one of them, and may carry a
 * text that it was loaded with (blob_begin_with). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct blob_cell;

struct weir_blob {
    struct blob_cell *cell; /* borrowed */
    size_t capacity;
    struct slice first; /* borrowed: read as long as the cell has nothing newer; p NULL: none */
    uint64_t base;      /* the cell's version when `first` was set */
};

enum { BLOB_CAPACITY_MAX = 256 << 20 };

/* Bytes of the cell. The capacity is at most BLOB_CAPACITY_MAX. */
size_t blob_size(size_t capacity);
/* Master. The cell is zeroed, or was initialised for the same capacity. */
void blob_init(struct weir_blob *b, void *cell, size_t capacity);
/* Master, before it forks: this text is read until something is published. It must live as long as
 * `b`, and be no longer than the capacity. */
void blob_begin_with(struct weir_blob *b, struct slice text);

/* Any process, but one writer at a time is what it is made for: a second one waits for the first,
 * up to BLOB_WAIT_MS. False, with nothing changed, when the text is too long, or that time has
 * passed. */
enum { BLOB_WAIT_MS = 100 };
bool blob_publish(struct weir_blob *b, struct slice text) nodiscard;

/* 0: nothing yet. Another number after each publish. */
uint64_t blob_version(const struct weir_blob *b);
/* `to` has room for `capacity` bytes. *version 0, and the length 0: there is nothing yet; or, when
 * writers published twice while it was copied, time and again, nothing could be had: what the
 * caller has stays good, and it tries again later. */
size_t blob_read(const struct weir_blob *b, char *to, uint64_t *version);

#endif
