/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_H
#define WEIR_CORE_MODULE_H

/* Modules as the gateway sees them. What a module sees of the gateway is <weir/module.h>; the
 * functions declared there are in core/module/module_api_*.c, thin accessors over what stands here.
 *
 *   module      one shared object, loaded once per master and kept; its descriptor and the rows of
 *               its settings in the form of config/option.h
 *   use         its settings in one place of one generation: on a route, on a cluster
 *   chain       the uses of one place, by moment, built at load: what an exchange runs
 *
 *     route "reviews" ── chain ── at[MOMENT_PLAN]    ► use of dark_launch, use of canary
 *                                at[MOMENT_RESPONSE] ► use of headers
 *
 * A moment that no use has a hook for costs an exchange one test of a bit (exchange.moments); a
 * route without modules has no chain. */

#include <weir/module.h>

#include "base/fault.h"
#include "base/list.h"
#include "base/text.h"
#include "config/config.h"
#include "config/module_conf.h"
#include "config/option.h"

struct generation;
struct map;
struct shm;
struct worker;

enum { MODULES_MAX = 64, MODULE_NAME_MAX = 32 }; /* loaded at a time; bytes of a name */

struct module {
    struct list node;                     /* in module_set.modules */
    const struct weir_module *desc;       /* in the shared object */
    void *handle;                         /* of dlopen(); NULL: not from a file */
    struct slice path;
    struct option rows[MODULE_SCOPE_N];   /* one row each, for config_load(); kind END: none */
};

/* All modules that a master has loaded, and where it looks for more. Modules stay loaded: what a
 * running generation uses can't go, and code that changed on disk comes with an upgrade. */
struct module_set {
    struct module_source source;          /* for config_load(); first, so that it is the set */
    struct arena arena;                   /* of rows; owned */
    struct list modules;
    size_t n;
    struct slice installed;               /* the folder of the installation; empty: none */
    /* of the configuration that was read last */
    struct arena reading;                 /* owned */
    struct texts folders;                 /* in the order of searching; `installed` is last */
    const char *const *names;             /* for hints; made when needed */
    bool began;                           /* one was read that far */
};

void module_set_init(struct module_set *s);
/* Unloads all; no generation may be left. */
void module_set_fini(struct module_set *s);
/* Registers a descriptor that came from `path` (borrowed by the messages), by `handle` of dlopen(),
 * which the set takes over, or that is part of the program (NULL). Refuses what the gateway would
 * stumble over later. NULL with a fault at `place`. */
struct module *module_set_add(struct module_set *s, const struct weir_module *desc,
                              const char *path, void *handle, const struct place *place,
                              struct faults *faults) nodiscard;
/* The module of this name: loaded already, or from the first folder that has it. NULL when there is
 * none, or with a fault when it can't be used. */
struct module *module_set_find(struct module_set *s, struct slice name, const struct place *place,
                               struct faults *faults);
/* What is installed, sorted, NULL-terminated; in the arena of the reading. */
const char *const *module_set_names(struct module_set *s);
/* Is this a name that a module may have? */
bool module_name_ok(struct slice name);

/* core/module/module_settings.c: the rows of a module's tables in the form of config/option.h, in m->rows.
 * False with a fault when a table is wrong. */
bool module_rows_make(struct module_set *s, struct module *m, const struct place *place,
                      struct faults *faults) nodiscard;

/* core/module/module_help.c, as Markdown: the settings, commands, counters and log fields. */
void module_help(struct text *out, const struct module *m);
/* A line each: name, summary and path, or why it can't be used. */
void module_list(struct text *out, struct module_set *s);
/* After config_reference(): a page of every module that is installed. */
void modules_reference(struct text *out, struct module_set *s);
/* What they count, for the manual of metrics. */
void modules_metrics_reference(struct text *out, struct module_set *s);

/* -- in a generation --------------------------------------------------------------------------- */

/* The moments of an exchange at which modules are asked; in the order of life. */
#define MOMENT_LIST(M)                                                                             \
    M(IDENTIFY, on_identify) M(REQUEST, on_request) M(PLAN, on_plan) M(ENTER, on_enter)            \
    M(FORWARD, on_forward)                                                                         \
    M(PICK, on_pick) M(UNPICK, on_unpick) M(ATTEMPT, on_attempt)                                   \
    M(UNAVAILABLE, on_unavailable) M(RESULT, on_result) M(RESPONSE, on_response)                   \
    M(CONTENT, on_content) M(END, on_end) M(DONE, on_done)
enum moment {
#define M(id, hook) MOMENT_##id,
    MOMENT_LIST(M)
#undef M
    MOMENT_N
};

/* By these wakes a use that comes late. */
enum { MOMENTS_WAKING = 1 << MOMENT_UNAVAILABLE | 1 << MOMENT_RESULT | 1 << MOMENT_END };

/* In chain.moments beside the bits of moments. PICK there means all endpoints: uses that ask about
 * guarded ones only don't set it. */
enum {
    CHAIN_KEEPS = 1 << 27,       /* some use wants requests kept, whatever their method */
    CHAIN_ALL_RESULTS = 1 << 30, /* some use's on_result and on_end hear of attempts that went well */
    CHAIN_SOME_RESULTS = 1 << 28, /* ... while a word of chain.words isn't 0 */
    CHAIN_GUARDS = 1 << 29,      /* some use's on_pick is asked about guarded endpoints */
};
_Static_assert(MOMENT_N <= 27, "the moments' bits and those flags are different ones");

