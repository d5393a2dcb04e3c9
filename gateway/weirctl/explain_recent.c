/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of a request, told in the order in which it happened. */
#include "weirctl/explain.h"

#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/table.h"

static const char *member(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static bool is_set(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* "words VALUE", where there is one. */
static void add_member(struct text *out, const char *words, const json_t *o, const char *key)
{
    if (!json_object_get(o, key))
        return;
    text_str(out, words);
    answer_add(out, o, key);
}

static void add_ms(struct text *out, const char *words, const json_t *o, const char *key)
{
    double us;
    if (!answer_number(o, key, &us))
        return;
    text_str(out, words);
    text_printf(out, us < 10000 ? "%.2f ms" : "%.0f ms", us / 1000);
}

/* -- the request ------------------------------------------------------------------------------- */

static void show_line(const json_t *r, struct text *out)
{
    double http = 0;
    text_str(out, "Request   ");
    answer_add(out, r, "method");
    text_char(out, ' ');
    answer_add(out, r, "scheme");
    text_str(out, "://");
    answer_plain(out, member(r, "host"));
    answer_plain(out, member(r, "target"));
    if (is_set(r, "target_cut"))
        text_str(out, "...");
    if (answer_number(r, "http", &http) && http > 0)
        text_printf(out, " (HTTP/%.1f)", http / 10);
    add_member(out, "\nCame      by listener ", r, "listener");
    add_member(out, " from ", r, "source");
    add_member(out, ", at ", r, "began");
    text_str(out, is_set(r, "identity") ? ", with an identity\n" : "\n");
    add_member(out, "Id        ", r, "id");
    add_member(out, ", trace ", r, "trace_id");
    add_member(out, "\nServed    by worker ", r, "worker");
    add_member(out, " of generation ", r, "generation");
    text_char(out, '\n');
}

static void show_route(const json_t *r, struct text *out)
{
    if (is_set(r, "to_https")) {
        text_str(out, "Route     none: the listener sends it to https\n");
        return;
    }
    text_str(out, "Route     ");
    text_str(out, *member(r, "route") ? "" : "none");
    if (*member(r, "route"))
        answer_add(out, r, "route");
    add_ms(out, ", found after ", r, "routed_us");
    add_member(out, "\nCluster   ", r, "cluster");
    add_member(out, " as ", r, "variant");
    add_member(out, ", by ", r, "chosen_by");
    text_char(out, '\n');
}

/* -- attempts ---------------------------------------------------------------------------------- */

static void show_how(const json_t *at, struct text *cell)
{
    const char *how = member(at, "how");
    if (!strcmp(how, "stale"))
        text_str(cell, "again: the kept connection was closed");
    else if (!strcmp(how, "refused"))
        text_str(cell, "again: the backend had not taken it");
    else if (!strcmp(how, "hedge"))
        text_str(cell, "beside the first, which took long");
    else
        answer_add(cell, at, "how");
    add_member(cell, " by ", at, "by");
    add_member(cell, ", ", at, "balance");
}

static void show_outcome(const json_t *at, struct text *cell)
{
    const size_t before = cell->n;
    add_member(cell, "", at, "status");
    add_member(cell, cell->n > before ? " " : "", at, "outcome");
    if (cell->n == before)
        text_char(cell, '-');
    if (is_set(at, "injected"))
        text_str(cell, ", a fault was injected");
    if (is_set(at, "given"))
        text_str(cell, ", given to the client");
}

static void ms_cell(struct table *t, const json_t *at, const char *key)
{
    struct text *cell = table_cell(t);
    const size_t before = cell->n;
    add_ms(cell, "", at, key);
    if (cell->n == before)
        text_char(cell, '-');
}

static void connect_cell(struct table *t, const json_t *at)
{
    if (is_set(at, "reused"))
        text_str(table_cell(t), "kept");
    else
        ms_cell(t, at, "connect_us");
}

static void show_attempts(const json_t *r, struct text *out)
{
    static const char *const heads[] = {">#",       "WHY",   "CLUSTER", "ENDPOINT", ">AT",
                                        ">CONNECT", ">HEAD", ">TOOK",   "OUTCOME",  NULL};
    const json_t *attempts = answer_list(r, "attempts"), *at;
    double all = 0;
    struct table t;
    size_t i;
    if (!json_array_size(attempts))
        return;
    text_char(out, '\n');
    table_init(&t, heads);
    json_array_foreach(attempts, i, at)
    {
        answer_add(table_cell(&t), at, "number");
        show_how(at, table_cell(&t));
        answer_add(table_cell(&t), at, "cluster");
        answer_add(table_cell(&t), at, "endpoint");
        ms_cell(&t, at, "began_us");
        connect_cell(&t, at);
        ms_cell(&t, at, "head_us");
        ms_cell(&t, at, "took_us");
        show_outcome(at, table_cell(&t));
    }
    table_write(&t, out);
    if (answer_number(r, "attempts_n", &all) && all > (double)json_array_size(attempts))
        text_printf(out, "... of %.0f attempts\n", all);
    add_member(out, "No further attempt: ", r, "retry_refused");
    if (*member(r, "retry_refused"))
        text_char(out, '\n');
}

/* -- the answer -------------------------------------------------------------------------------- */

static void show_end(const json_t *r, struct text *out)
{
    text_str(out, "\nAnswer    ");
    text_str(out, json_object_get(r, "status") ? "" : "none");
    add_member(out, "", r, "status");
    add_member(out, ", grpc-status ", r, "grpc_status");
    if (is_set(r, "own"))
        text_str(out, ", by weir itself");
    add_member(out, ", as the module says: ", r, "answered_by");
    add_ms(out, ", its head after ", r, "head_sent_us");
    add_ms(out, ", all of it after ", r, "took_us");
    text_char(out, '\n');
    if (strcmp(member(r, "outcome"), "ok") != 0) {
        text_str(out, "Because   ");
        answer_add(out, r, "outcome");
        add_member(out, " (", r, "detail");
        text_str(out, json_object_get(r, "detail") ? ")" : "");
        add_member(out, ": ", r, "because");
        text_char(out, '\n');
    }
    add_member(out, "Content   ", r, "bytes_in");
    add_member(out, " bytes of the request, ", r, "bytes_out");
    text_str(out,
             is_set(r, "tunnel") ? " of the response, through a tunnel\n" : " of the response\n");
}

/* -- now --------------------------------------------------------------------------------------- */

static bool has_cluster(const json_t *now, const char *cluster)
{
    const json_t *list = answer_list(now, "clusters"), *c;
    size_t i;
    json_array_foreach(list, i, c) if (!strcmp(member(c, "cluster"), cluster)) return true;
    return !json_array_size(list) && !*cluster;
}

static bool is_same(const json_t *r, const json_t *now)
{
    if (is_set(r, "to_https"))
        return !strcmp(member(now, "why"), "redirect_to_https");
    return !strcmp(member(r, "route"), member(now, "route")) &&
           (!*member(r, "cluster") || has_cluster(now, member(r, "cluster")));
}

static void show_clusters(const json_t *now, struct text *out)
{
    const json_t *list = answer_list(now, "clusters"), *c;
    size_t i;
    json_array_foreach(list, i, c)
    {
        text_str(out, i ? " or " : ", to ");
        answer_add(out, c, "cluster");
    }
}

static void show_now(const json_t *r, const json_t *now, struct text *out)
{
    const json_t *open = json_object_get(now, "open");
    text_str(out, "\nNow       ");
    if (json_object_get(now, "error")) {
        text_str(out, "it would be refused: ");
        answer_add(out, now, "error");
    } else if (is_same(r, now)) {
        text_str(out, "it would go the same way");
    } else if (*member(now, "route")) {
        text_str(out, "it would get route ");
        answer_add(out, now, "route");
        show_clusters(now, out);
    } else {
        text_str(out, "it would get no route: ");
        answer_add(out, now, "why");
    }
    if (json_is_object(open)) {
        text_str(out, ", as far as is known: route ");
        answer_add(out, open, "route");
        text_str(out, " asks for ");
        answer_add(out, open, "condition");
        text_char(out, ' ');
        answer_add(out, open, "name");
        text_str(out, ", which is not remembered");
    }
    text_char(out, '\n');
}

void explain_show_recent(const json_t *answer, struct text *out)
{
    const json_t *r = json_object_get(answer, "request"), *now = json_object_get(answer, "now");
    show_line(r, out);
    show_route(r, out);
    show_attempts(r, out);
    show_end(r, out);
    if (json_is_object(now))
        show_now(r, now, out);
}
