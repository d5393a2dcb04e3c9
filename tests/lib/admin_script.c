/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted admin server: a child that takes one connection after the other. What it got lies in
 * memory that it shares with the test, and is complete there before it answers. */
#include "tests/lib/admin_script.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REQUEST_MAX = 65536 };

struct admin_script {
    pid_t pid;
    const char *path;
    char request[REQUEST_MAX];
};

static bool is_whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "Content-Length:");

    return end && (!length || strlen(end + 4) >= strtoul(length + 15, NULL, 10));
}

static void serve(struct admin_script *s, int fd, const char *answer, size_t answer_n)
{
    static char got[REQUEST_MAX];
    size_t n = 0;

    memset(got, 0, sizeof got);
    while (!is_whole(got)) {
        const ssize_t k = read(fd, got + n, sizeof got - 1 - n);
        if (k <= 0)
            return;
        n += (size_t)k;
    }
    memcpy(s->request, got, sizeof got);
    if (!answer)
        pause();
    for (ssize_t k = 1; answer_n && k > 0; answer += k, answer_n -= (size_t)k)
        k = send(fd, answer, answer_n, MSG_NOSIGNAL);
}

struct admin_script *admin_script_raw(const char *path, const char *answer)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct admin_script *s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const pid_t parent = getpid();

    cr_assert(s != MAP_FAILED);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    cr_assert(bind(listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(listening, 8) == 0);
    s->path = path;
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid) {
        s->pid = pid; /* by us alone: the child shares this memory */
        close(listening);
        return s;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd; getppid() == parent && (fd = accept(listening, NULL, NULL)) >= 0; close(fd))
        serve(s, fd, answer, answer ? strlen(answer) : 0);
    _exit(0);
}

struct admin_script *admin_script(const char *path, int status, const char *json)
{
    const size_t room = strlen(json) + 256;
    char *answer = malloc(room);

    cr_assert(answer);
    snprintf(answer, room,
             "HTTP/1.1 %d Some\r\nContent-Type: application/json\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             status, strlen(json), json);
    struct admin_script *s = admin_script_raw(path, answer);
    free(answer);
    return s;
}

const char *admin_script_request(const struct admin_script *s)
{
    return s->request;
}

const char *admin_script_content(const struct admin_script *s)
{
    const char *end = strstr(s->request, "\r\n\r\n");

    return end ? end + 4 : "";
}

void admin_script_end(struct admin_script *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    unlink(s->path);
    munmap(s, sizeof *s);
}
