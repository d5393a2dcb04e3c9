/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl outlier eject and return: takes an endpoint out of use for a time, or back into it. */

#include "weirctl/outlier_list.h"

#include <string.h>

#include "weirctl/command.h"
#include "weirctl/duration.h"

static bool ask_return(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    json_object_set_new(content, "cluster", json_string(args->operands[0]));
    json_object_set_new(content, "endpoint", json_string(args->operands[1]));
    return true;
}

static bool add_time(const char *given, json_t *content, struct text *fault)
{
    uint64_t seconds;

    if (!duration_parse(given, &seconds)) {
        text_printf(fault, "--for \"%s\" is not a duration such as 90s, 30m or 2h", given);
        return false;
    }
    json_object_set_new(content, "seconds", json_integer((json_int_t)seconds));
    return true;
}

static bool ask_eject(const struct command_args *args, json_t *content, struct text *fault)
{
    const char *word = args->operands_n > 2 ? args->operands[2] : NULL;

    if (word && strcmp(word, "force") != 0) {
        text_printf(fault, "\"%s\" is not force, which is all that may stand there", word);
        return false;
    }
    if (word)
        json_object_set_new(content, "force", json_true());
    return ask_return(args, content, fault) &&
           (!args->options[0] || add_time(args->options[0], content, fault));
}

extern const struct command outlier_eject, outlier_return;
const struct command outlier_eject = {
    .name = "outlier eject",
    .operands = "CLUSTER ENDPOINT [force]",
    .summary = "take an endpoint out of use for a time",
    .help = "It comes back by probes, as others do. \"force\" ejects it also when as many are out "
            "as\n"
            "max_ejection_percent and min_left allow for.\n"
            "\n"
            "    weirctl outlier eject reviews 10.0.0.12:9080 --for 10m\n"
            "\n"
            "\"weirctl endpoint drain\" keeps requests away until it is taken back.\n",
    .options = {{"for", "DURATION", "how long (90s, 30m, 2h; without it: as its settings say)"}},
    .operands_min = 2,
    .operands_max = 3,
    .path = "/v1/modules/outlier/eject",
    .decides = true,
    .ask = ask_eject,
    .show = outlier_list_show,
};
const struct command outlier_return = {
    .name = "outlier return",
    .operands = "CLUSTER ENDPOINT",
    .summary = "take an endpoint back into full use at once",
    .help = "Without probes and a ramp, whoever has ejected it.\n",
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/modules/outlier/return",
    .decides = true,
    .returns = true,
    .ask = ask_return,
    .show = outlier_list_show,
};
