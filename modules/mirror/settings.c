/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/settings.h"

#include <stdio.h>

#include "common/slice.h"

const struct weir_counter mirror_counters[] = {
    [COUNT_DRAWN] = {"drawn", "requests that the schedule has chosen to be copied"},
    [COUNT_SENT] = {"sent", "copies that were started"},
    [COUNT_ANSWERED] = {"answered", "copies that got a complete response"},
    [COUNT_FAILED] = {"failed", "copies whose cluster failed, or took longer than the timeout"},
    [COUNT_ABORTED] = {"aborted", "copies that ended with their client, or with the process"},
    [COUNT_DROPPED_CONCURRENCY] = {"dropped_concurrency",
                                   "copies not made because so many were under way"},
    [COUNT_DROPPED_BODY] = {"dropped_body", "copies ended because their content was too long"},
    [COUNT_DROPPED_MEMORY] = {"dropped_memory", "copies ended because memory was short"},
    [COUNT_COMPARED] = {"compared", "pairs of responses that were compared"},
    [COUNT_MISMATCHED] = {"mismatched", "pairs that differ in anything"},
    [COUNT_MISMATCHED_STATUS] = {"mismatched_status", "pairs that differ in the status"},
    [COUNT_MISMATCHED_HEADERS] = {"mismatched_headers", "pairs that differ in a chosen header"},
    [COUNT_MISMATCHED_CONTENT] = {"mismatched_content", "pairs that differ in the content"},
    [COUNT_SKIPPED] = {"skipped", "copies whose response had nothing to be compared with, or none"},
    [COUNT_UNREAD] = {"unread", "pairs whose content was too long to be compared"},
    [COUNT_SAMPLES_LOST] = {"samples_lost", "differences that found no place among the samples"},
    {0},
};

/* -- the tables ------------------------------------------------------------------------------- */

const struct weir_setting mirrors_rows[] = {
    WEIR_ROW_BOOL("show_values", struct mirrors, show_values, "false",
                  "whether samples of differences show values, not only their kinds and lengths"),
    WEIR_ROW_END,
};

static const struct weir_setting compare_rows[] = {
    WEIR_ROW_BOOL("status", struct mirror_compare, status, "true", "compares the status"),
    WEIR_ROW_TEXTS("headers", struct mirror_compare, headers,
                   "names of header fields that are compared, at most 16"),
    WEIR_ROW_BOOL("json", struct mirror_compare, json, "false", "compares content that is JSON"),
    WEIR_ROW_TEXTS("ignore", struct mirror_compare, ignore,
                   "JSON pointers to what isn't compared; * is any one step"),
    WEIR_ROW_BOOL("content", struct mirror_compare, content, "false",
                  "compares content byte by byte, where it isn't compared as JSON"),
    WEIR_ROW_BOOL("latency", struct mirror_compare, latency, "true",
                  "measures how much later the mirror's head comes"),
    WEIR_ROW_CLUSTER("against", struct mirror_compare, against,
                     "the cluster whose answers are compared; absent: the route's own"),
    WEIR_ROW_SIZE("body_limit", struct mirror_compare, body_limit, "64k", 0, 1 << 20,
                  "content of a response that is kept to be compared; longer ones aren't"),
    WEIR_ROW_INT("samples", struct mirror_compare, samples, "20", 0, 1000,
                 "pairs that differ, kept for the operator: the last so many"),
    WEIR_ROW_END,
};

static void compare_check(struct weir_load *l, void *group);

