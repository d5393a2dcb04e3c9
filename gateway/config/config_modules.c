/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of modules: the group `modules`, and what stands on routes and clusters where the
 * gateway has no setting of a name. Each becomes a struct module_conf in a list of its place; where
 * a module lets others' settings stand within its own, they hang below it.
 *
 * They may refer to clusters before those were read: a cluster's number is its position in the
 * file, and those of URLs follow in the order in which they are met. So the array of clusters only
 * grows at the end of all, in modules_complete(), when nobody points into it any more. */
#include "config/option_echo.h"
#include "config/sections.h"

/* A cluster that nobody wrote: made for the URLs of one origin. */
struct url_cluster {
    struct place place; /* of the first such URL; its name is the cluster's */
    struct slice endpoint;
    bool tls;
};

static bool take(struct option_reader *r, const config_setting_t *s, struct module_conf **list,
                 enum module_scope scope);
static void read_use(struct option_reader *r, const config_setting_t *s, const struct option *row,
                     struct module_conf *use);

static bool take_global_module(struct option_reader *r, const config_setting_t *s, void *field)
{
    return take(r, s, field, MODULE_GLOBAL);
}

const struct option module_options[] = {
    OPTION_REST(offsetof(struct config, modules), take_global_module, module_names,
                "settings of installed modules, by their names (weir -m lists them)"),
    OPTION_END,
};

bool take_route_module(struct option_reader *r, const config_setting_t *s, void *field)
{
    return take(r, s, field, MODULE_ROUTE);
}

bool take_cluster_module(struct option_reader *r, const config_setting_t *s, void *field)
{
    return take(r, s, field, MODULE_CLUSTER);
}

bool module_take_chain(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct module_chain **chain = field, **at = &loading_of(r)->use->chains;
    if (!*chain) {
        while (*at)
            at = &(*at)->next;
        *chain = *at = ARENA_NEW(r->arena, struct module_chain);
    }
    return take(r, s, &(*chain)->confs, MODULE_ROUTE);
}

const char *const *module_names(struct option_reader *r)
{
    struct module_source *modules = loading_of(r)->modules;
    return modules ? modules->names(modules) : NULL;
}

bool config_has_setting(enum module_scope scope, struct slice name)
{
    const struct option *rows = scope == MODULE_ROUTE     ? route_options
                                : scope == MODULE_CLUSTER ? cluster_options
                                                          : module_options;
    for (; rows->kind != OPTION_KIND_END; rows++)
        if (rows->kind != OPTION_KIND_REST && slice_eq(slice_str(rows->name), name))
            return true;
    return false;
}

void read_module_folders(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct loading *l = loading_of(r);
    struct texts folders = {0};
    if (s && option_read_texts(r, s, &folders))
        for (size_t i = 0; i < folders.n; i++)
            folders.v[i] = path_from_folder(l, folders.v[i]);
    *(struct texts *)field = folders;
    if (l->modules)
        l->modules->begin(l->modules, &folders);
}

void read_default_modules(struct option_reader *r, const config_setting_t *s, void *field)
{
    static struct slice usual[] = {SLICE_INIT("outlier"), SLICE_INIT("retry")};
    struct texts names = {.v = usual, .n = array_n(usual)};
    if (s && !option_read_texts(r, s, &names))
        names.n = 0;
    *(struct texts *)field = names;
}

/* -- uses -------------------------------------------------------------------------------------- */

static struct module_conf *use_add(struct option_reader *r, struct module_conf **list,
                                   struct place place, struct module *m, enum module_scope scope)
{
    while (*list)
        list = &(*list)->next;
    struct module_conf *use = *list = ARENA_NEW(r->arena, struct module_conf);
    *use = (struct module_conf){.place = place, .module = m, .scope = scope};
    return use;
}

