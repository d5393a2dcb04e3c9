/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' wishes to the master, and the answers of those that wait. */
#include "process/asks.h"

#include "control/overrides/overrides.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_MS = 20,     /* how often a report is looked for */
    SETTLE_MS = 1000, /* for overrides that a reload has ended to be undone */
    WAIT_MS = 60000,  /* longer than the master takes to give a reload or an upgrade up */
};

struct waiting {
    struct list node;
    const struct report *report;
    uint64_t number;
    uint64_t since_ms; /* that the report is there; 0: it isn't */
    struct admin_pending *pending;
};

static void on_look(struct timer *t);

void asks_init(struct asks *a, struct loop *lp, int master_fd, const struct reports *reports,
               const struct override_cell *overrides)
{
    *a = (struct asks){
        .loop = lp, .master_fd = master_fd, .reports = reports, .overrides = overrides};
    list_init(&a->waiting);
    timer_init(&a->look, on_look);
}

static void forget(struct waiting *w)
{
    list_remove(&w->node);
    free(w);
}

void asks_fini(struct asks *a)
{
    timer_stop(&a->look);
    list_each_safe (node, &a->waiting) {
        struct waiting *w = list_entry(node, struct waiting, node);
        admin_error(&w->pending->answer, 503, NULL,
                    "this process ends before the answer is there; ask again");
        admin_complete(w->pending);
        forget(w);
    }
}

/* False: it can't be reached, which the answer says. */
static bool pass_on(const struct asks *a, enum ask ask, const struct admin_request *rq,
                    struct admin_answer *out)
{
    const char c = (char)ask;
    if (!admin_may_change(rq, out))
        return false;
    if (write(a->master_fd, &c, 1) == 1)
        return true;
    admin_error(out, 503, NULL, "the master process can't be reached: %s", strerror(errno));
    return false;
}

static void done(struct admin_answer *out, const char *what)
{
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "done");
    json_str(&out->body, what);
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

/* -- those that wait for a report -------------------------------------------------------------- */

/* What is in force then is what is answered; but nobody waits for ever for a control process. */
static bool is_settled(const struct asks *a, struct waiting *w)
{
    const uint64_t now_ms = clock_ms(&a->loop->clock);
    w->since_ms = w->since_ms ? w->since_ms : now_ms;
    return overrides_settled(a->overrides) || now_ms - w->since_ms > SETTLE_MS;
}

static bool answer(const struct asks *a, struct waiting *w)
{
    struct admin_answer *out = &w->pending->answer;
    bool ok;
    if (!report_read(w->report, w->number, &out->body, &ok) || !is_settled(a, w))
        return false;
    out->type = SLICE("application/json");
    out->status = ok ? 200 : 409;
    text_char(&out->body, '\n');
    admin_complete(w->pending);
    return true;
}

static void on_look(struct timer *t)
{
    struct asks *a = container_of(t, struct asks, look);
    list_each_safe (node, &a->waiting) {
        struct waiting *w = list_entry(node, struct waiting, node);
        if (answer(a, w))
            forget(w);
    }
    if (!list_empty(&a->waiting))
        timer_start(a->loop, t, LOOK_MS);
}

static void ask_and_wait(struct asks *a, enum ask ask, const struct report *report,
                         const struct admin_request *rq, struct admin_answer *out)
{
    const uint64_t number = report_next(report);
    if (!pass_on(a, ask, rq, out))
        return;
    struct waiting *w = calloc(1, sizeof *w);
    must(w);
    *w = (struct waiting){.report = report, .number = number, .pending = admin_pend(rq)};
    w->pending->wait_ms = WAIT_MS;
    list_push(&a->waiting, &w->node);
    timer_start(a->loop, &a->look, LOOK_MS);
}

void asks_reload(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct asks *a = ctx;
    ask_and_wait(a, ASK_RELOAD, &a->reports->reload, rq, out);
}

void asks_rollback(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct asks *a = ctx;
    ask_and_wait(a, ASK_ROLLBACK, &a->reports->rollback, rq, out);
}

void asks_upgrade(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct asks *a = ctx;
    ask_and_wait(a, ASK_UPGRADE, &a->reports->upgrade, rq, out);
}

/* -- those that don't -------------------------------------------------------------------------- */

void asks_drain(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    if (pass_on(ctx, ASK_DRAIN, rq, out))
        done(out, "the gateway finishes what it has begun, and ends");
}

void asks_reopen_logs(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    if (pass_on(ctx, ASK_REOPEN, rq, out))
        done(out, "the logs are being opened again");
}
