/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl top: the overview, asked for again and again, as a table that stays in place. The numbers
 * are what has happened between the last two answers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "weirctl/answer.h"
#include "weirctl/client.h"
#include "weirctl/command.h"
#include "weirctl/top_draw.h"
#include "weirctl/top_term.h"

enum {
    TIMEOUT_MS = 2000, /* of an answer: keys wait as long */
    EVENTS_SHOWN = 200,
    INTERVAL_MS = 1000,
};

enum { OPTION_INTERVAL, OPTION_VIEW, OPTION_SORT, OPTION_ONCE };

struct top {
    struct client_target to;
    struct top_state state;
    unsigned interval_ms;
    json_t *before, *now, *events; /* owned; NULL: not known */
    double events_next;            /* of the overview that the events are of */
    struct top_lines lines;        /* that were drawn last */
    struct text fault;             /* why there was no answer; empty: there was */
    int code;                      /* what that means for who waits for the end */
};

/* -- asking ------------------------------------------------------------------------------------ */

static void note_refusal(struct top *t, int status, const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));

    t->code = COMMAND_REFUSED;
    if (error)
        text_printf(&t->fault, "it says %d: %s", status, error);
    else
        text_printf(&t->fault, "it says %d and no reason: is this the admin socket of a weir?",
                    status);
}

/* NULL with a fault. Owned. */
static json_t *ask(struct top *t, const char *path, const char *content)
{
    struct client_answer a;
    json_t *answer = NULL;

    t->fault.n = 0;
    client_post(&t->to, path, content, &a);
    if (!a.status) {
        t->code = COMMAND_UNREACHED;
        text_str(&t->fault, a.fault.p);
    } else {
        answer = json_loads(a.body.p, 0, NULL);
        if (a.status != 200 || !json_is_object(answer)) {
            note_refusal(t, a.status, answer);
            json_decref(answer);
            answer = NULL;
        }
    }
    client_answer_fini(&a);
    return answer;
}

/* A master that was started anew counts from zero: what was before tells nothing. */
static bool is_same_life(const json_t *a, const json_t *b)
{
    return a && json_equal(json_object_get(a, "started"), json_object_get(b, "started"));
}

static void ask_overview(struct top *t)
{
    json_t *answer = ask(t, "/v1/overview", "{}");

    if (!answer)
        return;
    json_decref(t->before);
    t->before = is_same_life(t->now, answer) ? t->now : NULL;
    if (!t->before)
        json_decref(t->now);
    t->now = answer;
}

/* Only while they are looked at, and when there are more. An answer that there are none is no fault
 * of the overview's. */
static void ask_events(struct top *t)
{
    double next = 0;
    char content[96];

    if (t->state.view != TOP_EVENTS || !t->now)
        return;
    answer_number(t->now, "events_next", &next);
    if (next <= 0 || (t->events && next == t->events_next))
        return;
    snprintf(content, sizeof content, "{\"after\":%.0f,\"limit\":%d}",
             next > EVENTS_SHOWN ? next - EVENTS_SHOWN : 0, EVENTS_SHOWN);
    json_decref(t->events);
    t->events = ask(t, "/v1/events", content);
    t->events_next = next;
    t->fault.n = 0;
}

/* -- drawing ----------------------------------------------------------------------------------- */

static void draw(struct top *t, unsigned columns, unsigned lines)
{
    struct text fault;

    text_init(&fault);
    text_add(&fault, text_slice(&t->fault));
    text_char(&fault, '\0');
    const struct top_shown shown = {
        .pair = {t->before, t->now},
        .events = t->events,
        .fault = t->fault.n ? fault.p : NULL,
        .target = t->to.name,
    };
    top_draw(&t->state, &shown, columns, lines, &t->lines);
    text_fini(&fault);
}

static void draw_on_terminal(struct top *t)
{
    unsigned columns, lines;

    top_term_size(&columns, &lines);
    draw(t, columns, lines);
    top_term_draw(&t->lines);
}

/* -- once -------------------------------------------------------------------------------------- */

static void pause_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

    while (nanosleep(&left, &left) != 0)
        ;
}

static unsigned columns_wanted(void)
{
    const char *said = getenv("COLUMNS");
    const long n = said ? strtol(said, NULL, 10) : 0;

    return n > 0 && n <= TOP_COLUMNS_MAX ? (unsigned)n : 80;
}

