/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl canary get: the splits and where their requests went. */

#include "weirctl/canary_splits.h"
#include "weirctl/command.h"

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "route", json_string(args->operands[0]));
    return true;
}

extern const struct command canary_get;
const struct command canary_get = {
    .name = "canary get",
    .operands = "[ROUTE]",
    .summary = "show splits, and where their requests went",
    .help =
        "Counts are of the time since the weights were last changed. TARGET is what the weights\n"
        "owe a variant by now, ASSIGNED what it was given, SENT what arrived there, PLACED what "
        "of\n"
        "that went by user and not by the schedule, FELL-BACK what went elsewhere because it was "
        "not available, HIDDEN failures that clients didn't\n"
        "see. SENT-SHARE, USERS-SHARE and BUCKETS differ where users differ in traffic.\n",
    .operands_max = 1,
    .path = "/v1/modules/canary/get",
    .ask = ask,
    .show = canary_splits_show,
};
