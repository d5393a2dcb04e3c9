/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

/* The module interface of Weir: the only header of the gateway that a module includes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- values ---------------------------------------------------------------------------------------- */

/* Bytes that somebody else owns: never NUL-terminated on purpose, never freed. Empty: n == 0. */
struct weir_slice {
    const char *p;
    size_t n;
};
#define WEIR_SLICE(literal) ((struct weir_slice){("" literal), sizeof(literal) - 1})

#endif
