/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl overrides, overrides drop, overrides fragment: what was changed at run time of what the
 * configuration says. */
#include "weirctl/overrides.h"

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

#include <stdlib.h>
#include <string.h>

static void add_until(struct text *cell, const json_t *o)
{
    double s;
    if (answer_number(o, "until", &s))
        answer_moment(cell, o, "until");
    else
        text_char(cell, '-');
}

static void add_value(struct text *cell, const json_t *o)
{
    enum { SHOWN_MAX = 120 };
    char *value =
        json_dumps(json_object_get(o, "value"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char cut[SHOWN_MAX + 1];
    snprintf(cut, sizeof cut, "%s", value ? value : "-");
    answer_plain(cell, cut);
    text_str(cell, value && strlen(value) > SHOWN_MAX ? "..." : "");
    free(value);
}

size_t overrides_show(const json_t *answer, struct text *out)
{
    static const char *const heads[] = {"KEY", "SETTING", "SINCE", "UNTIL",
                                        "BY",  "REASON",  "SAYS",  NULL};
    const json_t *list = answer_list(answer, "overrides"), *o;
    struct table t;
    size_t i;
    if (!json_array_size(list))
        return 0;
    table_init(&t, heads);
    json_array_foreach(list, i, o)
    {
        answer_add(table_cell(&t), o, "key");
        answer_add(table_cell(&t), o, "setting");
        answer_moment(table_cell(&t), o, "at");
        add_until(table_cell(&t), o);
        answer_add(table_cell(&t), o, "who");
        answer_add(table_cell(&t), o, "reason");
        add_value(table_cell(&t), o);
    }
    table_write(&t, out);
    return json_array_size(list);
}

void overrides_show_ended(const json_t *answer, struct text *out)
{
    const json_t *o;
    size_t i;
    json_array_foreach(answer_list(answer, "overrides_ended"), i, o)
    {
        answer_add(out, o, "setting");
        text_str(out, json_is_true(json_object_get(o, "gone"))
                          ? ": the file has it no more; the override of "
                          : ": the file changes it; the override of ");
        answer_add(out, o, "key");
        text_str(out, " by ");
        answer_add(out, o, "who");
        text_str(out, " has ended.\n");
    }
}

/* -- the commands ------------------------------------------------------------------------------ */

static void show_list(const json_t *answer, struct text *out)
{
    if (!overrides_show(answer, out))
        text_str(out, "Nothing is overridden: all is as the configuration says.\n");
}

extern const struct command overrides_list;
const struct command overrides_list = {
    .name = "overrides",
    .operands = "",
    .summary = "show what was changed at run time, by whom, and why",
    .help = "An override is kept over reloads and upgrades. It ends at its time, by \"overrides "
            "drop\",\n"
            "by a command that brings the file's value back, or when a reload changes that very\n"
            "setting: then the file wins.\n",
    .path = "/v1/overrides",
    .show = show_list,
};

static bool ask_drop(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    json_object_set_new(content, "key", json_string(args->operands[0]));
    return true;
}

static void show_drop(const json_t *answer, struct text *out)
{
    answer_add(out, json_object_get(answer, "dropped"), "setting");
    text_str(out, " is as the configuration says again.\n");
}

extern const struct command overrides_drop;
const struct command overrides_drop = {
    .name = "overrides drop",
    .operands = "KEY",
    .summary = "undo a change: what the configuration says counts again",
    .help = "KEY is as \"overrides\" shows it: canary/weights/reviews.\n",
    .operands_min = 1,
    .operands_max = 1,
    .path = "/v1/overrides/drop",
    .changes = true,
    .ask = ask_drop,
    .show = show_drop,
};

static void show_fragment(const json_t *answer, struct text *out)
{
    const char *text = json_string_value(json_object_get(answer, "fragment"));
    text_str(out, text ? text : "-\n");
}

extern const struct command overrides_fragment;
const struct command overrides_fragment = {
    .name = "overrides fragment",
    .operands = "",
    .summary = "print what is overridden as settings for the configuration",
    .help = "Each with the place where it belongs. What no file can say (an ejection, a drained\n"
            "endpoint, a forced circuit) stands there as a comment.\n",
    .path = "/v1/overrides/fragment",
    .show = show_fragment,
};
