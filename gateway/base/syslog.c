/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to /dev/log and to journald.
 *
 * The socket is connected and non-blocking. When the daemon is restarted, its old socket refuses;
 * then, and when there was no connection, a send connects anew, once, before it gives up. Several
 * datagrams leave with one sendmmsg(2).
 *
 * The time before a line is formatted once per second, as is the process number looked up. */

#include "base/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum {
    FACILITY_DAEMON = 3,
    LINE_MAX_LEN = 8192, /* rsyslog and syslog-ng take 8 KiB unless told otherwise */
    BATCH = 64,
};

static bool connect_socket(struct syslog *s);
static size_t send_batch(const struct syslog *s, const struct iovec *v, size_t n);
static bool connection_is_gone(int err);

bool syslog_open(struct syslog *s, const char *path, const char *ident)
{
    *s = (struct syslog){.fd = -1, .second = UINT64_MAX};
    snprintf(s->path, sizeof s->path, "%s", path ? path : SYSLOG_SOCKET);
    snprintf(s->ident, sizeof s->ident, "%s", ident);
    return connect_socket(s);
}

/* RFC 5424 6.2.4: printable ASCII without blanks; "-" where there is none. */
static void set_host(struct syslog *s)
{
    if (gethostname(s->host, sizeof s->host) != 0)
        s->host[0] = '\0';
    s->host[SYSLOG_HOST] = '\0';
    for (char *c = s->host; *c; c++)
        if (*c <= ' ' || *c >= 127)
            *c = '?';
    if (!s->host[0])
        memcpy(s->host, "-", 2);
}

void syslog_use(struct syslog *s, enum syslog_form form, const char *msgid)
{
    s->form = form;
    s->second = UINT64_MAX;
    snprintf(s->msgid, sizeof s->msgid, "%s", msgid);
    set_host(s);
}

void syslog_close(struct syslog *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void syslog_forked(struct syslog *s)
{
    s->second = UINT64_MAX;
}

static bool connect_socket(struct syslog *s)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    syslog_close(s);
    memcpy(to.sun_path, s->path, sizeof to.sun_path);
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return false;
    if (connect(s->fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return true;
    const int err = errno;
    syslog_close(s);
    errno = err;
    return false;
}

/* -- lines ------------------------------------------------------------------------------------- */

static void refresh(struct syslog *s, uint64_t second)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const time_t t = (time_t)second;
    struct tm tm;

    must(s->form == SYSLOG_5424 ? gmtime_r(&t, &tm) : localtime_r(&t, &tm));
    s->pid = (int)getpid();
    s->second = second;
    if (s->form == SYSLOG_5424) {
        snprintf(s->stamp, sizeof s->stamp, "%04u-%02u-%02uT%02u:%02u:%02u",
                 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
                 (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                 (unsigned)tm.tm_sec % 100);
        return;
    }
    /* RFC 3164 4.1.2: the day is padded with a space. Not strftime: it would follow the locale. */
    snprintf(s->stamp, sizeof s->stamp, "%.3s %2u %02u:%02u:%02u", months + 3 * tm.tm_mon,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100);
}

static void add_rest_5424(const struct syslog *s, uint64_t wall_us, struct text *out)
{
    text_add(out, SLICE("1 "));
    text_add(out, slice_of(s->stamp, SYSLOG_STAMP_5424));
    text_printf(out, ".%06uZ %s %s %d %s - ", (unsigned)(wall_us % 1000000), s->host, s->ident,
                s->pid, s->msgid);
}

void syslog_head(struct syslog *s, enum syslog_severity severity, uint64_t wall_us,
                 struct text *out)
{
    const uint64_t second = wall_us / 1000000;

    if (second != s->second)
        refresh(s, second);
    text_char(out, '<');
    text_uint(out, FACILITY_DAEMON * 8 + (unsigned)severity);
    text_char(out, '>');
    if (s->form == SYSLOG_5424) {
        add_rest_5424(s, wall_us, out);
        return;
    }
    text_add(out, slice_of(s->stamp, SYSLOG_STAMP));
    text_char(out, ' ');
    text_str(out, s->ident);
    text_char(out, '[');
    text_uint(out, (uint64_t)s->pid);
    text_add(out, SLICE("]: "));
}

bool syslog_line(struct syslog *s, enum syslog_severity severity, uint64_t wall_us,
                 struct slice line)
{
    char memory[LINE_MAX_LEN];
    struct text t;

    text_init_fixed(&t, memory, sizeof memory);
    syslog_head(s, severity, wall_us, &t);
    text_add(&t, line);
    return syslog_send(s, &(struct iovec){.iov_base = t.p, .iov_len = t.n}, 1) == 1;
}

/* -- sending ----------------------------------------------------------------------------------- */

size_t syslog_send(struct syslog *s, const struct iovec *datagrams, size_t n)
{
    size_t sent = 0;
    bool fresh = false;

    while (sent < n) {
        if (s->fd < 0) {
            if (fresh || !connect_socket(s))
                return sent;
            fresh = true;
        }
        const size_t took = send_batch(s, datagrams + sent, n - sent);
        sent += took;
        if (took)
            continue;
        const int err = errno;
        if (!connection_is_gone(err))
            return sent;
        syslog_close(s);
        errno = err; /* what is told when a fresh connection is gone too */
    }
    return sent;
}

static size_t send_batch(const struct syslog *s, const struct iovec *v, size_t n)
{
    struct mmsghdr messages[BATCH];
    const size_t batch = n < BATCH ? n : BATCH;

    for (size_t i = 0; i < batch; i++)
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = (struct iovec *)&v[i], .msg_iovlen = 1},
        };
    int sent;
    do
        sent = sendmmsg(s->fd, messages, (unsigned)batch, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? 0 : (size_t)sent;
}

static bool connection_is_gone(int err)
{
    return err == ECONNREFUSED || err == ENOTCONN || err == ECONNRESET || err == EPIPE ||
           err == EBADF || err == EDESTADDRREQ;
}

/* -- journald ---------------------------------------------------------------------------------- */

/* "NAME=value\n", or, where the value has a newline: "NAME\n", its length in 64 bits, little
 * endian, the value, "\n" (systemd's JOURNAL_NATIVE_PROTOCOL). */
void journal_field(struct text *out, struct slice name, struct slice value)
{
    text_add(out, name);
    if (slice_find(value, '\n') == value.n) {
        text_char(out, '=');
    } else {
        char length[8];
        for (size_t i = 0; i < sizeof length; i++)
            length[i] = (char)((uint64_t)value.n >> (8 * i) & 0xff);
        text_char(out, '\n');
        text_add(out, slice_of(length, sizeof length));
    }
    text_add(out, value);
    text_char(out, '\n');
}