struct module_use {
    const struct module *module;
    const struct module_conf *conf;       /* place, and the module's struct; NULL: global only */
    void *settings;                       /* conf->conf */
    void *global;                         /* of this generation; NULL: the module has none */
    uint32_t index;                       /* of the module in module_plan.modules: also of locals */
    uint32_t state_at;                    /* offset in the chain's state */
    uint32_t log_at;                      /* index of its first log field in the chain's */
    bool late;                            /* sleeps until on_result, on_end or on_unavailable */
    bool all_results;                     /* these hear of attempts that went well, too */
    const _Atomic uint32_t *results_while; /* the same while it isn't 0; NULL: no such word */
};

struct chain {
    const struct module_use *uses;        /* in the order in which they run */
    size_t uses_n;
    struct moment_uses {
        const struct module_use **v;
        uint32_t n;
    } at[MOMENT_N];
    uint32_t moments;                     /* bit per moment: at[m].n != 0; and the flags below */
    uint32_t late_moments;                /* those of uses that sleep */
    const _Atomic uint32_t **words;       /* words_n results_while of its uses */
    uint32_t words_n;
    uint32_t state_size;                  /* bytes per exchange, for all uses */
    uint32_t log_fields;                  /* texts per exchange, for all uses */
    bool wants_identity;
};

/* The modules of one generation. */
struct module_plan {
    struct loaded_module {
        struct module *module;
        void *global;                     /* its settings; NULL: it has none */
    } *modules;
    size_t n;
    const struct chain **routes;          /* by route index; NULL: no modules there */
    const struct chain **clusters;        /* by cluster index; NULL likewise */
    const struct chain *identify;         /* modules with global settings and on_identify; NULL.
                                             Of its moments IDENTIFY and DONE count */
    const struct chain *unrouted;         /* modules that hear of requests without a route; NULL */
    struct module **reserved;             /* by cluster index: whose it is; NULL: anybody's */
    struct texts strip;                   /* fields that no client may send; lower case */
    /* What modules have asked for (core/stats/stats_module.h, core/module/watched_file.h), each with its index;
     * in the generation's arena. */
    struct weir_counters **counters;
    struct weir_variant **variants;
    struct weir_file **files;             /* watched by the control process */
    uint32_t counters_n, variants_n, files_n;
    struct module_gauge *gauges, *gauges_last; /* core/stats/stats_module.h */
    struct map *known;                    /* counters and variants by key; NULL: none yet */
};

/* From the uses of a chain: who has a hook at which moment. */
void chain_collect(struct chain *c, struct arena *a);
/* Of generation_build(): loads what the configuration names and builds the chains; g->modules is
 * never NULL afterwards. `shm` NULL: a check. What is wrong is in `faults`. */
void module_plan_build(struct generation *g, struct shm *shm, struct faults *faults);
/* Calls unload_use and unload for settings that were read and will not be loaded: before
 * config_free(), where no generation takes the configuration. */
void modules_forget(const struct config *c);
/* Calls unload_use and unload for everything that was read. */
void module_plan_free(struct generation *g);
/* Is this cluster (an index in config.clusters) reserved for another module than `m`? NULL is nobody:
 * for whoever that is, every reserved one is another's. */
static inline bool module_plan_reserves(const struct module_plan *plan, size_t cluster,
                                        const struct module *m)
{
    const struct module *owner = plan && plan->reserved ? plan->reserved[cluster] : NULL;
    return owner && owner != m;
}
/* The chain of a group of settings of modules within those of another one; NULL: none. */
static inline const struct chain *chain_of(const struct weir_chain *c)
{
    return c ? ((const struct module_chain *)c)->built : NULL;
}

/* What load functions get. */
struct weir_load {
    struct generation *g;                 /* NULL while settings are being read */
    struct shm *shm;                      /* NULL: a check */
    struct arena *arena;                  /* of the generation */
    struct faults *faults;
    const struct module *module;
    struct module_conf *conf;             /* of the use that is loaded; NULL: load() */
    const struct route_conf *route;       /* NULL: not on a route */
    const struct cluster_conf *cluster;   /* NULL: not on a cluster */
    struct option_reader *reader;         /* while settings are read, for check(); else NULL */
    struct place place;                   /* of the use, or of the group that is checked */
    const char *key;                      /* how the keys of this use's cells begin:
                                             "module/canary/route/reviews/" */
    struct place *reserved;               /* by cluster index: where that was said */
};
/* The key of a cell of this use; in the generation's arena. */
struct slice module_cell_key(struct weir_load *l, const char *name);

/* A worker, or the control process: weir_process is what the core calls a worker. */
static inline struct worker *worker_of(struct weir_process *p)
{
    return (struct worker *)p;
}
static inline struct weir_process *process_of(struct worker *w)
{
    return (struct weir_process *)w;
}
/* start() of each module that the generation has, after the fork; stop(), in the other order. */
void modules_start(struct worker *w);
void modules_stop(struct worker *w);
/* tick() of each that has one; does any? */
void modules_tick(struct worker *w);
bool modules_want_ticks(const struct worker *w);
/* The module whose code runs: of the hook, or w->acting, which whoever calls a module outside of
 * hooks sets for that time. NULL: not known. */
const struct module *module_caller(const struct worker *w);

#endif
