/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_ERROR_H
#define WEIR_FLEET_ERROR_H

/* What Redis refuses, by kind: for counters, the log, and what to do about it. The word is the label
 * of weir_fleet_errors_total. */

#include "base/slice.h"

/* ERROR(id, how the text of the reply begins, word) */
#define FLEET_ERROR_LIST(ERROR)                                                                    \
    ERROR(OOM, "OOM", "oom")                      /* maxmemory */                                  \
    ERROR(READONLY, "READONLY", "readonly")       /* a replica */                                  \
    ERROR(WRONGTYPE, "WRONGTYPE", "wrongtype")    /* our key holds something else */               \
    ERROR(NOAUTH, "NOAUTH", "noauth")             /* nobody has authenticated */                   \
    ERROR(WRONGPASS, "WRONGPASS", "wrongpass")                                                     \
    ERROR(NOPERM, "NOPERM", "noperm")             /* the ACL refuses a command, or this key */     \
    ERROR(LOADING, "LOADING", "loading")          /* it has just started */                        \
    ERROR(MASTERDOWN, "MASTERDOWN", "masterdown") /* a replica without its master */               \
    ERROR(BUSY, "BUSY", "busy")                   /* somebody's script runs on and on */           \
    ERROR(NOSCRIPT, "NOSCRIPT", "noscript")       /* SCRIPT FLUSH, or another server */            \
    ERROR(OTHER, "", "other")

enum fleet_error {
#define ERROR(id, prefix, word) FLEET_ERROR_##id,
    FLEET_ERROR_LIST(ERROR)
#undef ERROR
    /* Found here and not said by Redis: */
    FLEET_ERROR_ANSWER,  /* an answer, or a record, that makes no sense */
    FLEET_ERROR_MESSAGE, /* a message on the channel that makes none */
    FLEET_ERROR_LIMIT,   /* more than is taken: bytes of a message, notes of a board, decisions */
    FLEET_ERROR_N
};

/* From the text of an error reply, also of one that came from within a script. */
enum fleet_error fleet_error_kind(struct slice text);
const char *fleet_error_word(enum fleet_error kind);

#endif
