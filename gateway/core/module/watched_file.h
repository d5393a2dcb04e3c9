/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_WATCHED_FILE_H
#define WEIR_CORE_WATCHED_FILE_H

/* Files of modules (keys, lists of users) whose content is a blob: read by the master when a
 * generation is loaded, and by its control process whenever they change.
 *
 *     if (file_add(l, place, path, blob)) ...                        master, at load
 *     struct file_watch *fw = file_watch_start(&loop, g);            control process
 *
 * A file is best replaced by rename(2): it is taken within a second then. One that is written to in
 * place is taken when it stood still for a second, so that nobody reads half of it. */

#include <sys/types.h>

#include "core/module/blob.h"
#include "core/module/module.h"

struct loop;

/* How a file looked: another content has another one, but for writes within a clock tick. */
struct file_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    int64_t mtime_ns;
};

/* In the generation's arena. */
struct weir_file {
    const char *path;
    const char *module; /* whose it is, for logs */
    struct weir_blob *blob;
    struct file_stamp stamp; /* of what was read at load */
};

/* Reads the file for the first time: `b`, which is of this generation, begins with it. False with a
 * fault when it can't be read, or holds more than the blob can. */
bool file_add(struct weir_load *l, const struct weir_place *place, struct slice path,
              struct weir_blob *b) nodiscard;

enum { FILE_LOOK_MS = 1000 };

struct file_watch;

/* Control process: looks at all files of the generation every second. */
struct file_watch *file_watch_start(struct loop *lp, const struct generation *g);
void file_watch_stop(struct file_watch *fw); /* frees it; NULL is harmless */

struct file_watch_totals {
    uint64_t files, failing; /* now */
    uint64_t changed;        /* contents published */
    uint64_t failed;         /* times that one could not be read any more */
};
struct file_watch_totals file_watch_totals(const struct file_watch *fw);

#endif
