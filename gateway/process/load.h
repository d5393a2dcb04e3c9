/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_LOAD_H
#define WEIR_PROCESS_LOAD_H

/* From a file to a generation, and what is wrong with it to where the operator looks. */

#include <stdio.h>

#include "core/generation.h"
#include "core/module/module.h"

struct access_format;

/* Where a configuration comes from; borrowed. */
struct load_from {
    const char *file;
    struct conf_texts *texts; /* what was in it once; NULL: what is in it now */
};

/* NULL with faults. */
struct config *load_config(const struct load_from *from, struct module_set *modules,
                           struct faults *faults) nodiscard;
/* NULL with faults. `shm` NULL: for a check. */
struct generation *load_generation(const struct load_from *from, struct module_set *modules,
                                   struct shm *shm, uint64_t number,
                                   struct faults *faults) nodiscard;
/* A line each, to a stream; or as events config_error and config_warning, to the error log. */
void faults_print(const struct faults *faults, FILE *to);
void faults_log(const struct faults *faults);
/* The error log and the audit log as the configuration says: paths, level, burst. False with a
 * fault. */
bool load_logs(const struct config *c, struct faults *faults) nodiscard;

#endif
