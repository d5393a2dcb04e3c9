/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl rollback, config text: the configuration that was in force before, and the texts of
 * either as they were read. */
#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/overrides.h"

#include <string.h>

enum { WAIT_MS = 60000 }; /* the gateway gives it up before that */

static void show_rollback(const json_t *answer, struct text *out)
{
    overrides_show_ended(answer, out);
    text_str(out, "The configuration before is in force again, as generation ");
    answer_add(out, answer, "generation");
    text_str(out, ", with ");
    answer_add(out, answer, "workers");
    text_str(out, " workers.\n");
    if (!json_is_true(json_object_get(answer, "file_differs")))
        return;
    answer_add(out, answer, "file");
    text_str(out,
             " says something else, and the next reload takes it: \"weirctl config text\" prints\n"
             "what is in force, to be written there. Another rollback brings back what was in "
             "force\nuntil now.\n");
}

extern const struct command process_rollback;
const struct command process_rollback = {
    .name = "rollback",
    .operands = "",
    .summary = "bring back the configuration that was in force before",
    .help =
        "The one before the last reload that changed something, from memory: as its files were\n"
        "when they were read, included ones too. What they name (certificates, lists) is read\n"
        "as it is now. The files aren't written; until a reload, an upgrade keeps what is in\n"
        "force. \"weirctl config text previous\" prints what a rollback would bring.\n",
    .path = "/v1/rollback",
    .wait_ms = WAIT_MS,
    .changes = true,
    .show = show_rollback,
};

/* -- texts ------------------------------------------------------------------------------------- */

static bool ask_text(const struct command_args *args, json_t *content, struct text *fault)
{
    if (args->operands_n && strcmp(args->operands[0], "previous") != 0) {
        text_printf(fault, "\"%s\" is not \"previous\"", args->operands[0]);
        return false;
    }
    json_object_set_new(content, "which", json_string(args->operands_n ? "previous" : "in force"));
    return true;
}

/* One alone is printed as it was, so that it can be written where it came from. */
static void show_text(const json_t *answer, struct text *out)
{
    const json_t *files = answer_list(answer, "files"), *f;
    size_t i;
    json_array_foreach(files, i, f)
    {
        const char *text = json_string_value(json_object_get(f, "text"));
        if (json_array_size(files) > 1) {
            text_str(out, i ? "\n# -- " : "# -- ");
            answer_add(out, f, "file");
            text_str(out, " --\n");
        }
        text_str(out, text ? text : "-\n");
    }
}

extern const struct command config_text;
const struct command config_text = {
    .name = "config text",
    .operands = "[previous]",
    .summary = "print the text of the configuration in force, as it was read",
    .help = "With its secrets, so it needs the role read-write. previous: what a rollback would "
            "bring.\n"
            "When it consists of several files, a comment with the name stands before each.\n"
            "\n"
            "    weirctl config text >/etc/weir/weir.conf\n",
    .operands_max = 1,
    .path = "/v1/config/text",
    .ask = ask_text,
    .show = show_text,
};
