/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl fault list, stop-all and resume: which faults are injected, and whether they are. */

#include "weirctl/fault_list.h"

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

static const char *const heads[] = {"ROUTE",   "FAULT",    "STATE", ">PERCENT", ">INJECTED",
                                    ">ACTIVE", ">DROPPED", "OWNER", "ENDS",     NULL};

static void add_fault(struct table *t, const json_t *fault)
{
    answer_add(table_cell(t), fault, "route");
    answer_add(table_cell(t), fault, "fault");
    answer_add(table_cell(t), fault, "state");
    answer_add(table_cell(t), fault, "percent");
    answer_add(table_cell(t), fault, "injected");
    answer_add(table_cell(t), fault, "active");
    answer_add(table_cell(t), fault, "dropped");
    answer_add(table_cell(t), fault, "owner");
    answer_moment(table_cell(t), fault, "ends");
}

void fault_list_show(const json_t *answer, struct text *out)
{
    const json_t *faults = answer_list(answer, "faults"), *fault;
    struct table t;
    size_t i;

    if (json_is_true(json_object_get(answer, "stopped")))
        text_str(out, "All faults are stopped.\n");
    if (json_array_size(faults) == 0) {
        text_str(out, "No route has a fault.\n");
        return;
    }
    table_init(&t, heads);
    json_array_foreach(faults, i, fault) add_fault(&t, fault);
    table_write(&t, out);
}

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "route", json_string(args->operands[0]));
    return true;
}

extern const struct command fault_list, fault_resume, fault_stop_all;
const struct command fault_list = {
    .name = "fault list",
    .operands = "[ROUTE]",
    .summary = "show injected faults, and whether they act",
    .help = "STATE is on, off, ended (its time is over), tripped (it has stopped because of real "
            "errors)\n"
            "or stopped (all are).\n",
    .operands_max = 1,
    .path = "/v1/modules/fault/list",
    .ask = ask,
    .show = fault_list_show,
};

const struct command fault_stop_all = {
    .name = "fault stop-all",
    .operands = "",
    .summary = "stop all injected faults at once",
    .help = "None acts any more, whatever else is said, until \"weirctl fault resume\".\n",
    .path = "/v1/modules/fault/stop_all",
    .decides = true,
    .show = fault_list_show,
};

const struct command fault_resume = {
    .name = "fault resume",
    .operands = "",
    .summary = "take fault stop-all back",
    .help = "Faults that are on act again.\n",
    .path = "/v1/modules/fault/resume",
    .decides = true,
    .returns = true,
    .show = fault_list_show,
};
