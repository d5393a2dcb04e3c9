/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_SIGNALS_H
#define WEIR_IO_SIGNALS_H

/* Signals as events of a loop, through a signalfd: they are blocked in the process from
 * signals_block() on, so none is lost between a fork and the moment its child listens, and no
 * handler runs in the middle of anything. One per process. */

#include <stdint.h>

#include "io/loop.h"

struct signals {
    struct ev_io watcher;
    struct loop *loop;
    void (*on_signal)(struct signals *s, int signo);
    int fd;
    uint32_t pid, uid; /* who has sent the one that is delivered; of SIGCHLD, the child */
};

/* Blocks HUP, INT, QUIT, TERM, USR1, USR2 and CHLD, ignores PIPE and XFSZ: a log that
 * reaches the limit of a file's size fails to be written, but kills nobody. Before the first fork. */
void signals_block(void);
/* Before an exec: all of them as a program expects to find them. A shell may have left some ignored,
 * which is inherited, and harmless only as long as they are blocked. */
void signals_as_usual(void);
/* Starts to deliver. Dies when the kernel has no descriptor left. */
void signals_start(struct signals *s, struct loop *lp,
                   void (*on_signal)(struct signals *s, int signo));
void signals_stop(struct signals *s);

#endif
