/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

/* The module interface of Weir: the only header of the gateway that a module includes. A module is
 * one shared object, NAME.so, that defines one symbol:
 *
 *     const struct weir_module weir_module = {
 *         .abi = WEIR_ABI, .name = "hello", .summary = "greets",
 *         .route = {.rows = hello_rows, .size = sizeof(struct hello)},
 *         .on_response = hello_on_response,
 *     };
 *
 * It is loaded when the configuration names it: on a route (hello = { ... };), on a cluster, or
 * under `modules`. docs/modules.md walks through one.
 *
 * Processes. The master loads modules and their settings and forks; it runs no request. Workers run
 * the hooks of requests. The control process runs commands, tick() and everything slow. Settings
 * are read-only after the fork; what changes at run time lies in shared cells. Each process is one
 * thread: hooks of one process never run at the same time.
 *
 * Lifetimes. A slice that a function gives lives as long as what it is about: of an exchange until
 * its on_done has returned, of settings as long as the generation. What a module passes is borrowed
 * for the call unless it says otherwise. A hook allocates with weir_alloc(), which can't fail and
 * costs no malloc as a rule.
 *
 * Each declaration says in brackets where it may be called: [load] in load functions, in the
 * master; [hook] in hooks, in a worker; [process] anywhere in a worker or the control process;
 * [control] in the control process; [any]. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_ABI 1

#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* -- values ------------------------------------------------------------------------------------ */

/* Bytes that somebody else owns: never NUL-terminated on purpose, never freed. Empty: n == 0;
 * absent: p == NULL. Texts of settings are NUL-terminated. */
struct weir_slice {
    const char *p;
    size_t n;
};
#define WEIR_SLICE(literal) ((struct weir_slice){("" literal), sizeof(literal) - 1})

/* Where something stands in the configuration. */
struct weir_place {
    const char *file;
    int line;
    size_t index;           /* position in its list or group, from 0 */
    struct weir_slice name; /* the key in a group of named groups */
};

struct weir_texts {
    struct weir_slice *v;
    size_t n;
};
struct weir_groups {
    void *v; /* array of n structs, each of which begins with a struct weir_place */
    size_t n;
};

/* A cluster, by its number in this generation. */
typedef uint32_t weir_cluster;
#define WEIR_NO_CLUSTER UINT32_MAX

/* An endpoint of a cluster, by its place in shared memory: the same in all processes and over
 * reloads, as long as the endpoint stays. */
typedef uint32_t weir_slot;
#define WEIR_NO_SLOT UINT32_MAX

struct weir_exchange; /* one request and its response */
struct weir_attempt;  /* one try of it on one endpoint */
struct weir_endpoint;
struct weir_endpoint_cells;
struct weir_process;  /* a worker, or the control process */
struct weir_load;     /* a generation that is being loaded */
struct weir_template; /* a text with variables: "user %{claim.sub|nobody}" */
struct weir_chain;    /* settings of other modules that come into force by a choice */
struct weir_variant;  /* one of the versions that a route's requests are divided among */
struct weir_counters;
struct weir_blob;
struct weir_call;

/* -- settings ---------------------------------------------------------------------------------- */

/* What a setting may be, and what it is stored as. */
enum weir_kind {
    WEIR_END,
    WEIR_BOOL,     /* bool */
    WEIR_INT,      /* int64_t */
    WEIR_MS,       /* uint64_t, milliseconds: "250ms", "3s", "2h" */
    WEIR_SIZE,     /* uint64_t, bytes: 512, "64k" */
    WEIR_PERCENT,  /* uint32_t, millionths: "2.5%" is 25000 */
    WEIR_TEXT,     /* struct weir_slice */
    WEIR_CHOICE,   /* int: index into names */
    WEIR_TEXTS,    /* struct weir_texts: one text or a list */
    WEIR_GROUP,    /* a struct of its own, in place; `rows` count their offsets from it */
    WEIR_LIST,     /* struct weir_groups: ( { }, { } ) */
    WEIR_MAP,      /* struct weir_groups: { name = { }; } */
    WEIR_CLUSTER,  /* weir_cluster: its name. Absent: WEIR_NO_CLUSTER */
    WEIR_PATH,     /* struct weir_slice: a file; a relative one starts in the main file's folder */
    WEIR_TEMPLATE, /* const struct weir_template *; absent: NULL. `min` is an enum weir_moment */
    WEIR_URL,      /* struct weir_url: http or https; gets a cluster of its own */
    WEIR_CHAIN,    /* struct weir_chain *: in this group settings of other modules may stand, by
                      their names, as they may on a route; NULL when none do. Its row has the
                      name "" */
};

/* When a template is rendered: which variables it may have. */
enum weir_moment { WEIR_AT_REQUEST, WEIR_AT_FORWARD, WEIR_AT_RESPONSE, WEIR_AT_DONE };

struct weir_url {
    struct weir_slice text, host, target; /* host with port where it isn't the scheme's */
    weir_cluster cluster;
};

/* One row of an option table. The same row parses, checks, explains and documents. */
struct weir_setting {
    const char *name;
    enum weir_kind kind;
    size_t offset;
    const char *preset;              /* the default as it would be written; NULL: zero, or required */
    int64_t min, max;                /* INT, MS, SIZE: both included */
    const char *const *names;        /* CHOICE: NULL-terminated */
    const struct weir_setting *rows; /* GROUP, LIST, MAP */
    size_t size;                     /* LIST, MAP: of one element */
    bool required;
    bool secret;                     /* its value is never shown */
    /* GROUP, LIST, MAP: cross-checks of one group after its rows; faults by weir_fault(). */
    void (*check)(struct weir_load *l, void *group);
    const char *help;                /* one line, begins in lower case, no full stop */
};

/* The rows; further members (.required, .check, .secret) may follow the help. */
#define WEIR_ROW(n, k, type, field, text, ...)                                                     \
    {                                                                                              \
        .name = (n), .kind = WEIR_##k, .offset = offsetof(type, field), .help = (text),            \
        ##__VA_ARGS__                                                                              \
    }
