/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_OPTION_H
#define WEIR_CONFIG_OPTION_H

/* The option-table engine: every setting of the gateway is a row of a table, and one reader brings
 * a libconfig group into a struct by it. The same rows drive parsing, range checks, the "did you
 * mean" of an error, and the reference manual.
 *
 *     static const struct option pool_options[] = {
 *         OPTION_INT("max_idle", struct pool, max_idle, "64", 0, 65535, "idle connections kept"),
 *         OPTION_TEXT("name", struct pool, name, NULL, "its name", .required = true),
 *         OPTION_END,
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

#include "base/arena.h"
#include "base/fault.h"
#include "base/slice.h"
#include "base/place.h"

#include <libconfig.h>

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
    OPTION_KIND_REST,    /* every member that no other row has; its name is "" */
};

struct groups {
    void *v; /* array of n structs */
    size_t n;
};

struct option_reader;

enum { OPTION_ROWS_MAX = 48 }; /* of one table; the longest of the gateway's has half as many */

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *preset; /* the default as it would be written; NULL: inherit or zero.
                           CUSTOM: for the reference, the function knows it */
    int64_t min, max;
    const char *const *names;  /* CHOICE: NULL-terminated */
    const struct option *rows; /* GROUP, LIST, MAP; CUSTOM: of its groups, for the reference */
    size_t size;               /* LIST, MAP: of one element */
    const char *form;          /* what may stand there, for messages and the reference; CUSTOM has
                                  one, the other kinds have their own unless a row says better */
    bool required;
    bool secret; /* what stands there is never shown */
    bool optional; /* GROUP: where it is absent there is none of it, rather than one of defaults */
    bool single; /* CUSTOM: `rows` are of one group, not of the elements of a list */
    /* CUSTOM: reads `s` into `field`; adds its own faults. `s` is NULL when it is absent. */
    void (*read)(struct option_reader *r, const config_setting_t *s, void *field);
    /* REST: reads one member; false: nobody knows its name. */
    bool (*take)(struct option_reader *r, const config_setting_t *s, void *field);
    /* REST: which names take() knows, NULL-terminated, for hints; NULL when there are none. */
    const char *const *(*others)(struct option_reader *r);
    /* LIST, MAP: called on each zeroed element before it is read, to put inherited values in. */
    void (*prepare)(struct option_reader *r, void *element);
    /* GROUP, LIST, MAP: cross-checks, after the rows of the group or of one element were read.
     * `s` is NULL for a GROUP that is absent. */
    void (*check)(struct option_reader *r, const config_setting_t *s, void *base);
    const void *more; /* what read() and check() find in reader->row, when they serve many rows */
    const char *help; /* one line, begins in lower case, no full stop */
};

struct text;
struct option_reader {
    struct arena *arena; /* where values go */
    struct faults *faults;
    const void *root; /* the struct that the top table fills: for prepare() and read() */
    const struct option *row; /* the one that is being read or checked; NULL: none */
    const char *file; /* the file that was given, for settings that are absent */
    struct {
        const char *theirs, *ours; /* the last file name of libconfig's and its copy in the arena */
    } name;
    /* What to call a file that libconfig names. */
    const char *(*file_name)(struct option_reader *r, const char *theirs);
    struct {
        const struct option *rows;
        const char *const *names; /* of the last table in which a name was unknown */
    } known;
    struct text *echo; /* JSON of all that was read (option_echo.h); NULL: not wanted */
    size_t hints; /* "did you mean" given so far; beyond HINTS_MAX none are searched */
};

/* Searching the nearest of thousands of names is dear; who makes so many mistakes made one. */
enum { HINTS_MAX = 100 };

/* Reads group `s` (NULL: everything is absent) into `base` by `rows`. */
void option_read(struct option_reader *r, const config_setting_t *s, const struct option *rows,
                 void *base);
/* Reads one setting (NULL: it is absent) into its field. `group` is what it stands in, for messages. */
void option_read_row(struct option_reader *r, const config_setting_t *group, const struct option *o,
                     const config_setting_t *s, void *field);
/* Can a row's default, when it has one, be stored? For tables that come from elsewhere: reading by
 * one that can't stops the program. */
bool option_preset_ok(const struct option *o) nodiscard;
/* Reads one text, or a list of texts, as TEXTS does; false when it was neither (a fault then). */
bool option_read_texts(struct option_reader *r, const config_setting_t *s,
                       struct texts *out) nodiscard;
/* The text of `s` in the arena; false when it isn't a text, with a fault that says `form`. */
bool option_read_text(struct option_reader *r, const config_setting_t *s, const char *form,
                      struct slice *out) nodiscard;

