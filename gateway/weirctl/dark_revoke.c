/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl dark revoke: ends credentials before their time. */

#include "weirctl/answer.h"
#include "weirctl/command.h"

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    const char *name = args->options[0];

    if (!name == !args->operands_n) {
        text_str(fault, "either the ID of a grant or --name is needed, not both; "
                        "\"weirctl dark list\" shows them");
        return false;
    }
    if (name)
        json_object_set_new(content, "name", json_string(name));
    else
        json_object_set_new(content, "id", json_string(args->operands[0]));
    return true;
}

static void show(const json_t *answer, struct text *out)
{
    double n;

    if (answer_number(answer, "revoked", &n) && n == 1) {
        text_str(out, "Revoked one grant.\n");
        return;
    }
    text_str(out, "Revoked ");
    answer_add(out, answer, "revoked");
    text_str(out, " grants.\n");
}

extern const struct command dark_revoke;
const struct command dark_revoke = {
    .name = "dark revoke",
    .operands = "[ID]",
    .summary = "revoke a grant, or all grants of a name",
    .help = "It takes effect at once, for requests that begin afterwards. On all instances of a "
            "fleet grants\n"
            "are revoked by their IDs.\n",
    .options = {{"name", "NAME", "all grants of this tester, instead of one by its ID"}},
    .operands_max = 1,
    .path = "/v1/modules/dark_launch/revoke",
    .decides = true,
    .returns = true,
    .ask = ask,
    .show = show,
};
