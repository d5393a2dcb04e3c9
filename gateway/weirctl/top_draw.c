/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are written in full, then cut: whatever a name holds, none is longer than the terminal is
 * wide. What isn't ASCII is shown as "?", as how wide it would be is the terminal's secret. */
#include "weirctl/top_draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "weirctl/answer.h"
#include "weirctl/duration.h"
#include "weirctl/top_rows.h"

enum { COLUMNS_LEAST = 20, LINES_LEAST = 8, ABOVE = 5 /* lines above the rows */ };

struct page {
    struct top_state *state;
    const struct top_shown *shown;
    unsigned columns, lines;
    struct top_lines *out;
    struct text line; /* that is being written */
};

/* -- lines ------------------------------------------------------------------------------------- */

/* ASCII of what may be UTF-8, in which a character has one byte that isn't 10xxxxxx. */
static void add_plain(struct text *t, const char *p, size_t n, size_t room)
{
    for (size_t i = 0; i < n && room; i++) {
        const unsigned char c = (unsigned char)p[i];
        if ((c & 0xc0) == 0x80)
            continue;
        text_char(t, c < 0x20 || c > 0x7e ? '?' : (char)c);
        room--;
    }
}

static void end_line(struct page *p, enum top_style style)
{
    struct top_lines *out = p->out;

    if (out->n < TOP_LINES_MAX && (!p->lines || out->n < p->lines)) {
        add_plain(&out->text, p->line.p, p->line.n, p->columns);
        text_char(&out->text, '\n');
        out->styles[out->n++] = style;
    }
    p->line.n = 0;
}

/* So that what follows stands at the right end. */
static void push_right(struct page *p, size_t width)
{
    while (p->line.n + width < p->columns)
        text_char(&p->line, ' ');
}

/* -- the head ---------------------------------------------------------------------------------- */

static double number(const json_t *o, const char *key)
{
    double v;

    return answer_number(o, key, &v) ? v : 0;
}

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static void write_name(struct page *p)
{
    const json_t *now = p->shown->pair.now;
    const time_t s = (time_t)(number(now, "now_ms") / 1000);
    struct text *t = &p->line;
    struct tm utc;
    char when[16];

    text_str(t, "weir ");
    answer_add(t, now, "version");
    if (*word(now, "instance"))
        text_printf(t, "  %s", word(now, "instance"));
    text_str(t, "  up ");
    duration_text(t, (double)s - number(now, "started"));
    text_printf(t, "  generation %.0f", number(now, "generation"));
    if (number(now, "reloads_failed") > 0)
        text_printf(t, "  %.0f reloads failed", number(now, "reloads_failed"));
    if (number(now, "restarts") > 0)
        text_printf(t, "  %.0f restarts", number(now, "restarts"));
    strftime(when, sizeof when, "%H:%M:%S UTC", gmtime_r(&s, &utc));
    push_right(p, strlen(when));
    text_str(t, when);
    end_line(p, TOP_STRONG);
}

struct totals {
    double requests, c4, c5, p50, p99, active, connections;
};

static void add_traffic(const struct top_pair *p, const json_t *now, const json_t *before,
                        struct totals *to)
{
    to->requests += top_rate(p, now, before, "requests");
    to->c4 += top_rate_at(p, now, before, "status", 4);
    to->c5 += top_rate_at(p, now, before, "status", 5);
}

static void add_shares(const struct top_pair *p, struct totals *to)
{
    const json_t *routes = answer_list(p->now, "routes"), *route;
    const size_t n = json_array_size(routes) + 1;
    const json_t **now = calloc(n, sizeof *now), **before = calloc(n, sizeof *before);
    size_t i;

    must(now && before);
    json_array_foreach(routes, i, route)
    {
        now[i] = json_object_get(route, "traffic");
        before[i] = json_object_get(top_find(answer_list(p->before, "routes"), "name", route, i),
                                    "traffic");
    }
    now[n - 1] = json_object_get(p->now, "unrouted");
    before[n - 1] = json_object_get(p->before, "unrouted");
    for (i = 0; i < n; i++)
        add_traffic(p, now[i], before[i], to);
    to->p50 = top_share_us(p, now, before, n, 0.5);
    to->p99 = top_share_us(p, now, before, n, 0.99);
    free(now);
    free(before);
}

static struct totals totals_of(const struct top_pair *p)
{
    struct totals all = {0};
    const json_t *one;
    size_t i;

    add_shares(p, &all);
    json_array_foreach(answer_list(p->now, "workers"), i, one) all.active += number(one, "active");
    json_array_foreach(answer_list(p->now, "listeners"), i, one) all.connections +=
        number(one, "connections");
    return all;
}

static void write_totals(struct page *p)
{
    const struct totals all = totals_of(&p->shown->pair);
    struct text *t = &p->line;

    text_str(t, "req/s ");
    top_rate_text(t, all.requests);
    text_str(t, "  4xx/s ");
    top_rate_text(t, all.c4);
    text_str(t, "  5xx/s ");
    top_rate_text(t, all.c5);
    text_str(t, "  p50 ");
    top_us_text(t, all.p50);
    text_str(t, "  p99 ");
    top_us_text(t, all.p99);
    text_printf(t, "  active %.0f  conns %.0f", all.active, all.connections);
    end_line(p, all.c5 > 0 ? TOP_BAD : TOP_PLAIN);
}