#define WEIR_ROW_BOOL(n, type, field, def, text, ...)                                              \
    WEIR_ROW(n, BOOL, type, field, text, .preset = (def), ##__VA_ARGS__)
#define WEIR_ROW_INT(n, type, field, def, lo, hi, text, ...)                                       \
    WEIR_ROW(n, INT, type, field, text, .preset = (def), .min = (lo), .max = (hi), ##__VA_ARGS__)
#define WEIR_ROW_MS(n, type, field, def, lo, hi, text, ...)                                        \
    WEIR_ROW(n, MS, type, field, text, .preset = (def), .min = (lo), .max = (hi), ##__VA_ARGS__)
#define WEIR_ROW_SIZE(n, type, field, def, lo, hi, text, ...)                                      \
    WEIR_ROW(n, SIZE, type, field, text, .preset = (def), .min = (lo), .max = (hi), ##__VA_ARGS__)
#define WEIR_ROW_PERCENT(n, type, field, def, text, ...)                                           \
    WEIR_ROW(n, PERCENT, type, field, text, .preset = (def), ##__VA_ARGS__)
#define WEIR_ROW_TEXT(n, type, field, def, text, ...)                                              \
    WEIR_ROW(n, TEXT, type, field, text, .preset = (def), ##__VA_ARGS__)
#define WEIR_ROW_CHOICE(n, type, field, def, list, text, ...)                                      \
    WEIR_ROW(n, CHOICE, type, field, text, .preset = (def), .names = (list), ##__VA_ARGS__)
#define WEIR_ROW_TEXTS(n, type, field, text, ...) WEIR_ROW(n, TEXTS, type, field, text, ##__VA_ARGS__)
#define WEIR_ROW_GROUP(n, type, field, table, text, ...)                                           \
    WEIR_ROW(n, GROUP, type, field, text, .rows = (table), ##__VA_ARGS__)
#define WEIR_ROW_LIST(n, type, field, table, elem, text, ...)                                      \
    WEIR_ROW(n, LIST, type, field, text, .rows = (table), .size = sizeof(elem), ##__VA_ARGS__)
#define WEIR_ROW_MAP(n, type, field, table, elem, text, ...)                                       \
    WEIR_ROW(n, MAP, type, field, text, .rows = (table), .size = sizeof(elem), ##__VA_ARGS__)
#define WEIR_ROW_CLUSTER(n, type, field, text, ...)                                                \
    WEIR_ROW(n, CLUSTER, type, field, text, ##__VA_ARGS__)
#define WEIR_ROW_PATH(n, type, field, def, text, ...)                                              \
    WEIR_ROW(n, PATH, type, field, text, .preset = (def), ##__VA_ARGS__)
#define WEIR_ROW_TEMPLATE(n, type, field, moment, text, ...)                                       \
    WEIR_ROW(n, TEMPLATE, type, field, text, .min = (moment), ##__VA_ARGS__)
#define WEIR_ROW_URL(n, type, field, text, ...) WEIR_ROW(n, URL, type, field, text, ##__VA_ARGS__)
#define WEIR_ROW_CHAIN(type, field) WEIR_ROW("", CHAIN, type, field, "settings of modules")
#define WEIR_ROW_END                                                                               \
    {                                                                                              \
        .kind = WEIR_END                                                                           \
    }

/* The settings of a module in one scope. The struct of `size` bytes is zeroed before it is read. */
struct weir_settings {
    const struct weir_setting *rows; /* NULL: the module has none here */
    size_t size;
    bool list; /* the setting is a list of such groups, NAME = ( { }, { } ): each a use of its own;
                  one group alone is a list of one. Not global */
};

/* -- the descriptor ---------------------------------------------------------------------------- */

/* What a hook answers. Each hook says which of them it may give. */
enum weir_verdict {
    WEIR_NEXT,     /* go on */
    WEIR_WAIT,     /* not known yet: weir_resume() will be called, and then this hook again. Until
                      then the request's time runs on; when it ends, on_done is called all the same */
    WEIR_ANSWERED, /* weir_answer() or weir_refuse() has said what the client gets */
    WEIR_VETO,     /* not this endpoint: weir_veto() */
    WEIR_RETRY,    /* weir_retry() has said where; the attempt's outcome isn't passed on */
};

/* What a hook works with. */
struct weir_use {
    const void *conf;   /* the settings of this use: of the route or cluster */
    const void *global; /* those under `modules`, with defaults when there are none; NULL: no such
                           settings */
    void *local;        /* what start() gave in this process */
    void *state;        /* state_size bytes for this use and exchange, zeroed at its begin. Of
                           on_identify its own, not that of a use on the route */
};

struct weir_counter {
    const char *name; /* shown as weir_MODULE_NAME_total */
    const char *help;
};

struct weir_request; /* of a command, below */
struct weir_reply;

/* What an operator can ask a module to do: POST /v1/modules/MODULE/NAME, JSON in, JSON out. */
struct weir_command {
    const char *name;
    bool changes; /* something: only who may change things may call it */
    /* [control] A NULL `name` ends the list. */
    void (*run)(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply);
    const char *help;
    /* What it sets, in a word, when it changes something that all instances of a fleet may be told
     * to: {"fleet": true} in its JSON, or weirctl's --fleet, says the same on all of them, also on
     * those that join later. NULL: it can't be said to the fleet. */
    const char *sets;
    /* The members that tell of what: "route". Of two decisions of the same module that set the same
     * of the same, by whichever commands, the later one stands. NULL, or NULL-terminated. */
    const char *const *of;
    const char *lasts; /* the member that says for how many seconds; those who hear of it later get
                          what is left, in whole seconds. NULL: it lasts until another decision */
};

struct weir_module {
    uint32_t abi; /* WEIR_ABI; another number is refused at load */
    const char *name, *summary;
    /* Uses of one route run in the order of this number, and where it is the same in the order in
     * which the configuration names them. Who establishes or checks the identity: -20; who decides
     * on a cluster for some requests only: -10; usual: 0. */
    int order;
    struct weir_settings global, route, cluster;
    size_t state_size;
    bool wants_identity;                /* its uses look at the identity: on_identify runs before */
    bool guards;                        /* its on_pick is asked about guarded endpoints alone
                                           (weir_endpoint_guard_set) */
    bool failures_only;                 /* its on_result and on_end hear only of attempts that
                                           failed, or have given a status of 400 or more; a use may
                                           ask for all: weir_load_all_results() */
    bool ends_route;                    /* on a route it stands instead of `cluster`: its on_plan sets
                                           one for every request */
    const char *const *log_fields;      /* NULL-terminated; shown as MODULE.NAME: weir_log_set() */
    const struct weir_counter *counters; /* those that weir_counters() is given, for the manual;
                                            a NULL name ends them */
    const struct weir_command *commands;

    /* -- life. All may be NULL. -- */

    /* [load] After all settings have been read: further checks (weir_fault), cells, counters.
     * load() first, once, also when nothing stands under `modules`; then each use in the order of
     * the file. The structs may be written here and never after. */
    void (*load)(struct weir_load *l, void *global);
    void (*load_route)(struct weir_load *l, void *conf, void *global);
    void (*load_cluster)(struct weir_load *l, void *conf, void *global);
    /* Any process, at the end of a generation: frees what load_*() got from elsewhere than the
     * functions here. Also after a load that failed; also for uses that were never loaded. */
    void (*unload)(void *global);
    void (*unload_use)(void *conf);
    /* [process] A worker, or the control process, begins and ends. `local` is what start() gives;
     * hooks and commands are called with NULL, too, when it gave that. When stop() is called, all
     * requests, calls and jobs have ended, and after it nothing of the module is called. */
    void *(*start)(struct weir_process *p, const void *global);
    void (*stop)(struct weir_process *p, void *local);
    /* [control] About every 100 ms, or as often as fleet.tick says where a fleet is configured: what it
     * asks of the fleet (<weir/fleet.h>) leaves right after it. */
    void (*tick)(struct weir_process *p, void *local);

    /* -- hooks, in the order in which an exchange meets them. All may be NULL. -- */

    /*                        called when ...                                   may answer       */
    /* Who is it? Of modules with global settings, once, before the first thing that asks for the
     * identity: a route's condition, or a use that wants_identity. No route may be known; conf is
     * NULL. on_done is called for it, too, with conf NULL.                     NEXT WAIT        */
    enum weir_verdict (*on_identify)(struct weir_exchange *x, const struct weir_use *u);
    /* The route is known: may this go on?                                     NEXT WAIT ANSWERED */
    enum weir_verdict (*on_request)(struct weir_exchange *x, const struct weir_use *u);
    /* Which cluster? weir_cluster_set().                                      NEXT WAIT ANSWERED */
    enum weir_verdict (*on_plan)(struct weir_exchange *x, const struct weir_use *u);
    /* Of uses on a cluster alone: it is this exchange's; may it go there now? Not asked after a retry,
     * nor about shadows and calls: on_pick is.                               NEXT WAIT ANSWERED */
    enum weir_verdict (*on_enter)(struct weir_exchange *x, const struct weir_use *u);
    /* The head that goes inward is made (WEIR_INWARD) and may be changed; shadows start here.
     *                                                                         NEXT ANSWERED     */
    enum weir_verdict (*on_forward)(struct weir_exchange *x, const struct weir_use *u);
    /* May an attempt start on this endpoint? After a VETO another one is tried, as long as there
     * are any; after NEXT comes on_attempt, or on_unpick. From here on a cluster's
     * uses are asked about copies (weir_shadow) and modules' own calls (weir_call), too, which have
     * no route and no client.                                                 NEXT VETO         */
    enum weir_verdict (*on_pick)(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep);
    /* The hook has said NEXT for this endpoint, but another one vetoed: no attempt starts there, and
     * what it set aside for one is to be given back. */
    void (*on_unpick)(struct weir_exchange *x, const struct weir_use *u,
                      const struct weir_endpoint *ep);
    /* An attempt starts; nothing can stop it any more, and on_result will tell how it ended. The head
     * that goes inward (WEIR_INWARD) may be changed for this attempt alone. */
    void (*on_attempt)(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at);
    /* No attempt can start: the cluster has no endpoint that may be used, or all were vetoed
     * (weir_veto_reason). RETRY: weir_retry() has named another cluster.  NEXT ANSWERED RETRY    */
    enum weir_verdict (*on_unavailable)(struct weir_exchange *x, const struct weir_use *u);
    /* An attempt has given a head, or failed, or is given up: was it good, and again? Once for each
     * that was started. How its content ends on_end says.                     NEXT RETRY       */
    enum weir_verdict (*on_result)(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at);
    /* The response's head (WEIR_RESPONSE) is about to go out and may be changed. Also for answers of
     * the gateway itself: weir_own_answer(). */
    void (*on_response)(struct weir_exchange *x, const struct weir_use *u);
    /* A piece of content passes, if weir_filter() has asked for it. What is to go on is given to
     * weir_pass(); what isn't is gone. `last`: the content ends with this piece, which may be
     * empty. */
    void (*on_content)(struct weir_exchange *x, const struct weir_use *u, int direction,
                       struct weir_slice piece, bool last);
    /* An attempt that had given a head, whatever it said (weir_attempt_goes_on), has ended: it was
     * whole (weir_attempt_whole), broke off by itself (weir_attempt_why), or was of no more use: the
     * client is gone, time is up, a retry's response was better. Once for each, at the end of the
     * exchange, in the order in which they began, before on_done. Never of tunnels. */
    void (*on_end)(struct weir_exchange *x, const struct weir_use *u,
                   const struct weir_attempt *at);
    /* After the last byte, or the failure, before the access log. Always called, once, when one of
     * the use's hooks was, or could have been. */
    void (*on_done)(struct weir_exchange *x, const struct weir_use *u);
};

#pragma GCC visibility push(default)

/* -- loading ----------------------------------------------------------------------------------- */

/* An error (a warning) at a place; the generation isn't used when there was an error. [load] */
void weir_fault(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
void weir_warn(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
    WEIR_PRINTF(3, 4);
/* Where the use stands that is being loaded. [load] */
const struct weir_place *weir_load_place(const struct weir_load *l);
/* The route's name; empty in load() and load_cluster(). [load] */
struct weir_slice weir_load_route(const struct weir_load *l);
/* The route's own `cluster`; WEIR_NO_CLUSTER when it has another end. [load] */
weir_cluster weir_load_route_cluster(const struct weir_load *l);
/* `weir -t`: nothing will run; files are checked all the same. [load] */
bool weir_load_is_check(const struct weir_load *l);
/* Zeroed memory that lives as long as the generation. [load] */
void *weir_load_alloc(struct weir_load *l, size_t n);
struct weir_slice weir_load_dup(struct weir_load *l, struct weir_slice s); /* with a NUL behind */
/* Requests for this cluster come from uses of this module alone: a route, or another module, that
 * names it is an error, and no hook of another module may choose it. [load] */
void weir_load_reserve(struct weir_load *l, weir_cluster cluster);
/* on_result and on_end of this use hear of every attempt, though its module is one for failures_only.
 * [load] */
void weir_load_all_results(struct weir_load *l);
/* The same for as long as a word in a cell isn't 0: good attempts cost a load of it otherwise. It is
 * read without any order; who has set it may miss an attempt that was judged at the same time. [load] */
void weir_load_results_while(struct weir_load *l, const _Atomic uint32_t *word);
/* This use has nothing to do in an exchange until its on_result, on_end or on_unavailable is asked: none
 * of its other hooks are called before, nor on_done when none of these was. An exchange that goes well costs nothing
 * then. [load] */
void weir_load_late(struct weir_load *l);
/* The content of requests that come to this use is kept, as by weir_keep_request(). [load] */
void weir_load_keep(struct weir_load *l);
/* This use looks at the identity, though not every use of its module does (wants_identity). [load] */
void weir_load_wants_identity(struct weir_load *l);
/* Clients can't send this field: it is taken off every request, before routing. [load] */
void weir_load_strip(struct weir_load *l, struct weir_slice field);
/* As the configuration has it; absent: no cluster. [load] */
struct weir_slice weir_cluster_name(const struct weir_load *l, weir_cluster cluster);

/* -- shared memory ----------------------------------------------------------------------------- */

/* A cell of this use in shared memory, aligned to 64: the same in all processes, and the next
 * generation finds it with what it holds, as long as name and size are the same. Zeroed when it is
 * new. The name is unique within the use's route (cluster, module); what changes the meaning of the
 * content goes into the name. NULL with a fault when there is no room. While a generation is loaded,
 * an older one may be using the cell: initialise it when it is new, and leave it alone when it isn't.
 * [load] */
void *weir_cell(struct weir_load *l, const char *name, size_t size);

/* A text of at most `capacity` bytes in shared memory, replaced as a whole. Readers never wait and
 * never see half of it. [load] */
struct weir_blob *weir_blob(struct weir_load *l, const char *name, size_t capacity);
/* False, with nothing changed, when it is too long, or another process (the control process of an
 * older generation) was in the middle of it for long. [control] */
bool weir_blob_publish(struct weir_blob *b, struct weir_slice text);
/* Changes with each publish; 0: nothing was published yet. Cheap. [any] */
uint64_t weir_blob_version(const struct weir_blob *b);
/* Copies the text into `to` (of `capacity` bytes); gives its length, and which version it is. Version
 * 0: there is nothing, or nothing could be had just now; what the caller has stays good. [any] */
size_t weir_blob_read(const struct weir_blob *b, char *to, uint64_t *version);

/* A file that is read now and again whenever it changes, about once a second, by the control
 * process; a file that can't be read any more, or is over the limit, leaves what was there, says
 * so in the log and counts. A fault when it can't be read now. Its text is a blob, which holds from
 * load on what the file holds then. Replace files by rename(2): one that is written in place is
 * taken only when it stood still for a second. [load] */
struct weir_blob *weir_file(struct weir_load *l, const struct weir_place *place,
                            struct weir_slice path, size_t capacity);

/* -- endpoints in shared memory ---------------------------------------------------------------- */

/* The cluster whose settings are loaded; WEIR_NO_CLUSTER: not in load_cluster(). [load] */
weir_cluster weir_load_cluster_of(const struct weir_load *l);
/* Room of `size` bytes for every endpoint of a cluster, aligned to 64. It is zeroed when an endpoint is
 * new, and kept as long as it stays, over reloads, too; then the next generation finds it under the
 * same name and size. The name is unique within the use. NULL with a fault when there is no room.
 * [load] */
struct weir_endpoint_cells *weir_endpoint_cells(struct weir_load *l, weir_cluster cluster,
                                                const char *name, size_t size);
/* NULL only for a slot that there isn't: WEIR_NO_SLOT. [process] */
void *weir_endpoint_cell(const struct weir_endpoint_cells *cells, weir_slot slot);
/* The part of its weight that the endpoint gets, in all workers, from the next pick on: 0: none,
 * 1000000: all. Of several modules' the smallest counts. It lasts as long as the module is
 * configured. [process] */
void weir_endpoint_share_set(const struct weir_endpoint_cells *cells, weir_slot slot,
                             uint32_t millionths);
/* Modules that guard are asked (on_pick) before an attempt starts on it. All of them: who has not
 * guarded it says NEXT. [process] */
void weir_endpoint_guard_set(const struct weir_endpoint_cells *cells, weir_slot slot, bool on);
/* WEIR_NO_SLOT: it has none, for lack of room. [hook] */
weir_slot weir_endpoint_slot(const struct weir_endpoint *ep);
weir_slot weir_attempt_slot(const struct weir_attempt *at);

struct weir_endpoint_info {
    weir_slot slot;
    struct weir_slice name; /* until the next turn of the loop */
    uint32_t weight;        /* as configured */
    bool healthy;           /* no health check says otherwise, and none must pass first */
    bool draining;          /* by an operator, or by its own word */
    uint32_t share;         /* millionths that modules leave to it */
    uint32_t passed;        /* health checks in a row until now; 0: none, or the last one failed */
};
/* The endpoints that there are now, one after the other; *at begins as 0. False at the end.
 * [process] */
bool weir_endpoint_each(struct weir_process *p, weir_cluster cluster, size_t *at,
                        struct weir_endpoint_info *out);
/* Connections to the cluster, over all processes; an attempt that would need one more fails (why:
 * "connections", 503). Of several limits the smallest counts. [load] */
void weir_load_connections(struct weir_load *l, weir_cluster cluster, uint64_t max);
/* Connections that are open now, over all processes. [process] */
uint64_t weir_connections(const struct weir_process *p, weir_cluster cluster);
/* A breaker of the cluster isn't closed: no hedges. A load of the configuration clears it; who has
 * said so says it again in start(). [process] */
void weir_cluster_trouble_set(struct weir_process *p, weir_cluster cluster, bool on);
bool weir_cluster_trouble(const struct weir_process *p, weir_cluster cluster);

/* -- counters, variants, log ------------------------------------------------------------------- */

struct weir_label {
    const char *name;
    struct weir_slice value;
};

/* Counters of this use, with a label for its route or cluster and those that are given. `rows` ends
 * with a NULL name and is borrowed for good. NULL with a fault when there is no room. [load] */
struct weir_counters *weir_counters(struct weir_load *l, const struct weir_counter *rows,
                                    const struct weir_label *labels, size_t labels_n);
/* A plain store into this process's column. [process] */
void weir_count(struct weir_process *p, struct weir_counters *c, unsigned index, uint64_t n);
/* Over all processes, also those of before. [control] */
uint64_t weir_count_sum(struct weir_process *p, const struct weir_counters *c, unsigned index);

/* A gauge of this use, shown as weir_MODULE_NAME, with labels as counters have them: what `read` makes
 * of `ctx` (a cell, settings) whenever somebody looks. Texts are borrowed for good. [load]; `read`
 * itself: [control] */
struct weir_gauge {
    const char *name, *help;
    uint64_t (*read)(const void *ctx);
    const void *ctx;
};
void weir_gauge(struct weir_load *l, const struct weir_gauge *gauge, const struct weir_label *labels,
                size_t labels_n);

/* A variant of this use's route: requests, statuses and latency are counted for it as for a route,
 * and its name shows in the access log. [load] */
struct weir_variant *weir_variant(struct weir_load *l, struct weir_slice name);
/* This exchange belongs to it; the last one that is set counts. [hook], before on_done */
void weir_variant_set(struct weir_exchange *x, struct weir_variant *v);
struct weir_traffic {
    uint64_t requests, status[6]; /* [0]: none was sent, [1] to [5]: by class */
    uint64_t p50_us, p99_us;      /* upper bounds of the histogram's buckets, at most 10 s; 0: none */
};
/* Over all processes. [control] */
void weir_variant_traffic(struct weir_process *p, const struct weir_variant *v,
                          struct weir_traffic *out);

/* The value of log_fields[index]; copied. Where several uses of the module set it, the last of them
 * shows; one whose place another took since (weir_chain_use, weir_retry) doesn't. [hook] */
void weir_log_set(struct weir_exchange *x, const struct weir_use *u, unsigned index,
                  struct weir_slice value);

enum weir_log_level { WEIR_LOG_ERROR, WEIR_LOG_WARN, WEIR_LOG_INFO, WEIR_LOG_TRACE };
/* A line of the error log: a fixed event name, and a text. Never give it secrets. [any] */
void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* -- the process ------------------------------------------------------------------------------- */

struct weir_process *weir_process_of(struct weir_exchange *x); /* [hook] */
bool weir_is_control(const struct weir_process *p);            /* [process] */
/* Number of this worker, from 0, and how many there are. [process] */
unsigned weir_worker(const struct weir_process *p);
unsigned weir_workers(const struct weir_process *p);
/* The loop's clocks, read once per turn: monotonic, and since 1970. [process] */
uint64_t weir_now_us(const struct weir_process *p);
uint64_t weir_wall_us(const struct weir_process *p);
/* Not for cryptography. [process] */
uint64_t weir_random(struct weir_process *p);

/* Zeroed to begin with; fn is called once, `ms` after the last start, never from inside it. Stop and
 * start at will; it must be stopped before its memory goes, and at the latest in stop(). [process] */
struct weir_timer {
    void (*fn)(struct weir_timer *t);
    void *opaque[8];
};
void weir_timer_start(struct weir_process *p, struct weir_timer *t, uint64_t ms);
void weir_timer_stop(struct weir_timer *t);

/* Work that takes long (a password's hash) on a helper thread: `work` runs there and may touch
 * nothing but `job`; `done` runs in this process afterwards, or soon with job->refused set when
 * too many jobs wait already (offload.queue). The job is the module's, and must live until `done`:
 * not in an exchange's memory, which goes when the client does. [process] */
struct weir_job {
    void (*work)(struct weir_job *j);
    void (*done)(struct weir_job *j);
    bool refused;
    void *opaque[6];
};
void weir_job_start(struct weir_process *p, struct weir_job *j);

/* -- the request ------------------------------------------------------------------------------- */

/* All [hook]. What is absent is an absent slice. */
struct weir_slice weir_method(const struct weir_exchange *x);
bool weir_idempotent(const struct weir_exchange *x); /* RFC 9110 9.2.2 */
struct weir_slice weir_scheme(const struct weir_exchange *x);
struct weir_slice weir_host(const struct weir_exchange *x);  /* lower case, no port */
struct weir_slice weir_path(const struct weir_exchange *x);  /* normalised */
struct weir_slice weir_query(const struct weir_exchange *x); /* without "?" */
struct weir_slice weir_request_id(const struct weir_exchange *x);
struct weir_slice weir_source(struct weir_exchange *x);      /* address, after trusted proxies */
struct weir_slice weir_route_name(const struct weir_exchange *x);
/* The first cookie of that name; the first parameter of that name, decoded. */
struct weir_slice weir_cookie(struct weir_exchange *x, struct weir_slice name);
struct weir_slice weir_query_param(struct weir_exchange *x, struct weir_slice name);

/* The client's verified certificate; NULL: none. */
struct weir_peer {
    struct weir_slice subject;     /* RFC 2253 */
    struct weir_slice fingerprint; /* SHA-256, hexadecimal */
    const struct weir_slice *dns_names, *uris, *emails;
    size_t dns_names_n, uris_n, emails_n;
};
const struct weir_peer *weir_peer(struct weir_exchange *x);

/* Memory until the exchange ends; aligned for anything, not zeroed. */
void *weir_alloc(struct weir_exchange *x, size_t n);
struct weir_slice weir_dup(struct weir_exchange *x, struct weir_slice s);
struct weir_slice weir_printf(struct weir_exchange *x, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* Absent when the result is over 8 KiB or could not stand in a header field. */
struct weir_slice weir_render(struct weir_exchange *x, const struct weir_template *t);

/* -- header fields ----------------------------------------------------------------------------- */

enum weir_head {
    WEIR_REQUEST,  /* as received; can't be changed */
    WEIR_INWARD,   /* as it goes to the origin; from on_forward on */
    WEIR_RESPONSE, /* as it goes to the client; in on_response */
};

/* A name that is looked up once, so that comparing well-known ones is comparing numbers. Any case;
 * an invalid one has an absent text. [any] */
struct weir_name {
    struct weir_slice text; /* lower case where it is well known, else as given */
    unsigned id;            /* 0: not well known */
};
struct weir_name weir_name(struct weir_slice name);
/* Would this field be taken? Names of framing and of the connection never are. [any] */
bool weir_field_settable(struct weir_slice name);
bool weir_value_ok(struct weir_slice value);

/* All [hook]. The value of the first line of that name. */
struct weir_slice weir_field(const struct weir_exchange *x, enum weir_head head,
                             const struct weir_name *name);
/* The lines one after the other: *at begins as 0. False at the end. */
bool weir_field_each(const struct weir_exchange *x, enum weir_head head, size_t *at,
                     struct weir_slice *name, struct weir_slice *value);
/* False, with nothing changed, when the name or the value may not be set. The value is borrowed
 * until the exchange ends, the name likewise. */
bool weir_field_set(struct weir_exchange *x, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value); /* instead of all lines of that name */
bool weir_field_add(struct weir_exchange *x, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value); /* one more line */
bool weir_field_remove(struct weir_exchange *x, enum weir_head head, const struct weir_name *name);
/* All lines of one name get another one, whose own lines go; how many there were. */
unsigned weir_field_rename(struct weir_exchange *x, enum weir_head head,
                           const struct weir_name *from, const struct weir_name *to);

/* -- identity ---------------------------------------------------------------------------------- */

struct weir_identity {
    struct weir_slice subject; /* who it is, in the issuer's words */
    struct weir_slice issuer;  /* who says so */
    struct weir_slice method;  /* "jwt", "certificate", ... */
};
struct weir_claim {
    struct weir_slice name, value; /* one with several values stands there several times */
};

/* Only from on_identify, once; texts and claims are borrowed until the exchange ends. */
void weir_identity_set(struct weir_exchange *x, const struct weir_identity *id,
                       const struct weir_claim *claims, size_t n);
/* The request carried something, and it was wrong: a static word, for logs and refusals. */
void weir_identity_wrong(struct weir_exchange *x, const char *reason);
/* NULL: nobody in particular, or not known yet (see wants_identity). [hook] */
const struct weir_identity *weir_identity(const struct weir_exchange *x);
/* What weir_identity_wrong() said; NULL: nothing was wrong. [hook] */
const char *weir_identity_fault(const struct weir_exchange *x);
/* The nth value of a claim, from 0; absent when there are not so many. [hook] */
struct weir_slice weir_claim(const struct weir_exchange *x, struct weir_slice name, size_t nth);

/* -- answering --------------------------------------------------------------------------------- */

/* The gateway's own refusals: status and word of each stand in the log, the body as the client
 * accepts it. `detail` is static text for the log, or NULL. [hook] */
enum weir_refusal {
    WEIR_UNAUTHENTICATED, /* 401: add WWW-Authenticate with weir_answer_field() */
    WEIR_FORBIDDEN,       /* 403 */
    WEIR_NOT_FOUND,       /* 404, as when there is no route */
    WEIR_LIMITED,         /* 429 */
    WEIR_UNAVAILABLE,     /* 503 */
    WEIR_BREAKER_OPEN,    /* 503: a circuit is open */
    WEIR_BREAKER_LIMIT,   /* 503: a limit of concurrency is reached */
};
enum weir_verdict weir_refuse(struct weir_exchange *x, enum weir_refusal refusal, const char *detail);
/* An answer of the module's own, with a status from 200 to 599. `type` and `body` are borrowed until
 * the exchange ends. [hook] */
enum weir_verdict weir_answer(struct weir_exchange *x, int status, struct weir_slice type,
                              struct weir_slice body);
/* No answer at all: an HTTP/1.1 connection is reset, a stream of HTTP/2 with INTERNAL_ERROR. [hook] */
enum weir_verdict weir_abort(struct weir_exchange *x, const char *detail);
/* A field of the answer that comes; before WEIR_ANSWERED is returned. Name and value are borrowed
 * until the exchange ends. [hook] */
void weir_answer_field(struct weir_exchange *x, const struct weir_name *name, struct weir_slice value);
/* In on_response: is this one of the gateway's own? [hook] */
bool weir_own_answer(const struct weir_exchange *x);
int weir_status(const struct weir_exchange *x); /* of the response; 0: none yet */
/* Why the gateway answers itself, or how the exchange broke: the log's word; NULL: it did not. */
const char *weir_why(const struct weir_exchange *x);
/* Is no origin to blame for that? What weir_attempt_blameless() says of the last attempt; true when
 * there was none. [hook] */
bool weir_blameless(const struct weir_exchange *x);
/* How long it took so far, in microseconds. */
uint64_t weir_took_us(const struct weir_exchange *x);

/* After WEIR_WAIT, once; never from inside the hook that waits. [process] */
void weir_resume(struct weir_exchange *x);

/* -- where to ---------------------------------------------------------------------------------- */

/* The cluster that is intended; WEIR_NO_CLUSTER: none yet. [hook] */
weir_cluster weir_cluster_of(const struct weir_exchange *x);
/* In on_plan. False, with nothing changed, when the cluster is reserved for another module. */
bool weir_cluster_set(struct weir_exchange *x, weir_cluster cluster);
/* Has a module chosen already? Who only divides what is left should leave it then. [hook] */
bool weir_cluster_chosen(const struct weir_exchange *x);
/* Could an attempt start there now: is there an endpoint that may be used? [hook] */
bool weir_cluster_ready(const struct weir_exchange *x, weir_cluster cluster);
/* In on_pick: not this endpoint. `reason` is static: the log's detail when no other one will do, too;
 * NULL: none. */
enum weir_verdict weir_veto(struct weir_exchange *x, const char *reason);
/* What the last veto gave, since the pick began; NULL: nothing. [hook], in on_unavailable */
const char *weir_veto_reason(const struct weir_exchange *x);
/* Hooks of these settings run from now on, too, after those of the route. [hook], in on_plan */
void weir_chain_use(struct weir_exchange *x, struct weir_chain *chain);
/* Limits of each attempt until its head, in milliseconds; 0: none but the cluster's timeouts. `idle`:
 * while nothing moves, in the response's content, too. [hook], in on_plan or on_forward */
void weir_try_limits(struct weir_exchange *x, uint64_t timeout_ms, uint64_t idle_ms);
/* When an attempt has given no head after this many milliseconds, a second one starts beside it, once
 * for each exchange, on another endpoint: as long as the method is idempotent, all of the request is there, the
 * cluster's hedge_budget has room, and no breaker of it is open. The first answer that no on_result
 * wants to retry wins; the other attempt fails (why: hedge_lost). [hook], in on_forward */
void weir_hedge(struct weir_exchange *x, uint64_t delay_ms);
/* Keeps the request's content, up to limits.queue, so that it can be sent again whatever its method
 * is. [hook], in on_plan or on_forward */
void weir_keep_request(struct weir_exchange *x);

/* -- attempts, in on_attempt, on_result and on_end -------------------------------------------- */

/* All [hook]. */
unsigned weir_attempt_number(const struct weir_attempt *at); /* 1: the first */
int weir_attempt_status(const struct weir_attempt *at);      /* 0: it gave no head */
/* The log's word; NULL: didn't fail. In on_end: how it broke off; NULL: whole, or cut short. */
const char *weir_attempt_why(const struct weir_attempt *at);
/* In on_result: it has given a head, and on_end will tell how its content ended. A use that hears of
 * this one only because of a word (weir_load_results_while) isn't told when that is 0 by then and the
 * end was good. */
bool weir_attempt_goes_on(const struct weir_attempt *at);
/* In on_end: has all of it come, trailers included? Not: it broke off, or was cut short. */
bool weir_attempt_whole(const struct weir_attempt *at);
/* In on_end: is it the one whose response the client got? */
bool weir_attempt_served(const struct weir_attempt *at);
/* May any of the request have reached the origin? */
bool weir_attempt_sent(const struct weir_attempt *at);
/* Did it fail by the gateway's or the client's doing, so that the origin isn't to blame? An injected
 * fault is the gateway's; what came of itself of an attempt that was only delayed or slowed isn't. The
 * end of the request's time is the origin's, if it had at least as much of it as went before. In
 * on_end: or was it cut short, by a client that went away, by a limit of the gateway's or of the
 * client's, or because it was of no more use? So is one that broke off after nothing had been read
 * from it for a second or more, since the client took nothing, or after the client had sent nothing
 * of its content for so long; and one that the time for the whole request has ended when most of it
 * was spent before. */
bool weir_attempt_blameless(const struct weir_attempt *at);
/* The gateway goes on with another one by itself, whatever hooks say: a kept connection was stale, or
 * the origin has said that it processed nothing. */
bool weir_attempt_repeated(const struct weir_attempt *at);
/* A fault was injected into it, whatever it did. */
bool weir_attempt_injected(const struct weir_attempt *at);
uint64_t weir_attempt_took_us(const struct weir_attempt *at); /* from its start until now */
weir_cluster weir_attempt_cluster(const struct weir_attempt *at);
struct weir_slice weir_attempt_endpoint(const struct weir_attempt *at);
/* Of the head that it gave: the value of the first line of that name. */
struct weir_slice weir_attempt_field(const struct weir_attempt *at, const struct weir_name *name);
/* In on_end: the same of its trailers. */
struct weir_slice weir_attempt_trailer(const struct weir_attempt *at, const struct weir_name *name);
/* As configured, or the address that DNS gave; in on_pick, and borrowed for that call. */
struct weir_slice weir_endpoint_name(const struct weir_endpoint *ep);
/* Another attempt, on this cluster, after `delay_ms`: gives WEIR_RETRY; or WEIR_NEXT when that is
 * not possible: the request may not be sent twice (its method, unless `unsafe`, or its content is
 * gone), a retry is arranged already, the cluster's retry budget is used up, or the cluster isn't
 * ready or is reserved for another module. What weir_chain_use() has brought goes with the cluster,
 * and so do its changes of the head. In on_result and on_unavailable; there it has to be another
 * cluster, costs no budget and comes at once. At most four times in one exchange. */
struct weir_retry {
    weir_cluster cluster;
    uint64_t delay_ms;
    bool unsafe; /* also for methods that aren't idempotent */
    struct weir_chain *chain; /* for another cluster: its hooks run from now on; NULL: none */
};
enum weir_verdict weir_retry(struct weir_exchange *x, const struct weir_retry *r);
/* Why the last weir_retry() in an on_result gave NEXT: "method", "content" (it is gone, or is another
 * one for another cluster), "time" (the request's would be up before), "no_endpoint", "budget",
 * "taken" (another hook has arranged one), "cluster" (there is none, or it is reserved), "over".
 * Static; NULL: it didn't. [hook] */
const char *weir_retry_refused(const struct weir_exchange *x);

/* A fault: from now on the attempt behaves as if its endpoint did so. It may be delayed as well as
 * aborted, and aborted as well as slowed. */
enum weir_abort {
    WEIR_ABORT_NONE,
    WEIR_ABORT_STATUS,   /* a response with this status and no content; no connection is made */
    WEIR_ABORT_GRPC,     /* the same, with this gRPC status (0 to 16) */
    WEIR_ABORT_RESET,    /* the connection is reset; none is made */
    WEIR_ABORT_TRUNCATE, /* the real response breaks off behind truncate_at bytes of content, if it
                            has more */
};
struct weir_attempt_fault {
    uint64_t delay_ms; /* before it is opened; counts against the limit for the response's head, not
                          against that for connecting */
    enum weir_abort abort;
    int status;        /* 200 to 599; of a gRPC status 0 to 16 */
    uint64_t truncate_at;
    uint64_t bytes_per_second; /* of the real response's content, at most 2^32; 0: as it comes */
};
/* In on_attempt. Of several faults of one attempt delays add up, the first abort counts, and the
 * slowest pace. */
void weir_attempt_fault(struct weir_attempt *at, const struct weir_attempt_fault *fault);
/* Was a fault injected into this exchange: into one of its attempts, or by a module's own answer or
 * delay, which has said so? What became of it says nothing about origins then. [hook] */
bool weir_injected(const struct weir_exchange *x);
void weir_injected_set(struct weir_exchange *x);

/* -- content ----------------------------------------------------------------------------------- */

enum weir_direction { WEIR_TO_ORIGIN, WEIR_TO_CLIENT };

/* on_content is called for the use whose hook runs, and this direction, from now on. `changes`: the
 * length may become another one, so Content-Length goes (and with it ETag's strength, RFC 9110 8.8.3).
 * What has no content (HEAD, 204, 304, tunnels) has no filters. In on_forward
 * for WEIR_TO_ORIGIN, in on_response for WEIR_TO_CLIENT. [hook] */
void weir_filter(struct weir_exchange *x, const struct weir_use *u, enum weir_direction d, bool changes);
/* In on_content: this goes on; copied unless it is the piece itself. */
void weir_pass(struct weir_exchange *x, enum weir_direction d, struct weir_slice s);
/* Keeps the first `limit` bytes of the content as it comes, before filters, by reference; of several
 * limits the largest counts. [hook], as weir_filter */
void weir_keep(struct weir_exchange *x, enum weir_direction d, size_t limit);
/* What was kept, joined; *whole: nothing is missing. [hook], in on_done */
struct weir_slice weir_kept(struct weir_exchange *x, enum weir_direction d, bool *whole);

/* -- requests of the module's own -------------------------------------------------------------- */

/* How a call ended. Borrowed for the call of `done`. */
struct weir_result {
    int status;               /* 0: no response */
    const char *why;          /* the log's word when it failed; NULL: it did not */
    struct weir_slice body;   /* up to response_limit */
    bool whole;               /* nothing of the body is missing */
    uint64_t took_us, head_us;    /* until its end, and until the head was there (0: none) */
    const struct weir_call *call; /* for weir_call_field() */
};

struct weir_call_options {
    weir_cluster cluster;
    uint64_t timeout_ms;      /* of the whole; required */
    size_t response_limit;    /* bytes of content that are kept; the rest is read and dropped */
    size_t request_limit;     /* shadows: more content than this ends the call (why: body_too_large) */
    /* Of calls; a shadow has those of the exchange. The method is GET when there is none. */
    struct weir_slice method, target, body;
    struct weir_slice host; /* absent: the cluster's first endpoint, as configured; a shadow's: its own */
    /* Further header fields, at most 100: the first of a name replaces what would be sent, others are
     * added; one without a value takes the name away. Not those of framing, nor Host. */
    const struct weir_claim *fields;
    size_t fields_n;
    /* Once, never from inside the call that starts it; NULL: nobody is interested. Not called after
     * weir_call_cancel(), nor, for a call that belongs to an exchange, after its on_done. */
    void (*done)(void *ctx, const struct weir_result *r);
    void *ctx;
};

/* A request through a cluster, with its pools, TLS and DNS; redirects are not followed. Borrowed
 * texts are copied. NULL: no memory, the cluster is reserved for another module, something that
 * can't be sent (a line end in a value, no timeout), or the process is about to stop its modules;
 * `done` isn't called then, and the operator sees it counted (calls_refused). What is given is valid
 * until `done` was called; without `done`, don't keep it. [process] */
struct weir_call *weir_call(struct weir_process *p, const struct weir_call_options *o);
/* The same on behalf of an exchange: it ends when the exchange does. [hook] */
struct weir_call *weir_call_for(struct weir_exchange *x, const struct weir_call_options *o);
/* In on_forward: a copy of this request, content included, that goes its own way: nothing that
 * happens to it reaches the exchange, which it may outlive. It ends (why: client_gone) when the
 * exchange ends in the middle of the content, and (overload) before it takes memory that requests
 * need. NULL also when the request asks for an upgrade. [hook] */
struct weir_call *weir_shadow(struct weir_exchange *x, const struct weir_call_options *o);
void weir_call_cancel(struct weir_call *c); /* [process] */
/* In `done`: the value of the first line of that name; absent: none. */
struct weir_slice weir_call_field(const struct weir_call *c, const struct weir_name *name);

/* -- commands, in the control process ---------------------------------------------------------- */

/* The JSON object of the request, as text. */
struct weir_slice weir_request_json(const struct weir_request *rq);
/* The JSON object of the answer; copied. Once: what comes after an answer, or isn't an object, is
 * ignored; who asked gets 500 when nothing else comes. */
void weir_reply_json(struct weir_reply *reply, struct weir_slice json);
/* Refuses: a status of 400 (wrong input), 404 or 409, the member that is wrong (or NULL), and what to do. */
void weir_reply_error(struct weir_reply *reply, int status, const char *member, const char *fmt, ...)
    WEIR_PRINTF(4, 5);

/* What is said to the fleet instead of the request, if it is said to the fleet: for a command that may
 * change a part of what it sets, all of that as it is now, so that the same is in force everywhere.
 * A JSON object; copied. The members of `of` say of what it is. */
void weir_reply_fleet(struct weir_reply *reply, struct weir_slice json);

/* What a module defines; visible, however it is compiled. */
extern const struct weir_module weir_module;

#pragma GCC visibility pop

#endif
