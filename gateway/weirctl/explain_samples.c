/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of an access log, asked of two configurations. Requests that are alike are asked once;
 * what waits to be asked is bounded, however long the log is. */
#include "weirctl/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "weirctl/command.h"

enum {
    WAITING_MAX = 10000,      /* requests that differ, before they are asked */
    BATCH_MAX = 200,          /* in one question: what a gateway takes */
    BATCH_BYTES = 48 << 10,   /* likewise */
    REQUEST_BYTES = 16 << 10, /* of one; a longer one isn't asked */
    LINE_BYTES = 1 << 20,     /* of the log; what is longer is no request */
};

/* -- from a line to a request ------------------------------------------------------------------ */

static const char *text_of(const json_t *line, const char *key)
{
    const char *s = json_string_value(json_object_get(line, key));
    return s && *s ? s : NULL;
}

static void add_header(json_t *headers, const char *name, const char *value)
{
    char line[8192];
    if (value && snprintf(line, sizeof line, "%s: %s", name, value) < (int)sizeof line)
        json_array_append_new(headers, json_string(line));
}

/* Header fields that a line has: those of the default, and those that log.format asks for. */
static json_t *headers_of(const json_t *line)
{
    static const char family[] = "request.";
    json_t *headers = json_array(), *value;
    const char *key;
    add_header(headers, "User-Agent", text_of(line, "user_agent"));
    add_header(headers, "Referer", text_of(line, "referer"));
    json_object_foreach((json_t *)line, key, value)
    {
        const char *name = key + sizeof family - 1;
        if (strncmp(key, family, sizeof family - 1) == 0 && strcasecmp(name, "cookie") != 0)
            add_header(headers, name, json_string_value(value));
    }
    return headers;
}

static void copy(json_t *to, const char *key, const char *value)
{
    if (value)
        json_object_set_new(to, key, json_string(value));
}

/* What the gateway wrote for a byte that is no UTF-8: which one it was nobody knows. */
static bool is_garbled(const char *s)
{
    return s && strstr(s, "\xef\xbf\xbd");
}

json_t *explain_sample(const json_t *line)
{
    char url[REQUEST_BYTES];
    const char *host = text_of(line, "host"), *path = text_of(line, "path");
    const char *query = text_of(line, "query"), *scheme = text_of(line, "scheme");
    const char *source = text_of(line, "source");
    if (!host || !path || !text_of(line, "method") || is_garbled(path) || is_garbled(query))
        return NULL;
    const int n = snprintf(url, sizeof url, "%s://%s%s%s%s", scheme ? scheme : "http", host, path,
                           query ? "?" : "", query ? query : "");
    if (n >= (int)sizeof url)
        return NULL;
    json_t *o = json_object();
    copy(o, "method", text_of(line, "method"));
    copy(o, "url", url);
    copy(o, "listener", text_of(line, "listener"));
    if (source && strcmp(source, "unix") != 0)
        copy(o, "source", source);
    json_object_set_new(o, "headers", headers_of(line));
    json_object_set_new(o, "partial", json_true());
    return o;
}

/* -- asking ------------------------------------------------------------------------------------ */

struct sampling {
    const struct explain_sampling *of;
    struct explain_answerer now, then;
    json_t *waiting; /* by their text: [request, how many] */
    struct explain_changes *changes;
};

/* NULL: there is no answer, or it isn't one answer for each. */
static json_t *ask_all(struct explain_answerer *a, const json_t *requests)
{
    json_t *content = json_pack("{s:O}", "requests", requests);
    json_t *answer = explain_ask(a, content);
    json_t *list = json_object_get(answer, "answers");
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (json_array_size(list) == json_array_size(requests)) {
        json_incref(list);
    } else {
        list = NULL;
        if (answer)
            fprintf(stderr, "weirctl: %s doesn't answer that: %s\n",
                    a->to ? "the gateway" : "weir --explain",
                    error ? error : "is it an older one?");
    }
    json_decref(answer);
    json_decref(content);
    return list;
}

static bool compare(struct sampling *s, const json_t *requests, const json_t *times)
{
    json_t *now = ask_all(&s->now, requests), *then = now ? ask_all(&s->then, requests) : NULL;
    for (size_t i = 0; then && i < json_array_size(requests); i++)
        explain_changes_add(s->changes, json_array_get(requests, i), json_array_get(now, i),
                            json_array_get(then, i),
                            (size_t)json_integer_value(json_array_get(times, i)));
    const bool ok = then;
    json_decref(now);
    json_decref(then);
    return ok;
}

