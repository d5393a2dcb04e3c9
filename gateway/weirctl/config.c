/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl config, diff: the configuration in force, and what a file would change of it. */

#include "weirctl/command.h"
#include "weirctl/config_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 64 << 20 };

static void show_config(const json_t *answer, struct text *out)
{
    char *text = json_dumps(answer, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    text_str(out, text);
    text_char(out, '\n');
    free(text);
}

/* -- diff -------------------------------------------------------------------------------------- */

static _Noreturn void become_weir(int to, const char *file)
{
    const char *given = getenv("WEIR");
    const char *weir = given && *given ? given : WEIR_SBINDIR "/weir";
    char *const argv[] = {(char *)weir, "--dump", "--config", (char *)file, NULL};
    dup2(to, STDOUT_FILENO);
    execv(weir, argv);
    execvp("weir", argv);
    fprintf(stderr, "weirctl: can't run %s: %s; $WEIR names another\n", weir, strerror(errno));
    _exit(127);
}

static bool read_all(int fd, struct text *t)
{
    ssize_t n = 0;
    while (t->n < TEXT_MAX && text_need(t, 65536) && (n = read(fd, t->p + t->n, 65536)) > 0)
        t->n += (size_t)n;
    return n == 0;
}

/* The file's effective configuration, as the weir that is installed reads it; what is wrong with it
 * has been printed. NULL: something is. */
static json_t *dump_of(const char *file)
{
    struct text t;
    int pipes[2], status = 1;
    if (pipe(pipes) != 0)
        return NULL;
    const pid_t pid = fork();
    if (pid == 0)
        become_weir(pipes[1], file);
    close(pipes[1]);
    text_init(&t);
    const bool whole = pid > 0 && read_all(pipes[0], &t);
    close(pipes[0]);
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    json_t *o = whole && WIFEXITED(status) && WEXITSTATUS(status) == 0
                    ? json_loadb(t.p, t.n, 0, NULL)
                    : NULL;
    text_fini(&t);
    return o;
}

static bool show_diff(const struct command_args *args, const json_t *answer, struct text *out)
{
    json_t *other = dump_of(args->operands[0]);
    if (!other)
        return false;
    if (!config_diff(answer, other, out))
        text_str(out, "Nothing would change.\n");
    json_decref(other);
    return true;
}

extern const struct command config_show;
const struct command config_show = {
    .name = "config",
    .operands = "",
    .summary = "print the configuration in force, with all defaults",
    .help =
        "As JSON; secrets are shown as \"***\". What operators have changed since is in canary\n"
        "get, breaker list, endpoint list and fault list.\n",
    .path = "/v1/config",
    .show = show_config,
};

extern const struct command config_compare;
const struct command config_compare = {
    .name = "diff",
    .operands = "FILE",
    .summary = "tell what a configuration file would change",
    .help =
        "Compares what the file says, defaults included, with the configuration in force. Only\n"
        "reads. The weir that is installed reads the file ($WEIR names another).\n",
    .operands_min = 1,
    .operands_max = 1,
    .path = "/v1/config",
    .show_beside = show_diff,
};
