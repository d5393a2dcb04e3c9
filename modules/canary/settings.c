/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a split, and what is made of them in the master: the split's cell, its hash, its
 * counters.
 *
 * The cell's name has a digest of the variants' names and the file's weights in it. So a reload
 * that leaves those alone goes on in the schedule where it was, weights that an operator has set
 * included; and one that changes them begins a new one, while workers of the old generation finish
 * on theirs. A third generation may come back to what the first had while that one still drains: so
 * the control process notes in a cell of its own which digest is in force, and a cell that exists
 * but isn't the one in force begins anew. */

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "canary/canary.h"
#include "common/slice.h"
#include <weir/fleet.h>

enum { KEY_MAX = 4096, DIGEST = 32, KEPT = 16 };
/* What two blocks hold back is less than four requests of a variant, however large they are: smaller
 * ones gain nothing. More would last for seconds even at 10,000 requests a second. */
enum { FLEET_BLOCK_MIN = 10, FLEET_BLOCK_MAX = 65536 };

/* -- tables ---------------------------------------------------------------------------------- */

static const char *const unavailable_names[] = {"fail", "primary", NULL};
static const char *const failure_names[] = {"fail", "primary", NULL};
static const char *const same_site_names[] = {"lax", "strict", "none", NULL};

static const struct weir_setting variant_rows[] = {
    WEIR_ROW_CLUSTER("cluster", struct variant, cluster, "where its requests go", .required = true),
    WEIR_ROW_INT("weight", struct variant, weight, NULL, 0, 1000000,
                 "its share, beside the others' weights; 0: it gets nothing", .required = true),
    WEIR_ROW_TEXT("name", struct variant, name, "",
                  "what it is called in logs and metrics; empty: as its cluster"),
    WEIR_ROW_CHAIN(struct variant, chain),
    WEIR_ROW_END,
};

static void cookie_check(struct weir_load *l, void *group);

static const struct weir_setting cookie_rows[] = {
    WEIR_ROW_BOOL("issue", struct cookie_conf, issue, "true",
                  "give clients without the cookie one with a new id"),
    WEIR_ROW_BOOL("signed", struct cookie_conf, is_signed, "false",
                  "sign ids, and take only signed ones"),
    WEIR_ROW_PATH("key_file", struct cookie_conf, key_file, "",
                  "key of the signatures, 32 bytes or more; empty: that of modules.canary"),
    WEIR_ROW_MS("max_age", struct cookie_conf, max_age, "30d", 0, 34560000000,
                "how long browsers keep it; 0: until they end"),
    WEIR_ROW_TEXT("path", struct cookie_conf, path, "/", "paths for which browsers send it"),
    WEIR_ROW_TEXT("domain", struct cookie_conf, domain, "",
                  "hosts for which browsers send it, with all below; empty: the request's alone"),
    WEIR_ROW_BOOL("secure", struct cookie_conf, secure, "false",
                  "only for https; what is set over https is so in any case"),
    WEIR_ROW_BOOL("http_only", struct cookie_conf, http_only, "true", "keep it from scripts"),
    WEIR_ROW_CHOICE("same_site", struct cookie_conf, same_site, "lax", same_site_names,
                    "whether browsers send it with requests from other sites"),
    WEIR_ROW_END,
};

const struct weir_setting canary_route_rows[] = {
    WEIR_ROW_LIST("split", struct canary, split, variant_rows, struct variant,
                  "the variants among which requests are divided", .required = true),
    WEIR_ROW_TEXT("primary", struct canary, primary_name, "",
                  "the variant that others fall back to, by its name; empty: the first"),
    WEIR_ROW_TEXT("sticky", struct canary, sticky_text, "",
                  "what tells users apart, so that each stays where it is: cookie:NAME, "
                  "header:NAME, query:NAME, source, identity, identity:CLAIM; empty: nothing"),
    WEIR_ROW_TEXT("seed", struct canary, seed, "",
                  "routes, and instances, with the same seed place users alike; empty: the route's "
                  "name"),
    WEIR_ROW_GROUP("cookie", struct canary, cookie, cookie_rows,
                   "the cookie of sticky = cookie:NAME", .check = cookie_check),
    WEIR_ROW_CHOICE(
        "on_unavailable", struct canary, on_unavailable, "fail", unavailable_names,
        "who gets requests of a variant whose cluster has no endpoint that can be used"),
    WEIR_ROW_CHOICE("on_failure", struct canary, on_failure, "fail", failure_names,
                    "primary: a failed request that can be repeated is repeated there"),
    WEIR_ROW_TEXTS("failures", struct canary, failure_texts,
                   "what is a failure: statuses such as 502, classes such as 5xx, connect, reset, "
                   "timeout, bad_response, unavailable; absent: the five words and 5xx"),
    WEIR_ROW_PERCENT("max_hidden", struct canary, max_hidden, "20%",
                     "the most of a variant's requests that may be repeated on the primary"),
    WEIR_ROW_INT("fleet_block", struct canary, fleet_block, "0", 0, FLEET_BLOCK_MAX,
                 "the most positions of the schedule that this instance leases from the fleet at "
                 "once, at least 10; 0: it goes through the schedule by itself"),
    WEIR_ROW_TEXT("response_header", struct canary, response_header_text, "",
                  "header field of responses with the variant's name; empty: none"),
    WEIR_ROW_TEXT("variant_cookie", struct canary, variant_cookie, "",
                  "cookie with the variant's name, for front ends; empty: none"),
    WEIR_ROW_END,
};

