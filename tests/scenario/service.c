/* SPDX-License-Identifier: Apache-2.0 */
/* Under a service manager: what it is told over $NOTIFY_SOCKET, its watchdog, and the sockets that
 * it opens itself. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;

static void begin(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    rig_begin();
    origin_start("app");
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", rig_path("manager"));
    cr_assert_eq(bind(manager, (struct sockaddr *)&a, sizeof a), 0);
    setenv("NOTIFY_SOCKET", a.sun_path, 1);
}

static void end(void)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WEIR");
    close(manager);
    rig_end();
}

TestSuite(service, .init = begin, .fini = end, .timeout = 120);

/* The next message in which this stands; others before it are left out. */
static const char *await_told(const char *what)
{
    static char message[1024];
    const uint64_t until = now_ms() + DEADLINE_MS;
    struct pollfd p = {.fd = manager, .events = POLLIN};
    while (now_ms() < until) {
        if (poll(&p, 1, 100) <= 0)
            continue;
        const ssize_t n = recv(manager, message, sizeof message - 1, 0);
        message[n > 0 ? n : 0] = '\0';
        if (strstr(message, what))
            return message;
    }
    cr_assert_fail("the service manager isn't told %s", what);
    return "";
}

/* -- what it is told --------------------------------------------------------------------------- */

Test(service, is_told_what_becomes_of_the_gateway)
{
    rig_start(.workers = 2);
    cr_assert_str_eq(await_told("READY=1"), "READY=1\nSTATUS=serving generation 1 with 2 workers");
    cr_assert(rig_reload());
    cr_assert(strstr(await_told("RELOADING=1"), "\nMONOTONIC_USEC="));
    await_told("READY=1\nSTATUS=serving generation 2 with 1 workers");
    cr_assert(!rig_reload(.top = "nonsense = 1;"));
    await_told("RELOADING=1");
    await_told("READY=1\nSTATUS=serving generation 2 with 1 workers");
    rig_signal(SIGQUIT);
    await_told("STOPPING=1");
    cr_assert_eq(rig_await_exit(), 0);
}

Test(service, is_told_of_the_new_main_process_first)
{
    char main_process[32];
    rig_start();
    await_told("READY=1");
    cr_assert(rig_upgrade());
    snprintf(main_process, sizeof main_process, "MAINPID=%d", (int)rig_master());
    cr_assert_str_eq(await_told(main_process), main_process);
    await_told("READY=1\nSTATUS=serving generation 2");
}

Test(service, of_an_upgrade_that_fails_is_told_nothing)
{
    rig_start();
    await_told("READY=1");
    rig_write_conf((struct rig_conf){.top = "nonsense = 1;"});
    cr_assert(!rig_upgrade());
    rig_write_conf((struct rig_conf){0});
    rig_signal(SIGHUP);
    cr_assert(strstr(await_told("="), "RELOADING=1"), "the next message is of the reload");
}

Test(service, has_a_watchdog_that_is_fed)
{
    setenv("WATCHDOG_USEC", "100000", 1);
    rig_start();
    await_told("WATCHDOG=1");
    await_told("WATCHDOG=1");
    cr_assert(rig_upgrade());
    await_told("MAINPID=");
    await_told("WATCHDOG=1");
}

/* -- sockets that it opens --------------------------------------------------------------------- */

/* A socket that listens at a free port, as "$given". */
static int open_socket(bool reuse_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){reuse_port}, sizeof(int));
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)&a, &n);
    rig_name("given", "127.0.0.1:%u", ntohs(a.sin_port));
    rig_name("number", "%u", ntohs(a.sin_port));
    return fd;
}

/* From now on weir is started as such a manager does it: with the socket as its descriptor 3. */
static void give(int fd)
{
    char script[512];
    const int inherited = dup2(fd, 200);
    cr_assert_eq(inherited, 200);
    snprintf(script, sizeof script,
             "#!/bin/bash\nexport LISTEN_PID=$$ LISTEN_FDS=1\nexec %s \"$@\" 3<&200 200<&-\n",
             WEIR_BINARY);
    FILE *f = fopen(rig_path("start"), "w");
    cr_assert(f && fputs(script, f) >= 0 && fclose(f) == 0);
    chmod(rig_path("start"), 0755);
    setenv("WEIR", rig_path("start"), 1);
}

static int status_at(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    struct talk *t = talk_open_port(ntohs(a.sin_port));
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return talk_response(t)->status;
}

static void serves_a_given_socket(bool reuse_port)
{
    const int fd = open_socket(reuse_port);
    give(fd);
    rig_start(.workers = 3, .listeners = ", { name = \"given\"; bind = \"$given\"; }");
    close(200);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(status_at(fd), 200);
    cr_assert_eq(rig_metric("weir_listener_accepted_total{listener=\"given\"}"), 20);
    cr_assert(rig_reload(.workers = 2, .listeners = ", { name = \"given\"; bind = \"$given\"; }"));
    cr_assert_eq(status_at(fd), 200);
    cr_assert(rig_upgrade());
    cr_assert_eq(status_at(fd), 200);
    close(fd);
}

Test(service, gives_a_socket_from_which_all_workers_accept)
{
    serves_a_given_socket(false);
}

/* Nobody else can be bound to it: that is no fault of the configuration of who has it. */
Test(service, gives_a_socket_that_is_in_use_when_the_file_is_checked)
{
    const int fd = open_socket(false);
    char conf[256];
    const char *const args[] = {"-t", "-c", conf, NULL};
    snprintf(conf, sizeof conf, "%s", rig_path("weir.conf"));
    give(fd);
    rig_start(.workers = 1, .listeners = ", { name = \"given\"; bind = \"$given\"; }");
    close(200);
    unsetenv("WEIR");
    const int status = rig_run(args);
    char *out = rig_read("output");
    cr_assert_eq(status, 0, "%s", out);
    cr_assert(strstr(out, "is in use, as it should be"), "%s", out);
    free(out);
    rig_stop();
    cr_assert_neq(rig_run(args), 0, "nobody serves there, and somebody has the address");
    close(fd);
}

Test(service, gives_a_socket_that_lets_others_beside_it)
{
    serves_a_given_socket(true);
}

Test(service, gives_a_socket_that_is_none)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    give(pair[0]);
    rig_write_conf((struct rig_conf){0});
    rig_launch();
    cr_assert_eq(rig_await_exit(), 1);
    cr_assert(rig_logged("descriptor 3 of those that the service manager gave"));
    close(200);
}

Test(service, gives_a_socket_that_nobody_wants)
{
    const int fd = open_socket(false);
    give(fd);
    rig_start();
    cr_assert(rig_logged("socket_not_configured"));
    close(200);
    close(fd);
}
