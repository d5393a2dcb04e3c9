/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of many requests in two configurations: those whose way differs, by what it was and
 * what it would be, with an example of each. Weights may differ: who may get a request is compared,
 * and not who gets it. */
#include "weirctl/explain.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "weirctl/answer.h"

struct explain_changes {
    size_t read, same, changed, undecided, unread;
    json_t *groups; /* by both ways: {"from", "to", "requests", "example"} */
    json_t *open;   /* by condition: {"route", "condition", "name", "requests"} */
};

struct explain_changes *explain_changes_new(void)
{
    struct explain_changes *c = calloc(1, sizeof *c);
    must(c);
    c->groups = json_object();
    c->open = json_object();
    return c;
}

void explain_changes_free(struct explain_changes *c)
{
    json_decref(c->groups);
    json_decref(c->open);
    free(c);
}

/* -- ways -------------------------------------------------------------------------------------- */

static const char *member(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "cart or cart-v2 as next", in the order of the alphabet. */
static void add_clusters(struct text *out, const json_t *list)
{
    const size_t n = json_array_size(list);
    char **names = calloc(n ? n : 1, sizeof *names);
    must(names);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = json_array_get(list, i);
        const char *cluster = member(c, "cluster"), *variant = member(c, "variant");
        const bool named = *variant && strcmp(variant, cluster) != 0;
        struct text t;
        text_init(&t);
        text_printf(&t, "%s%s%s%c", cluster, named ? " as " : "", named ? variant : "", '\0');
        names[i] = t.p;
    }
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++) {
        if (!i || strcmp(names[i], names[i - 1]) != 0)
            text_printf(out, "%s%s", i ? " or " : " to ", names[i]);
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* NUL-terminated. */
static void write_way(const json_t *answer, struct text *out)
{
    static const struct {
        const char *why, *words;
    } whys[] = {{"no_route", "no route (404)"},
                {"misdirected", "no route on this listener (421)"},
                {"redirect_to_https", "the listener's redirect to https"}};
    const char *why = member(answer, "why"), *ends = member(answer, "ends_in");
    text_init(out);
    if (*member(answer, "error")) {
        text_printf(out, "refused: %s", member(answer, "error"));
    } else if (*why) {
        for (size_t i = 0; i < array_n(whys); i++)
            if (!strcmp(why, whys[i].why))
                why = whys[i].words;
        text_str(out, why);
    } else {
        text_printf(out, "route %s", member(answer, "route"));
        if (!strcmp(ends, "redirect") || !strcmp(ends, "respond"))
            text_printf(out, " (%s %lld)", ends,
                        (long long)json_integer_value(json_object_get(answer, "status")));
        add_clusters(out, answer_list(answer, "clusters"));
    }
    text_char(out, '\0');
}

/* -- counting ---------------------------------------------------------------------------------- */

static void count(json_t *group, size_t times)
{
    const json_int_t before = json_integer_value(json_object_get(group, "requests"));
    json_object_set_new(group, "requests", json_integer(before + (json_int_t)times));
}

static void add_change(struct explain_changes *c, const char *from, const char *to,
                       const json_t *example, size_t times)
{
    struct text key;
    text_init(&key);
    text_printf(&key, "%s\n%s%c", from, to, '\0');
    json_t *group = json_object_get(c->groups, key.p);
    if (!group) {
        group = json_pack("{s:s, s:s, s:O}", "from", from, "to", to, "example", example);
        json_object_set_new(c->groups, key.p, group);
    }
    count(group, times);
    c->changed += times;
    text_fini(&key);
}

static void add_open(struct explain_changes *c, const json_t *open, size_t times)
{
    struct text key;
    text_init(&key);
    text_printf(&key, "%s\n%s\n%s%c", member(open, "route"), member(open, "condition"),
                member(open, "name"), '\0');
    json_t *group = json_object_get(c->open, key.p);
    if (!group) {
        group = json_copy((json_t *)open);
        json_object_set_new(c->open, key.p, group);
    }
    count(group, times);
    c->undecided += times;
    text_fini(&key);
}

void explain_changes_add(struct explain_changes *c, const json_t *example, const json_t *now,
                         const json_t *then, size_t times)
{
    const json_t *open = json_object_get(now, "open");
    struct text from, to;
    c->read += times;
    if (!open)
        open = json_object_get(then, "open");
    if (json_is_object(open)) {
        add_open(c, open, times);
        return;
    }
    write_way(now, &from);
    write_way(then, &to);
    if (strcmp(from.p, to.p) != 0)
        add_change(c, from.p, to.p, example, times);
    else
        c->same += times;
    text_fini(&from);
    text_fini(&to);
}

void explain_changes_unread(struct explain_changes *c)
{
    c->unread++;
}

/* -- showing ----------------------------------------------------------------------------------- */

static void show_groups(const struct explain_changes *c, struct text *out)
{
    const char *key;
    json_t *group;
    json_object_foreach(c->groups, key, group)
    {
        const json_t *example = json_object_get(group, "example");
        text_str(out, "\n");
        answer_add(out, group, "requests");
        text_str(out, " from ");
        answer_add(out, group, "from");
        text_str(out, "\n  to ");
        answer_add(out, group, "to");
        text_str(out, "\n  such as ");
        answer_add(out, example, "method");
        text_char(out, ' ');
        answer_add(out, example, "url");
        text_char(out, '\n');
    }
}

static void show_open(const struct explain_changes *c, struct text *out)
{
    const char *key;
    json_t *group;
    if (!c->undecided)
        return;
    text_str(out, "\nNot to be told from the log, which doesn't hold what a route asks for:\n");
    json_object_foreach(c->open, key, group)
    {
        text_str(out, "  ");
        answer_add(out, group, "requests");
        text_str(out, ": route ");
        answer_add(out, group, "route");
        text_str(out, " asks for ");
        answer_add(out, group, "condition");
        text_char(out, ' ');
        answer_add(out, group, "name");
        text_char(out, '\n');
    }
}

void explain_changes_show(const struct explain_changes *c, struct text *out)
{
    text_printf(out, "%zu requests: %zu go the same way, %zu would go another, %zu can't be told\n",
                c->read, c->same, c->changed, c->undecided);
    if (c->unread)
        text_printf(out, "%zu lines are no requests that could be asked\n", c->unread);
    show_groups(c, out);
    show_open(c, out);
}

static json_t *values_of(json_t *o)
{
    json_t *list = json_array(), *value;
    const char *key;
    json_object_foreach(o, key, value) json_array_append(list, value);
    return list;
}

json_t *explain_changes_json(const struct explain_changes *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "read", (json_int_t)c->read, "same",
                     (json_int_t)c->same, "changed", (json_int_t)c->changed, "undecided",
                     (json_int_t)c->undecided, "unread", (json_int_t)c->unread, "changes",
                     values_of(c->groups), "open", values_of(c->open));
}
