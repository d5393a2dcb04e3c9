/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/process.h"

#include <stdlib.h>

/* Reads the text that is there now. What can't be had just now leaves the list as it was, and is
 * tried again with the next request. */
static void read_again(struct held_list *held, struct weir_process *p, const struct dark *d)
{
    struct tester_list list;
    uint64_t version = 0;
    char *text = malloc(d->list_limit + 1);
    const size_t n = text ? weir_blob_read(d->list, text, &version) : 0;
    if (version && tester_list_parse((struct weir_slice){text, n}, &list)) {
        tester_list_free(&held->list);
        *held = (struct held_list){list, version};
        if (list.wrong) {
            weir_count(p, d->counters, COUNT_LISTS_WRONG, 1);
            weir_log(WEIR_LOG_WARN, "dark_list_wrong",
                     "%s: %u lines are left out; line %d, the first of them, %s", d->list_file.p,
                     list.wrong, list.first_wrong, list.what);
        }
    }
    free(text);
}

bool dark_listed(struct dark_process *dp, struct weir_process *p, const struct dark *d,
                 struct weir_slice subject)
{
    if (!d->list || !dp)
        return false;
    struct held_list *held = &dp->lists[d->number];
    if (weir_blob_version(d->list) != held->version)
        read_again(held, p, d);
    return tester_list_has(&held->list, subject);
}

void *dark_start(struct weir_process *p, const void *global)
{
    struct dark_global *g = (struct dark_global *)global;
    struct dark_process *dp = calloc(1, sizeof *dp + g->n * sizeof *dp->lists);
    if (!dp)
        return NULL;
    *dp = (struct dark_process){.global = g, .lists = (struct held_list *)(dp + 1)};
    for (const struct dark *d = g->first; d && !weir_is_control(p); d = d->next)
        if (d->list)
            read_again(&dp->lists[d->number], p, d);
    return dp;
}

void dark_stop(struct weir_process *p, void *local)
{
    struct dark_process *dp = local;
    (void)p;
    for (unsigned i = 0; dp && i < dp->global->n; i++)
        tester_list_free(&dp->lists[i].list);
    free(dp);
}