/* False when there is no module of that name. */
static bool take(struct option_reader *r, const config_setting_t *s, struct module_conf **list,
                 enum module_scope scope)
{
    struct loading *l = loading_of(r);
    struct module *m = NULL;
    struct place place = option_place(r, s);
    const size_t errors = r->faults->errors;
    place.name = arena_dup(r->arena, slice_str(config_setting_name(s)));
    const struct option *row =
        l->modules ? l->modules->find(l->modules, place.name, scope, &place, r->faults, &m) : NULL;
    if (!row) {
        l->failed = list;
        return r->faults->errors > errors;
    }
    echo_key(r, config_setting_name(s));
    if (row->kind != OPTION_KIND_LIST || config_setting_is_group(s)) {
        read_use(r, s, row, use_add(r, list, place, m, scope));
        return true;
    }
    if (!config_setting_is_list(s) && !config_setting_is_array(s))
        option_wrong(r, s, "a group, { ... }, or a list of groups: ( { ... }, { ... } )");
    echo_open(r, '[');
    for (int i = 0; config_setting_is_aggregate(s) && i < config_setting_length(s); i++) {
        const config_setting_t *one = config_setting_get_elem(s, (unsigned)i);
        const struct slice name = place.name;
        place = option_place(r, one);
        place.name = name;
        place.index = (size_t)i;
        read_use(r, one, row, use_add(r, list, place, m, scope));
    }
    echo_close(r, ']');
    return true;
}

/* One use is a group, also where the module's setting is a list of them. */
static void read_use(struct option_reader *r, const config_setting_t *s, const struct option *row,
                     struct module_conf *use)
{
    struct loading *l = loading_of(r);
    struct module_conf *outer = l->use;
    struct option group = *row;
    group.kind = OPTION_KIND_GROUP;
    use->conf = arena_zalloc(r->arena, row->size);
    l->use = use;
    option_read_row(r, NULL, &group, s, use->conf);
    l->use = outer;
}

/* -- what refers to clusters ------------------------------------------------------------------- */

static size_t clusters_written(const struct loading *l)
{
    const config_setting_t *group = config_setting_get_member(l->root, "clusters");
    return group && config_setting_is_group(group) ? (size_t)config_setting_length(group) : 0;
}

bool cluster_number(struct loading *l, struct slice name, uint32_t *number)
{
    const struct cluster_conf *cl = map_find(&l->clusters, name);
    const config_setting_t *group = config_setting_get_member(l->root, "clusters");
    if (cl) {
        *number = (uint32_t)cl->place.index;
        return true;
    }
    if (!group || !config_setting_is_group(group))
        return false;
    const config_setting_t *member = config_setting_get_member(group, name.p);
    if (member)
        *number = (uint32_t)config_setting_index(member);
    return member != NULL;
}

static void add_ref(struct option_reader *r, const config_setting_t *s, uint32_t cluster)
{
    struct loading *l = loading_of(r);
    struct cluster_ref *ref = ARENA_NEW(r->arena, struct cluster_ref);
    *ref = (struct cluster_ref){.next = l->c->cluster_refs,
                                .cluster = cluster,
                                .module = l->use->module,
                                .place = option_place(r, s),
                                .path = arena_strdup(r->arena, option_path(r, s))};
    l->c->cluster_refs = ref;
}

void module_read_cluster(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct loading *l = loading_of(r);
    uint32_t *number = field;
    struct slice name;
    *number = UINT32_MAX;
    if (!s || !option_read_text(r, s, FORM_MODULE_CLUSTER, &name))
        return;
    if (cluster_number(l, name, number))
        add_ref(r, s, *number);
    else
        option_wrong(r, s, "no cluster has that name%s", option_hint(r, name, cluster_names(l)));
}

void module_wants_identity(struct option_reader *r)
{
    struct loading *l = loading_of(r);
    if (l->use)
        l->use->wants_identity = true;
}

void module_read_path(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice path = slice_str(r->row->preset);
    if (s && !option_read_text(r, s, FORM_PATH, &path))
        path.n = 0;
    *(struct slice *)field = path.n ? path_from_folder(loading_of(r), path) : path;
}

/* -- URLs -------------------------------------------------------------------------------------- */

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

