/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_OPTION_ECHO_H
#define WEIR_CONFIG_OPTION_ECHO_H

/* Private to the engine: what was read, as JSON, with the defaults where nothing was said: the
 * effective configuration. Written while it is read, into reader.echo; when that is NULL, nothing
 * is. Secret values are "***". */

#include "config/option.h"

void echo_key(struct option_reader *r, const char *name);
void echo_open(struct option_reader *r, char bracket);
void echo_close(struct option_reader *r, char bracket);
/* A scalar, or TEXTS, as it is stored. */
void echo_value(struct option_reader *r, const struct option *o, const void *field);
/* A setting as it stands in the file; NULL: the row's default. */
void echo_setting(struct option_reader *r, const struct option *o, const config_setting_t *s);

#endif
