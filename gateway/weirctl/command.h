/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_COMMAND_H
#define WEIR_WEIRCTL_COMMAND_H

/* A command of weirctl: one file with one constant, listed in commands.c. It says how it is called
 * and what it is for, and has two functions that (as a rule) do no I/O: from arguments to the JSON
 * object that the gateway gets, and from the gateway's JSON to text for people. What lies between
 * the two (connection, errors, --json) is the same for all of them and stands in main.c. */

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

struct client_target;

enum { COMMAND_OPTIONS = 8 };

enum command_exit {
    COMMAND_AS_USUAL = -1, /* of act(): none yet */
    COMMAND_DONE = 0,
    COMMAND_REFUSED = 1,   /* by the gateway, or its answer can't be used */
    COMMAND_USAGE = 2,     /* the command line is wrong */
    COMMAND_UNREACHED = 3, /* no gateway answers */
};

/* --name VALUE, or --name */
struct command_option {
    const char *name, *value; /* value NULL: it has none, and is "" when it is given */
    const char *help; /* one line */
    char letter;      /* also -L; 0: none */
    bool many;        /* may be given again: its values are lines of one text */
};

struct command_args {
    char *const *operands;
    size_t operands_n;
    const char *options[COMMAND_OPTIONS]; /* in the order of the command's; NULL: not given */
};

struct command {
    const char *name;     /* its words: "canary get" */
    const char *operands; /* "[ROUTE]"; "" for none */
    const char *summary;  /* one line */
    const char *help;     /* what else is worth saying; whole lines */
    struct command_option options[COMMAND_OPTIONS];
    size_t operands_min, operands_max;
    const char *path; /* of the admin API; the request is a POST. NULL: no gateway is asked */
    unsigned wait_ms; /* for the answer; 0: CLIENT_TIMEOUT_MS */
    bool decides;   /* it changes something that all instances of a fleet may be told to: --fleet */
    bool overrides; /* ... or on one instance, for a time: --expires. Whatever decides does */
    bool returns;   /* no: it brings back what the configuration says, for good */
    const char *lasts; /* the member that says how long where nobody does; --expires takes its
                          place unless the first option is given. NULL: none does */
    bool changes;      /* ... or anything: --reason. Whatever overrides does */

    /* Fills the object that is sent; all arguments are UTF-8. False: `fault` says what is wrong
     * with the arguments, whose number has been checked. NULL: there is nothing to fill. */
    bool (*ask)(const struct command_args *args, json_t *content, struct text *fault);
    /* Writes what the gateway answered, for people. Members that it doesn't know are ignored, those
     * that are missing or of another type shown as "-". */
    void (*show)(const json_t *answer, struct text *out);
    /* Instead of it: what the answer is beside something that is found here, which is I/O. False:
     * it wasn't, and standard error says why. */
    bool (*show_beside)(const struct command_args *args, const json_t *answer, struct text *out);
    /* Instead of show (unless there is `added`): the answer is lines of JSON, without an end, and
     * this writes one. NULL: it isn't. The member "lines" of what was asked says after how many
     * weirctl ends. */
    void (*show_line)(const json_t *line, struct text *out);
    /* Beside show: with -f it asks again and again, for what has been added, and show_line writes
     * each member of this list. The answer's "next" is "after" of the next question. */
    const char *added;
    /* Before all of these: does it all by itself, prints included, and returns the exit code; of
     * COMMAND_USAGE `fault` says what is wrong with the arguments. COMMAND_AS_USUAL: with these
     * arguments it is no other command than one without this. NULL: always. */
    int (*act)(const struct command_args *args, const struct client_target *to, bool json,
               struct text *fault);
    /* Without a path, in place of the two: writes what is printed. False: `fault` says what is
     * wrong with the arguments. */
    bool (*print)(const struct command_args *args, struct text *out, struct text *fault);
};

/* The options that follow from that, NULL-terminated. The value is NULL for one that has none. */
enum command_beside_kind { BESIDE_REASON, BESIDE_EXPIRES, BESIDE_FLEET, COMMAND_BESIDE };
struct command_beside {
    const char *name, *value, *help;
    enum command_beside_kind kind;
};
void command_beside(const struct command *c, struct command_beside to[COMMAND_BESIDE + 1]);

/* NULL-terminated, in the order of the help. */
extern const struct command *const commands[];

/* The command whose words the arguments begin with, the longest; *words is how many those are.
 * NULL: none. */
const struct command *command_find(char *const *argv, size_t argc, size_t *words);
/* What was probably meant, into `out`; nothing when no name is near. */
void command_guess(char *const *argv, size_t argc, struct text *out);
/* The list of commands; those whose first word is `group` only, unless that is NULL. False: there
 * are none. */
bool command_list(const char *group, struct text *out);
/* "weirctl canary get [ROUTE]", with a newline; and the whole help of it. */
void command_usage(const struct command *c, struct text *out);
void command_help(const struct command *c, struct text *out);

#endif
