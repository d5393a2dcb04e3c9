/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl endpoint drain and enable: keeps new requests away from an endpoint, or no longer. */

#include "weirctl/answer.h"
#include "weirctl/command.h"

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    json_object_set_new(content, "cluster", json_string(args->operands[0]));
    json_object_set_new(content, "endpoint", json_string(args->operands[1]));
    return true;
}

static void show(const json_t *answer, struct text *out)
{
    const bool drained = json_is_true(json_object_get(answer, "drained"));
    const bool changed = json_is_true(json_object_get(answer, "changed"));
    answer_add(out, answer, "endpoint");
    text_str(out, changed ? " is now " : " was already ");
    text_str(out, drained ? "drained; " : "undrained; ");
    answer_add(out, answer, "left");
    text_str(out, " of ");
    answer_add(out, answer, "cluster");
    text_str(out, " take new requests.\n");
}

extern const struct command endpoint_drain, endpoint_enable;
const struct command endpoint_drain = {
    .name = "endpoint drain",
    .operands = "CLUSTER ENDPOINT",
    .summary = "send no new requests to an endpoint",
    .help =
        "Requests under way there end as usual. It lasts until \"endpoint enable\", also over\n"
        "reloads.\n",
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/endpoints/drain",
    .decides = true,
    .ask = ask,
    .show = show,
};
const struct command endpoint_enable = {
    .name = "endpoint enable",
    .operands = "CLUSTER ENDPOINT",
    .summary = "send requests to an endpoint again",
    .help = "Undoes \"endpoint drain\"; its weight stays.\n",
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/endpoints/undrain",
    .decides = true,
    .returns = true,
    .ask = ask,
    .show = show,
};
