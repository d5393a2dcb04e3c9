/* SPDX-License-Identifier: Apache-2.0 */
/* What would be changed, in the order in which it is: values as they are written, since what their
 * variables stand for is known only of a real request. */
#include "headers/headers.h"

#include "common/slice.h"

static void say_edits(struct weir_explain *e, const char *head, const char *does,
                      const struct weir_groups *g)
{
    const struct edit *v = g->v;
    for (size_t i = 0; i < g->n; i++)
        weir_explain_say(e, "%s: %s %.*s: %.*s", head, does, SLICE_ARG(v[i].text),
                         SLICE_ARG(weir_explain_template(e, v[i].value)));
}

static void say(struct weir_explain *e, const char *head, const struct edits *edits)
{
    const struct renaming *renamings = edits->rename.v;
    for (size_t i = 0; i < edits->remove.n; i++)
        weir_explain_say(e, "%s: removes %.*s", head, SLICE_ARG(edits->remove.v[i]));
    for (size_t i = 0; i < edits->rename.n; i++)
        weir_explain_say(e, "%s: renames %.*s to %.*s", head, SLICE_ARG(renamings[i].from_text),
                         SLICE_ARG(renamings[i].to_text));
    say_edits(e, head, "sets", &edits->set);
    say_edits(e, head, "appends to", &edits->append);
    say_edits(e, head, "adds", &edits->add);
}

void headers_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct headers *h = u->conf;
    say(e, "request", &h->request);
    say(e, "response", &h->response);
}
