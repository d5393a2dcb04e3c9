/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_ROTATE_H
#define WEIR_PROCESS_ROTATE_H

/* Rotation of log files by size: FILE is renamed to FILE.1, what was FILE.1 to FILE.2, and so on;
 * what would be numbered higher than `keep` goes. Renaming loses nothing: who has the file open
 * goes on writing to it, under its new name, until it opens FILE again. */

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* Is there a regular file of at least this size? */
bool rotate_due(const char *path, uint64_t size) nodiscard;
/* keep > 0. False with errno: there is a FILE still, and nothing is lost. */
bool rotate_file(const char *path, unsigned keep) nodiscard;

#endif
