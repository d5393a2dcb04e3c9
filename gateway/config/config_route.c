/* SPDX-License-Identifier: Apache-2.0 */
/* The section `routes`: which request goes where. What a route matches is read by config_match.c;
 * here stand its ends (cluster, redirect, respond: exactly one), the rewrite on the way to a
 * cluster, and what of them fits together. */
#include "config/sections.h"

#include <stdio.h>

#include "http/fields.h"

static void read_scheme(struct option_reader *r, const config_setting_t *s, void *field);
static void read_redirect_host(struct option_reader *r, const config_setting_t *s, void *field);
static void read_new_path(struct option_reader *r, const config_setting_t *s, void *field);
static void read_new_prefix(struct option_reader *r, const config_setting_t *s, void *field);
static void read_authority(struct option_reader *r, const config_setting_t *s, void *field);
static void read_type(struct option_reader *r, const config_setting_t *s, void *field);
static void redirect_check(struct option_reader *r, const config_setting_t *s, void *base);
static void respond_check(struct option_reader *r, const config_setting_t *s, void *base);
static void rewrite_check(struct option_reader *r, const config_setting_t *s, void *base);
static void action_check(struct option_reader *r, const config_setting_t *s, struct route_conf *rt);

#define FORM_SCHEME "\"http\" or \"https\""
#define FORM_NEW_PATH "a path that begins with \"/\", escaped as in a URL; it may bring a query"
#define FORM_NEW_PREFIX "a path that begins with \"/\", escaped as in a URL, without a query"
#define FORM_REDIRECT_HOST "a host such as \"example.com\"; its port has a setting of its own"
#define FORM_AUTHORITY "a host such as \"example.com\" or \"example.com:8080\""
#define FORM_TYPE "a media type such as \"text/plain; charset=utf-8\""

static const struct option redirect_options[] = {
    OPTION_CUSTOM("scheme", struct route_conf, redirect.scheme, read_scheme, NULL, FORM_SCHEME,
                  "the new scheme; absent: kept"),
    OPTION_CUSTOM("host", struct route_conf, redirect.host, read_redirect_host, NULL,
                  FORM_REDIRECT_HOST, "the new host; absent: kept"),
    OPTION_INT("port", struct route_conf, redirect.port, NULL, 1, 65535,
               "the new port; absent: that of a new scheme, else kept"),
    OPTION_CUSTOM("path", struct route_conf, redirect.path, read_new_path, NULL, FORM_NEW_PATH,
                  "the new path; the query is kept unless it brings one"),
    OPTION_CUSTOM("prefix", struct route_conf, redirect.prefix, read_new_prefix, NULL,
                  FORM_NEW_PREFIX, "what takes the place of match.path_prefix"),
    OPTION_CUSTOM("status", struct route_conf, redirect.status, read_redirect_status, "302",
                  FORM_REDIRECT_STATUS, "the status"),
    OPTION_END,
};

static const struct option respond_options[] = {
    OPTION_INT("status", struct route_conf, respond.status, "200", 200, 599, "the status"),
    OPTION_TEXT("body", struct route_conf, respond.body, "", "the content"),
    OPTION_CUSTOM("type", struct route_conf, respond.type, read_type, "text/plain; charset=utf-8",
                  FORM_TYPE, "Content-Type of the body"),
    OPTION_END,
};

static const struct option rewrite_options[] = {
    OPTION_CUSTOM("host", struct route_conf, rewrite.host, read_authority, NULL, FORM_AUTHORITY,
                  "what takes the place of Host"),
    OPTION_CUSTOM("path", struct route_conf, rewrite.path, read_new_path, NULL, FORM_NEW_PATH,
                  "what takes the place of the whole path; the query is kept unless it brings one"),
    OPTION_CUSTOM("prefix", struct route_conf, rewrite.prefix, read_new_prefix, NULL,
                  FORM_NEW_PREFIX, "what takes the place of match.path_prefix"),
    OPTION_END,
};

const struct option route_options[] = {
    OPTION_CUSTOM("name", struct route_conf, name, read_name, NULL, FORM_NAME,
                  "its name in logs and metrics; absent: route-N, counted from 1"),
    OPTION_SUB("match", match_options, "which requests; absent: all", .check = match_check,
               .optional = true),
    OPTION_TEXT("cluster", struct route_conf, cluster, NULL, "the cluster that requests go to"),
    OPTION_SUB("redirect", redirect_options, "send the client elsewhere", .check = redirect_check,
               .optional = true),
    OPTION_SUB("respond", respond_options, "answer here", .check = respond_check, .optional = true),
    OPTION_SUB("rewrite", rewrite_options, "what of a request changes on its way to the cluster",
               .check = rewrite_check, .optional = true),
    OPTION_MS("timeout", struct route_conf, timeout, NULL, 0, 24 * 60 * 60 * 1000,
              "timeouts.request of this route; absent: the listener's"),
    OPTION_SIZE("body_size", struct route_conf, body_size, NULL, 0, INT64_C(1) << 40,
                "limits.body_size of this route; absent: the listener's"),
    OPTION_REST(offsetof(struct route_conf, modules), take_route_module, module_names,
                "settings of installed modules, by their names (weir -m lists them)"),
    OPTION_END,
};