const struct weir_setting canary_global_rows[] = {
    WEIR_ROW_PATH("key_file", struct canary_global, key_file, "",
                  "key of signed cookies, 32 bytes or more, for splits that name none"),
    WEIR_ROW_END,
};

static void cookie_check(struct weir_load *l, void *group)
{
    ((struct cookie_conf *)group)->place = *weir_load_place(l);
}

/* -- variants -------------------------------------------------------------------------------- */

static bool is_name_taken(const struct canary *c, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (slice_eq(c->names[k], c->names[i]))
            return true;
    return false;
}

static bool check_name(struct weir_load *l, const struct canary *c, size_t i)
{
    const struct variant *v = &c->variants[i];
    if (is_name_taken(c, i))
        weir_fault(l, &v->place, "two variants are called \"%.*s\": give one of them another name",
                   SLICE_ARG(v->name));
    else if (!weir_value_ok(v->name))
        weir_fault(l, &v->place, "the name \"%.*s\" can't stand in a header field",
                   SLICE_ARG(v->name));
    else if (c->variant_cookie.n && !cookie_value_ok(v->name))
        weir_fault(l, &v->place,
                   "the name \"%.*s\" can't stand in the cookie %.*s (variant_cookie): leave out "
                   "spaces, commas, semicolons, quotes and backslashes",
                   SLICE_ARG(v->name), SLICE_ARG(c->variant_cookie));
    else
        return true;
    return false;
}

static bool read_variants(struct weir_load *l, struct canary *c)
{
    char reason[SCHEDULE_REASON];
    bool good = true;
    c->variants = c->split.v;
    c->n = c->split.n;
    if (c->n == 0 || c->n > SCHEDULE_VARIANTS) {
        weir_fault(l, weir_load_place(l), "canary.split has %zu variants; it has 1 to %d", c->n,
                   SCHEDULE_VARIANTS);
        return false;
    }
    for (size_t i = 0; i < c->n; i++) {
        struct variant *v = &c->variants[i];
        if (v->cluster == WEIR_NO_CLUSTER)
            return false; /* a name that there isn't: that was said */
        v->cluster_name = weir_cluster_name(l, v->cluster);
        v->name = v->name.n ? v->name : v->cluster_name;
        c->names[i] = v->name;
        c->weights[i] = (uint32_t)v->weight;
        good = check_name(l, c, i) && good;
    }
    if (good && !schedule_check(c->weights, c->n, NULL, reason)) {
        weir_fault(l, weir_load_place(l), "canary.split can't be kept: %s", reason);
        good = false;
    }
    return good;
}

static void find_primary(struct weir_load *l, struct canary *c)
{
    while (c->primary_name.n && c->primary < c->n &&
           !slice_eq(c->primary_name, c->names[c->primary]))
        c->primary++;
    if (c->primary < c->n)
        return;
    weir_fault(l, weir_load_place(l),
               "canary.primary is \"%.*s\"; no variant has that name (the first is \"%.*s\")",
               SLICE_ARG(c->primary_name), SLICE_ARG(c->names[0]));
    c->primary = 0;
}

/* -- users ----------------------------------------------------------------------------------- */

