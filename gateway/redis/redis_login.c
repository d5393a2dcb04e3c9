/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH, SELECT, ROLE and PING in one write. PING is the last: its answer says that everything
 * before it was taken, and shows the errors that a server has for all commands (NOAUTH, LOADING,
 * MASTERDOWN).
 *
 * Of an answer to AUTH only the kind of the error is told, and only one that is known: a server may
 * repeat in it what it was given. A server of Redis before 6 knows no users, and refuses AUTH with
 * one. */
#include "redis/redis_login.h"

#include <stdio.h>

#include "base/check.h"
#include "redis/redis_reply.h"

static const char *auth_error(const struct redis_reply *r)
{
    static const char *const kinds[] = {"WRONGPASS", "NOPERM", "NOAUTH", "DENIED", "ERR"};
    for (size_t i = 0; i < array_n(kinds); i++)
        if (redis_error_is(r, kinds[i]))
            return kinds[i];
    return "no known error";
}

static void on_auth(void *ctx, const struct redis_reply *r)
{
    if (r && r->kind != REDIS_STATUS)
        redis_conn_end(ctx, "it refuses the password (%s)", auth_error(r));
}

static void on_select(void *ctx, const struct redis_reply *r)
{
    if (r && r->kind != REDIS_STATUS)
        redis_conn_end(ctx, "it refuses the database: %.*s", SLICE_ARG(r->text));
}

/* Who may not ask is believed: writing will show. */
static void on_role(void *ctx, const struct redis_reply *r)
{
    if (!r || r->kind == REDIS_ERROR)
        return;
    const struct redis_reply role = redis_item(r, 0);
    if (role.kind != REDIS_TEXT || !slice_eq(role.text, SLICE("master")))
        redis_conn_end(ctx, "it isn't the master that the sentinel took it for");
}

static void on_ping(void *ctx, const struct redis_reply *r)
{
    struct redis_conn *c = ctx;
    if (!r)
        return;
    if (r->kind == REDIS_ERROR && !redis_error_is(r, "NOPERM"))
        redis_conn_end(c, "it refuses PING: %.*s", SLICE_ARG(r->text));
    else if (r->kind != REDIS_ERROR && r->kind != REDIS_STATUS)
        redis_conn_end(c, "it gives PING an answer that is none");
    else
        c->events->ready(c);
}

static bool ask_auth(struct redis_conn *c, const struct redis_account *a)
{
    const struct slice named[] = {SLICE("AUTH"), a->user, a->password};
    const struct slice alone[] = {SLICE("AUTH"), a->password};
    if (!a->password.n && !a->user.n)
        return true;
    return a->user.n ? redis_conn_ask(c, on_auth, c, 3, named)
                     : redis_conn_ask(c, on_auth, c, 2, alone);
}

static bool ask_select(struct redis_conn *c, int64_t database)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)database);
    return database == 0 ||
           redis_conn_ask(c, on_select, c, 2, (struct slice[]){SLICE("SELECT"), slice_str(number)});
}

void redis_login(struct redis_conn *c, const struct redis_login *l)
{
    const bool sent = ask_auth(c, l->account) && ask_select(c, l->database) &&
                      (!l->master || redis_conn_ask(c, on_role, c, 1, &SLICE("ROLE"))) &&
                      redis_conn_ask(c, on_ping, c, 1, &SLICE("PING"));
    if (!sent)
        redis_conn_end(c, "no memory for its commands");
}
