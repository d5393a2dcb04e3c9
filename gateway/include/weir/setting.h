/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SETTING_H
#define WEIR_SETTING_H

/* A part of <weir/module.h>: settings, as tables of rows; what they read lies in a struct of the
 * module's own. */

#include <weir/value.h>

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
    const char *preset;       /* the default as it would be written; NULL: zero, or required */
    int64_t min, max;         /* INT, MS, SIZE: both included */
    const char *const *names; /* CHOICE: NULL-terminated */
    const struct weir_setting *rows; /* GROUP, LIST, MAP */
    size_t size;                     /* LIST, MAP: of one element */
    bool required;
    bool secret; /* its value is never shown */
    /* GROUP, LIST, MAP: cross-checks of one group after its rows; faults by weir_fault(). */
    void (*check)(struct weir_load *l, void *group);
    const char *help; /* one line, begins in lower case, no full stop */
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
#define WEIR_ROW_TEXTS(n, type, field, text, ...)                                                  \
    WEIR_ROW(n, TEXTS, type, field, text, ##__VA_ARGS__)
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

#endif
