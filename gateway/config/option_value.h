/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_OPTION_VALUE_H
#define WEIR_CONFIG_OPTION_VALUE_H

/* Private to the engine: single values, by kind. */

#include "base/text.h"
#include "config/option.h"

/* Reads a scalar (BOOL to CHOICE) into its field; false, with nothing stored, when the value isn't
 * one that the row allows. */
bool option_value_read(struct option_reader *r, const struct option *o, const config_setting_t *s,
                       void *field) nodiscard;
/* Stores the row's default; a row without one leaves the field alone. */
void option_value_preset(const struct option *o, void *field);

/* What stands there, for a message: "20x" in quotes, 30, a list. */
void option_value_describe(struct text *t, const config_setting_t *s);
/* What may stand there: a whole number from 1 to 65535. */
void option_value_allowed(struct text *t, const struct option *o);

#endif
