/* SPDX-License-Identifier: Apache-2.0 */
/* Where access log lines go: a file, the standard output, syslog or journald.
 *
 *     regular file      everything in one write; O_APPEND, so that workers don't overwrite each
 * other pipe, terminal    pieces of whole lines of at most PIPE_BUF, which the kernel takes in one
 *                       piece or not at all, so that lines of several workers don't mix
 *     stream socket     the same pieces, with send(2)
 *     syslog, journald  a datagram per line, many per system call
 *
 * Nothing blocks. The standard output is shared with whoever started the gateway and stays as
 * blocking as it was: it is asked with poll(2) before each piece.
 *
 * A write that stops in the middle of a line (a full disk) leaves a torn one behind. Its rest is
 * given up, and the next write begins with a newline, so that no other line is spoilt. */

#include "core/log/access_log_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"

enum { BATCH = 64, FILE_MODE = 0640 };

static int open_file(const struct log_sink *s);
static void look_at(struct log_sink *s);
static size_t write_lines(struct log_sink *s, struct slice lines, uint64_t *lost);
static size_t write_records(struct log_sink *s, struct slice records, uint64_t *lost);

/* -- opening and closing ----------------------------------------------------------------------- */

bool log_sink_open(struct log_sink *s, const struct log_conf *lc, int uid, int gid,
                   struct faults *faults)
{
    *s = (struct log_sink){.fd = -1, .uid = uid, .gid = gid, .syslog.fd = -1};
    if (slice_eq(lc->access, SLICE("syslog")) || slice_eq(lc->access, SLICE("journald"))) {
        const bool journald = slice_eq(lc->access, SLICE("journald"));
        s->kind = journald ? SINK_JOURNALD : SINK_SYSLOG;
        s->path = strdup(journald ? JOURNAL_SOCKET : SYSLOG_SOCKET);
        must(s->path);
        if (!syslog_open(&s->syslog, s->path, "weir")) /* it may start later than we do */
            faults_warn(faults, NULL, 0, "log.access: nobody listens on %s (%s)", s->path,
                        strerror(errno));
        syslog_use(&s->syslog, (enum syslog_form)lc->syslog_format, "access");
        return true;
    }
    if (slice_eq(lc->access, SLICE("stdout"))) {
        s->kind = SINK_STDOUT;
        s->fd = STDOUT_FILENO;
        look_at(s);
        return true;
    }
    s->kind = SINK_FILE;
    s->path = strndup(lc->access.p, lc->access.n);
    must(s->path);
    s->fd = open_file(s);
    if (s->fd < 0) {
        faults_add(faults, NULL, 0, "log.access: can't open %s: %s", s->path, strerror(errno));
        log_sink_close(s);
        return false;
    }
    look_at(s);
    return true;
}

/* O_NONBLOCK is for a named pipe; it means nothing for a file. */
static int open_file(const struct log_sink *s)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const int fd = open(s->path, flags, FILE_MODE);

    if (fd < 0 || (s->uid == -1 && s->gid == -1))
        return fd;
    /* Who dropped root doesn't own every file that it may write: then it stays as it is. */
    if (fchown(fd, (uid_t)s->uid, (gid_t)s->gid) == 0 || errno == EPERM)
        return fd;
    const int err = errno;
    close(fd);
    errno = err;
    return -1;
}

/* How this descriptor wants to be written. */
static void look_at(struct log_sink *s)
{
    struct stat st;
    const bool known = fstat(s->fd, &st) == 0;
    const bool regular = known && S_ISREG(st.st_mode);

    s->socket = known && S_ISSOCK(st.st_mode);
    s->poll = !regular;
    s->piece = regular ? SIZE_MAX : PIPE_BUF;
    s->torn = false;
}

bool log_sink_reopen(struct log_sink *s)
{
    if (s->kind != SINK_FILE)
        return true; /* datagram sockets reconnect by themselves */
    const int fd = open_file(s);
    if (fd < 0)
        return false;
    close(s->fd);
    s->fd = fd;
    look_at(s);
    return true;
}

void log_sink_close(struct log_sink *s)
{
    if (s->kind == SINK_FILE && s->fd >= 0)
        close(s->fd);
    syslog_close(&s->syslog);
    free((char *)s->path);
    s->path = NULL;
    s->fd = -1;
}

/* -- writing ----------------------------------------------------------------------------------- */

size_t log_sink_write(struct log_sink *s, struct slice lines, uint64_t *lost)
{
    return log_sink_is_datagram(s) ? write_records(s, lines, lost) : write_lines(s, lines, lost);
}

static bool is_ready(const struct log_sink *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};

    if (poll(&p, 1, 0) > 0)
        return true; /* with an error too: the write tells which */
    errno = EAGAIN;
    return false;
}

/* How many bytes of `b` were written; errno when not all. */
static size_t write_bytes(const struct log_sink *s, struct slice b)
{
    size_t done = 0;

    while (done < b.n) {
        const size_t n = b.n - done < s->piece ? b.n - done : s->piece;
        if (s->poll && !is_ready(s))
            break;
        const ssize_t r = s->socket ? send(s->fd, b.p + done, n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : write(s->fd, b.p + done, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    return done;
}

/* The end of the first line, behind its newline. */
static size_t line_end(struct slice lines)
{
    return slice_find(lines, '\n') + 1;
}

/* Whole lines, as many as fit into one piece; the first one in any case. */
static size_t piece_of(const struct log_sink *s, struct slice lines)
{
    if (lines.n <= s->piece)
        return lines.n;
    const char *last = memrchr(lines.p, '\n', s->piece);
    return last ? (size_t)(last - lines.p) + 1 : line_end(lines);
}

static size_t write_lines(struct log_sink *s, struct slice lines, uint64_t *lost)
{
    size_t done = 0;

    if (s->torn && write_bytes(s, SLICE("\n")) != 1)
        return 0;
    s->torn = false;
    while (done < lines.n) {
        const struct slice rest = slice_from(lines, done);
        const size_t n = piece_of(s, rest);
        const size_t wrote = write_bytes(s, slice_of(rest.p, n));
        done += wrote;
        if (wrote == n)
            continue;
        if (wrote && rest.p[wrote - 1] != '\n') {
            s->torn = true;
            (*lost)++;
            done += line_end(slice_from(lines, done));
        }
        break;
    }
    return done;
}

static size_t write_records(struct log_sink *s, struct slice records, uint64_t *lost)
{
    size_t done = 0;

    while (done < records.n) {
        struct iovec v[BATCH];
        size_t n = 0, at = done;
        for (; n < BATCH && at < records.n; n++) {
            uint32_t len;
            memcpy(&len, records.p + at, sizeof len);
            v[n].iov_base = (char *)records.p + at + sizeof len;
            v[n].iov_len = len;
            at += sizeof len + len;
        }
        const size_t sent = syslog_send(&s->syslog, v, n);
        for (size_t i = 0; i < sent; i++)
            done += sizeof(uint32_t) + v[i].iov_len;
        if (sent == n)
            continue;
        if (errno != EMSGSIZE)
            break;
        done += sizeof(uint32_t) + v[sent].iov_len;
        (*lost)++;
    }
    return done;
}
