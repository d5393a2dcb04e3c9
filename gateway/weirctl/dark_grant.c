/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl dark grant: a credential for one tester. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    uint64_t seconds;

    json_object_set_new(content, "name", json_string(args->operands[0]));
    if (!duration_parse(args->options[0] ? args->options[0] : "1h", &seconds)) {
        text_printf(fault, "--for \"%s\" is not a duration such as 30m, 2h or 7d",
                    args->options[0]);
        return false;
    }
    json_object_set_new(content, "ttl_s", json_integer((json_int_t)seconds));
    return true;
}

static void show(const json_t *answer, struct text *out)
{
    text_str(out, "Granted to ");
    answer_add(out, answer, "name");
    text_str(out, " until ");
    answer_moment(out, answer, "expires");
    text_str(out, ", as grant ");
    answer_add(out, answer, "id");
    text_str(out,
             ". Either of these opens the dark version, and is not shown again:\n\n  cookie  ");
    answer_add(out, answer, "cookie");
    text_str(out, "\n  header  ");
    answer_add(out, answer, "header");
    text_char(out, '\n');
}

extern const struct command dark_grant;
const struct command dark_grant = {
    .name = "dark grant",
    .operands = "NAME",
    .summary = "let a tester into dark launches",
    .help = "NAME says in logs and lists who it is. The credential is a cookie or a header of the\n"
            "tester's requests; whoever has it is that tester. With --fleet it opens on all "
            "instances, which\n"
            "must have the same grant_key_file.\n"
            "\n"
            "    weirctl dark grant alice --for 2h\n",
    .options = {{"for", "DURATION", "how long it is valid (30m, 2h, 7d; without it: 1h)"}},
    .operands_min = 1,
    .operands_max = 1,
    .path = "/v1/modules/dark_launch/grant",
    .decides = true,
    .lasts = "ttl_s",
    .ask = ask,
    .show = show,
};