static void read_key(struct weir_load *l, struct canary *c, struct weir_slice path)
{
    const struct weir_place *place = c->cookie.place.file ? &c->cookie.place : weir_load_place(l);
    char *key = weir_load_alloc(l, KEY_MAX + 1);
    FILE *f = fopen(path.p, "re");
    if (!f) {
        weir_fault(l, place, "cannot read the key of signed cookies, %s: %s", path.p,
                   strerror(errno));
        return;
    }
    setvbuf(f, NULL, _IONBF, 0); /* no second copy of a secret */
    const size_t n = fread(key, 1, KEY_MAX + 1, f);
    fclose(f);
    if (n < COOKIE_KEY_MIN || n > KEY_MAX)
        weir_fault(l, place,
                   "the key of signed cookies, %s, has %s%zu bytes; it needs %d to %d: "
                   "`openssl rand 32` makes one",
                   path.p, n > KEY_MAX ? "over " : "", n > KEY_MAX ? (size_t)KEY_MAX : n,
                   COOKIE_KEY_MIN, KEY_MAX);
    c->key = (struct weir_slice){key, n};
}

static void read_cookie(struct weir_load *l, struct canary *c, const struct canary_global *g)
{
    const struct cookie_conf *k = &c->cookie;
    char reason[COOKIE_REASON];
    c->attributes = (struct cookie_attributes){
        .path = k->path,
        .domain = k->domain,
        .max_age_s = k->max_age / 1000,
        .secure = k->secure,
        .http_only = k->http_only,
        .same_site = (enum same_site)k->same_site,
    };
    c->name_attributes = c->attributes;
    c->name_attributes.http_only = false; /* it is there for scripts */
    const struct weir_place *place = k->place.file ? &k->place : weir_load_place(l);
    if (c->sticky.kind == STICKY_COOKIE && !cookie_ok(c->sticky.name, &c->attributes, reason))
        weir_fault(l, place, "canary.cookie: %s", reason);
    if (c->variant_cookie.n && !cookie_ok(c->variant_cookie, &c->name_attributes, reason))
        weir_fault(l, place, "canary.variant_cookie: %s", reason);
    if (c->variant_cookie.n && c->sticky.kind == STICKY_COOKIE &&
        slice_eq(c->variant_cookie, c->sticky.name))
        weir_fault(l, weir_load_place(l),
                   "canary.variant_cookie is the cookie that sticky names: "
                   "give it another name");
    if (c->sticky.kind != STICKY_COOKIE) {
        if (k->place.file && (k->is_signed || k->key_file.n))
            weir_fault(l, place, "canary.cookie signs ids, but sticky names no cookie");
        return;
    }
    const struct weir_slice path = k->key_file.n ? k->key_file : g->key_file;
    if (k->is_signed && path.n)
        read_key(l, c, path);
    else if (k->is_signed)
        weir_fault(l, place,
                   "canary.cookie.signed needs a key: set key_file, there or under "
                   "modules.canary");
    else if (k->key_file.n)
        weir_fault(l, place, "canary.cookie.key_file is for signed = true");
}

static void read_sticky(struct weir_load *l, struct canary *c)
{
    char reason[STICKY_REASON];
    if (!sticky_parse(c->sticky_text, &c->sticky, reason)) {
        weir_fault(l, weir_load_place(l), "canary.sticky is \"%.*s\"; %s",
                   SLICE_ARG(c->sticky_text), reason);
        return;
    }
    if (c->sticky.kind == STICKY_HEADER)
        c->sticky_field = weir_name(c->sticky.name);
    if (c->sticky.kind == STICKY_IDENTITY || c->sticky.kind == STICKY_CLAIM)
        weir_load_wants_identity(l);
    if (c->sticky.kind == STICKY_NONE)
        return;
    c->hash = bucket_hash_new(c->seed.n ? c->seed : c->route);
    if (!c->hash)
        weir_fault(l, weir_load_place(l), "OpenSSL has no HMAC-SHA-256 to place users by");
}

/* -- answers --------------------------------------------------------------------------------- */

static void read_failures(struct weir_load *l, struct canary *c)
{
    if (!c->failure_texts.n)
        failures_preset(&c->failures);
    for (size_t i = 0; i < c->failure_texts.n; i++)
        if (!failures_add(&c->failures, c->failure_texts.v[i]))
            weir_fault(l, weir_load_place(l), "canary.failures[%zu] is \"%.*s\"; allowed are %s", i,
                       SLICE_ARG(c->failure_texts.v[i]), failures_form);
}

static void read_header(struct weir_load *l, struct canary *c)
{
    if (!c->response_header_text.n)
        return;
    c->response_header = weir_name(c->response_header_text);
    if (!weir_field_settable(c->response_header_text))
        weir_fault(l, weir_load_place(l),
                   "canary.response_header is \"%.*s\"; it isn't a field name, or the gateway "
                   "decides on it",
                   SLICE_ARG(c->response_header_text));
}

/* -- shared memory --------------------------------------------------------------------------- */

