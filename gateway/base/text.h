/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

/* Text being written: into memory of the caller's (what doesn't fit is cut, and said so; after
 * that nothing is added any more) or into memory that grows. The JSON writer stands here too: it is
 * text with commas in the right places.
 *
 *     struct text t;  text_init_fixed(&t, buf, sizeof buf);
 *     json_open(&t, '{'); json_key(&t, "status"); json_uint(&t, 200); json_close(&t, '}');
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct text {
    char *p; /* borrowed when fixed, owned when growing */
    size_t n, cap;
    bool grows, cut;
    bool comma; /* JSON: the next member needs one before it */
};

void text_init_fixed(struct text *t, char *memory, size_t cap);
void text_init(struct text *t); /* grows; nothing allocated yet */
void text_fini(struct text *t);
static inline struct slice text_slice(const struct text *t)
{
    return slice_of(t->p, t->n);
}

/* Room for at least n more bytes at t->p + t->n; false when fixed and full (t->cut is then set). */
bool text_need(struct text *t, size_t n);
void text_add(struct text *t, struct slice s);
void text_str(struct text *t, const char *s);
void text_char(struct text *t, char c);
void text_uint(struct text *t, uint64_t v);
void text_int(struct text *t, int64_t v);
void text_printf(struct text *t, const char *fmt, ...) printf_like(2, 3);

/* The bytes as the inside of a JSON string: quotes, backslashes and controls escaped, invalid
 * UTF-8 replaced by U+FFFD (RFC 8259 8.1). */
void text_json_escaped(struct text *t, struct slice s);
/* The bytes as the inside of a quoted label value of the Prometheus text format. */
void text_label_escaped(struct text *t, struct slice s);
/* &, <, >, " and ' as entities. */
void text_html_escaped(struct text *t, struct slice s);

void json_open(struct text *t, char bracket);  /* '{' or '[' */
void json_close(struct text *t, char bracket); /* '}' or ']' */
void json_key(struct text *t, const char *key);
void json_slice(struct text *t, struct slice s);
void json_str(struct text *t, const char *s); /* NULL gives null */
void json_uint(struct text *t, uint64_t v);
void json_int(struct text *t, int64_t v);
void json_bool(struct text *t, bool v);
/* What is JSON already. */
void json_raw(struct text *t, struct slice json);

#endif
