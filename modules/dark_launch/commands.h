/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_COMMANDS_H
#define WEIR_DARK_LAUNCH_COMMANDS_H

/* What operators ask for: to grant, to list, to revoke. */

#include <weir/module.h>

extern const struct weir_command dark_commands[];

#endif
