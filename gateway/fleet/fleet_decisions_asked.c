/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions: operators who wait to hear what became of what they have said to the fleet. They hear
 * it when Redis has taken it, or as soon as it is known what stands against that: so nobody is told
 * that all know of it while Redis has refused it. The decision itself isn't given up by that.
 * Forgetting is: what can't be forgotten now is there as before, and has to be asked for again. */
#include "fleet/fleet_decisions.h"

#include "fleet/fleet_cell.h"

enum { PATIENCE_MS = 2000 /* less than who asks has (ADMIN_WORK_MS) */ };

void fleet_decision_told(struct fleet_decision *e, const char *result)
{
    struct admin_pending *p = e->asked.telling;
    e->asked.telling = NULL;
    if (p)
        decide_told(p, result);
}

void fleet_decision_forgot(struct fleet_decision *e, const char *wrong)
{
    struct admin_pending *p = e->asked.forgetting;
    e->asked.forgetting = NULL;
    if (p && wrong)
        admin_error(&p->answer, 409, NULL, "it isn't forgotten: %s", wrong);
    if (p)
        admin_complete(p);
}

static void end(struct fleet_decision *e, const char *result, const char *wrong)
{
    fleet_decision_told(e, result);
    fleet_decision_forgot(e, wrong);
}

void fleet_decision_wait(struct fleet_decision *e, struct admin_pending **place,
                         struct admin_pending *p)
{
    *place = p;
    e->asked.since_ms = fleet_now_ms(e->fleet);
}

static void look(struct fleet_decision *e)
{
    if (e->cell->broken)
        end(e, "Redis doesn't take it, the log says why; it waits, and is told when it does",
            "Redis doesn't take that; the log says why");
    else if (fleet_now_ms(e->fleet) - e->asked.since_ms >= PATIENCE_MS)
        end(e, "Redis hasn't answered; it waits, and is told when it does",
            "Redis hasn't answered; it may be when it does");
}

void fleet_decisions_look(struct fleet *f)
{
    list_each (pos, &f->decisions->all) {
        struct fleet_decision *e = fleet_decision_of(pos);
        if (e->asked.telling || e->asked.forgetting)
            look(e);
    }
}

void fleet_decisions_part(struct fleet *f)
{
    list_each (pos, &f->decisions->all)
        end(fleet_decision_of(pos), FLEET_TOLD_LATER,
            "Redis can't be told now: this instance is apart; try again");
}

void fleet_decisions_stop(struct fleet *f)
{
    if (!f->decisions)
        return;
    list_each (pos, &f->decisions->all)
        end(fleet_decision_of(pos), "told by the process that takes over from this one",
            "this process ends; try again");
}
