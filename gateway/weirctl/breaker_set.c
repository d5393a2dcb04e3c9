/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl breaker open, close, auto, disable and enable: an operator's word, which counts at once
 * in all workers and outlives reloads. */

#include "weirctl/breaker_list.h"

/* -- one circuit, or all of an owner ----------------------------------------------------------- */

static bool ask_state(const struct command_args *args, json_t *content, struct text *fault,
                      const char *state)
{
    if (!breaker_owner(args, content, fault))
        return false;
    json_object_set_new(content, "state", json_string(state));
    if (args->operands_n > 1)
        json_object_set_new(content, "endpoint", json_string(args->operands[1]));
    return true;
}

static bool ask_open(const struct command_args *args, json_t *content, struct text *fault)
{
    return ask_state(args, content, fault, "open");
}

static bool ask_close(const struct command_args *args, json_t *content, struct text *fault)
{
    return ask_state(args, content, fault, "closed");
}

static bool ask_auto(const struct command_args *args, json_t *content, struct text *fault)
{
    return ask_state(args, content, fault, "auto");
}

#define ENDPOINT_HELP                                                                              \
    "Without ENDPOINT all circuits of the cluster; with it, one where each endpoint has its own\n" \
    "(scope = \"endpoint\").\n"

extern const struct command breaker_open, breaker_close, breaker_auto;
const struct command breaker_open = {
    .name = "breaker open",
    .operands = "[CLUSTER [ENDPOINT]]",
    .summary = "force a circuit open: its requests are refused",
    .help = "Refused requests get the fallback, if there is one. It lasts until \"breaker auto\", "
            "also\n"
            "over reloads.\n"
            "\n" ENDPOINT_HELP "\n"
            "    weirctl breaker open reviews 10.0.0.11:9080\n"
            "    weirctl breaker open --route search\n",
    .options = {{BREAKER_ROUTE}},
    .operands_max = 2,
    .path = "/v1/modules/breaker/force",
    .decides = true,
    .ask = ask_open,
    .show = breaker_list_show,
};
const struct command breaker_close = {
    .name = "breaker close",
    .operands = "[CLUSTER [ENDPOINT]]",
    .summary = "force a circuit closed, whatever fails",
    .help = "It lasts until \"breaker auto\", also over reloads. Limits still act.\n"
            "\n" ENDPOINT_HELP,
    .options = {{BREAKER_ROUTE}},
    .operands_max = 2,
    .path = "/v1/modules/breaker/force",
    .decides = true,
    .ask = ask_close,
    .show = breaker_list_show,
};
const struct command breaker_auto = {
    .name = "breaker auto",
    .operands = "[CLUSTER [ENDPOINT]]",
    .summary = "let a circuit decide by itself again",
    .help = "One that was forced begins closed, as if nothing had been.\n"
            "\n" ENDPOINT_HELP,
    .options = {{BREAKER_ROUTE}},
    .operands_max = 2,
    .path = "/v1/modules/breaker/force",
    .decides = true,
    .returns = true,
    .ask = ask_auto,
    .show = breaker_list_show,
};

/* -- the whole breaker ------------------------------------------------------------------------- */

extern const struct command breaker_disable, breaker_enable;
const struct command breaker_disable = {
    .name = "breaker disable",
    .operands = "[CLUSTER]",
    .summary = "let neither circuits nor limits act",
    .help = "All but the limit of connections. It lasts until \"breaker enable\", also over "
            "reloads.\n",
    .options = {{BREAKER_ROUTE}},
    .operands_max = 1,
    .path = "/v1/modules/breaker/disable",
    .decides = true,
    .ask = breaker_owner,
    .show = breaker_list_show,
};
const struct command breaker_enable = {
    .name = "breaker enable",
    .operands = "[CLUSTER]",
    .summary = "let circuits and limits act again",
    .help = "Circuits go on in the state in which they were.\n",
    .options = {{BREAKER_ROUTE}},
    .operands_max = 1,
    .path = "/v1/modules/breaker/enable",
    .decides = true,
    .returns = true,
    .ask = breaker_owner,
    .show = breaker_list_show,
};