static int print_once(struct top *t)
{
    const struct text *out = &t->lines.text;

    ask_overview(t);
    if (t->now) {
        pause_ms(t->interval_ms);
        ask_overview(t);
    }
    if (t->fault.n) {
        fprintf(stderr, "weirctl: %.*s\n", (int)t->fault.n, t->fault.p);
        return t->code;
    }
    ask_events(t);
    draw(t, columns_wanted(), 0);
    const bool written = fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0;
    if (!written)
        perror("weirctl: can't write the answer");
    return written ? COMMAND_DONE : COMMAND_REFUSED;
}

/* -- live -------------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void press_all(struct top *t, const struct top_keys *keys)
{
    size_t used;

    for (size_t at = 0; at < keys->n; at += used) {
        const int key = top_key_parse(keys->p + at, keys->n - at, &used);
        top_press(&t->state, key);
        draw_on_terminal(t); /* so that the next key finds what there is to scroll */
    }
    ask_events(t);
}

/* Until a key or a signal ends it. */
static void look(struct top *t)
{
    struct top_keys keys;

    for (uint64_t due = now_ms(); !t->state.quit;) {
        if (now_ms() >= due) {
            if (!t->state.paused) {
                ask_overview(t);
                ask_events(t);
            }
            due = now_ms() + t->interval_ms;
        }
        draw_on_terminal(t);
        const uint64_t now = now_ms();
        const enum top_wake wake = top_term_wait(due > now ? (unsigned)(due - now) : 0, &keys);
        if (wake == TOP_WAKE_KEYS)
            press_all(t, &keys);
        else if (wake == TOP_WAKE_END)
            break;
    }
}

static int run_live(struct top *t)
{
    look(t);
    top_term_end();
    if (top_term_signal() && top_term_signal() != SIGINT) {
        signal(top_term_signal(), SIG_DFL);
        raise(top_term_signal());
    }
    return COMMAND_DONE;
}

/* -- the command ------------------------------------------------------------------------------- */

static bool read_interval(const char *s, unsigned *ms, struct text *fault)
{
    char *end;
    const double v = s ? strtod(s, &end) : 0;

    if (!s)
        return true;
    if (end == s || *end || !(v >= 0.1 && v <= 3600)) {
        text_printf(fault, "\"%s\" is no interval: seconds from 0.1 to 3600", s);
        return false;
    }
    *ms = (unsigned)(v * 1000 + 0.5);
    return true;
}

static bool read_view(const char *s, struct top_state *state, struct text *fault)
{
    if (!s || top_view_parse(s, &state->view))
        return true;
    text_printf(fault, "\"%s\" is no view: routes, clusters, breakers, workers or events", s);
    return false;
}

static bool read_options(const struct command_args *args, struct top *t, struct text *fault)
{
    const char *sort = args->options[OPTION_SORT];
    char *end = NULL;

    if (!read_interval(args->options[OPTION_INTERVAL], &t->interval_ms, fault) ||
        !read_view(args->options[OPTION_VIEW], &t->state, fault))
        return false;
    if (!sort)
        return true;
    const unsigned long column = strtoul(sort, &end, 10);
    if (*sort < '1' || *sort > '9' || *end || column > 9) {
        text_printf(fault, "\"%s\" is no column: the first has the number 1", sort);
        return false;
    }
    t->state.sort[t->state.view] = (unsigned)column - 1;
    return true;
}

static int act(const struct command_args *args, const struct client_target *to, bool json,
               struct text *fault)
{
    struct top t = {.to = *to, .interval_ms = INTERVAL_MS};
    int code;

    t.to.timeout_ms = TIMEOUT_MS;
    if (json) {
        text_str(fault, "top prints no JSON: GET /v1/overview/stream gives programs its numbers");
        return COMMAND_USAGE;
    }
    if (!read_options(args, &t, fault))
        return COMMAND_USAGE;
    text_init(&t.fault);
    text_init(&t.lines.text);
    if (!args->options[OPTION_ONCE] && top_term_begin())
        code = run_live(&t);
    else
        code = print_once(&t);
    json_decref(t.before);
    json_decref(t.now);
    json_decref(t.events);
    text_fini(&t.fault);
    text_fini(&t.lines.text);
    return code;
}

extern const struct command top;
const struct command top = {
    .name = "top",
    .operands = "",
    .summary = "watch routes, clusters, breakers and workers live",
    .help = "Keys: r, c, b, w, e choose the view, ? explains it and lists the others, q quits.\n"
            "Rates and durations are of the time between two looks. Without a terminal it prints\n"
            "one view, as with --once, after one interval.\n",
    .options =
        {
            {"interval", "SECONDS", "between two looks; 1", 0, false},
            {"view", "VIEW", "routes, clusters, breakers, workers or events", 0, false},
            {"sort", "COLUMN", "order by this column, by its number", 0, false},
            {"once", NULL, "print one view, and end", 0, false},
        },
    .act = act,
};
