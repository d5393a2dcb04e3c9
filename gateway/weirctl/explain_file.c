/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers questions: a gateway, or the weir that is installed, about a file. It gets a line and
 * gives one, so neither waits for the other to read. */
#include "weirctl/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "weirctl/answer.h"
#include "weirctl/client.h"
#include "weirctl/command.h"
#include "weirctl/installed.h"

/* -- the child --------------------------------------------------------------------------------- */

bool explain_answerer_start(struct explain_answerer *a)
{
    int in[2], out[2];
    a->in = -1;
    a->out = NULL;
    a->pid = 0;
    if (a->to)
        return true;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return installed_failed();
    signal(SIGPIPE, SIG_IGN); /* a child that has ended is seen by its answer */
    a->pid = fork();
    if (a->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        installed_become("--explain", a->file);
    }
    close(in[0]);
    close(out[1]);
    a->in = in[1];
    a->out = fdopen(out[0], "r");
    return (a->pid > 0 && a->out) || installed_failed();
}

bool explain_answerer_end(struct explain_answerer *a)
{
    int status = 0;
    if (a->in >= 0)
        close(a->in);
    if (a->out)
        fclose(a->out);
    if (a->pid > 0)
        while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
            ;
    *a = (struct explain_answerer){.to = a->to, .file = a->file, .in = -1};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        const ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

/* What is wrong with the file has been printed by the child. */
static json_t *ask_child(struct explain_answerer *a, const char *content)
{
    char *line = NULL;
    size_t room = 0;
    json_t *answer = NULL;
    if (write_all(a->in, slice_str(content)) && write_all(a->in, SLICE("\n")) &&
        getline(&line, &room, a->out) > 0)
        answer = json_loads(line, 0, NULL);
    free(line);
    return answer;
}

static json_t *ask_gateway(const struct client_target *to, const char *content)
{
    struct client_answer a;
    json_t *answer = NULL;
    client_post(to, "/v1/explain", content, &a);
    if (a.status)
        answer = json_loads(a.body.p, 0, NULL);
    else
        fprintf(stderr, "weirctl: %s\n", a.fault.p);
    client_answer_fini(&a);
    return answer;
}

json_t *explain_ask(struct explain_answerer *a, const json_t *content)
{
    char *said = json_dumps(content, JSON_COMPACT);
    json_t *answer = a->to ? ask_gateway(a->to, said) : ask_child(a, said);
    free(said);
    return answer;
}

/* -- one question ------------------------------------------------------------------------------ */

static int show(const json_t *answer, bool json)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    struct text out;
    int code = error ? COMMAND_REFUSED : COMMAND_DONE;
    text_init(&out);
    if (error) {
        answer_plain(&out, error);
        fprintf(stderr, "weirctl: refused: %.*s\n", (int)out.n, out.p);
    } else if (json) {
        char *text = json_dumps(answer, JSON_COMPACT);
        text_printf(&out, "%s\n", text);
        free(text);
    } else {
        explain_show_walk(answer, &out);
    }
    if (!error && (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0))
        code = COMMAND_REFUSED;
    text_fini(&out);
    return code;
}

int explain_file(const char *file, const json_t *content, bool json)
{
    struct explain_answerer a = {.file = file};
    int code = COMMAND_REFUSED;
    json_t *answer = explain_answerer_start(&a) ? explain_ask(&a, content) : NULL;
    if (explain_answerer_end(&a) && json_is_object(answer))
        code = show(answer, json);
    json_decref(answer);
    return code;
}
