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

/* -- asking again ------------------------------------------------------------------------------ */

/* False: nobody reads us any more. */
static bool print_added(const struct command *c, const json_t *answer, bool json)
{
    const json_t *list = json_object_get(answer, c->added), *o;
    struct text t;
    size_t i;

    text_init(&t);
    json_array_foreach(list, i, o)
    {
        char *line = json ? json_dumps(o, JSON_COMPACT) : NULL;
        if (line)
            text_printf(&t, "%s\n", line);
        else if (!json)
            c->show_line(o, &t);
        free(line);
    }
    if (!json && json_integer_value(json_object_get(answer, "lost")) > 0)
        text_printf(&t, "... %lld are missing: too many for whoever reads\n",
                    (long long)json_integer_value(json_object_get(answer, "lost")));
    const bool ok = fwrite(t.p, 1, t.n, stdout) == t.n && fflush(stdout) == 0;
    text_fini(&t);
    return ok;
}

/* Asks once. False: nobody reads us any more, or what answers is no weir. */
static bool ask_added(const struct command *c, const struct client_target *to, json_t *content,
                      bool json, struct client_answer *a)
{
    char *said = json_dumps(content, JSON_COMPACT);

    must(said);
    client_post(to, c->path, said, a);
    free(said);
    json_t *answer = a->status == 200 ? json_loads(a->body.p, 0, NULL) : NULL;
    const json_t *next = json_object_get(answer, "next");
    const bool goes_on = !json_is_integer(next) ? a->status != 200 : print_added(c, answer, json);
    if (json_is_integer(next)) {
        json_object_set_new(content, "after", json_integer(json_integer_value(next)));
        json_object_del(content, "limit");
    }
    json_decref(answer);
    return goes_on;
}

/* A gateway that has answered once is waited for: it may be about to be started anew. */
int follow_added(const struct command *c, const struct client_target *to, json_t *content,
                 bool json, int (*refused)(int status, const char *body))
{
    enum { EVERY_MS = 1000 };
    int code = COMMAND_DONE, failed = AGAIN_TIMES;

    for (bool goes_on = true; goes_on;) {
        struct client_answer a;
        goes_on = ask_added(c, to, content, json, &a);
        failed = a.status == 200 ? 0 : failed + 1;
        if (a.status && a.status != 200) {
            code = refused(a.status, a.body.p);
            goes_on = false;
        } else if (failed > AGAIN_TIMES) {
            fprintf(stderr, "weirctl: %s\n", a.fault.p);
            code = COMMAND_UNREACHED;
            goes_on = false;
        }
        client_answer_fini(&a);
        if (goes_on)
            sleep_ms(failed ? AGAIN_MS : EVERY_MS);
    }
    return code;
}
