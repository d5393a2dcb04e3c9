/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_DIGIT_H
#define WEIR_RETRY_DIGIT_H

/* One of ASCII's ten, whatever the locale. */

#include <stdbool.h>

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif
