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

/* Who may not ask, or of whom there is nothing to be known, is believed: writing will show. */
static bool is_unknown(const struct redis_reply *r)
{
    return redis_error_is(r, "NOPERM") || slice_starts(r->text, SLICE("ERR unknown command"));
}

/* False: it is said by an error that it isn't known, or the connection has ended. */
static bool role_of(struct redis_conn *c, const struct redis_reply *r, struct slice *out)
{
    const struct redis_reply role = redis_item(r, 0);
    *out = role.text;
    if (r->kind == REDIS_ERROR && !is_unknown(r))
        redis_conn_end(c, "it refuses ROLE: %.*s", SLICE_ARG(r->text));
    else if (r->kind != REDIS_ERROR && role.kind != REDIS_TEXT)
        redis_conn_end(c, "it gives ROLE an answer that is none");
    return role.kind == REDIS_TEXT;
}

static void on_sentinels_master(void *ctx, const struct redis_reply *r)
{
    struct slice role;
    if (r && role_of(ctx, r, &role) && !slice_eq(role, SLICE("master")))
        redis_conn_end(ctx, "it isn't the master that the sentinel took it for");
}

/* What else there may be one day, or is in between, may be able to write. */
static void on_role(void *ctx, const struct redis_reply *r)
{
    struct slice role;
    if (!r || !role_of(ctx, r, &role))
        return;
    if (slice_eq(role, SLICE("slave")))
        redis_conn_end(ctx, "it is a replica");
    else if (slice_eq(role, SLICE("sentinel")))
        redis_conn_end(ctx, "it is a sentinel (redis.sentinels)");
}

static bool ask_role(struct redis_conn *c, const struct redis_login *l)
{
    redis_fn *fn = l->role == REDIS_MASTER ? on_sentinels_master : on_role;
    return l->role == REDIS_ANY || redis_conn_ask(c, fn, c, 1, &SLICE("ROLE"));
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
    const bool sent = ask_auth(c, l->account) && ask_select(c, l->database) && ask_role(c, l) &&
                      redis_conn_ask(c, on_ping, c, 1, &SLICE("PING"));
    if (!sent)
        redis_conn_end(c, "no memory for its commands");
}