static size_t count_open(const json_t *now)
{
    const json_t *breaker, *circuit;
    size_t i, k, n = 0;

    json_array_foreach(answer_list(now, "breakers"), i, breaker)
    {
        json_array_foreach(answer_list(breaker, "circuits"), k, circuit) n +=
            strcmp(word(circuit, "state"), "closed") != 0;
    }
    return n;
}

static size_t count_away(const json_t *now)
{
    const json_t *cluster, *ep;
    size_t i, k, n = 0;

    json_array_foreach(answer_list(now, "clusters"), i, cluster)
    {
        json_array_foreach(answer_list(cluster, "endpoints"), k, ep) n +=
            strcmp(word(ep, "state"), "ok") != 0;
    }
    return n;
}

static void write_fleet(struct page *p)
{
    const json_t *now = p->shown->pair.now, *fleet = json_object_get(now, "fleet");
    const size_t open = count_open(now), away = count_away(now);
    const size_t overrides = json_array_size(answer_list(now, "overrides"));
    const bool apart = json_is_object(fleet) && !json_is_true(json_object_get(fleet, "joined"));
    struct text *t = &p->line;

    if (!json_is_object(fleet))
        text_str(t, "no fleet");
    else
        text_printf(t, "fleet %s, %zu instances", word(fleet, "state"),
                    json_array_size(answer_list(fleet, "members")));
    text_printf(t, "  circuits open %zu  endpoints not ok %zu", open, away);
    if (overrides)
        text_printf(t, "  overrides %zu", overrides);
    end_line(p, open || away || apart ? TOP_BAD : TOP_PLAIN);
}

static void write_tabs(struct page *p)
{
    const struct top_state *s = p->state;
    const char *right = s->paused ? "PAUSED  ? help  q quit" : "? help  q quit";

    for (int v = 0; v < TOP_VIEWS; v++) {
        const char *name = top_view_name((enum top_view)v);
        text_printf(&p->line, v == (int)s->view ? "[%s] " : " %s  ", name);
    }
    push_right(p, strlen(right));
    text_str(&p->line, right);
    end_line(p, TOP_PLAIN);
}

/* -- the rows ---------------------------------------------------------------------------------- */

static void write_value(struct text *t, enum top_kind kind, double v)
{
    if (kind == TOP_RATE)
        top_rate_text(t, v);
    else if (kind == TOP_US)
        top_us_text(t, v);
    else if (kind == TOP_BYTES)
        top_bytes_text(t, v);
    else if (isnan(v))
        text_char(t, '-');
    else
        text_printf(t, kind == TOP_PERCENT ? "%.1f%%" : "%.0f", v);
}

/* Into `width` columns, the first a space: text to the left, numbers to the right. */
static void write_cell(struct page *p, const struct text *cell, unsigned width, bool left)
{
    struct text plain;

    text_init(&plain);
    add_plain(&plain, cell->p, cell->n, width - 1);
    const size_t pad = width - plain.n;
    text_printf(&p->line, "%*s", (int)(left ? 1 : pad), "");
    text_add(&p->line, text_slice(&plain));
    text_printf(&p->line, "%*s", (int)(left ? pad - 1 : 0), "");
    text_fini(&plain);
}

/* The first column gets what the others leave; those at the right go where there is too little. */
struct layout {
    size_t n;
    unsigned first, last; /* widths of the first and, where it is a text, the last column */
};

static struct layout layout_of(const struct top_rows *r, unsigned columns)
{
    struct layout l = {.n = 1, .first = r->columns[0].width};
    unsigned used = l.first;

    while (l.n < r->columns_n && used + r->columns[l.n].width <= columns)
        used += r->columns[l.n++].width;
    const unsigned left = columns > used ? columns - used : 0;
    l.last = r->columns[l.n - 1].width;
    if (l.n > 1 && r->columns[l.n - 1].kind == TOP_TEXT)
        l.last += left;
    else
        l.first += left;
    return l;
}

static unsigned width_of(const struct top_rows *r, const struct layout *l, size_t i)
{
    return i + 1 == l->n ? l->last : r->columns[i].width;
}

static void write_first(struct page *p, const char *name, unsigned indent, unsigned width)
{
    const size_t at = p->line.n;
    const unsigned room = width > indent ? width - indent : 0;

    text_printf(&p->line, "%*s", (int)indent, "");
    add_plain(&p->line, name, strlen(name), room);
    while (p->line.n - at < width)
        text_char(&p->line, ' ');
}

static void write_heads(struct page *p, const struct top_rows *r, const struct layout *l)
{
    write_first(p, r->columns[0].head, 0, l->first);
    for (size_t i = 1; i < l->n; i++) {
        const bool by = p->state->sort[p->state->view] == i;
        struct text head;
        text_init(&head);
        text_printf(&head, "%s%s", r->columns[i].head, by ? p->state->ascending ? "^" : "v" : "");
        write_cell(p, &head, width_of(r, l, i), r->columns[i].kind == TOP_TEXT);
        text_fini(&head);
    }
    end_line(p, TOP_HEADS);
}

