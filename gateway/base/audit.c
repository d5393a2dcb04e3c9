/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log of the process. As with the error log, the state is the process's.
 *
 * A disk that fills up takes a part of a line. Nothing can be taken back, for others may have
 * appended since; so whoever writes next, whichever process that is, ends that line first. */
#include "base/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"

static struct audit_state own;

static struct {
    int fd; /* owned; -1: off */
    char path[PATH_MAX];
    struct audit_state *shared;
    uint64_t lost; /* by this process, since it could write last */
    bool told;     /* that this file takes nothing */
} state = {.fd = -1, .shared = &own};

void audit_share(struct audit_state *s)
{
    state.shared = s ? s : &own;
}

bool audit_is_open(void)
{
    return state.fd >= 0;
}

/* -- the file ----------------------------------------------------------------------------------*/

static void use(int fd)
{
    if (state.fd >= 0)
        close(state.fd);
    state.fd = fd;
}

bool audit_open(const char *path)
{
    if (!strcmp(path, "off")) {
        use(-1);
        return true;
    }
    if (strlen(path) >= sizeof state.path) {
        errno = ENAMETOOLONG;
        return false;
    }
    /* O_NONBLOCK matters when the path is a pipe: a reader that is stuck must not stop us. */
    const int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return false;
    use(fd);
    state.told = state.told && !strcmp(path, state.path);
    memmove(state.path, path, strlen(path) + 1);
    return true;
}

bool audit_reopen(void)
{
    return state.fd < 0 || audit_open(state.path);
}

bool audit_chown(unsigned uid, unsigned gid)
{
    return state.fd < 0 || fchown(state.fd, uid, gid) == 0;
}

/* -- a line ------------------------------------------------------------------------------------*/

/* How much of it went out; less than all with errno. */
static size_t append(struct slice line)
{
    const bool torn = atomic_exchange(&state.shared->torn, 0);
    struct iovec parts[] = {{"\n", torn}, {(char *)line.p, line.n}};
    ssize_t n;
    errno = 0;
    do
        n = writev(state.fd, parts, array_n(parts));
    while (n < 0 && errno == EINTR);
    if (n <= 0 && torn)
        atomic_store(&state.shared->torn, 1);
    if (n <= 0)
        return 0;
    if (!errno)
        errno = ENOSPC; /* what a part of it means */
    return (size_t)n - (torn ? 1 : 0);
}

static void note_lost(int err)
{
    atomic_fetch_add(&state.shared->lost, 1);
    state.lost++;
    if (!state.told)
        log_error("audit_log_failed", KV("path", state.path), KV_ERRNO(err));
    state.told = true;
}

void audit_write(struct slice line)
{
    if (state.fd < 0)
        return;
    const size_t n = append(line);
    if (n < line.n) {
        if (n)
            atomic_store(&state.shared->torn, 1);
        note_lost(errno);
        return;
    }
    atomic_fetch_add(&state.shared->written, 1);
    if (state.lost)
        log_info("audit_log_recovered", KV("path", state.path), KV_INT("lost", state.lost));
    state.lost = 0;
    state.told = false;
}
