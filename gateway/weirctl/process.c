/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl reload, upgrade, drain, logs reopen: what is asked of the master process. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/overrides.h"

enum { WAIT_MS = 60000 }; /* the gateway gives a reload or an upgrade up before that */

static void show_warnings(const json_t *answer, struct text *out)
{
    const json_t *warnings = answer_list(answer, "warnings"), *w;
    size_t i;
    json_array_foreach(warnings, i, w)
    {
        text_str(out, "warning: ");
        answer_fault(out, w);
        text_char(out, '\n');
    }
}

static void show_reload(const json_t *answer, struct text *out)
{
    show_warnings(answer, out);
    overrides_show_ended(answer, out);
    text_str(out, "Generation ");
    answer_add(out, answer, "generation");
    text_str(out, " serves, with ");
    answer_add(out, answer, "workers");
    text_str(out, " workers.\n");
}

static void show_upgrade(const json_t *answer, struct text *out)
{
    text_str(out, "The new binary serves; its master process is ");
    answer_add(out, answer, "pid");
    text_str(out, ".\n");
}

static void show_done(const json_t *answer, struct text *out)
{
    text_str(out, "Done: ");
    answer_add(out, answer, "done");
    text_str(out, ".\n");
}

extern const struct command process_reload;
const struct command process_reload = {
    .name = "reload",
    .operands = "",
    .summary = "read the configuration again, and wait until it serves",
    .help = "As by SIGHUP. What is wrong with the file is printed, and what was in force stays.\n",
    .path = "/v1/reload",
    .changes = true,
    .wait_ms = WAIT_MS,
    .show = show_reload,
};

extern const struct command process_upgrade;
const struct command process_upgrade = {
    .name = "upgrade",
    .operands = "",
    .summary = "let the binary that is installed now take over",
    .help = "As by SIGUSR2. Connections, counters, breakers and splits go on. When the new binary\n"
            "doesn't get ready, the one that runs goes on as if nothing had happened.\n",
    .path = "/v1/upgrade",
    .changes = true,
    .wait_ms = WAIT_MS,
    .show = show_upgrade,
};

extern const struct command process_drain;
const struct command process_drain = {
    .name = "drain",
    .operands = "",
    .summary = "stop the gateway when what it has begun is finished",
    .help =
        "As by SIGQUIT: new connections are refused at once; timeouts.drain is the longest wait.\n",
    .path = "/v1/drain",
    .changes = true,
    .show = show_done,
};

extern const struct command process_reopen;
const struct command process_reopen = {
    .name = "logs reopen",
    .operands = "",
    .summary = "open the log files again, after rotation",
    .help = "As by SIGUSR1.\n",
    .path = "/v1/logs/reopen",
    .changes = true,
    .show = show_done,
};