const struct weir_setting mirror_rows[] = {
    WEIR_ROW_CLUSTER("cluster", struct mirror, cluster, "the cluster that gets the copies",
                     .required = true),
    WEIR_ROW_PERCENT("percent", struct mirror, percent, "100%",
                     "share of the requests that is copied, down to 0.0001%"),
    WEIR_ROW_MS("timeout", struct mirror, timeout_ms, "5s", 1, 3600000,
                "time that a copy may take"),
    WEIR_ROW_SIZE("body_limit", struct mirror, body_limit, "64k", 0, 1 << 30,
                  "content of a request that is copied; with more there is no copy"),
    WEIR_ROW_INT("concurrency", struct mirror, concurrency, "100", 1, 1000000,
                 "copies under way at a time, over all workers; further ones are dropped"),
    WEIR_ROW_TEXTS("methods", struct mirror, methods, "methods that are copied; absent: all"),
    WEIR_ROW_TEXT("marker", struct mirror, marker, "X-Weir-Mirror",
                  "header field that copies have, with the route's name; empty: none"),
    WEIR_ROW_TEXT("host", struct mirror, host, "", "Host of copies; empty: the request's"),
    WEIR_ROW_TEXTS("remove", struct mirror, remove, "header fields that copies don't have"),
    WEIR_ROW_GROUP("compare", struct mirror, compare, compare_rows,
                   "compares the mirror's responses with those that clients get",
                   .check = compare_check),
    WEIR_ROW_END,
};

/* Only called for a group that is there. */
static void compare_check(struct weir_load *l, void *group)
{
    struct mirror_compare *c = group;
    c->present = true;
    if (c->headers.n > COMPARE_FIELDS)
        weir_fault(l, weir_load_place(l), "compare.headers has %zu names; allowed are %d",
                   c->headers.n, COMPARE_FIELDS);
    if (c->ignore.n && !c->json)
        weir_fault(l, weir_load_place(l),
                   "compare.ignore means nothing without json = true; add it, or leave both out");
    if (!c->status && !c->json && !c->content && !c->latency && !c->headers.n)
        weir_fault(l, weir_load_place(l),
                   "compare compares nothing; leave it out, or turn on status, headers, json, "
                   "content or latency");
}

/* -- loading ---------------------------------------------------------------------------------- */

static bool is_method(struct weir_slice s)
{
    return weir_name(s).text.p != NULL; /* both are tokens */
}

static void check_methods(struct weir_load *l, const struct mirror *m)
{
    for (size_t i = 0; i < m->methods.n; i++)
        if (!is_method(m->methods.v[i]))
            weir_fault(l, weir_load_place(l),
                       "mirror.methods has \"%s\", which is no method: write GET, POST, ...",
                       m->methods.v[i].p);
}

static void add_field(struct weir_load *l, struct mirror *m, const char *setting,
                      struct weir_slice name, struct weir_slice value)
{
    if (!weir_field_settable(name))
        weir_fault(
            l, weir_load_place(l),
            "mirror.%s has \"%s\", which isn't a field name, or one that the gateway decides on",
            setting, name.p);
    m->fields[m->fields_n++] = (struct weir_claim){.name = name, .value = value};
}

/* What an origin may take for a host and a port, and no more than those (RFC 9110 7.2); empty, too:
 * the request's. */
static bool is_authority(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !(c && strchr(".-_:[]", c)))
            return false;
    }
    return true;
}

static void load_fields(struct weir_load *l, struct mirror *m)
{
    m->fields = weir_load_alloc(l, (m->remove.n + 1) * sizeof *m->fields);
    for (size_t i = 0; i < m->remove.n; i++)
        add_field(l, m, "remove", m->remove.v[i], (struct weir_slice){0});
    if (m->marker.n)
        add_field(l, m, "marker", m->marker, m->route);
    if (!is_authority(m->host))
        weir_fault(l, weir_load_place(l),
                   "mirror.host is \"%s\"; a host such as \"example.com\" or \"example.com:8080\"",
                   m->host.p);
}

static void load_headers(struct weir_load *l, struct mirror *m)
{
    const struct weir_texts *t = &m->compare.headers;
    struct weir_name *names = weir_load_alloc(l, (t->n + 1) * sizeof *names);
    for (size_t i = 0; i < t->n; i++) {
        names[i] = weir_name(t->v[i]);
        if (!names[i].text.p)
            weir_fault(l, weir_load_place(l), "compare.headers has \"%s\", which is no field name",
                       t->v[i].p);
    }
    m->rules.fields = names;
    m->rules.fields_n = t->n < COMPARE_FIELDS ? t->n : COMPARE_FIELDS;
}

