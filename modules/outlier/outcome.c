/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever failed and isn't excused is the endpoint's: the core knows who is to blame, and a list
 * of words here would miss the next one. */
#include "outlier/outcome.h"

#include <stddef.h>

enum outcome outcome_of(const char *why, int status, bool blameless)
{
    if (blameless || (why == NULL && status == 0))
        return OUTCOME_NONE;
    if (why != NULL)
        return OUTCOME_FAILURE;
    if (status >= 502 && status <= 504)
        return OUTCOME_GATEWAY;
    return status >= 500 ? OUTCOME_5XX : OUTCOME_GOOD;
}
