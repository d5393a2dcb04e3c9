/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of settings, and what they can't say by themselves. */
#include "dark_launch/settings.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "dark_launch/grants_file.h"
#include "dark_launch/list.h"
#include "common/slice.h"

const struct weir_counter dark_counters[] = {
    [COUNT_SENT] = {"sent", "requests of testers that went to a dark version"},
    [COUNT_UNAVAILABLE] = {"unavailable", "requests of testers whose dark version had no endpoint"},
    [COUNT_FAILED] = {"failed", "attempts on a dark version that failed"},
    [COUNT_GRANTS_USED] = {"grants_used", "requests that a grant has sent to a dark version"},
    [COUNT_GRANTS_REFUSED] = {"grants_refused", "requests with a grant that isn't valid"},
    [COUNT_LISTS_WRONG] = {"lists_wrong", "lists that were read and had wrong lines"},
    {0},
};

static const char *const otherwise[] = {"fail", "normal", NULL};

/* -- the tables -------------------------------------------------------------------------------- */

const struct weir_setting dark_global_rows[] = {
    WEIR_ROW_PATH(
        "grant_key_file", struct dark_global, key_file, "",
        "the key that grants are signed with, 32 bytes or more; empty: a random one, which "
        "ends with the gateway"),
    WEIR_ROW_PATH("grants_file", struct dark_global, grants_file, "",
                  "where grants are kept over restarts; empty: nowhere"),
    WEIR_ROW_INT("grants", struct dark_global, capacity, "1024", 1, 16384,
                 "grants in force at a time"),
    WEIR_ROW_TEXT("grant_cookie", struct dark_global, grant_cookie, "weir-grant",
                  "the cookie that brings a grant; empty: none does"),
    WEIR_ROW_TEXT("grant_header", struct dark_global, grant_header, "X-Weir-Grant",
                  "the header field that brings a grant; empty: none does"),
    WEIR_ROW_MS("max_ttl", struct dark_global, max_ttl_ms, "7d", 60000, 31536000000,
                "how long a grant may be valid"),
    WEIR_ROW_END,
};

static const struct weir_setting version_rows[] = {
    WEIR_ROW_TEXT("name", struct dark_version, name, NULL, "what choosers call it",
                  .required = true),
    WEIR_ROW_CLUSTER("cluster", struct dark_version, cluster, "where it runs", .required = true),
    WEIR_ROW_END,
};

const struct weir_setting dark_rows[] = {
    WEIR_ROW_CLUSTER("cluster", struct dark, cluster, "where testers go"),
    WEIR_ROW_LIST("versions", struct dark, versions, version_rows, struct dark_version,
                  "several dark versions instead of one cluster; the first is the default"),
    WEIR_ROW_TEXTS("subjects", struct dark, testers.who.subjects, "identities that are testers"),
    WEIR_ROW_TEXT("claim", struct dark, testers.who.claim, "", "the claim that makes a tester"),
    WEIR_ROW_TEXTS("any_of", struct dark, testers.who.any_of,
                   "its values, of which one is enough, compared as a whole"),
    WEIR_ROW_TEXTS("issuers", struct dark, testers.who.issuers,
                   "whose identities count; absent: any that is verified"),
    WEIR_ROW_TEXTS("methods", struct dark, testers.who.methods,
                   "ways of identification that count, such as \"jwt\"; absent: any"),
    WEIR_ROW_TEXTS("certificate_sans", struct dark, testers.sans,
                   "names in verified client certificates that are testers"),
    WEIR_ROW_PATH("list_file", struct dark, list_file, "",
                  "a file with a subject in each line, read again when it changes; empty: none"),
    WEIR_ROW_SIZE("list_limit", struct dark, list_limit, "64k", 1024, 1 << 20,
                  "how long that file may be"),
    WEIR_ROW_BOOL("grants", struct dark, grants, "true", "whether grants of operators open it"),
    WEIR_ROW_TEXT("choose_header", struct dark, choose_header, "",
                  "header field by which testers choose a version; empty: none"),
    WEIR_ROW_TEXT("choose_cookie", struct dark, choose_cookie, "",
                  "cookie by which testers choose a version; empty: none"),
    WEIR_ROW_BOOL("opt_in", struct dark, opt_in, "false",
                  "only testers that choose a version get one"),
    WEIR_ROW_CHOICE("on_unavailable", struct dark, on_unavailable, "fail", otherwise,
                    "where testers go when their version has no endpoint: 503, or as all others"),
    WEIR_ROW_CHOICE("on_failure", struct dark, on_failure, "fail", otherwise,
                    "what testers get when an attempt on their version failed: that, or the answer "
                    "of the route's cluster"),
    WEIR_ROW_END,
};

/* -- under `modules` --------------------------------------------------------------------------- */

