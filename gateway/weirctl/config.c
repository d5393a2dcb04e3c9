/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl config, diff: the configuration in force, and what a file would change of it. */

#include "control/overrides/override_setting.h"
#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/config_diff.h"
#include "weirctl/installed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        installed_failed();
        return NULL;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        installed_become("--dump", file);
    }
    if (pid < 0)
        installed_failed();
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

/* -- overrides that end ------------------------------------------------------------------------ */

static uint64_t digest_of(const json_t *config, const char *where)
{
    char *text = json_dumps(config, JSON_COMPACT | JSON_REAL_PRECISION(15));
    const uint64_t digest = text ? setting_digest(slice_str(text), where) : 0;
    free(text);
    return digest;
}

/* False: it stays. */
static bool show_end(const json_t *o, const json_t *from, const json_t *to, struct text *out)
{
    const char *where = json_string_value(json_object_get(o, "where"));
    const uint64_t now = where ? digest_of(from, where) : 0,
                   then = where ? digest_of(to, where) : 0;
    if (now == then)
        return false;
    text_str(out, "! ");
    answer_add(out, o, "setting");
    text_str(out, then ? ": the file changes it; the override of "
                       : ": the file has it no more; the override of ");
    answer_add(out, o, "key");
    text_str(out, " by ");
    answer_add(out, o, "who");
    text_str(out, " ends\n");
    return true;
}

static size_t show_ends(const json_t *answer, const json_t *from, const json_t *to,
                        struct text *out)
{
    const json_t *o;
    size_t i, n = 0;
    json_array_foreach(answer_list(answer, "overrides"), i, o) n += show_end(o, from, to, out);
    return n;
}

static bool ask_diff(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)args, (void)fault;
    json_object_set_new(content, "config", json_true());
    return true;
}

static bool show_diff(const struct command_args *args, const json_t *answer, struct text *out)
{
    json_t *other = dump_of(args->operands[0]);
    if (!other)
        return false;
    const json_t *config = json_object_get(answer, "config");
    if (config_diff(config, other, out) + show_ends(answer, config, other, out) == 0)
        text_str(out, "Nothing would change.\n");
    json_decref(other);
    return true;
}

extern const struct command config_show;
const struct command config_show = {
    .name = "config",
    .operands = "",
    .summary = "print the configuration in force, with all defaults",
    .help = "As JSON; secrets are shown as \"***\". What operators have changed since is shown by\n"
            "weirctl overrides.\n",
    .path = "/v1/config",
    .show = show_config,
};

extern const struct command config_compare;
const struct command config_compare = {
    .name = "diff",
    .operands = "FILE",
    .summary = "tell what a configuration file would change",
    .help =
        "Compares what the file says, defaults included, with the configuration in force, and\n"
        "says which overrides (weirctl overrides) would end by it. Only reads. The weir that is\n"
        "installed reads the file ($WEIR names another).\n",
    .operands_min = 1,
    .operands_max = 1,
    .path = "/v1/overrides",
    .ask = ask_diff,
    .show_beside = show_diff,
};
