/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_VALUE_H
#define WEIR_VALUE_H

/* A part of <weir/module.h>: the values that modules and the gateway give each other, and the names
 * of what only the gateway sees into. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Bytes that somebody else owns: never NUL-terminated on purpose, never freed. Empty: n == 0;
 * absent: p == NULL. Texts of settings are NUL-terminated. */
struct weir_slice {
    const char *p;
    size_t n;
};
#define WEIR_SLICE(literal) ((struct weir_slice){("" literal), sizeof(literal) - 1})

/* Where something stands in the configuration. */
struct weir_place {
    const char *file;
    int line;
    size_t index;           /* position in its list or group, from 0 */
    struct weir_slice name; /* the key in a group of named groups */
};

struct weir_texts {
    struct weir_slice *v;
    size_t n;
};
struct weir_groups {
    void *v; /* array of n structs, each of which begins with a struct weir_place */
    size_t n;
};

/* A cluster, by its number in this generation. */
typedef uint32_t weir_cluster;
#define WEIR_NO_CLUSTER UINT32_MAX

/* A route, likewise. */
typedef uint32_t weir_route;
#define WEIR_NO_ROUTE UINT32_MAX

/* An endpoint of a cluster, by its place in shared memory: the same in all processes and over
 * reloads, as long as the endpoint stays. */
typedef uint32_t weir_slot;
#define WEIR_NO_SLOT UINT32_MAX

struct weir_exchange; /* one request and its response */
struct weir_attempt;  /* one try of it on one endpoint */
struct weir_endpoint;
struct weir_endpoint_cells;
struct weir_process;  /* a worker, or the control process */
struct weir_load;     /* a generation that is being loaded */
struct weir_template; /* a text with variables: "user %{claim.sub|nobody}" */
struct weir_chain;    /* settings of other modules that come into force by a choice */
struct weir_variant;  /* one of the versions that a route's requests are divided among */
struct weir_counters;
struct weir_blob;
struct weir_call;

#endif
