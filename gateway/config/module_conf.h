/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_MODULE_CONF_H
#define WEIR_CONFIG_MODULE_CONF_H

/* Settings of modules, as the configuration sees them: where a table of the gateway has no row of a
 * name, a module of that name may have one. Who knows modules (core/module.h) gives the row; what
 * was read by it is kept in the order of the file, and nothing here knows what it means. */

#include "base/place.h"

struct faults;
struct module;
struct option;

enum module_scope { MODULE_GLOBAL, MODULE_ROUTE, MODULE_CLUSTER, MODULE_SCOPE_N };

/* The settings of one module in one place. In the configuration's arena. */
struct module_conf {
    struct module_conf *next; /* as in the file */
    struct place place;
    struct module *module;    /* borrowed: whose they are */
    enum module_scope scope;
    void *conf;               /* the struct that the module's rows filled */
    struct module_chain *chains; /* settings of other modules inside of these, in their order */
};

/* A group, within a module's settings, in which settings of modules may stand (WEIR_CHAIN). What it
 * is built into (core/module_build.c) is put into `built` when the generation is. */
struct module_chain {
    struct module_chain *next;
    struct module_conf *confs;
    const void *built;
};

/* What config_load() is given to find modules by; NULL where there are none (tests). */
struct module_source {
    /* The row for the settings of the module of this name in this scope: a GROUP, or a LIST of
     * them, whose `size` is that of the struct to be filled. NULL when there is no such module, or
     * it has nothing to set there; with a fault when there is one that can't be used. */
    const struct option *(*find)(struct module_source *s, struct slice name,
                                 enum module_scope scope, const struct place *place,
                                 struct faults *faults, struct module **module);
    /* NULL-terminated: what is installed, for hints. */
    const char *const *(*names)(struct module_source *s);
    /* Does this module stand on a route instead of `cluster`? */
    bool (*ends_route)(const struct module *m);
};

#endif
