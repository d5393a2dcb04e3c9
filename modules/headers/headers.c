/* SPDX-License-Identifier: Apache-2.0 */
/* Changes header fields of requests on their way inward and of responses on their way out:
 *
 *     headers = { request  = { set = ( { name = "X-User"; value = "%{claim.sub}"; } ); };
 *                 response = { remove = [ "Server" ]; }; };
 *
 * The edits of one direction are made in a fixed order, whatever the file's is: remove, rename,
 * set, append, add. A value is rendered per exchange; one that could not stand in a header field
 * (a line end in a claim) is left out and counted, so nothing that a client sends can begin a field
 * of its own.
 *
 * When `set` has no value to give, because a variable has nothing to say or says what can't stand
 * in a field, it takes the field away: what a client sent under that name must not pass for ours. */
#include "headers/headers.h"

#include <string.h>
#include <strings.h>

enum { COUNT_CHANGED, COUNT_INVALID };
static const struct weir_counter counters[] = {
    [COUNT_CHANGED] = {"changed", "header fields set, added, renamed or removed"},
    [COUNT_INVALID] = {"invalid", "values left out because no header field may hold them"},
    {0},
};

/* -- settings ---------------------------------------------------------------------------------- */

static void edit_check(struct weir_load *l, void *group)
{
    struct edit *e = group;
    e->name = weir_name(e->text);
    if (e->text.p && !weir_field_settable(e->text)) /* absent: that was said */
        weir_fault(l, &e->place, "the field \"%s\" can't be set: it isn't a field name, or the "
                                 "gateway decides on it", e->text.p);
}

/* RFC 9110 5.3, RFC 6265 3 and 4.2: lines of these can't be joined by commas. */
static void append_check(struct weir_load *l, void *group)
{
    const struct edit *e = group;
    edit_check(l, group);
    if (e->text.n && (!strcasecmp(e->text.p, "set-cookie") || !strcasecmp(e->text.p, "cookie")))
        weir_fault(l, &e->place,
                   "the field \"%s\" isn't a list, so nothing can be appended to it; "
                   "use add or set",
                   e->text.p);
}

static void renaming_check(struct weir_load *l, void *group)
{
    struct renaming *r = group;
    r->from = weir_name(r->from_text);
    r->to = weir_name(r->to_text);
    if (r->from_text.p && !weir_field_settable(r->from_text))
        weir_fault(l, &r->place, "the field \"%s\" can't be renamed", r->from_text.p);
    if (r->to_text.p && !weir_field_settable(r->to_text))
        weir_fault(l, &r->place, "no field can be renamed to \"%s\"", r->to_text.p);
}

static void edits_check(struct weir_load *l, void *group)
{
    struct edits *e = group;
    e->removed = weir_load_alloc(l, e->remove.n * sizeof *e->removed);
    for (size_t i = 0; i < e->remove.n; i++) {
        e->removed[i] = weir_name(e->remove.v[i]);
        if (!weir_field_settable(e->remove.v[i]))
            weir_fault(l, weir_load_place(l), "the field \"%s\" can't be removed: it isn't a field "
                                              "name, or the gateway decides on it",
                       e->remove.v[i].p);
    }
}

#define EDIT_ROWS(moment)                                                                          \
    {                                                                                              \
        WEIR_ROW_TEXT("name", struct edit, text, NULL, "the field's name", .required = true),      \
        WEIR_ROW_TEMPLATE("value", struct edit, value, moment,                                     \
                          "its value; %{NAME} stands for a variable", .required = true),           \
        WEIR_ROW_END,                                                                              \
    }
static const struct weir_setting request_edit_rows[] = EDIT_ROWS(WEIR_AT_FORWARD);
static const struct weir_setting response_edit_rows[] = EDIT_ROWS(WEIR_AT_RESPONSE);

static const struct weir_setting renaming_rows[] = {
    WEIR_ROW_TEXT("from", struct renaming, from_text, NULL, "the name it has", .required = true),
    WEIR_ROW_TEXT("to", struct renaming, to_text, NULL, "the name it gets", .required = true),
    WEIR_ROW_END,
};

#define EDITS_ROWS(rows)                                                                           \
    {                                                                                              \
        WEIR_ROW_TEXTS("remove", struct edits, remove, "names of fields that are taken away"),     \
        WEIR_ROW_LIST("rename", struct edits, rename, renaming_rows, struct renaming,              \
                      "fields that get another name", .check = renaming_check),                    \
        WEIR_ROW_LIST("set", struct edits, set, rows, struct edit,                                 \
                      "fields that are there once, with this value; an empty one takes them away", \
                      .check = edit_check),                                                        \
        WEIR_ROW_LIST("append", struct edits, append, rows, struct edit,                           \
                      "values that are put behind what a field has, after a comma",                \
                      .check = append_check),                                                      \
        WEIR_ROW_LIST("add", struct edits, add, rows, struct edit, "further lines of fields",      \
                      .check = edit_check),                                                        \
        WEIR_ROW_END,                                                                              \
    }
static const struct weir_setting request_rows[] = EDITS_ROWS(request_edit_rows);
static const struct weir_setting response_rows[] = EDITS_ROWS(response_edit_rows);

