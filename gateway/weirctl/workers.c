/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl workers: the processes of the gateway, and what each has in hand. */
#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

static const char *const heads[] = {"PROCESS",   ">PID",    ">GENERATION",  "STATE",
                                    ">REQUESTS", ">ACTIVE", ">CONNECTIONS", ">CPU",
                                    ">MEMORY",   NULL};

static void add_cpu(struct text *cell, const json_t *one)
{
    double ms;
    if (answer_number(one, "cpu_ms", &ms))
        text_printf(cell, "%.1fs", ms / 1000);
    else
        text_char(cell, '-');
}

static void add_memory(struct text *cell, const json_t *one)
{
    double bytes;
    if (answer_number(one, "resident", &bytes))
        text_printf(cell, "%.1fM", bytes / (1 << 20));
    else
        text_char(cell, '-');
}

static void show(const json_t *answer, struct text *out)
{
    static const char *const members[] = {"process",  "pid",    "generation", "state",
                                          "requests", "active", "connections"};
    const json_t *one;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(answer_list(answer, "workers"), i, one)
    {
        for (size_t k = 0; k < array_n(members); k++)
            answer_add(table_cell(&t), one, members[k]);
        add_cpu(table_cell(&t), one);
        add_memory(table_cell(&t), one);
    }
    table_write(&t, out);
}

extern const struct command workers_show;
const struct command workers_show = {
    .name = "workers",
    .operands = "",
    .summary = "show the processes of the gateway",
    .help = "Workers of an older GENERATION drain: they end what they have begun. REQUESTS are\n"
            "those that have ended in the worker's place since ever, whichever process had it.\n",
    .path = "/v1/overview/workers",
    .show = show,
};
