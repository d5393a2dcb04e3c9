/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no module. */
#include <weir/module.h>

__attribute__((visibility("default"))) int no_symbol_at_all(void);

int no_symbol_at_all(void)
{
    return WEIR_ABI;
}
