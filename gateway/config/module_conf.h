/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_MODULE_CONF_H
#define WEIR_CONFIG_MODULE_CONF_H

/* Settings of modules, as the configuration sees them: where a table of the gateway has no row of a
 * name, a module of that name may have one. Who knows modules (core/module/module.h) gives the row; what
 * was read by it is kept in the order of the file, and nothing here knows what it means. */

#include "base/place.h"

struct config;
struct faults;
struct module;
struct option;

enum module_scope { MODULE_GLOBAL, MODULE_ROUTE, MODULE_CLUSTER, MODULE_SCOPE_N };

/* The settings of one module in one place. In the configuration's arena. */
struct module_conf {
    struct module_conf *next; /* as in the file */
    struct place place;       /* its name is the module's; index: in a list of uses */
    struct module *module;    /* borrowed: whose they are */
    enum module_scope scope;
    void *conf;                  /* the struct that the module's rows filled */
    struct module_chain *chains; /* settings of other modules inside of these, in their order */
    bool all_results;         /* see weir_load_all_results() */
    bool late, keeps;         /* see weir_load_late(), weir_load_keep() */
    const _Atomic uint32_t *results_while; /* see weir_load_results_while() */
    bool wants_identity;      /* a template of theirs names who asks */
};

/* A group, within a module's settings, in which settings of modules may stand (WEIR_CHAIN). What it
 * is built into (core/module/module_build.c) is put into `built` when the generation is. */
struct module_chain {
    struct module_chain *next;
    struct module_conf *confs;
    const void *built;
};

/* A cluster that a module's settings name, or for which they give a URL. */
struct cluster_ref {
    struct cluster_ref *next;
    uint32_t cluster; /* into config.clusters */
    const struct module *module;
    struct place place;
    const char *path; /* "routes[0].canary.split[1].cluster" */
};

/* What a URL was read into. */
struct url_conf {
    struct slice text, host, target; /* host with port where it isn't the scheme's */
    uint32_t cluster;
};

/* What config_load() is given to find modules by; NULL where there are none (tests). */
struct module_source {
    /* A configuration is going to be read that names these folders (borrowed for the call). */
    void (*begin)(struct module_source *s, const struct texts *folders);
    /* The row for the settings of the module of this name in this scope: a GROUP, or a LIST of
     * them, whose `size` is that of the struct to be filled. NULL when there is no such module;
     * with a fault when there is one that can't be used, or that has nothing to set there. */
    const struct option *(*find)(struct module_source *s, struct slice name,
                                 enum module_scope scope, const struct place *place,
                                 struct faults *faults, struct module **module);
    /* The module of this name; NULL when there is none, or with a fault. */
    struct module *(*module)(struct module_source *s, struct slice name, const struct place *place,
                             struct faults *faults);
    /* The row of a module that was found, in any scope; NULL: it has nothing to set there. */
    const struct option *(*row)(const struct module *m, enum module_scope scope);
    /* Settings of modules that were read, and from which no generation was made, are about to be
     * freed with this configuration. */
    void (*forget)(const struct config *c);
    /* NULL-terminated: what is installed, for hints. */
    const char *const *(*names)(struct module_source *s);
    /* Does this module stand on a route instead of `cluster`? */
    bool (*ends_route)(const struct module *m);
};

/* Readers for the rows of modules' tables that refer to other parts of the configuration: only for
 * reading by config_load(). Where a setting is absent, that of the row's default counts. */
struct option_reader;
struct config_setting_t;
void module_read_cluster(struct option_reader *r, const struct config_setting_t *s,
                         void *field); /* uint32_t; absent: UINT32_MAX */
void module_read_path(struct option_reader *r, const struct config_setting_t *s,
                      void *field); /* slice */
void module_read_url(struct option_reader *r, const struct config_setting_t *s,
                     void *field); /* url_conf */
/* What is being read has a text that names who asks: it must be known before it is rendered. */
void module_wants_identity(struct option_reader *r);
/* Of a REST row: settings of modules in a struct module_chain *, NULL when none stand there. */
bool module_take_chain(struct option_reader *r, const struct config_setting_t *s, void *field);
const char *const *module_names(struct option_reader *r);
#define FORM_MODULE_CLUSTER "the name of a cluster, in quotes"
#define FORM_MODULE_URL "a URL such as \"https://id.example.com/keys\""

#endif
