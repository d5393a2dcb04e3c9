/* SPDX-License-Identifier: Apache-2.0 */
/* Following an answer that goes on: each line is shown as it comes. When the gateway ends it, which
 * it does at a reload, it is asked again for a while; lines that come meanwhile are missed. */

#include "weirctl/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { AGAIN_MS = 200, AGAIN_TIMES = 50 };

struct following {
    const struct command *command;
    bool json;
    json_int_t left; /* lines; 0: no end */
    uint64_t lines;  /* shown */
    bool done;       /* as many as were wanted, or nobody reads us any more */
};

static bool print(const struct following *f, struct slice line)
{
    struct text t;
    json_t *o = json_loadb(line.p, line.n, 0, NULL);

    text_init(&t);
    if (f->json)
        text_add(&t, line);
    else if (json_is_object(o))
        f->command->show_line(o, &t);
    const bool ok = fwrite(t.p, 1, t.n, stdout) == t.n && fflush(stdout) == 0;
    text_fini(&t);
    json_decref(o);
    return ok;
}

static bool on_line(void *ctx, struct slice line)
{
    struct following *f = ctx;

    f->lines++;
    f->done = !print(f, line) || (f->left && --f->left == 0);
    return !f->done;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

int follow(const struct command *c, const struct client_target *to, const json_t *content,
           bool json, int (*refused)(int status, const char *body))
{
    struct following f = {.command = c, .json = json};
    struct client_answer a;
    char *said = json_dumps(content, JSON_COMPACT);
    int code = COMMAND_DONE;

    bool ever = false;

    must(said);
    f.left = json_integer_value(json_object_get(content, "lines"));
    for (int failed = 0; !f.done && code == COMMAND_DONE;) {
        client_stream(to, c->path, said, on_line, &f, &a);
        ever = ever || f.lines || a.status == 200;
        failed = a.status == 200 ? 0 : failed + 1;
        if (a.status && a.status != 200) {
            code = refused(a.status, a.body.p);
        } else if (!f.done && (!ever || failed > AGAIN_TIMES)) {
            fprintf(stderr, "weirctl: %s\n", a.fault.p);
            code = COMMAND_UNREACHED;
        } else if (!f.done) {
            sleep_ms(AGAIN_MS);
        }
        client_answer_fini(&a);
    }
    free(said);
    return code;
}
