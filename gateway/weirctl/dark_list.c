/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl dark list: who has which credential, and whether it was used. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

#include <time.h>

static const char *const heads[] = {"ID",    "NAME",  "GRANTED",   "EXPIRES",
                                    "STATE", ">USES", "LAST USED", NULL};

static void add_state(struct text *cell, const json_t *grant)
{
    const double now = (double)time(NULL);
    double expires;

    if (json_is_true(json_object_get(grant, "revoked"))) {
        text_str(cell, "revoked");
    } else if (!answer_number(grant, "expires", &expires)) {
        text_char(cell, '-');
    } else if (expires <= now) {
        text_str(cell, "expired");
    } else {
        duration_text(cell, expires - now);
        text_str(cell, " left");
    }
}

/* Before the first use there is no time of one; 0 says so as well. */
static void add_last_use(struct text *cell, const json_t *grant)
{
    double at;

    if (answer_number(grant, "last_used", &at) && at <= 0)
        text_char(cell, '-');
    else
        answer_moment(cell, grant, "last_used");
}

static void show(const json_t *answer, struct text *out)
{
    const json_t *grants = answer_list(answer, "grants"), *grant;
    struct table t;
    size_t i;

    if (json_array_size(grants) == 0) {
        text_str(out, "There are no grants.\n");
        return;
    }
    table_init(&t, heads);
    json_array_foreach(grants, i, grant)
    {
        answer_add(table_cell(&t), grant, "id");
        answer_add(table_cell(&t), grant, "name");
        answer_moment(table_cell(&t), grant, "created");
        answer_moment(table_cell(&t), grant, "expires");
        add_state(table_cell(&t), grant);
        answer_add(table_cell(&t), grant, "uses");
        add_last_use(table_cell(&t), grant);
    }
    table_write(&t, out);
}

extern const struct command dark_list;
const struct command dark_list = {
    .name = "dark list",
    .operands = "",
    .summary = "list the grants of dark launches",
    .help = "",
    .path = "/v1/modules/dark_launch/list",
    .show = show,
};
