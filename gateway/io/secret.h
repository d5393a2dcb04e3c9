/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_SECRET_H
#define WEIR_IO_SECRET_H

/* A secret that somebody else has to show: only its digest is kept, so that no process has what an
 * operator wrote down, and two are compared in a time that says nothing about them. Right for what
 * was drawn at random; passwords that people choose need a slow hash (modules/auth). */

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct secret {
    uint8_t digest[32]; /* SHA-256 */
};

/* False when OpenSSL has no memory: then nothing equals it. */
bool secret_digest(struct slice text, struct secret *out) nodiscard;
bool secret_eq(const struct secret *a, const struct secret *b) nodiscard;

#endif
