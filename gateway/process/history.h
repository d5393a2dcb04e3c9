/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_HISTORY_H
#define WEIR_PROCESS_HISTORY_H

/* The configurations that the master remembers, by their texts: the one in force, and the last one
 * before it that was another. A rollback makes the second one the first, and the first the second.
 * An upgrade hands both over. */

#include "config/texts.h"

struct history {
    struct conf_texts *in_force, *previous; /* held; NULL: none */
    bool rolled_back;                       /* in_force was brought back by a rollback */
};

/* What `previous` will be when these texts come into force; borrowed. */
struct conf_texts *history_before(const struct history *h, const struct conf_texts *texts);
/* They have come into force; held from now on. */
void history_note(struct history *h, struct conf_texts *texts, bool rolled_back);
void history_fini(struct history *h);

/* A memfd with all of it, for another binary; -1 with errno. */
int history_write(const struct history *h) nodiscard;
/* From such one, which is closed. False: it isn't one, and there is no history. */
bool history_read(struct history *h, int fd) nodiscard;

#endif
