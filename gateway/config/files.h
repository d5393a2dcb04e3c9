/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_FILES_H
#define WEIR_CONFIG_FILES_H

/* Private to the folder: the texts that a configuration consists of. */

#include "base/fault.h"
#include "base/text.h"
#include "config/texts.h"

/* Where a file includes another one: what stands between the quotes. */
struct conf_include {
    struct conf_include *next;
    size_t at, n; /* bytes of the text */
    struct conf_file *file;
};

struct conf_file {
    struct conf_file *next;
    const struct conf_file *parent; /* the file that includes it; NULL: the main file */
    const char *path;               /* to open */
    const char *shown;              /* in messages: as an operator would find it */
    struct text text;               /* owned; a NUL follows it */
    struct conf_include *includes, **last;
    int fd; /* of texts that are kept: what libconfig opens instead; -1 */
};

struct conf_files {
    struct arena *arena; /* borrowed */
    struct faults *faults;
    struct slice folder;             /* of the main file, absolute; empty: no file, no includes */
    struct slice prefix;             /* the same as it was given, with its slash: "conf/" or "" */
    struct conf_file *first, **last; /* the main file is the first */
    size_t total;                    /* bytes of all */
    struct conf_texts *kept;         /* borrowed: they come from there. NULL: from the disk */
    struct text main;                /* of kept ones: the main file as libconfig gets it; owned */
};

/* Reads the main file and everything that it includes, and checks the syntax of each; false with
 * faults when something can't be read or used. */
bool conf_files_open(struct conf_files *ss, const char *path) nodiscard;
/* The same for texts that were read before. */
bool conf_files_recall(struct conf_files *ss, struct conf_texts *kept) nodiscard;
/* All of them, held once by the caller. */
struct conf_texts *conf_files_keep(const struct conf_files *ss);
/* What libconfig is given; where it finds included files is known to it, or stands in the text. */
const char *conf_files_main(const struct conf_files *ss);
/* The same for a text from memory, which includes nothing. */
bool conf_files_take(struct conf_files *ss, const char *text, const char *name) nodiscard;
void conf_files_close(struct conf_files *ss);

/* A digest of all texts, in the order of reading (FNV-1a of 64 bits): the same in all instances that
 * have the same ones. */
uint64_t conf_files_digest(const struct conf_files *ss);

/* What to call a file that libconfig names; NULL (the text given to it) is the main file. */
const char *conf_file_shown(const struct conf_files *ss, const char *theirs, struct arena *a);
/* The text of a file by its shown name, or the empty slice. */
struct slice conf_file_text(const struct conf_files *ss, const char *shown);

#endif
