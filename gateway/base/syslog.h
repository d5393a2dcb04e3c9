/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SYSLOG_H
#define WEIR_BASE_SYSLOG_H

/* Lines to a logging daemon of this machine, one datagram each, over its unix socket: syslog in
 * the form that the C library's syslog(3) uses ("<30>Nov 24 10:00:00 weir[4711]: line") or in that
 * of RFC 5424, and the fields of journald's native protocol. Nothing blocks: a daemon that doesn't
 * keep up costs lines, not requests. One that was restarted is found again by the next send.
 *
 *     struct syslog s;
 *     if (!syslog_open(&s, NULL, "weir")) ...              errno; the next send tries again
 *     syslog_line(&s, SYSLOG_WARN, now_us, SLICE("disk is nearly full"));
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/check.h"
#include "base/slice.h"

struct text;

/* Severities of RFC 3164; every line is of the facility daemon. */
enum syslog_severity { SYSLOG_ERROR = 3, SYSLOG_WARN = 4, SYSLOG_INFO = 6, SYSLOG_DEBUG = 7 };

enum syslog_form {
    SYSLOG_3164, /* RFC 3164 as daemons of one machine have it: local time, no host */
    SYSLOG_5424, /* "<30>1 2026-11-24T10:00:00.123456Z host weir 4711 access - line" */
};
enum { SYSLOG_STAMP = 15 }; /* "Nov 24 10:00:00" */
enum { SYSLOG_STAMP_5424 = 19, SYSLOG_HOST = 255 };

struct syslog {
    int fd; /* owned; -1: not connected */
    char path[108];
    char ident[32];
    uint64_t second; /* that `stamp` and `pid` are of */
    char stamp[SYSLOG_STAMP_5424 + 1];
    int pid;
    enum syslog_form form;
    char msgid[33], host[SYSLOG_HOST + 1]; /* 5424 */
};

#define SYSLOG_SOCKET "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* `path` NULL: /dev/log. Both are copied, and cut to what fits. False with errno when nobody
 * listens there: the object is ready all the same, each send tries to connect. */
bool syslog_open(struct syslog *s, const char *path, const char *ident) nodiscard;
/* From now on; it begins with 3164. `msgid` says what kind of lines they are: printable ASCII
 * without blanks, copied and cut to 32. */
void syslog_use(struct syslog *s, enum syslog_form form, const char *msgid);
void syslog_close(struct syslog *s);
/* In a child, after fork: lines carry its own process number. */
void syslog_forked(struct syslog *s);

/* What stands before a line. `wall_us` is the time since 1970; shown in local time, as every
 * syslog daemon expects it, or by RFC 5424 in UTC with microseconds. */
void syslog_head(struct syslog *s, enum syslog_severity severity, uint64_t wall_us,
                 struct text *out);
/* Head and line as one datagram; cut to 8 KiB, which is what daemons take. False with errno. */
bool syslog_line(struct syslog *s, enum syslog_severity severity, uint64_t wall_us,
                 struct slice line);
/* How many of the n datagrams were taken, from the first on; with errno when not all: EAGAIN (the
 * daemon is behind), EMSGSIZE (the first that is left is too large, for ever), or why there is no
 * connection. */
size_t syslog_send(struct syslog *s, const struct iovec *datagrams, size_t n) nodiscard;

/* One field of journald's native protocol. `name` is of A-Z, 0-9 and '_'; the value may hold
 * anything. */
void journal_field(struct text *out, struct slice name, struct slice value);

#endif