static void fault(struct weir_load *l, const char *text)
{
    weir_fault(l, weir_load_place(l), "dark_launch%s", text);
}

static bool is_cookie_name(struct weir_slice s)
{
    return weir_name(s).text.p != NULL; /* both are tokens, RFC 6265 4.1.1 */
}

static void check_names(struct weir_load *l, struct dark_global *g)
{
    if (g->grant_cookie.n && !is_cookie_name(g->grant_cookie))
        fault(l, ".grant_cookie is no name of a cookie");
    if (g->grant_header.n && !weir_field_settable(g->grant_header))
        fault(l,
              ".grant_header is no name of a header field, or of one that the gateway decides on");
    else if (g->grant_header.n)
        g->header = weir_name(g->grant_header);
    if (!g->grant_cookie.n && !g->grant_header.n)
        fault(l, " has neither grant_cookie nor grant_header: nothing could bring a grant; to have "
                 "none, set grants = false on the routes");
}

static void load_key(struct weir_load *l, struct dark_global *g)
{
    FILE *f = fopen(g->key_file.p, "re");
    struct stat st;
    if (!f) {
        weir_fault(l, weir_load_place(l), "dark_launch.grant_key_file: %s: %s", g->key_file.p,
                   strerror(errno));
        return;
    }
    g->key_text = weir_load_alloc(l, GRANT_KEY_MAX + 1);
    setvbuf(f, NULL, _IONBF, 0); /* no copy of it is left behind */
    g->key = (struct grant_key){g->key_text, fread(g->key_text, 1, GRANT_KEY_MAX + 1, f)};
    if (g->key.n < GRANT_KEY_MIN || g->key.n > GRANT_KEY_MAX)
        weir_fault(
            l, weir_load_place(l),
            "dark_launch.grant_key_file: %s has %s%zu bytes; a key has %d to %d, for example "
            "of: openssl rand -hex 32",
            g->key_file.p, g->key.n > GRANT_KEY_MAX ? "over " : "",
            g->key.n > GRANT_KEY_MAX ? (size_t)GRANT_KEY_MAX : g->key.n, GRANT_KEY_MIN,
            GRANT_KEY_MAX);
    if (fstat(fileno(f), &st) == 0 && (st.st_mode & 07) != 0)
        weir_warn(l, weir_load_place(l),
                  "dark_launch.grant_key_file: everybody on this machine may use %s; chmod o= it",
                  g->key_file.p);
    fclose(f);
}

/* The name has what gives the table its meaning: a table that is kept in another file, or has
 * another capacity, is another one. The file is read only when its table is new; afterwards it is
 * the table that counts, and an older generation may be using it. */
static void load_table(struct weir_load *l, struct dark_global *g)
{
    const unsigned capacity = (unsigned)g->capacity;
    char why[GRANTS_FILE_WHY], *name = weir_load_alloc(l, g->grants_file.n + 32);
    sprintf(name, "grants-%u:%s", capacity, g->grants_file.p ? g->grants_file.p : "");
    g->table = weir_cell(l, name, grants_size(capacity));
    if (!g->table)
        return;
    const bool is_new = grants_is_new(g->table);
    if (!grants_init(g->table, capacity))
        fault(l, ": the system gives no random bytes for a key");
    else if (is_new && g->grants_file.n &&
             !grants_file_read(g->table, g->grants_file.p, (uint64_t)time(NULL), why))
        weir_fault(l, weir_load_place(l), "dark_launch.grants_file: %s: %s", g->grants_file.p, why);
    if (!g->key_file.n)
        g->key = grants_key(g->table);
}

void dark_load(struct weir_load *l, void *global)
{
    struct dark_global *g = global;
    check_names(l, g);
    if (g->key_file.n)
        load_key(l, g);
    else if (g->grants_file.n)
        fault(l,
              ".grants_file needs a grant_key_file: signed with a random key, grants end with the "
              "gateway all the same");
    load_table(l, g);
}

void dark_unload(void *global)
{
    const struct dark_global *g = global;
    if (g->key_text)
        OPENSSL_cleanse(g->key_text, GRANT_KEY_MAX + 1);
}

/* -- on a route -------------------------------------------------------------------------------- */

/* One cluster alone is one version, named as the cluster. */
static void load_versions(struct weir_load *l, struct dark *d)
{
    if ((d->cluster != WEIR_NO_CLUSTER) == (d->versions.n > 0)) {
        fault(l, d->versions.n ? " has both cluster and versions; leave one out"
                               : " needs a cluster, or versions");
        d->versions.n = 0;
        return;
    }
    if (d->versions.n)
        return;
    struct dark_version *v = weir_load_alloc(l, sizeof *v);
    *v = (struct dark_version){.place = *weir_load_place(l),
                               .name = weir_cluster_name(l, d->cluster),
                               .cluster = d->cluster};
    d->versions = (struct weir_groups){v, 1};
}

