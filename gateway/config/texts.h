/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_TEXTS_H
#define WEIR_CONFIG_TEXTS_H

/* The texts of a configuration as they were read, kept so that it can be loaded again when its
 * files have changed: config_load_texts(). What it only names (certificates, lists) isn't part of
 * it. They never change, and are counted: whoever holds them releases them. Master only; its
 * children look. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"

struct conf_text {
    struct slice shown; /* as messages call it: "conf/routes.conf"; a NUL follows */
    struct slice text;  /* likewise */
};

struct conf_texts {
    struct slice folder; /* of the main file, absolute; a NUL follows */
    struct conf_text *v; /* the main file is the first */
    size_t n;
    unsigned holders; /* private */
};

/* Held once. All is copied. */
struct conf_texts *conf_texts_new(struct slice folder);
void conf_texts_add(struct conf_texts *t, struct slice shown, struct slice text);
/* NULL is harmless, and given back. */
struct conf_texts *conf_texts_hold(struct conf_texts *t);
void conf_texts_release(struct conf_texts *t);

/* NULL is the same as NULL alone. */
bool conf_texts_same(const struct conf_texts *a, const struct conf_texts *b);
const struct conf_text *conf_texts_find(const struct conf_texts *t, struct slice shown);

/* For another binary. Reading cuts what it has read off the front of *from; NULL: it can't be
 * read. */
void conf_texts_write(const struct conf_texts *t, struct text *to);
struct conf_texts *conf_texts_read(struct slice *from) nodiscard;

#endif
