/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ACCESS_LOG_PARTS_H
#define WEIR_CORE_ACCESS_LOG_PARTS_H

/* Private to the access log: the compiled format (access_log_format.c), and the sinks that lines go
 * to (access_log_sink.c). */

#include <stdbool.h>

#include "base/syslog.h"
#include "base/text.h"
#include "config/config.h"
#include "core/log/template.h"

struct access_log;
struct exchange;

/* -- formats ----------------------------------------------------------------------------------- */

struct access_format {
    bool json;
    bool all; /* JSON of everything there is, fields of modules included */
    /* What stands before a field is in JSON ',"name":', and a quote for texts. An absent field is
     * left out of JSON. */
    struct template t;
};

/* -- sinks ------------------------------------------------------------------------------------- */

enum sink_kind { SINK_FILE, SINK_STDOUT, SINK_SYSLOG, SINK_JOURNALD };

struct log_sink {
    enum sink_kind kind;
    const char *path; /* owned; of a file */
    int fd;
    int uid, gid;      /* of a file that is made; -1: leave */
    size_t piece;      /* bytes of one write at most */
    bool poll, socket; /* ask before a write; use send */
    bool torn;         /* the last line that was written has no end */
    struct syslog syslog;
};

bool log_sink_open(struct log_sink *s, const struct log_conf *lc, int uid, int gid,
                   struct faults *faults) nodiscard;
bool log_sink_reopen(struct log_sink *s) nodiscard;
void log_sink_close(struct log_sink *s);
static inline bool log_sink_is_datagram(const struct log_sink *s)
{
    return s->kind == SINK_SYSLOG || s->kind == SINK_JOURNALD;
}

/* What goes to a datagram sink is kept with its length before it, in native order. */
struct log_record {
    uint32_t n;
    char bytes[];
};

/* Writes from the front of `lines` (whole lines, or records) and returns how many bytes of them
 * are done with; when not all, errno says why. *lost counts lines that were given up on the way:
 * one that was torn, or is too large for a datagram. Never blocks. */
size_t log_sink_write(struct log_sink *s, struct slice lines, uint64_t *lost) nodiscard;

/* Where an access log writes to, for tests. */
struct log_sink *access_log_sink(struct access_log *l);

#endif