static void check_version(struct weir_load *l, const struct dark *d, size_t at)
{
    const struct dark_version *v = &dark_versions(d)[at];
    if (!is_cookie_name(v->name) || slice_eq(v->name, WEIR_SLICE("none")))
        weir_fault(
            l, &v->place,
            "dark_launch.versions has the name \"%s\"; a name is one word, and \"none\" is what "
            "testers say who want none",
            v->name.p);
    for (size_t i = 0; i < at; i++)
        if (slice_eq(v->name, dark_versions(d)[i].name))
            weir_fault(l, &v->place, "dark_launch.versions has two with the name \"%s\"",
                       v->name.p);
    if (v->cluster == d->normal)
        weir_fault(l, &v->place,
                   "dark_launch sends testers to %s, where all requests of this route go",
                   weir_cluster_name(l, v->cluster).p);
}

static void check_testers(struct weir_load *l, const struct dark *d)
{
    const struct testers *t = &d->testers;
    if ((t->who.claim.n > 0) != (t->who.any_of.n > 0))
        fault(l, t->who.claim.n ? ".claim needs any_of: which of its values make a tester"
                                : ".any_of needs a claim");
    for (size_t i = 0; i < t->who.subjects.n; i++)
        if (!t->who.subjects.v[i].n)
            fault(l, ".subjects has an empty one");
    for (size_t i = 0; i < t->sans.n; i++)
        if (testers_san_fault(t->sans.v[i]))
            weir_fault(l, weir_load_place(l), "dark_launch.certificate_sans has \"%s\", which %s",
                       t->sans.v[i].p, testers_san_fault(t->sans.v[i]));
    if (!t->who.subjects.n && !t->who.claim.n && !t->sans.n && !d->list_file.n && !d->grants)
        fault(l,
              " lets nobody in: give subjects, claim and any_of, certificate_sans or list_file, or "
              "grants = true");
}

static void load_choosers(struct weir_load *l, struct dark *d, const struct dark_global *g)
{
    if (d->choose_cookie.n && !is_cookie_name(d->choose_cookie))
        fault(l, ".choose_cookie is no name of a cookie");
    if (d->choose_header.n && !weir_field_settable(d->choose_header))
        fault(l,
              ".choose_header is no name of a header field, or of one that the gateway decides on");
    else if (d->choose_header.n)
        d->header = weir_name(d->choose_header);
    if ((d->choose_header.n && slice_ieq(d->choose_header, g->grant_header)) ||
        (d->choose_cookie.n && slice_eq(d->choose_cookie, g->grant_cookie)))
        fault(l, ": choosers and grants need different names");
    if (d->opt_in && !d->choose_header.n && !d->choose_cookie.n)
        fault(l, ".opt_in needs a choose_header or choose_cookie: nobody could opt in");
}

/* The file as it is at load has to be right as a whole. */
static void load_list(struct weir_load *l, struct dark *d)
{
    struct tester_list list;
    uint64_t version;
    d->list = weir_file(l, weir_load_place(l), d->list_file, d->list_limit);
    if (!d->list)
        return;
    char *text = weir_load_alloc(l, d->list_limit + 1);
    const size_t n = weir_blob_read(d->list, text, &version);
    if (!tester_list_parse((struct weir_slice){text, n}, &list))
        fault(l, ".list_file: no memory for it");
    else if (list.wrong)
        weir_fault(l, weir_load_place(l), "dark_launch.list_file: line %d of %s %s",
                   list.first_wrong, d->list_file.p, list.what);
    tester_list_free(&list);
}

static void check_failure(struct weir_load *l, const struct dark *d)
{
    if (d->on_failure == OTHERWISE_NORMAL && d->normal == WEIR_NO_CLUSTER)
        fault(l,
              ".on_failure = \"normal\" works only on routes with a cluster: where else a request "
              "would have gone isn't known");
}

void dark_load_route(struct weir_load *l, void *conf, void *global)
{
    struct dark *d = conf;
    struct dark_global *g = global;
    d->next = g->first;
    g->first = d;
    d->number = g->n++;
    d->route = weir_load_route(l);
    d->normal = weir_load_route_cluster(l);
    load_versions(l, d);
    check_testers(l, d);
    check_failure(l, d);
    load_choosers(l, d, g);
    if (d->list_file.n)
        load_list(l, d);
    if (d->testers.who.subjects.n || d->testers.who.claim.n || d->list_file.n)
        weir_load_wants_identity(l); /* credentials aren't looked at in vain */
    for (size_t i = 0; i < d->versions.n; i++) {
        struct dark_version *v = &dark_versions(d)[i];
        check_version(l, d, i);
        weir_load_reserve(l, v->cluster);
        v->variant = weir_variant(l, v->name);
    }
    d->counters = weir_counters(l, dark_counters, NULL, 0);
}