void route_prepare(struct option_reader *r, void *element)
{
    (void)r;
    struct route_conf *rt = element;
    rt->timeout = rt->body_size = UINT64_MAX;
    rt->redirect.status = 302;
    rt->respond.type = SLICE("text/plain; charset=utf-8");
}

void route_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct loading *l = loading_of(r);
    struct route_conf *rt = element;
    bool named = rt->name.n > 0;
    if (!named)
        rt->name = slice_str(arena_printf(r->arena, "route-%zu", rt->place.index + 1));
    const struct route_conf *other = map_find(&l->routes, rt->name);
    if (other)
        option_fault(r, member_or(s, "name"),
                     "%s.name is \"%.*s\"%s; the route of %s has that name "
                     "already",
                     option_path(r, s), SLICE_ARG(rt->name), named ? "" : " when none is given",
                     place_text(r, s, &other->place));
    else
        map_set(&l->routes, rt->name, rt);
    action_check(r, s, rt);
}

/* -- the ends -------------------------------------------------------------------------------- */

static void cluster_find(struct option_reader *r, const config_setting_t *s, struct route_conf *rt)
{
    struct loading *l = loading_of(r);
    if (config_setting_type(s) != CONFIG_TYPE_STRING)
        return;
    const struct cluster_conf *cl = map_find(&l->clusters, rt->cluster);
    if (cl)
        rt->cluster_index = (int64_t)cl->place.index;
    else
        option_wrong(r, s, "no cluster has that name%s",
                     option_hint(r, rt->cluster, cluster_names(l)));
}

/* A module that chooses the cluster of every request is an end of its own. */
static const config_setting_t *module_ends(struct option_reader *r, const config_setting_t *s,
                                           struct route_conf *rt, const config_setting_t *first)
{
    const struct loading *l = loading_of(r);
    for (const struct module_conf *m = rt->modules; m; m = m->next) {
        const config_setting_t *one = config_setting_get_member(s, m->place.name.p);
        if (!l->modules->ends_route(m->module) || one == first)
            continue;
        if (first) {
            struct place place = option_place(r, first);
            option_fault(r, one,
                         "%s has %s beside %s (%s); %s chooses the cluster of every request, so it "
                         "stands alone",
                         option_path(r, s), m->place.name.p, config_setting_name(first),
                         place_text(r, one, &place), m->place.name.p);
            continue;
        }
        first = one;
        rt->action = ACTION_MODULE;
        rt->cluster_index = -1;
    }
    return first;
}

static void action_check(struct option_reader *r, const config_setting_t *s, struct route_conf *rt)
{
    const char *const names[] = {"cluster", "redirect", "respond"}; /* as enum action */
    const config_setting_t *first = NULL;
    for (size_t i = 0; i < array_n(names); i++) {
        const config_setting_t *one = config_setting_get_member(s, names[i]);
        if (one && first) {
            struct place place = option_place(r, first);
            option_fault(r, one,
                         "%s has %s beside %s (%s); exactly one of cluster, redirect and "
                         "respond",
                         option_path(r, s), names[i], config_setting_name(first),
                         place_text(r, one, &place));
        } else if (one) {
            first = one;
            rt->action = (int)i;
        }
    }
    first = module_ends(r, s, rt, first);
    if (!first && loading_of(r)->failed != &rt->modules)
        option_fault(r, s, "%s says not what to do; exactly one of cluster, redirect and respond",
                     option_path(r, s));
    const config_setting_t *cluster = config_setting_get_member(s, "cluster");
    const config_setting_t *rewrite = config_setting_get_member(s, "rewrite");
    if (cluster)
        cluster_find(r, cluster, rt);
    else if (rewrite && first && rt->action != ACTION_MODULE)
        option_fault(r, rewrite, "%s has no effect without cluster", option_path(r, rewrite));
}

