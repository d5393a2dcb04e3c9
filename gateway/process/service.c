/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the service manager, and sockets from it. */
#include "process/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum {
    GIVEN_FIRST = 3, /* SD_LISTEN_FDS_START */
    GIVEN_MOST = 1024,
};

static struct addr manager; /* len 0: there is none */
static uint64_t watchdog_ms;

static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    const unsigned long long n = text ? strtoull(text, &end, 10) : 0;
    return text && *text && !*end ? n : 0;
}

void service_init(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const uint64_t pid = number_of("WATCHDOG_PID");
    char text[ADDR_TEXT_MAX];
    manager.len = 0;
    if (path && snprintf(text, sizeof text, "unix:%s", path) < (int)sizeof text &&
        !addr_parse(slice_str(text), &manager))
        log_warn("service_manager_unknown", KV("address", path));
    watchdog_ms = !pid || pid == (uint64_t)getpid() ? number_of("WATCHDOG_USEC") / 1000 : 0;
}

uint64_t service_watchdog_ms(void)
{
    return manager.len ? watchdog_ms / 2 : 0;
}

/* Never waits: who doesn't read is told next time. */
static void tell(const char *text)
{
    if (!manager.len)
        return;
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, &manager.sa, manager.len) < 0)
        log_warn("service_manager_unreachable", KV_ERRNO(errno));
    if (fd >= 0)
        close(fd);
}

void service_ready(const char *status)
{
    char text[512];
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s", status);
    tell(text);
}

void service_main_process(pid_t pid)
{
    char text[64];
    snprintf(text, sizeof text, "MAINPID=%d", (int)pid);
    tell(text);
}

/* The time is what Type=notify-reload asks for (systemd 253). */
void service_reloading(void)
{
    struct timespec now;
    char text[128];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    tell(text);
}

void service_stopping(void)
{
    tell("STOPPING=1\nSTATUS=finishing what has begun");
}

void service_alive(void)
{
    tell("WATCHDOG=1");
}

/* -- sockets ----------------------------------------------------------------------------------- */

/* They are for us alone: nobody that we start is to take them for its own. */
static int given(void)
{
    const bool ours = number_of("LISTEN_PID") == (uint64_t)getpid();
    const uint64_t n = ours ? number_of("LISTEN_FDS") : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return n < GIVEN_MOST ? (int)n : GIVEN_MOST;
}

bool service_sockets(struct sockets *s, struct faults *faults)
{
    const int n = given();
    bool ok = true;
    for (int fd = GIVEN_FIRST; fd < GIVEN_FIRST + n; fd++) {
        if (sockets_give(s, fd))
            continue;
        ok = false;
        faults_add(
            faults, NULL, 0,
            "descriptor %d of those that the service manager gave (LISTEN_FDS) can't be used: "
            "%s",
            fd,
            errno == EADDRINUSE ? "another one has the same address"
                                : "it is no listening stream socket");
    }
    return ok;
}