static void load_ignored(struct weir_load *l, struct mirror *m)
{
    const struct weir_texts *t = &m->compare.ignore;
    struct json_pattern *v = weir_load_alloc(l, (t->n + 1) * sizeof *v);
    for (size_t i = 0; i < t->n; i++) {
        char *memory = weir_load_alloc(l, t->v[i].n + 1);
        const char *wrong = json_pattern_parse(t->v[i], memory, &v[i]);
        if (wrong)
            weir_fault(l, weir_load_place(l), "compare.ignore has \"%s\": %s", t->v[i].p, wrong);
    }
    m->rules.ignored = v;
    m->rules.ignored_n = t->n;
}

static void load_compare(struct weir_load *l, struct mirror *m, const struct mirrors *all)
{
    const struct mirror_compare *c = &m->compare;
    m->baseline = c->against != WEIR_NO_CLUSTER ? c->against : weir_load_route_cluster(l);
    if (m->baseline == WEIR_NO_CLUSTER)
        weir_fault(l, weir_load_place(l),
                   "this route has no cluster of its own: compare.against has to say whose answers "
                   "are compared with the mirror's");
    m->content_type = weir_name(WEIR_SLICE("content-type"));
    m->content_encoding = weir_name(WEIR_SLICE("content-encoding"));
    load_headers(l, m);
    load_ignored(l, m);
    m->rules.status = c->status;
    m->rules.json = c->json;
    m->rules.content = c->content;
    m->rules.show_values = all->show_values;
}

/* Names of cells contain what gives their content its meaning: which cluster it is about, and of
 * the ring how many slots it has. */
static void *cell(struct weir_load *l, const struct mirror *m, const char *what, size_t size)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%.*s", what, (int)m->cluster_name.n, m->cluster_name.p);
    return weir_cell(l, weir_load_dup(l, slice_str(name)).p, size);
}

static void load_cells(struct weir_load *l, struct mirror *m)
{
    const unsigned samples = (unsigned)m->compare.samples;
    char ring[40];
    m->position = cell(l, m, "position", sizeof *m->position);
    m->seats = cell(l, m, "seats", sizeof *m->seats);
    if (!m->compare.present)
        return;
    m->delta = cell(l, m, "delta", sizeof *m->delta);
    snprintf(ring, sizeof ring, "samples-%u", samples);
    if (samples)
        m->ring = cell(l, m, ring, ring_size(samples));
}

static unsigned nth_of(const struct mirrors *all, const struct mirror *m)
{
    unsigned n = 1;
    for (const struct mirror *former = all->first; former; former = former->next)
        n += slice_eq(former->route, m->route) && former->cluster == m->cluster;
    return n;
}

/* Mirrors that agree in their labels would be counted as one. */
static void load_counters(struct weir_load *l, struct mirror *m)
{
    char nth[16];
    snprintf(nth, sizeof nth, "%u", m->nth);
    const struct weir_label labels[] = {{"cluster", m->cluster_name}, {"nth", slice_str(nth)}};
    m->counters = weir_counters(l, mirror_counters, labels, m->nth > 1 ? 2 : 1);
}

void mirror_load(struct weir_load *l, void *conf, void *global)
{
    struct mirror *m = conf;
    struct mirrors *all = global;
    m->route = weir_load_route(l);
    m->nth = nth_of(all, m);
    m->next = all->first;
    all->first = m;
    m->number = all->n++;
    m->cluster_name = weir_cluster_name(l, m->cluster);
    check_methods(l, m);
    load_fields(l, m);
    if (m->compare.present)
        load_compare(l, m, all);
    load_cells(l, m);
    load_counters(l, m);
}