static const struct weir_setting headers_rows[] = {
    WEIR_ROW_GROUP("request", struct headers, request, request_rows,
                   "changes of requests, on their way to the cluster", .check = edits_check),
    WEIR_ROW_GROUP("response", struct headers, response, response_rows,
                   "changes of responses, also of the gateway's own", .check = edits_check),
    WEIR_ROW_END,
};

static void headers_load_route(struct weir_load *l, void *conf, void *global)
{
    struct headers *h = conf;
    (void)global;
    h->counters = weir_counters(l, counters, NULL, 0);
}

/* -- editing ----------------------------------------------------------------------------------- */

/* What is being edited, and what was done. */
struct editing {
    struct weir_exchange *x;
    enum weir_head head;
    unsigned changed, invalid;
};

static void note(struct editing *e, bool done)
{
    if (done)
        e->changed++;
    else
        e->invalid++;
}

static void remove_fields(struct editing *e, const struct edits *edits)
{
    for (size_t i = 0; i < edits->remove.n; i++)
        if (weir_field_remove(e->x, e->head, &edits->removed[i]))
            e->changed++;
}

/* White space around a value is none of it (RFC 9110 5.5). */
static struct weir_slice rendered(struct editing *e, const struct edit *edit)
{
    struct weir_slice v = weir_render(e->x, edit->value);
    while (v.n && (v.p[0] == ' ' || v.p[0] == '\t'))
        v = (struct weir_slice){v.p + 1, v.n - 1};
    while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
        v.n--;
    return v;
}

static void set_field(struct editing *e, const struct edit *edit)
{
    const struct weir_slice value = rendered(e, edit);
    if (value.n && weir_field_set(e->x, e->head, &edit->name, value)) {
        e->changed++;
        return;
    }
    if (!value.p || value.n)
        e->invalid++;
    if (weir_field_remove(e->x, e->head, &edit->name))
        e->changed++;
}

static bool is_named(const struct edit *edit, struct weir_slice name)
{
    return name.n == edit->name.text.n && !strncasecmp(name.p, edit->name.text.p, name.n);
}

/* All lines of the field and the value as one line (RFC 9110 5.3); `size`: bytes that they take. */
static struct weir_slice joined(struct editing *e, const struct edit *edit, struct weir_slice value,
                                size_t size)
{
    char *const to = weir_alloc(e->x, size + value.n);
    struct weir_slice name, line;
    size_t n = 0, at = 0;
    while (weir_field_each(e->x, e->head, &at, &name, &line)) {
        if (!is_named(edit, name) || line.n == 0)
            continue;
        memcpy(to + n, line.p, line.n);
        memcpy(to + n + line.n, ", ", 2);
        n += line.n + 2;
    }
    memcpy(to + n, value.p, value.n);
    return (struct weir_slice){to, n + value.n};
}

static void append_field(struct editing *e, const struct edit *edit)
{
    const struct weir_slice value = rendered(e, edit);
    struct weir_slice name, line;
    size_t size = 0, at = 0;
    if (value.p && value.n == 0)
        return;
    while (weir_field_each(e->x, e->head, &at, &name, &line))
        size += is_named(edit, name) ? line.n + 2 : 0;
    note(e, value.p && weir_field_set(e->x, e->head, &edit->name, joined(e, edit, value, size)));
}

static void add_field(struct editing *e, const struct edit *edit)
{
    const struct weir_slice value = rendered(e, edit);
    if (value.p && value.n == 0)
        return;
    note(e, value.p && weir_field_add(e->x, e->head, &edit->name, value));
}

static void each(struct editing *e, const struct weir_groups *g,
                 void (*fn)(struct editing *e, const struct edit *edit))
{
    const struct edit *v = g->v;
    for (size_t i = 0; i < g->n; i++)
        fn(e, &v[i]);
}

static void apply(struct weir_exchange *x, enum weir_head head, const struct edits *edits,
                  const struct headers *h)
{
    struct editing e = {.x = x, .head = head};
    const struct renaming *renamings = edits->rename.v;
    remove_fields(&e, edits);
    for (size_t i = 0; i < edits->rename.n; i++)
        e.changed += weir_field_rename(x, head, &renamings[i].from, &renamings[i].to);
    each(&e, &edits->set, set_field);
    each(&e, &edits->append, append_field);
    each(&e, &edits->add, add_field);
    weir_count(weir_process_of(x), h->counters, COUNT_CHANGED, e.changed);
    weir_count(weir_process_of(x), h->counters, COUNT_INVALID, e.invalid);
}

static enum weir_verdict headers_on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct headers *h = u->conf;
    apply(x, WEIR_INWARD, &h->request, h);
    return WEIR_NEXT;
}

static void headers_on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct headers *h = u->conf;
    apply(x, WEIR_RESPONSE, &h->response, h);
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "headers",
    .summary = "adds, sets, renames and removes header fields",
    .route = {.rows = headers_rows, .size = sizeof(struct headers)},
    .counters = counters,
    .load_route = headers_load_route,
    .explain = headers_explain,
    .on_forward = headers_on_forward,
    .on_response = headers_on_response,
};
