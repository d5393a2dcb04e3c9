/* SPDX-License-Identifier: Apache-2.0 */
/* The page's files, as they are in the tree, each with a symbol before and behind it. The folder that they
 * are looked for in is the compiler's -I. */

#include "dashboard/assets.h"

#define ASSET(id, file, kind)                                                                      \
    .globl dashboard_##id;                                                                         \
    .hidden dashboard_##id;                                                                        \
    .globl dashboard_##id##_end;                                                                   \
    .hidden dashboard_##id##_end;                                                                  \
    dashboard_##id: .incbin file;                                                                  \
    dashboard_##id##_end: .byte 0;

    .section .rodata
DASHBOARD_ASSETS(ASSET)

/* Without the note of each object the whole program would go without the processor's protection of
 * jumps, and would have an executable stack. */
#ifdef __CET__
#include <cet.h>
#endif
    .section .note.GNU-stack, "", %progbits
