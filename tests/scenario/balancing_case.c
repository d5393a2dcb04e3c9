/* SPDX-License-Identifier: Apache-2.0 */
#include "balancing_case.h"

struct origin *balancing_app, *balancing_bee, *balancing_cat;

void balancing_begin(void)
{
    rig_begin();
    balancing_app = origin_start("app");
    balancing_bee = origin_start("bee");
    balancing_cat = origin_start("cat");
}

static void ask_one(struct talk *t, struct shares *s)
{
    talk_send(t, "GET /?status=200 HTTP/1.1\r\nHost: h\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 200);
    s->app += body_is(r, "app\n");
    s->bee += body_is(r, "bee\n");
    s->cat += body_is(r, "cat\n");
}

struct shares shares_of(unsigned n)
{
    struct shares s = {0};
    struct talk *t = talk_open();
    for (unsigned i = 0; i < n; i++)
        ask_one(t, &s);
    talk_close(t);
    return s;
}

void balancing_fail(struct origin *o)
{
    origin_script(o, "status=503");
    AWAIT_HEALTH(o, 0);
}

void balancing_heal(struct origin *o)
{
    origin_script(o, "");
    AWAIT_HEALTH(o, 1);
}
