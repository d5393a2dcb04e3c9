/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of tests/peers: started with pipes, ended by closing the one they read. */
#include "tests/lib/peer_process.h"

#include "tests/lib/rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEERS = 8 };

static struct peer_process {
    pid_t pid; /* 0: free */
    int in, out;
    char buffer[64 * 1024], line[64 * 1024];
    size_t n;
} peers[PEERS];

/* Debian's interpreter has Debian's modules, whichever comes first in PATH. */
static const char *python(void)
{
    const char *given = getenv("PYTHON");
    return given && *given                    ? given
           : access("/usr/bin/python3", X_OK) ? "python3"
                                              : "/usr/bin/python3";
}

static pid_t run(const char *const *args, int in, int out)
{
    const pid_t parent = getpid(), pid = fork();
    cr_assert_geq(pid, 0);
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, 0);
    dup2(out, 1);
    if (getppid() == parent)
        execvp(args[0], (char *const *)args);
    _exit(127);
}

bool peer_has(const char *module)
{
    char program[128];
    int status = -1;
    snprintf(program, sizeof program,
             "import importlib.util as i, sys; sys.exit(not i.find_spec('%s'))", module);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const pid_t pid = run((const char *const[]){python(), "-c", program, NULL}, null, null);
    close(null);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct peer_process *peer_start(const char *name, const char *const *args)
{
    struct peer_process *p = peers;
    char path[512];
    const char *all[24] = {python(), "-u", path};
    int in[2], out[2];
    while (p < peers + PEERS && p->pid)
        p++;
    cr_assert(p < peers + PEERS);
    snprintf(path, sizeof path, "%s/tests/peers/%s.py", TEST_SRCDIR, name);
    for (size_t i = 0; args && args[i]; i++)
        all[i + 3] = args[i];
    cr_assert(!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC));
    *p = (struct peer_process){.pid = run(all, in[0], out[1]), .in = in[1], .out = out[0]};
    close(in[0]);
    close(out[1]);
    return p;
}

void peer_say(struct peer_process *p, const char *line)
{
    char text[1024];
    const int n = snprintf(text, sizeof text, "%s\n", line);
    cr_assert(n < (int)sizeof text && write(p->in, text, (size_t)n) == n, "the peer is gone");
}

const char *peer_line(struct peer_process *p)
{
    char *end;
    while (!(end = memchr(p->buffer, '\n', p->n))) {
        struct pollfd r = {.fd = p->out, .events = POLLIN};
        if (p->n == sizeof p->buffer || poll(&r, 1, 2 * DEADLINE_MS) <= 0)
            return NULL;
        const ssize_t n = read(p->out, p->buffer + p->n, sizeof p->buffer - p->n);
        if (n <= 0)
            return NULL;
        p->n += (size_t)n;
    }
    const size_t n = (size_t)(end - p->buffer);
    memcpy(p->line, p->buffer, n);
    p->line[n] = 0;
    p->n -= n + 1;
    memmove(p->buffer, end + 1, p->n);
    return p->line;
}

uint16_t peer_listens(struct peer_process *p, const char *name)
{
    const char *line = peer_line(p);
    cr_assert(line, "%s doesn't say its port", name);
    rig_name(name, "127.0.0.1:%s", line);
    return (uint16_t)atoi(line);
}

int peer_end(struct peer_process *p)
{
    int status = 0;
    pid_t ended;
    const uint64_t end = now_ms() + DEADLINE_MS;
    close(p->in);
    while (!(ended = waitpid(p->pid, &status, WNOHANG)) && now_ms() < end)
        sleep_ms(LOOK_MS);
    if (!ended) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
    }
    close(p->out);
    p->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void peers_end(void)
{
    for (struct peer_process *p = peers; p < peers + PEERS; p++)
        if (p->pid)
            peer_end(p);
}
