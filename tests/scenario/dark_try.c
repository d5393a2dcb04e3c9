/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/dark_try.h"

#include <stdarg.h>

#include "tests/scenario/dark_case.h"

static char *words[128]; /* by the letter */

/* -- words ------------------------------------------------------------------------------------- */

void door_word(char c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    free(words[(int)c]);
    cr_assert_geq(vasprintf(&words[(int)c], fmt, ap), 0);
    va_end(ap);
}

/* `line` stands for each "\n". */
static void expand(struct text *out, const char *from, const char *line)
{
    for (; from && *from; from++) {
        if (*from == '\n' && line) {
            text_str(out, line);
        } else if (*from == '@' && from[1] == '0') {
            text_char(out, 0);
            from++;
        } else if (*from == '@' && words[(int)from[1]]) {
            text_str(out, words[(int)*++from]);
        } else {
            text_char(out, *from);
        }
    }
}

static char *expanded(const char *from, const char *line)
{
    struct text t;
    if (!from)
        return NULL;
    text_init(&t);
    expand(&t, from, line);
    text_char(&t, 0);
    return t.p;
}

/* -- asking ------------------------------------------------------------------------------------ */

/* What is another one with each answer. */
static bool is_passing(const char *line)
{
    return !strncasecmp(line, "date:", 5) || !strncasecmp(line, "x-request-id:", 13) ||
           !strncasecmp(line, "request: ", 9);
}

static char *answer_of(int status, const struct text *head, const struct text *body)
{
    struct text all, kept;
    text_init(&all);
    text_init(&kept);
    text_printf(&all, "%d\n", status);
    text_add(&all, slice_of(head->p, head->n));
    text_char(&all, '\n');
    text_add(&all, slice_of(body->p, body->n));
    for (size_t at = 0; at < all.n;) {
        const char *end = memchr(all.p + at, '\n', all.n - at);
        const size_t n = end ? (size_t)(end - all.p) - at + 1 : all.n - at;
        if (!is_passing(all.p + at))
            text_add(&kept, slice_of(all.p + at, n));
        at += n;
    }
    text_char(&kept, 0);
    text_fini(&all);
    return kept.p;
}

static void write_h1(struct text *out, const struct door *d)
{
    if (d->raw) {
        expand(out, d->raw, NULL);
        return;
    }
    struct text content;
    text_init(&content);
    expand(&content, d->content, NULL);
    text_printf(out, "%s ", d->method ? d->method : "GET");
    expand(out, d->target ? d->target : "/", NULL);
    text_str(out, " HTTP/1.1\r\nhost: ");
    expand(out, d->host ? d->host : "site.test", NULL);
    text_str(out, "\r\n");
    expand(out, d->fields, "\r\n");
    text_str(out, d->fields[0] ? "\r\n" : "");
    if (d->content || (d->method && !strcmp(d->method, "POST")))
        text_printf(out, "content-length: %zu\r\n", content.n);
    text_str(out, "\r\n");
    text_add(out, slice_of(content.p, content.n));
    text_fini(&content);
}

static char *try_h1(const struct door *d)
{
    struct text out;
    text_init(&out);
    write_h1(&out, d);
    struct talk *t = talk_open();
    talk_send_n(t, out.p, out.n);
    const struct response *r = talk_response(t);
    cr_assert(r->status, "%s: no answer: %s; sent %zu: %.*s", d->name, r->fault ? r->fault : "",
              out.n, (int)out.n, out.p);
    char *answer = answer_of(r->status, &r->head, &r->body);
    text_fini(&out);
    talk_close(t);
    return answer;
}

static char *try_h2(const struct door *d)
{
    char *path = expanded(d->target, NULL), *host = expanded(d->host, NULL),
         *fields = expanded(d->fields, NULL), *content = expanded(d->content, NULL);
    struct h2_talk *t = h2_talk_open();
    const struct h2_ask_spec ask = {
        .method = d->method, .path = path, .authority = host, .fields = fields, .content = content};
    const struct h2_stream *s = h2_answer(t, h2_ask_with(t, &ask));
    cr_assert(s->status || s->reset >= 0, "%s: no answer", d->name);
    char *answer = answer_of(s->status, &s->head, &s->body);
    h2_talk_close(t);
    free(path);
    free(host);
    free(fields);
    free(content);
    return answer;
}

/* One row for each protocol. */
struct door_answers {
    size_t n;
    char *of[][2];
};

struct door_answers *doors_try(const struct door *doors, size_t n)
{
    struct door_answers *all = calloc(1, sizeof *all + n * sizeof *all->of);
    all->n = n;
    for (size_t i = 0; i < n; i++) {
        all->of[i][0] = try_h1(&doors[i]);
        all->of[i][1] = doors[i].raw || doors[i].h1_only ? NULL : try_h2(&doors[i]);
        cr_assert_eq(origin_connections(dark_dark), 0, "%s: the dark origin was connected to",
                     doors[i].name);
    }
    return all;
}

unsigned doors_compare(const struct door *doors, struct door_answers *with)
{
    struct door_answers *without = calloc(1, sizeof *without + with->n * sizeof *without->of);
    unsigned compared = 0;
    for (size_t i = 0; i < with->n; i++) {
        without->of[i][0] = try_h1(&doors[i]);
        without->of[i][1] = with->of[i][1] ? try_h2(&doors[i]) : NULL;
        for (unsigned h2 = 0; h2 < 2; h2++) {
            const char *a = with->of[i][h2], *b = without->of[i][h2];
            compared += a != NULL;
            cr_expect(!a || !strcmp(a, b), "%s (HTTP/%u): with a dark launch\n%s\nand without\n%s",
                      doors[i].name, h2 + 1, a, b);
            free(with->of[i][h2]);
            free(without->of[i][h2]);
        }
    }
    free(with);
    free(without);
    return compared;
}
