/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_FOLLOW_H
#define WEIR_WEIRCTL_FOLLOW_H

#include "weirctl/client.h"
#include "weirctl/command.h"

/* Asks for the command's answer and shows it line by line, as JSON or by its show_line; the exit
 * code. `refused` tells the operator of an answer that isn't 200. */
int follow(const struct command *c, const struct client_target *to, const json_t *content,
           bool json, int (*refused)(int status, const char *body));

/* The same of a command that has `added`: asks once a second, with Ctrl-C as its end. */
int follow_added(const struct command *c, const struct client_target *to, json_t *content,
                 bool json, int (*refused)(int status, const char *body));

#endif