/* The number of the cluster for this origin, made when it is the first of its kind. */
static uint32_t url_cluster(struct loading *l, struct place place, const struct host *host,
                            bool tls)
{
    const char *endpoint = arena_printf(l->r.arena, "%.*s:%u", SLICE_ARG(host->name), host->port);
    place.name = slice_str(arena_printf(l->r.arena, "url:%s%s", tls ? "" : "http:", endpoint));
    struct url_cluster *u = map_find(&l->urls, place.name);
    if (!u) {
        u = ARENA_NEW(l->r.arena, struct url_cluster);
        place.index = clusters_written(l) + l->urls.n;
        *u = (struct url_cluster){.place = place, .endpoint = slice_str(endpoint), .tls = tls};
        map_set(&l->urls, place.name, u);
    }
    return (uint32_t)u->place.index;
}

/* The parts of a URL; false when it is none that a request could be sent to. */
static bool url_parse(struct option_reader *r, struct slice text, struct url_conf *url,
                      struct host *host, bool *tls)
{
    static const struct target_rules as_it_is = {.duplicate_slashes = SLASH_KEEP,
                                                 .keep_encoded_slashes = true};
    struct endpoint_conf ep = {0};
    struct target t;
    if (target_parse(text, METHOD_GET, &as_it_is, r->arena, &t) != TARGET_FAULT_NONE ||
        t.form != TARGET_ABSOLUTE || !host_parse(t.authority, r->arena, host))
        return false;
    *tls = slice_eq(t.scheme, SLICE("https"));
    const uint16_t usual = *tls ? HTTPS_PORT : HTTP_PORT;
    host->port = host->port ? host->port : usual;
    const char *endpoint = arena_printf(r->arena, "%.*s:%u", SLICE_ARG(host->name), host->port);
    if (!endpoint_parse(r, slice_str(endpoint), &ep))
        return false;
    url->host = host->port == usual ? arena_dup(r->arena, host->name) : slice_str(endpoint);
    url->target = slice_str(arena_printf(r->arena, "%.*s%s%.*s", SLICE_ARG(t.path),
                                         t.query.p ? "?" : "", SLICE_ARG(t.query)));
    return true;
}

void module_read_url(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct url_conf *url = field;
    struct host host;
    bool tls;
    *url = (struct url_conf){.cluster = UINT32_MAX};
    if (!s || !option_read_text(r, s, FORM_MODULE_URL, &url->text))
        return;
    if (!url_parse(r, url->text, url, &host, &tls)) {
        option_wrong(r, s, FORM_MODULE_URL);
        return;
    }
    url->cluster = url_cluster(loading_of(r), option_place(r, s), &host, tls);
    add_ref(r, s, url->cluster);
}

/* As if the user had written it: what is said below goes through the table of clusters. */
static void url_cluster_read(struct loading *l, const struct url_cluster *u,
                             struct cluster_conf *cl)
{
    config_t tree;
    config_init(&tree);
    config_setting_t *group =
        config_setting_add(config_root_setting(&tree), "cluster", CONFIG_TYPE_GROUP);
    config_setting_t *endpoints = config_setting_add(group, "endpoints", CONFIG_TYPE_ARRAY);
    must(config_setting_set_string_elem(endpoints, -1, u->endpoint.p));
    if (u->tls)
        must(config_setting_add(group, "tls", CONFIG_TYPE_GROUP));
    cl->place = u->place;
    cluster_prepare(&l->r, cl);
    option_read(&l->r, group, cluster_options, cl);
    cl->tls.place = cl->endpoints[0].place = u->place;
    config_destroy(&tree);
}

static void add_url_clusters(struct loading *l)
{
    struct config *c = l->c;
    const struct map_entry *e;
    if (l->urls.n == 0)
        return;
    struct cluster_conf *all =
        ARENA_ARRAY(&c->arena, struct cluster_conf, c->clusters_n + l->urls.n);
    for (size_t i = 0; i < c->clusters_n; i++)
        all[i] = c->clusters[i];
    for (size_t at = 0; (e = map_next(&l->urls, &at));) {
        const struct url_cluster *u = e->value;
        url_cluster_read(l, u, &all[u->place.index]);
    }
    c->clusters = all;
    c->clusters_n += l->urls.n;
}

/* -- modules that are in force everywhere ------------------------------------------------------ */

static bool row_required(const struct option *group)
{
    for (const struct option *o = group->rows; o->kind != OPTION_KIND_END; o++)
        if (o->required)
            return true;
    return false;
}

