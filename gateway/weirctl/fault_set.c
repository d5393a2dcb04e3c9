/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl fault on, off and set: turns a fault on or off, or gives it another share. */

#include <stdlib.h>
#include <string.h>

#include "weirctl/command.h"
#include "weirctl/fault_list.h"

/* Digits, a point between some of them at most, and a sign: 5%, 0.01%. */
static json_t *percent_of(const char *text)
{
    const size_t digits = strspn(text, "0123456789."), points = strcspn(text, ".");
    if (!digits || strcmp(text + digits, "%") != 0 || *text == '.')
        return NULL;
    return points < digits && strchr(text + points + 1, '.') ? NULL : json_real(strtod(text, NULL));
}

static bool add(json_t *content, const char *value, struct text *fault)
{
    const bool on = strcmp(value, "on") == 0, off = strcmp(value, "off") == 0;
    const char *member = on || off ? "enabled" : "percent";
    json_t *v = on || off ? json_boolean(on) : percent_of(value);
    if (!v) {
        text_printf(fault, "\"%s\" is not on, off or a share such as 2.5%%", value);
        return false;
    }
    const bool twice = json_object_get(content, member);
    if (twice)
        text_printf(fault, "\"%s\" is one too many: say on or off once, and a share once", value);
    json_object_set_new(content, member, v);
    return !twice;
}

static void name_it(const struct command_args *args, json_t *content)
{
    json_object_set_new(content, "route", json_string(args->operands[0]));
    json_object_set_new(content, "fault", json_string(args->operands[1]));
}

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    name_it(args, content);
    for (size_t i = 2; i < args->operands_n; i++)
        if (!add(content, args->operands[i], fault))
            return false;
    return true;
}

extern const struct command fault_set;
const struct command fault_set = {
    .name = "fault set",
    .operands = "ROUTE FAULT VALUE...",
    .summary = "turn a fault on or off, or change its share",
    .help = "It takes effect at once, and outlives reloads. A fault that has stopped because of "
            "real errors\n"
            "acts again once it is turned on.\n"
            "\n"
            "    weirctl fault set reviews slow off\n"
            "    weirctl fault set reviews slow on 2.5%\n",
    .operands_min = 3,
    .operands_max = 4,
    .path = "/v1/modules/fault/set",
    .decides = true,
    .ask = ask,
    .show = fault_list_show,
};

static bool ask_on(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    name_it(args, content);
    json_object_set_new(content, "enabled", json_true());
    return true;
}

static bool ask_off(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    name_it(args, content);
    json_object_set_new(content, "enabled", json_false());
    return true;
}

extern const struct command fault_on, fault_off;
const struct command fault_on = {
    .name = "fault on",
    .operands = "ROUTE FAULT",
    .summary = "turn a fault on",
    .help = "It takes effect at once, and outlives reloads.\n"
            "\n"
            "    weirctl fault on reviews slow --expires 10m\n",
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/modules/fault/set",
    .decides = true,
    .ask = ask_on,
    .show = fault_list_show,
};
const struct command fault_off = {
    .name = "fault off",
    .operands = "ROUTE FAULT",
    .summary = "turn a fault off",
    .help = "It takes effect at once, and outlives reloads. \"weirctl fault stop-all\" stops all.\n"
            "\n"
            "    weirctl fault off reviews slow\n",
    .operands_min = 2,
    .operands_max = 2,
    .path = "/v1/modules/fault/set",
    .decides = true,
    .ask = ask_off,
    .show = fault_list_show,
};
