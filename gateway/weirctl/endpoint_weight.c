/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl endpoint weight: gives an endpoint another weight than the file's. */
#include <errno.h>
#include <stdlib.h>

#include "weirctl/answer.h"
#include "weirctl/command.h"

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    const char *said = args->operands_n > 2 ? args->operands[2] : NULL;
    char *end = NULL;
    json_object_set_new(content, "cluster", json_string(args->operands[0]));
    json_object_set_new(content, "endpoint", json_string(args->operands[1]));
    if (!said) {
        json_object_set_new(content, "weight", json_null());
        return true;
    }
    errno = 0;
    const long n = strtol(said, &end, 10);
    if (end == said || *end || errno || *said == ' ') {
        text_printf(fault, "\"%s\" is no weight: a whole number, such as 3", said);
        return false;
    }
    json_object_set_new(content, "weight", json_integer(n));
    return true;
}

static void show(const json_t *answer, struct text *out)
{
    answer_add(out, answer, "endpoint");
    text_str(out, json_is_true(json_object_get(answer, "changed")) ? " now has the weight "
                                                                   : " already had the weight ");
    answer_add(out, answer, "weight");
    text_str(out, "; the file says ");
    answer_add(out, answer, "file_weight");
    text_str(out, ".\n");
}

extern const struct command endpoint_weight;
const struct command endpoint_weight = {
    .name = "endpoint weight",
    .operands = "CLUSTER ENDPOINT [N]",
    .summary = "give an endpoint another weight; without N the file's",
    .help = "All workers follow at once. It stays over reloads until the file gives the endpoint\n"
            "another weight than now. What is to get no requests is drained: 0 is refused.\n",
    .operands_min = 2,
    .operands_max = 3,
    .path = "/v1/endpoints/weight",
    .decides = true,
    .ask = ask,
    .show = show,
};