static bool is_used(const struct module_conf *uses, const struct module *m)
{
    while (uses && uses->module != m)
        uses = uses->next;
    return uses != NULL;
}

/* What is wrong with it there is said of the route, the cluster. */
static void use_default(struct loading *l, struct module_conf **list, struct module *m,
                        enum module_scope scope, struct place place, struct slice name)
{
    const struct option *row = l->modules->row(m, scope);
    place.name = name;
    place.index = 0;
    if (row && !is_used(*list, m))
        read_use(&l->r, NULL, row, use_add(&l->r, list, place, m, scope));
}

static bool has_required(struct loading *l, struct module *m, const struct place *place)
{
    for (int i = MODULE_ROUTE; i <= MODULE_CLUSTER; i++) {
        const struct option *row = l->modules->row(m, (enum module_scope)i);
        if (!row || !row_required(row))
            continue;
        faults_add(l->r.faults, place->file, place->line,
                   "default_modules has \"%.*s\", whose settings can't all be left out: `weir "
                   "--help-module %.*s` shows them",
                   SLICE_ARG(place->name), SLICE_ARG(place->name));
        return true;
    }
    return false;
}

/* Routes that end in the gateway itself make no attempts, and get none. */
static void add_default(struct loading *l, struct slice name, const config_setting_t *said)
{
    struct config *c = l->c;
    struct place place = said ? option_place(&l->r, said) : (struct place){.file = l->r.file};
    const size_t errors = l->r.faults->errors;
    place.name = name;
    struct module *m = l->modules->module(l->modules, name, &place, l->r.faults);
    if (!m && said && l->r.faults->errors == errors)
        faults_add(l->r.faults, place.file, place.line,
                   "default_modules has \"%.*s\"; no module of that name is installed (weir -m lists "
                   "them)",
                   SLICE_ARG(name));
    if (!m || has_required(l, m, &place))
        return;
    for (size_t i = 0; i < c->routes_n; i++)
        if (c->routes[i].action == ACTION_CLUSTER || c->routes[i].action == ACTION_MODULE)
            use_default(l, &c->routes[i].modules, m, MODULE_ROUTE, c->routes[i].place, name);
    for (size_t i = 0; i < c->clusters_n; i++)
        use_default(l, &c->clusters[i].modules, m, MODULE_CLUSTER, c->clusters[i].place, name);
}

static void add_defaults(struct loading *l)
{
    const struct config *c = l->c;
    const config_setting_t *said = config_setting_get_member(l->root, "default_modules");
    for (size_t i = 0; i < c->default_modules.n; i++)
        add_default(l, c->default_modules.v[i], said);
}

/* -- global settings that nobody wrote --------------------------------------------------------- */

static bool has_global(const struct config *c, const struct module *m)
{
    for (const struct module_conf *g = c->modules; g; g = g->next)
        if (g->module == m)
            return true;
    return false;
}

static void complete(struct loading *l, const struct module_conf *uses)
{
    for (const struct module_conf *use = uses; use; use = use->next) {
        const struct option *row = l->modules->row(use->module, MODULE_GLOBAL);
        struct place place = {.file = l->r.file, .name = use->place.name};
        if (row && !has_global(l->c, use->module)) {
            struct module_conf *g =
                use_add(&l->r, &l->c->modules, place, use->module, MODULE_GLOBAL);
            if (row_required(row))
                faults_add(l->r.faults, use->place.file, use->place.line,
                           "%s needs settings that count everywhere: modules = { %s = { ... }; }; "
                           "`weir --help-module %s` shows them",
                           row->name, row->name, row->name);
            else
                read_use(&l->r, NULL, row, g);
        }
        for (const struct module_chain *chain = use->chains; chain; chain = chain->next)
            complete(l, chain->confs);
    }
}

void modules_complete(struct loading *l)
{
    struct config *c = l->c;
    if (!l->modules)
        return;
    add_url_clusters(l);
    add_defaults(l);
    complete(l, c->modules);
    for (size_t i = 0; i < c->clusters_n; i++)
        complete(l, c->clusters[i].modules);
    for (size_t i = 0; i < c->routes_n; i++)
        complete(l, c->routes[i].modules);
}