static void prefix_check(struct option_reader *r, const config_setting_t *s,
                         const struct route_conf *rt, struct slice path, struct slice prefix)
{
    const config_setting_t *setting = config_setting_get_member(s, "prefix");
    if (prefix.n > 0 && path.n > 0)
        option_fault(r, setting, "%s has both path and prefix; one of them", option_path(r, s));
    else if (prefix.n > 0 && rt->match.path_form != PATH_PREFIX)
        option_fault(r, setting, "%s needs match.path_prefix in the same route",
                     option_path(r, setting));
}

static void redirect_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct route_conf *rt = base;
    rt->redirect.set = s != NULL;
    if (!s)
        return;
    prefix_check(r, s, rt, rt->redirect.path, rt->redirect.prefix);
    const char *const changes[] = {"scheme", "host", "port", "path", "prefix"};
    bool changed = false;
    for (size_t i = 0; i < array_n(changes); i++)
        changed = changed || config_setting_get_member(s, changes[i]);
    if (!changed)
        option_fault(r, s,
                     "%s leads back to the same URL; at least one of scheme, host, port, path "
                     "and prefix",
                     option_path(r, s));
}

static void respond_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct route_conf *rt = base;
    rt->respond.set = s != NULL;
    int64_t status = rt->respond.status;
    if (rt->respond.body.n > 0 && (status == 204 || status == 205 || status == 304))
        option_fault(r, member_or(s, "body"), "%s has a body; a response with status %d has none",
                     option_path(r, s), (int)status);
}

static void rewrite_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    const struct route_conf *rt = base;
    if (s)
        prefix_check(r, s, rt, rt->rewrite.path, rt->rewrite.prefix);
}

/* -- values ---------------------------------------------------------------------------------- */

static void read_scheme(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_SCHEME, &text))
        return;
    if (slice_eq(text, SLICE("http")) || slice_eq(text, SLICE("https")))
        *(struct slice *)field = text;
    else
        option_wrong(r, s, FORM_SCHEME);
}

static void read_redirect_host(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    struct host host;
    if (!s || !option_read_text(r, s, FORM_REDIRECT_HOST, &text))
        return;
    if (host_parse(text, r->arena, &host) && host.port == 0 && slice_find(text, '*') == text.n)
        *(struct slice *)field = arena_dup(r->arena, host.name);
    else
        option_wrong(r, s, FORM_REDIRECT_HOST);
}

static void read_authority(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    struct host host;
    if (!s || !option_read_text(r, s, FORM_AUTHORITY, &text))
        return;
    if (host_parse(text, r->arena, &host) && slice_find(text, '*') == text.n)
        *(struct slice *)field = text;
    else
        option_wrong(r, s, FORM_AUTHORITY);
}

void read_redirect_status(struct option_reader *r, const config_setting_t *s, void *field)
{
    static const int allowed[] = {301, 302, 303, 307, 308};
    if (!s)
        return;
    if (config_setting_type(s) == CONFIG_TYPE_INT)
        for (size_t i = 0; i < array_n(allowed); i++)
            if (config_setting_get_int(s) == allowed[i]) {
                *(int64_t *)field = allowed[i];
                return;
            }
    option_wrong(r, s, FORM_REDIRECT_STATUS);
}

/* A path that goes out as it stands, in a request line or in Location: so it is written as it must
 * look on the wire. */
static void read_wire_path(struct option_reader *r, const config_setting_t *s, const char *form,
                           const char *forbidden, struct slice *out)
{
    struct slice text;
    if (!s || !option_read_text(r, s, form, &text))
        return;
    bool ok = slice_starts(text, SLICE("/"));
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        ok = ok && c > 0x20 && c < 0x7f && !strchr(forbidden, c);
    }
    if (ok)
        *out = text;
    else
        option_wrong(r, s, "%s", form);
}

static void read_new_path(struct option_reader *r, const config_setting_t *s, void *field)
{
    read_wire_path(r, s, FORM_NEW_PATH, "#\\\"<>^`{|}", field);
}

static void read_new_prefix(struct option_reader *r, const config_setting_t *s, void *field)
{
    read_wire_path(r, s, FORM_NEW_PREFIX, "?#\\\"<>^`{|}", field);
}

static void read_type(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_TYPE, &text))
        return;
    struct slice rest = text;
    struct slice type = slice_cut(&rest, '/');
    if (is_token(type) && rest.n > 0 && field_value_ok(text))
        *(struct slice *)field = text;
    else
        option_wrong(r, s, FORM_TYPE);
}

const char *action_word(const struct route_conf *rc)
{
    static const char *const words[] = {[ACTION_CLUSTER] = "cluster",
                                        [ACTION_REDIRECT] = "redirect",
                                        [ACTION_RESPOND] = "respond",
                                        [ACTION_MODULE] = "module"};
    return words[rc->action];
}