/* All that waits, in questions of a size that is taken. */
static bool flush(struct sampling *s)
{
    json_t *requests = json_array(), *times = json_array(), *pair;
    const char *text;
    size_t bytes = 0;
    bool ok = true;
    json_object_foreach(s->waiting, text, pair)
    {
        const size_t n = strlen(text) + 1;
        if (ok && json_array_size(requests) &&
            (json_array_size(requests) == BATCH_MAX || bytes + n > BATCH_BYTES)) {
            ok = compare(s, requests, times);
            json_array_clear(requests);
            json_array_clear(times);
            bytes = 0;
        }
        json_array_append(requests, json_array_get(pair, 0));
        json_array_append(times, json_array_get(pair, 1));
        bytes += n;
    }
    if (ok && json_array_size(requests))
        ok = compare(s, requests, times);
    json_decref(requests);
    json_decref(times);
    json_object_clear(s->waiting);
    return ok;
}

static bool take(struct sampling *s, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_t *pair = json_object_get(s->waiting, text);
    if (pair) {
        json_t *times = json_array_get(pair, 1);
        json_integer_set(times, json_integer_value(times) + 1);
    } else {
        json_object_set_new(s->waiting, text, json_pack("[Oi]", request, 1));
    }
    free(text);
    return json_object_size(s->waiting) < WAITING_MAX || flush(s);
}

/* -- the log ----------------------------------------------------------------------------------- */

static int not_json(const char *name)
{
    fprintf(stderr,
            "weirctl: %s: the first line is no JSON object. What a line of another format says is "
            "not certain: a log with log.format = \"json\" is needed. \"weirctl logs -f --json\" "
            "writes one, whatever log.format is\n",
            name);
    return COMMAND_REFUSED;
}

static int cant_read(const char *name)
{
    fprintf(stderr, "weirctl: can't read %s: %s\n", name, strerror(errno));
    return COMMAND_REFUSED;
}

/* The next line without its end, or as much of it as a line may have: then the rest is still to
 * come, and *cut. False: there is none. */
static bool read_line(FILE *f, struct text *line, bool *cut)
{
    int c = 0;
    line->n = 0;
    while (line->n < LINE_BYTES && (c = getc_unlocked(f)) != EOF && c != '\n')
        text_char(line, (char)c);
    *cut = line->n == LINE_BYTES;
    return line->n || c == '\n';
}

static void skip_line(FILE *f)
{
    for (int c; (c = getc_unlocked(f)) != EOF && c != '\n';)
        continue;
}

/* False: it is no JSON object. */
static bool take_line(struct sampling *s, struct slice text, bool *ok)
{
    json_t *line = json_loadb(text.p, text.n, 0, NULL);
    json_t *request = json_is_object(line) ? explain_sample(line) : NULL;
    const bool object = json_is_object(line);
    if (!request)
        explain_changes_unread(s->changes);
    else
        *ok = take(s, request);
    json_decref(request);
    json_decref(line);
    return object;
}

static int read_lines(struct sampling *s, FILE *f, struct text *line)
{
    bool first = true, ok = true, cut;
    while (ok && read_line(f, line, &cut)) {
        if (!cut && !slice_trim(text_slice(line)).n)
            continue;
        if (!take_line(s, cut ? SLICE("") : text_slice(line), &ok) && first)
            return not_json(s->of->samples);
        if (cut)
            skip_line(f);
        first = false;
    }
    if (ok && ferror(f))
        return cant_read(s->of->samples);
    return ok && flush(s) ? COMMAND_DONE : COMMAND_REFUSED;
}

static int read_log(struct sampling *s, FILE *f)
{
    struct text line;
    text_init(&line);
    const int code = read_lines(s, f, &line);
    text_fini(&line);
    return code;
}

static int print(const struct sampling *s)
{
    struct text out;
    text_init(&out);
    if (s->of->json) {
        json_t *o = explain_changes_json(s->changes);
        char *text = json_dumps(o, JSON_COMPACT);
        text_printf(&out, "%s\n", text);
        free(text);
        json_decref(o);
    } else {
        explain_changes_show(s->changes, &out);
    }
    const bool ok = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    text_fini(&out);
    return ok ? COMMAND_DONE : COMMAND_REFUSED;
}

static int run(struct sampling *s, FILE *f)
{
    int code = COMMAND_REFUSED;
    const bool started = explain_answerer_start(&s->now) & explain_answerer_start(&s->then);
    if (started)
        code = read_log(s, f);
    const bool well = explain_answerer_end(&s->now) & explain_answerer_end(&s->then);
    return code == COMMAND_DONE ? well ? print(s) : COMMAND_REFUSED : code;
}

int explain_samples(const struct explain_sampling *of)
{
    const bool standard = !strcmp(of->samples, "-");
    FILE *f = standard ? stdin : fopen(of->samples, "re");
    if (!f) {
        return cant_read(of->samples);
    }
    struct sampling s = {
        .of = of,
        .now = {.to = of->against ? NULL : of->to, .file = of->against},
        .then = {.file = of->candidate},
        .waiting = json_object(),
        .changes = explain_changes_new(),
    };
    const int code = run(&s, f);
    explain_changes_free(s.changes);
    json_decref(s.waiting);
    if (!standard)
        fclose(f);
    return code;
}
