/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_SERVICE_H
#define WEIR_PROCESS_SERVICE_H

/* The service manager: what the master tells it (sd_notify(3), datagrams to $NOTIFY_SOCKET) and the
 * sockets that it gives (sd_listen_fds(3)). Without one, all of this does nothing. The protocol is
 * a promise of systemd's and a few lines of text, which is why no library is linked for it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "process/sockets.h"

/* Reads the environment. Before the first fork. */
void service_init(void);
/* The sockets that were given go to `s`; those that can't be used are faults. */
bool service_sockets(struct sockets *s, struct faults *faults) nodiscard;
/* How often service_alive() must be called at least, in ms; 0: never. */
uint64_t service_watchdog_ms(void);

void service_ready(const char *status); /* we serve; also after service_reloading() */
void service_main_process(pid_t pid);   /* another one than ours, from now on */
void service_reloading(void);
void service_stopping(void);
void service_alive(void);

#endif