/* The dotted name, "listeners[0].limits.head_size"; lives as long as the faults. */
const char *option_path(struct option_reader *r, const config_setting_t *s);
/* File and line of `s`, for messages that name a second place; NULL gives the file alone. */
struct place option_place(struct option_reader *r, const config_setting_t *s);
/* Adds an error (a warning) at the setting's file and line. */
void option_fault(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
    printf_like(3, 4);
void option_warn(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
    printf_like(3, 4);
/* The usual error: "PATH is VALUE; " and what is allowed. */
void option_wrong(struct option_reader *r, const config_setting_t *s, const char *fmt, ...)
    printf_like(3, 4);
/* "; did you mean "x"?", or "" when no name is near. `names` ends with NULL. */
const char *option_hint(struct option_reader *r, struct slice word, const char *const *names);

/* The value parsers, also for tests and for run-time changes. False on bad text. */
bool option_parse_ms(struct slice text, uint64_t *ms) nodiscard;
bool option_parse_size(struct slice text, uint64_t *bytes) nodiscard;
bool option_parse_percent(struct slice text, uint32_t *millionths) nodiscard;
/* The way back, in the largest unit that divides: "90s", "64k". */
struct text;
void option_print_ms(struct text *t, uint64_t ms);
void option_print_size(struct text *t, uint64_t bytes);

/* The rows. Further members (.required, .check, .form) may follow the help. */
#define OPTION_ROW(n, k, at, text, ...)                                                            \
    {                                                                                              \
        .name = (n), .kind = OPTION_KIND_##k, .offset = (at), .help = (text), ##__VA_ARGS__        \
    }
#define OPTION_BOOL(n, type, field, def, text, ...)                                                \
    OPTION_ROW(n, BOOL, offsetof(type, field), text, .preset = (def), ##__VA_ARGS__)
#define OPTION_INT(n, type, field, def, lo, hi, text, ...)                                         \
    OPTION_ROW(n, INT, offsetof(type, field), text, .preset = (def), .min = (lo), .max = (hi),     \
               ##__VA_ARGS__)
#define OPTION_MS(n, type, field, def, lo, hi, text, ...)                                          \
    OPTION_ROW(n, MS, offsetof(type, field), text, .preset = (def), .min = (lo), .max = (hi),      \
               ##__VA_ARGS__)
#define OPTION_SIZE(n, type, field, def, lo, hi, text, ...)                                        \
    OPTION_ROW(n, SIZE, offsetof(type, field), text, .preset = (def), .min = (lo), .max = (hi),    \
               ##__VA_ARGS__)
#define OPTION_PERCENT(n, type, field, def, text, ...)                                             \
    OPTION_ROW(n, PERCENT, offsetof(type, field), text, .preset = (def), .max = 1000000,           \
               ##__VA_ARGS__)
#define OPTION_TEXT(n, type, field, def, text, ...)                                                \
    OPTION_ROW(n, TEXT, offsetof(type, field), text, .preset = (def), ##__VA_ARGS__)
#define OPTION_CHOICE(n, type, field, def, list, text, ...)                                        \
    OPTION_ROW(n, CHOICE, offsetof(type, field), text, .preset = (def), .names = (list),           \
               ##__VA_ARGS__)
#define OPTION_TEXTS(n, type, field, text, ...)                                                    \
    OPTION_ROW(n, TEXTS, offsetof(type, field), text, ##__VA_ARGS__)
#define OPTION_GROUP(n, type, field, table, text, ...)                                             \
    OPTION_ROW(n, GROUP, offsetof(type, field), text, .rows = (table), ##__VA_ARGS__)
/* A group whose rows count their offsets from the outer struct. */
#define OPTION_SUB(n, table, text, ...)                                                            \
    OPTION_ROW(n, GROUP, 0, text, .rows = (table), ##__VA_ARGS__)
#define OPTION_LIST(n, type, field, table, elem, prep, text, ...)                                  \
    OPTION_ROW(n, LIST, offsetof(type, field), text, .rows = (table), .size = sizeof(elem),        \
               .prepare = (prep), ##__VA_ARGS__)
#define OPTION_MAP(n, type, field, table, elem, prep, text, ...)                                   \
    OPTION_ROW(n, MAP, offsetof(type, field), text, .rows = (table), .size = sizeof(elem),         \
               .prepare = (prep), ##__VA_ARGS__)
#define OPTION_CUSTOM(n, type, field, fn, def, what, text, ...)                                    \
    OPTION_ROW(n, CUSTOM, offsetof(type, field), text, .read = (fn), .preset = (def),              \
               .form = (what), ##__VA_ARGS__)
#define OPTION_REST(at, fn, names_fn, text)                                                        \
    OPTION_ROW("", REST, at, text, .take = (fn), .others = (names_fn))
#define OPTION_END                                                                                 \
    {                                                                                              \
        .kind = OPTION_KIND_END                                                                    \
    }

#endif