static void write_row(struct page *p, const struct top_rows *r, const struct layout *l,
                      const struct top_row *row)
{
    write_first(p, row->name, row->part ? 2 : 0, l->first);
    for (size_t i = 1; i < l->n; i++) {
        const struct top_column *c = &r->columns[i];
        struct text cell;
        text_init(&cell);
        if (c->kind == TOP_TEXT)
            text_str(&cell, row->cells[i].text ? row->cells[i].text : "-");
        else
            write_value(&cell, c->kind, row->cells[i].v);
        write_cell(p, &cell, width_of(r, l, i), c->kind == TOP_TEXT);
        text_fini(&cell);
    }
    end_line(p, row->bad ? TOP_BAD : TOP_PLAIN);
}

static const char *nothing_here(const struct page *p)
{
    if (p->state->view == TOP_EVENTS)
        return p->shown->events ? "No event yet." : "This gateway tells of no events.";
    return p->state->view == TOP_BREAKERS ? "No cluster or route has a circuit."
                                          : "There are none.";
}

static void write_rows(struct page *p)
{
    struct top_state *s = p->state;
    struct top_rows r;

    top_rows_make(&r, s->view, &p->shown->pair, p->shown->events);
    top_rows_sort(&r, s->sort[s->view], s->ascending);
    const struct layout l = layout_of(&r, p->columns);
    s->columns = (unsigned)r.columns_n;
    s->rows = r.n;
    s->room = p->lines ? p->lines - ABOVE - 1 : r.n;
    if (s->first + s->room > s->rows)
        s->first = s->rows > s->room ? s->rows - s->room : 0;
    write_heads(p, &r, &l);
    for (size_t i = 0; i < s->room && s->first + i < r.n; i++)
        write_row(p, &r, &l, &r.v[s->first + i]);
    if (!r.n) {
        text_str(&p->line, nothing_here(p));
        end_line(p, TOP_PLAIN);
    }
    top_rows_free(&r);
}

/* -- help -------------------------------------------------------------------------------------- */

static void write_help(struct page *p)
{
    static const char *const keys[] = {
        "r c b w e  routes, clusters, breakers, workers, events; Tab: the next",
        "s S < >    order by the next column, turned round, by the one before or behind",
        "j k Space  scroll, as the cursor keys; g and G: to the first and the last row",
        "p          pause: numbers stay; p goes on",
        "? q        this text; quit",
        "",
    };
    size_t n;
    const struct top_column *c = top_columns(p->state->view, &n);

    for (size_t i = 0; i < array_n(keys); i++) {
        text_str(&p->line, keys[i]);
        end_line(p, TOP_PLAIN);
    }
    for (size_t i = 0; i < n; i++) {
        text_printf(&p->line, "%-10s %s", c[i].head, c[i].meaning);
        end_line(p, TOP_PLAIN);
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

/* The last line says what is wrong, or which rows these are. */
static void write_foot(struct page *p)
{
    const struct top_state *s = p->state;

    while (p->lines && p->out->n + 1 < p->lines)
        end_line(p, TOP_PLAIN);
    if (p->shown->fault) {
        text_printf(&p->line, "No answer: %s", p->shown->fault);
        end_line(p, TOP_BAD);
    } else if (p->lines && s->rows > s->room && !s->help) {
        text_printf(&p->line, "rows %zu to %zu of %zu", s->first + 1,
                    s->first + s->room < s->rows ? s->first + s->room : s->rows, s->rows);
        end_line(p, TOP_PLAIN);
    } else if (p->lines) {
        end_line(p, TOP_PLAIN);
    }
}

static void write_nothing(struct page *p)
{
    text_printf(&p->line, "weirctl top: asking %s", p->shown->target ? p->shown->target : "");
    end_line(p, TOP_STRONG);
}

void top_draw(struct top_state *s, const struct top_shown *shown, unsigned columns, unsigned lines,
              struct top_lines *out)
{
    struct page p = {.state = s,
                     .shown = shown,
                     .columns = columns < COLUMNS_LEAST ? COLUMNS_LEAST : columns,
                     .lines = lines && lines < LINES_LEAST ? LINES_LEAST : lines,
                     .out = out};

    if (p.columns > TOP_COLUMNS_MAX)
        p.columns = TOP_COLUMNS_MAX;
    if (p.lines > TOP_LINES_MAX)
        p.lines = TOP_LINES_MAX;
    out->n = 0;
    out->text.n = 0;
    text_init(&p.line);
    if (!shown->pair.now) {
        write_nothing(&p);
    } else {
        write_name(&p);
        write_totals(&p);
        write_fleet(&p);
        write_tabs(&p);
        if (s->help)
            write_help(&p);
        else
            write_rows(&p);
    }
    write_foot(&p);
    text_fini(&p.line);
}
