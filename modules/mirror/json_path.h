/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_JSON_PATH_H
#define WEIR_MIRROR_JSON_PATH_H

/* Where something stands in a JSON value: JSON pointers (RFC 6901), with "*" for any one step, as
 * settings name what is not to be compared; and the way to where a comparison is. */

#include <weir/module.h>

enum { JSON_DEPTH = 32 }; /* steps of a path: as deep as values are compared */

/* Three steps: items, any, id. */
struct json_pattern {
    struct weir_slice steps[JSON_DEPTH]; /* unescaped */
    unsigned n;
};

/* One step of the way: a member's name, or the number of an element. */
struct json_step {
    const char *name; /* NULL: an element */
    size_t index;
};
struct json_way {
    struct json_step steps[JSON_DEPTH];
    unsigned n;
};

/* Unescaped steps are written to `memory`, which has room for text.n bytes and lives as long as the
 * pattern. NULL, or what is wrong with the text. */
const char *json_pattern_parse(struct weir_slice text, char *memory, struct json_pattern *out)
    __attribute__((warn_unused_result));
/* Is this the place that one of the patterns names? What lies below it is not asked for. */
bool json_patterns_match(const struct json_pattern *v, size_t n, const struct json_way *way);
/* The way as a pointer, cut after `size` - 1 bytes, with a NUL; "/" stands for the whole value. */
void json_way_print(const struct json_way *way, char *to, size_t size);

#endif
