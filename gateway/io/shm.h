/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_SHM_H
#define WEIR_IO_SHM_H

/* The shared region: one memfd, mapped by the master before it forks, at the same address in all
 * its children. State that changes at run time lies in cells, found by a stable key:
 *
 *     route/reviews/stats/3      cluster/reviews-v2/table      cluster/reviews-v2/endpoint/10.0.0.4:9080
 *
 * A cell found by the same key and size is the same memory, with the values it had: that is how
 * state outlives a reload. Only the master allocates, and only before it forks; the others look up
 * or got pointers through fork. Cells are zeroed when they are new, aligned to 64 bytes (a cache
 * line), and never move.
 *
 * The region's size is virtual: pages that nobody touched cost nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct shm;

/* `size` bytes at most (rounded up to pages); NULL with errno. */
struct shm *shm_create(size_t size) nodiscard;
/* From a descriptor that another binary handed over: checks magic, version, size, and that nobody
 * can shrink it. Takes the descriptor over, unless it returns NULL with errno (EPROTO: not ours, or
 * another layout). */
struct shm *shm_attach(int fd) nodiscard;
void shm_detach(struct shm *s);
int shm_fd(const struct shm *s);

/* Finds or makes. NULL when the region is full, or when the key exists with another size and
 * wasn't forgotten: a generation that lives may use it. So what has a configured size says it in
 * its key (cluster/reviews/table/64). Marks the cell as used by the current generation. Master
 * only. */
void *shm_cell(struct shm *s, struct slice key, size_t size) nodiscard;
/* NULL when there is none; *size (may be NULL) gets its size. Any process, also while the master
 * allocates. The cell is the caller's as long as a generation that asked for it isn't forgotten. */
void *shm_find(const struct shm *s, struct slice key, size_t *size) nodiscard;

/* Cells not asked for since generation `oldest` are free for other keys. A generation counts from
 * shm_generation(), called before its cells are asked for. Master only. */
void shm_generation(struct shm *s, uint64_t generation);
void shm_forget(struct shm *s, uint64_t oldest);

struct shm_usage {
    size_t bytes, limit, cells;
};
struct shm_usage shm_usage(const struct shm *s);

#endif
