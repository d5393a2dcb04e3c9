/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_OPTION_H
#define WEIR_CONFIG_OPTION_H

/* The option-table engine: every setting of the gateway is a row of a table, and one reader brings
 * a libconfig group into a struct by it. The same rows drive parsing, range checks, the "did you
 * mean" of an error, and the reference manual.
 *
 *     static const struct option pool_options[] = {
 *         OPTION_INT("max_idle", struct pool_conf, max_idle, "64", 0, 65535, "idle connections kept per endpoint and worker"),
 *         OPTION_MS("idle_timeout", struct pool_conf, idle_ms, "60s", 0, DAY_MS, "how long an idle connection is kept"),
 *         OPTION_END
 *     };
 *
 * The rules:
 *   - a name that no row has is an error that names the nearest row;
 *   - a value of the wrong type or out of range is an error that says what is allowed;
 *   - reading never stops at the first error;
 *   - a setting that is absent gets the row's default, or keeps what the struct holds when the
 *     default is NULL (that is how a listener inherits the timeouts of the top);
 *   - fields of a struct that are not in its table are left alone.
 */

#include <libconfig.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/slice.h"

enum option_kind {
    OPTION_KIND_END,
    OPTION_KIND_BOOL,    /* bool */
    OPTION_KIND_INT,     /* int64_t */
    OPTION_KIND_MS,      /* uint64_t, milliseconds: "250ms", "3s", "5m", "2h", "1d"; "0s" */
    OPTION_KIND_SIZE,    /* uint64_t, bytes: 512, "64k", "16m", "2g" (powers of 1024) */
    OPTION_KIND_PERCENT, /* uint32_t, millionths: "2.5%" is 25000 */
    OPTION_KIND_TEXT,    /* struct slice, NUL-terminated in the arena */
    OPTION_KIND_CHOICE,  /* int: index into names */
    OPTION_KIND_TEXTS,   /* struct texts: a list of strings, or one string */
    OPTION_KIND_GROUP,   /* a struct of its own, in place */
    OPTION_KIND_LIST,    /* struct groups: a ( { }, { } ) list of groups */
    OPTION_KIND_MAP,     /* struct groups: a { name = { }; } group of named groups */
    OPTION_KIND_CUSTOM,  /* anything: read by a function */
};

/* Where something stands in the configuration. Every struct read as an element of a LIST or MAP
 * begins with a `struct place`, which the reader fills. */
struct place {
    const char *file;
    int line;
    struct slice name; /* MAP: the key; LIST: empty */
};

struct texts {
    struct slice *v;
    size_t n;
};

struct groups {
    void *v; /* array of n structs */
    size_t n;
};

struct option_reader; /* arena, faults, base folder: see option.c */

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *preset;        /* the default as it would be written; NULL: inherit or zero */
    int64_t min, max;
    const char *const *names;  /* CHOICE: NULL-terminated */
    const struct option *rows; /* GROUP, LIST, MAP */
    size_t size;               /* LIST, MAP: of one element */
    bool required;
    /* CUSTOM: reads `s` into `field`; adds its own faults. `s` is NULL when the setting is absent. */
    void (*read)(struct option_reader *r, const config_setting_t *s, void *field);
    /* LIST, MAP: called on each zeroed element before it is read, to put inherited values in. */
    void (*prepare)(struct option_reader *r, void *element);
    const char *help;          /* one line, begins in lower case, no full stop */
};

struct option_reader {
    struct arena *arena;   /* where values go */
    struct faults *faults;
    const void *root;      /* the struct that the top table fills: for prepare() and read() */
    const char *file;      /* the file that was given, for settings that are absent */
};

/* Reads group `s` (NULL: everything is absent) into `base` by `rows`. `path` is the dotted name of
 * the group for messages ("listeners[0].limits"; "" at the top). */
void option_read(struct option_reader *r, const config_setting_t *s, const char *path,
                 const struct option *rows, void *base);
/* Adds an error at the setting's file and line. */
void option_fault(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
    printf_like(3, 4);

/* The value parsers, also for tests and for run-time changes. False on bad text. */
bool option_parse_ms(struct slice text, uint64_t *ms) nodiscard;
bool option_parse_size(struct slice text, uint64_t *bytes) nodiscard;
bool option_parse_percent(struct slice text, uint32_t *millionths) nodiscard;

#define OPTION_BOOL(n, type, field, def, text)                                                     \
    {.name = (n), .kind = OPTION_KIND_BOOL, .offset = offsetof(type, field), .preset = (def),     \
     .help = (text)}
#define OPTION_INT(n, type, field, def, lo, hi, text)                                              \
    {.name = (n), .kind = OPTION_KIND_INT, .offset = offsetof(type, field), .preset = (def),      \
     .min = (lo), .max = (hi), .help = (text)}
#define OPTION_MS(n, type, field, def, lo, hi, text)                                               \
    {.name = (n), .kind = OPTION_KIND_MS, .offset = offsetof(type, field), .preset = (def),       \
     .min = (lo), .max = (hi), .help = (text)}
#define OPTION_SIZE(n, type, field, def, lo, hi, text)                                             \
    {.name = (n), .kind = OPTION_KIND_SIZE, .offset = offsetof(type, field), .preset = (def),     \
     .min = (lo), .max = (hi), .help = (text)}
#define OPTION_PERCENT(n, type, field, def, text)                                                  \
    {.name = (n), .kind = OPTION_KIND_PERCENT, .offset = offsetof(type, field), .preset = (def),  \
     .max = 1000000, .help = (text)}
#define OPTION_TEXT(n, type, field, def, text)                                                     \
    {.name = (n), .kind = OPTION_KIND_TEXT, .offset = offsetof(type, field), .preset = (def),     \
     .help = (text)}
#define OPTION_CHOICE(n, type, field, def, list, text)                                             \
    {.name = (n), .kind = OPTION_KIND_CHOICE, .offset = offsetof(type, field), .preset = (def),   \
     .names = (list), .help = (text)}
#define OPTION_TEXTS(n, type, field, text)                                                         \
    {.name = (n), .kind = OPTION_KIND_TEXTS, .offset = offsetof(type, field), .help = (text)}
#define OPTION_GROUP(n, type, field, table, text)                                                  \
    {.name = (n), .kind = OPTION_KIND_GROUP, .offset = offsetof(type, field), .rows = (table),    \
     .help = (text)}
#define OPTION_LIST(n, type, field, table, elem, prep, text)                                       \
    {.name = (n), .kind = OPTION_KIND_LIST, .offset = offsetof(type, field), .rows = (table),     \
     .size = sizeof(elem), .prepare = (prep), .help = (text)}
#define OPTION_MAP(n, type, field, table, elem, prep, text)                                        \
    {.name = (n), .kind = OPTION_KIND_MAP, .offset = offsetof(type, field), .rows = (table),      \
     .size = sizeof(elem), .prepare = (prep), .help = (text)}
#define OPTION_CUSTOM(n, type, field, fn, text)                                                    \
    {.name = (n), .kind = OPTION_KIND_CUSTOM, .offset = offsetof(type, field), .read = (fn),      \
     .help = (text)}
#define OPTION_END {.kind = OPTION_KIND_END}

#endif
