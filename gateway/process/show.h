/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_SHOW_H
#define WEIR_PROCESS_SHOW_H

/* What the command line prints and exits: references, and what modules there are. `file` is a
 * configuration whose module_folders count, too; NULL: only the folder of the installation. The
 * reference of settings has pages of the modules in the former, or in the latter. Each returns the
 * exit status. */

struct module_set;
struct text;

/* docs/metrics.md: all that this binary counts, and those modules. */
void metrics_manual(struct text *out, struct module_set *s);

int show_text(void (*write)(struct text *out));
int show_settings(const char *file);
int show_metrics(const char *file);
int show_modules(const char *file);
int show_module(const char *file, const char *name);
/* The configuration with all defaults, as JSON. */
int show_effective(const char *file);
/* Requests on standard input, what this file would do with them on standard output: a line of JSON
 * each, as POST /v1/explain takes and gives it. What is wrong with the file is printed as by -t. */
int show_explained(const char *file);

#endif
