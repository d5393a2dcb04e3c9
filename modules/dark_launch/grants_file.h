/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_GRANTS_FILE_H
#define WEIR_DARK_LAUNCH_GRANTS_FILE_H

/* The table of grants as a file, so that it outlives the gateway: JSON, one object a grant. It
 * holds no tokens; those can't be made from it without the key. */

#include "dark_launch/grants.h"

enum { GRANTS_FILE_MAX = 8 << 20, GRANTS_FILE_WHY = 160 };

/* Fills a new table with the grants of the file that haven't expired. A file that isn't there is
 * one without grants. False: it can't be used, for this reason. [load] */
bool grants_file_read(struct grants *t, const char *path, uint64_t now, char why[GRANTS_FILE_WHY])
    __attribute__((warn_unused_result));
/* Writes the whole table, readable by its owner alone; readers find the old file or the new one.
 * False: what was there is there still, for this reason. Waits for the disk. [control] */
bool grants_file_write(const struct grants *t, const char *path, char why[GRANTS_FILE_WHY])
    __attribute__((warn_unused_result));

/* The same without files. The text is malloc'ed; NULL: no memory. */
bool grants_file_parse(struct grants *t, struct weir_slice text, uint64_t now,
                       char why[GRANTS_FILE_WHY]) __attribute__((warn_unused_result));
char *grants_file_text(const struct grants *t);

#endif
