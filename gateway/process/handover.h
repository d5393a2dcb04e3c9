/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_HANDOVER_H
#define WEIR_PROCESS_HANDOVER_H

/* What a master gives to the one that comes after it in an upgrade. It is written as JSON into a
 * memfd, whose descriptor number stands in the environment (WEIR_HANDOVER); that descriptor and
 * those that the text names are inherited through exec with the numbers they have. Another version
 * of Weir can read it: members that it doesn't know are ignored, and `format` changes when one that
 * it needs means something else. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "process/slots.h"
#include "process/sockets.h"

struct handover {
    pid_t pid;                   /* of the master that gives */
    int channel;                 /* a stream socket between the two (upgrade.h) */
    int shm_fd;                  /* the shared region */
    int history_fd;              /* history.h; -1: none is given */
    uint64_t state;              /* handover_state() of what lies in it */
    uint64_t generation, oldest; /* the newest number given out, and the oldest that lives */
    uint64_t hash_key[2];        /* of slice_hash() */
    bool slots[STATS_SLOTS_MAX]; /* taken */
    struct sockets sockets;      /* when written borrowed, when read owned */
};

/* A number that changes when the memory of the core's cells is laid out in another way: the region
 * is then of no use to the other binary. Modules' cells say their layout in their keys. */
uint64_t handover_state(void);

/* The memfd; -1 with errno. */
int handover_write(const struct handover *h) nodiscard;
/* In the child that is about to exec: the descriptors stay open, the environment says where. */
void handover_pass(const struct handover *h, int fd);

/* Was this process started by another master? *fd is the memfd then. The environment forgets it. */
bool handover_given(int *fd);
/* Reads it and closes the memfd. All descriptors are close-on-exec afterwards. False, and `why`
 * says: it can't be read. */
bool handover_read(int fd, struct handover *h, const char **why) nodiscard;

#endif
