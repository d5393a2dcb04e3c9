/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be known of a server before cells are asked for, with each connection anew: which
 * process it is (its run_id: another one may have lost what the last one had), and by which digests
 * it knows the scripts. */
#include "fleet/fleet_parts.h"

void fleet_server_forget(struct fleet *f)
{
    f->server = (struct fleet_server){0};
}

static void on_digest(struct fleet_thing *t, const struct redis_reply *r, char *out)
{
    if (fleet_is(t, r, REDIS_TEXT) && r->text.n == FLEET_DIGEST_LEN)
        memcpy(out, r->text.p, FLEET_DIGEST_LEN);
}

static void on_offer_loaded(struct fleet_thing *t, const struct redis_reply *r)
{
    on_digest(t, r, t->fleet->server.offer);
}

static void on_take_loaded(struct fleet_thing *t, const struct redis_reply *r)
{
    on_digest(t, r, t->fleet->server.take);
}

/* Lines of "name:value". */
static struct slice run_id_of(struct slice info)
{
    static const struct slice name = SLICE_INIT("run_id:");
    for (struct slice rest = info; rest.p;) {
        const struct slice line = slice_trim(slice_cut(&rest, '\n'));
        if (slice_starts(line, name))
            return slice_trim(slice_from(line, name.n));
    }
    return SLICE("");
}

static void on_info(struct fleet_thing *t, const struct redis_reply *r)
{
    struct fleet *f = t->fleet;
    const struct slice run = r->kind == REDIS_TEXT ? run_id_of(r->text) : SLICE("");
    if (run.n > 0 && run.n <= FLEET_RUN_MAX) {
        memcpy(f->server.run, run.p, run.n);
        return;
    }
    if (r->kind != REDIS_ERROR)
        fleet_note_error(f, FLEET_ERROR_ANSWER, SLICE("INFO server names no run_id"));
    snprintf(f->why, sizeof f->why, "it doesn't say which server it is (INFO server, run_id)");
}

static void load(struct fleet *f, fleet_reply_fn *fn, const char *script)
{
    FLEET_ASK(&f->self, fn, SLICE("SCRIPT"), SLICE("LOAD"), slice_str(script));
}

void fleet_server_tick(struct fleet *f)
{
    if (!f->server.run[0])
        FLEET_ASK(&f->self, on_info, SLICE("INFO"), SLICE("server"));
    if (!f->server.offer[0])
        load(f, on_offer_loaded, fleet_script_offer);
    if (!f->server.take[0])
        load(f, on_take_loaded, fleet_script_take);
}

bool fleet_server_known(const struct fleet *f)
{
    return f->server.run[0] && f->server.offer[0] && f->server.take[0];
}
