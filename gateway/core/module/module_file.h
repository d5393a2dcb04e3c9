/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_FILE_H
#define WEIR_CORE_MODULE_FILE_H

/* What is wrong with a shared object that dlopen(3) would not survive, as an end of "module x can't
 * be loaded: PATH "; NULL: nothing, or what dlopen(3) itself refuses with a message. Only the
 * master calls it, and `weir` run by hand. */
const char *module_file_fault(const char *path);

#endif
