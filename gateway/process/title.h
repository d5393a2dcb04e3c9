/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_TITLE_H
#define WEIR_PROCESS_TITLE_H

/* What ps shows. title_init() must be called once in main, before anything keeps pointers into the
 * environment; it moves the environment elsewhere to make room. */

void title_init(int argc, char **argv);
/* "weir: TITLE"; cut to the room there is. */
void title_set(const char *title);

#endif