static void update(EVP_MD_CTX *md, const void *p, size_t n)
{
    const uint32_t length = (uint32_t)n;
    EVP_DigestUpdate(md, &length, sizeof length);
    EVP_DigestUpdate(md, p, n);
}

static bool digest_of(const struct canary *c, unsigned char to[EVP_MAX_MD_SIZE])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; good && i < c->n; i++) {
        update(md, c->names[i].p, c->names[i].n);
        update(md, &c->weights[i], sizeof c->weights[i]);
    }
    const bool done = good && EVP_DigestFinal_ex(md, to, NULL) == 1;
    EVP_MD_CTX_free(md);
    return done;
}

static uint64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool begin_cell(struct canary *c, char reason[SCHEDULE_REASON])
{
    const struct split_weights to = {c->names, c->weights, c->n};
    struct split_ref any;
    const bool is_new = !split_cell_place(c->cell, 0, &any);
    const uint64_t current = atomic_load(c->current);
    if (!split_cell_init(c->cell, &to, wall_us(), reason))
        return false;
    if (is_new || !current || current == c->digest)
        return true;
    return split_cell_change(c->cell, &to, wall_us(), NULL, reason);
}

/* "split/0123456789abcdef..." */
static void *cell_for(struct weir_load *l, const char *kind, const unsigned char *digest,
                      size_t size)
{
    char name[sizeof "split/" + 2 * KEPT];
    int at = snprintf(name, sizeof name, "%s/", kind);
    for (unsigned i = 0; i < KEPT; i++)
        at += snprintf(name + at, sizeof name - (size_t)at, "%02x", digest[i]);
    return weir_cell(l, name, size);
}

/* Without a fleet nobody would fill it. */
static bool wants_lease(struct weir_load *l, const struct canary *c)
{
    if (c->fleet_block && c->fleet_block < FLEET_BLOCK_MIN)
        weir_fault(l, weir_load_place(l), "canary.fleet_block is %lld; allowed are 0 and %d to %d",
                   (long long)c->fleet_block, FLEET_BLOCK_MIN, FLEET_BLOCK_MAX);
    if (c->fleet_block && !weir_load_fleet(l))
        weir_warn(l, weir_load_place(l),
                  "canary.fleet_block does nothing: the configuration has no group fleet");
    return c->fleet_block && weir_load_fleet(l);
}

static void make_lease(struct weir_load *l, struct canary_global *g, struct canary *c,
                       const unsigned char *digest)
{
    c->lease = cell_for(l, "lease", digest, split_lease_size(c->n));
    g->leases_n++;
    if (c->lease && !split_lease_init(c->lease, c->n))
        weir_fault(l, weir_load_place(l), "this system has no robust mutexes between processes");
}

static void make_cells(struct weir_load *l, struct canary_global *g, struct canary *c)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char reason[SCHEDULE_REASON];
    if (!digest_of(c, digest)) {
        weir_fault(l, weir_load_place(l), "OpenSSL has no SHA-256");
        return;
    }
    memcpy(&c->digest, digest, sizeof c->digest);
    c->digest |= 1; /* 0 is for none */
    c->cell = cell_for(l, "split", digest, split_cell_size(c->n));
    c->current = weir_cell(l, "current", sizeof *c->current);
    if (c->cell && c->current && !begin_cell(c, reason))
        weir_fault(l, weir_load_place(l), "canary.split can't be kept: %s", reason);
    if (wants_lease(l, c))
        make_lease(l, g, c, digest);
}

static void register_variant(struct weir_load *l, struct canary_global *g, struct variant *v)
{
    const struct weir_label label = {"variant", v->name};
    v->stats = weir_variant(l, v->name);
    v->counters = weir_counters(l, canary_counters, &label, 1);
    v->number = g->variants_n++;
}

/* -- the whole ------------------------------------------------------------------------------- */

void canary_load(struct weir_load *l, void *global)
{
    struct canary_global *g = global;
    (void)l;
    g->end = &g->first;
}

void canary_load_route(struct weir_load *l, void *conf, void *global)
{
    struct canary *c = conf;
    struct canary_global *g = global;
    c->route = weir_load_route(l);
    if (!read_variants(l, c))
        return;
    find_primary(l, c);
    read_sticky(l, c);
    read_cookie(l, c, g);
    read_failures(l, c);
    read_header(l, c);
    make_cells(l, g, c);
    for (size_t i = 0; i < c->n; i++)
        register_variant(l, g, &c->variants[i]);
    *g->end = c;
    g->end = &c->next;
}

void canary_unload_use(void *conf)
{
    struct canary *c = conf;
    bucket_hash_free(c->hash);
    c->hash = NULL;
}
