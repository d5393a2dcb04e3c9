/* SPDX-License-Identifier: Apache-2.0 */
/* The commands. What an operator does is told in the log, the token never. A grant counts once it
 * is in the file, if there is one; a revocation counts at once, and whether the file has it is
 * said. To other instances of a fleet the grant is told, never its token: they sign with the same
 * key. */
#include "dark_launch/commands.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <inttypes.h>
#include <stdio.h>

#include "dark_launch/grants_file.h"
#include "dark_launch/process.h"
#include "common/command.h"

/* What a command works with. */
struct command {
    struct dark_global *g;
    struct weir_reply *reply;
    uint64_t now; /* seconds since 1970 */
};

static bool grants_are_taken(const struct dark_global *g)
{
    for (const struct dark *d = g->first; d; d = d->next)
        if (d->grants)
            return true;
    return false;
}

static bool keep(const struct command *c, char why[GRANTS_FILE_WHY])
{
    return !c->g->grants_file.n || grants_file_write(c->g->table, c->g->grants_file.p, why);
}

static struct weir_slice text_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return (struct weir_slice){json_string_value(v), json_string_length(v)};
}

/* -- grant ------------------------------------------------------------------------------------- */

/* False: it was refused. */
static bool check_grant(const struct command *c, const json_t *in, struct grant *g)
{
    const struct weir_slice name = text_of(in, "name");
    const json_int_t ttl = json_integer_value(json_object_get(in, "ttl_s"));
    const uint64_t longest = c->g->max_ttl_ms / 1000;
    if (!grant_name_ok(name))
        weir_reply_error(c->reply, 400, "name",
                         "the tester's name has 1 to %d letters, digits and ._@+-", GRANT_NAME_MAX);
    else if (ttl < 1)
        weir_reply_error(c->reply, 400, "ttl_s", "how long, in seconds: a whole number from 1 on");
    else if ((uint64_t)ttl > longest)
        weir_reply_error(c->reply, 400, "ttl_s",
                         "longer than the %" PRIu64
                         " s that modules.dark_launch.max_ttl allows; ask for less, or raise it",
                         longest);
    else if (!grants_are_taken(c->g))
        weir_reply_error(c->reply, 409, NULL,
                         "no route takes grants; set dark_launch.grants = true on one");
    else {
        *g = (struct grant){.created = c->now, .expires = c->now + (uint64_t)ttl, .name_n = name.n};
        memcpy(g->name, name.p, name.n);
        return true;
    }
    return false;
}

static json_t *json_of_new(const struct dark_global *global, const struct grant *g,
                           const char *token)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    json_t *j = json_pack("{s:s, s:s%, s:I, s:s}", "id", id, "name", g->name, g->name_n, "expires",
                          (json_int_t)g->expires, "token", token);
    if (global->grant_cookie.n)
        json_object_set_new(j, "cookie", json_sprintf("%s=%s", global->grant_cookie.p, token));
    if (global->grant_header.n)
        json_object_set_new(j, "header", json_sprintf("%s: %s", global->grant_header.p, token));
    return j;
}

static void grant_made(const struct command *c, const struct grant *g, const char *token)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    weir_event(WEIR_LOG_INFO, "dark_grant_made",
               WEIR_FACTS(WEIR_FACT("grant", slice_str(id)), WEIR_FACT("name", grant_name(g)),
                          WEIR_NUMBER("expires", g->expires)),
               "grant %s for %.*s, until %" PRIu64, id, (int)g->name_n, g->name, g->expires);
    command_answer(c->reply, json_of_new(c->g, g, token));
}

/* False: it was refused. */
static bool add_grant(const struct command *c, struct grant *g)
{
    char token[GRANT_TOKEN_MAX], why[GRANTS_FILE_WHY];
    bool made = false;
    if (RAND_bytes((unsigned char *)&g->id, sizeof g->id) != 1 || !g->id ||
        !grant_token(c->g->key, g, token)) {
        weir_reply_error(c->reply, 409, NULL, "the system gives no random bytes; try again");
    } else if (!grants_add(c->g->table, g, c->now)) {
        weir_reply_error(c->reply, 409, NULL,
                         "%u grants are in force, which is the limit; revoke some, or raise "
                         "modules.dark_launch.grants",
                         grants_capacity(c->g->table));
    } else if (!keep(c, why)) {
        grants_remove(c->g->table, g->id);
        weir_reply_error(c->reply, 409, NULL, "nothing is granted: grants_file %s: %s",
                         c->g->grants_file.p, why);
    } else {
        grant_made(c, g, token);
        made = true;
    }
    OPENSSL_cleanse(token, sizeof token);
    return made;
}

/* -- grants of another instance ---------------------------------------------------------------- */

/* A token says until when it is valid, to the second, so that is told as well. */
static void tell_grant(const struct command *c, const struct grant *g)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    command_tell(c->reply,
                 json_pack("{s:s, s:s%, s:I, s:I}", "id", id, "name", g->name, g->name_n, "expires",
                           (json_int_t)g->expires, "ttl_s", (json_int_t)(g->expires - c->now)));
}

static bool is_for_all(const json_t *in)
{
    return json_is_true(json_object_get(in, "fleet"));
}

static bool is_known(const struct command *c, uint64_t id)
{
    struct grant g;
    for (unsigned i = 0; i < grants_capacity(c->g->table); i++)
        if (grants_at(c->g->table, i, &g) && g.id == id)
            return true;
    return false;
}

/* One that is here stays as it is, revoked or not. */
static void take_over(const struct command *c, const json_t *in, struct grant *g)
{
    const json_int_t expires = json_integer_value(json_object_get(in, "expires"));
    char why[GRANTS_FILE_WHY];
    if (!grant_id_parse(text_of(in, "id"), &g->id) || !g->id || expires <= (json_int_t)c->now) {
        weir_reply_error(c->reply, 400, "id", "a grant that is taken over has an id and an expiry");
        return;
    }
    g->expires = (uint64_t)expires;
    if (!is_known(c, g->id) && !grants_add(c->g->table, g, c->now))
        weir_reply_error(c->reply, 409, NULL, "as many grants as there may be are in force");
    else if (!keep(c, why))
        weir_reply_error(c->reply, 409, NULL, "granted, but a restart would end it: %s", why);
    else
        command_answer(c->reply, json_pack("{s:O}", "id", json_object_get(in, "id")));
}

static void grant(const struct command *c, const json_t *in)
{
    struct grant g;
    if (is_for_all(in) && !c->g->key_file.n)
        weir_reply_error(c->reply, 409, NULL,
                         "grants are signed with a key that only this instance has; give all of "
                         "them the same modules.dark_launch.grant_key_file");
    else if (!check_grant(c, in, &g))
        return;
    else if (is_for_all(in) && json_object_get(in, "id"))
        take_over(c, in, &g);
    else if (add_grant(c, &g))
        tell_grant(c, &g);
}

/* -- list -------------------------------------------------------------------------------------- */

static json_t *json_of(const struct grant *g)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    return json_pack("{s:s, s:s%, s:I, s:I, s:b, s:I, s:I}", "id", id, "name", g->name, g->name_n,
                     "created", (json_int_t)g->created, "expires", (json_int_t)g->expires,
                     "revoked", g->revoked != 0, "uses", (json_int_t)g->uses, "last_used",
                     (json_int_t)g->last_used);
}

static void list(const struct command *c, const json_t *in)
{
    json_t *all = json_array();
    struct grant g;
    (void)in;
    for (unsigned i = 0; i < grants_capacity(c->g->table); i++)
        if (grants_at(c->g->table, i, &g))
            json_array_append_new(all, json_of(&g));
    command_answer(c->reply, json_pack("{s:o}", "grants", all));
}

/* -- revoke ------------------------------------------------------------------------------------ */

static bool is_meant(const struct grant *g, struct weir_slice name, uint64_t id)
{
    return name.p ? slice_eq(grant_name(g), name) : g->id == id;
}

static unsigned revoke_all(const struct command *c, struct weir_slice name, uint64_t id)
{
    unsigned n = 0;
    struct grant g;
    char text[GRANT_ID_TEXT + 1];
    for (unsigned i = 0; i < grants_capacity(c->g->table); i++) {
        if (!grants_at(c->g->table, i, &g) || !is_meant(&g, name, id) ||
            !grants_revoke(c->g->table, g.id, c->now))
            continue;
        n++;
        grant_id_text(g.id, text);
        weir_event(
            WEIR_LOG_INFO, "dark_grant_revoked",
            WEIR_FACTS(WEIR_FACT("grant", slice_str(text)), WEIR_FACT("name", grant_name(&g))),
            "grant %s of %.*s", text, (int)g.name_n, g.name);
    }
    return n;
}

/* For as long as any grant may last: who joins may have it in a file. */
static void tell_revocation(const struct command *c, uint64_t number)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(number, id);
    command_tell(c->reply,
                 json_pack("{s:s, s:I}", "id", id, "ttl_s", (json_int_t)(c->g->max_ttl_ms / 1000)));
}

static void revoke(const struct command *c, const json_t *in)
{
    const struct weir_slice name = text_of(in, "name"), id = text_of(in, "id");
    char why[GRANTS_FILE_WHY];
    uint64_t number = 0;
    if (is_for_all(in) && name.p) {
        weir_reply_error(c->reply, 409, "name",
                         "on all instances grants are revoked by their ids, as who joins later may "
                         "have given the name another one; dark list shows them");
        return;
    }
    if (!name.p == !id.p) {
        weir_reply_error(c->reply, 400, "id", "either the id of a grant or a name is needed");
        return;
    }
    if (id.p && !grant_id_parse(id, &number)) {
        weir_reply_error(c->reply, 400, "id", "an id has %d digits; dark list shows them",
                         GRANT_ID_TEXT);
        return;
    }
    const unsigned n = revoke_all(c, name, number);
    if (id.p)
        tell_revocation(c, number);
    if (!n && !is_for_all(in))
        weir_reply_error(c->reply, 404, name.p ? "name" : "id",
                         "no grant in force is that; dark list shows them");
    else if (!keep(c, why))
        weir_reply_error(c->reply, 409, NULL,
                         "revoked, but a restart would bring it back: grants_file %s: %s",
                         c->g->grants_file.p, why);
    else
        command_answer(c->reply, json_pack("{s:i}", "revoked", (int)n));
}

/* -- all of them ------------------------------------------------------------------------------- */

/* What changes the table has it for itself. */
static void run(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply, void (*fn)(const struct command *, const json_t *),
                bool changes)
{
    const struct dark_process *dp = local;
    if (!dp) {
        weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
        return;
    }
    const struct command c = {dp->global, reply, weir_wall_us(p) / 1000000};
    if (changes && !grants_lock(c.g->table, weir_now_us(p) / 1000)) {
        weir_reply_error(reply, 409, NULL, "grants are being changed just now; try again");
        return;
    }
    json_t *in = command_asked(rq);
    fn(&c, in);
    json_decref(in);
    if (changes)
        grants_unlock(c.g->table);
}

static void run_grant(struct weir_process *p, void *local, const struct weir_request *rq,
                      struct weir_reply *reply)
{
    run(p, local, rq, reply, grant, true);
}

static void run_list(struct weir_process *p, void *local, const struct weir_request *rq,
                     struct weir_reply *reply)
{
    run(p, local, rq, reply, list, false);
}

static void run_revoke(struct weir_process *p, void *local, const struct weir_request *rq,
                       struct weir_reply *reply)
{
    run(p, local, rq, reply, revoke, true);
}

static const char *const of_grant[] = {"id", NULL};

const struct weir_command dark_commands[] = {
    {.name = "grant",
     .changes = true,
     .run = run_grant,
     .help = "a credential for a named tester",
     .sets = "grant",
     .of = of_grant,
     .lasts = "ttl_s"},
    {.name = "list", .run = run_list, .help = "the grants that there are, and their uses"},
    {.name = "revoke",
     .changes = true,
     .run = run_revoke,
     .help = "ends grants before their time",
     .sets = "grant",
     .of = of_grant,
     .lasts = "ttl_s"},
    {0},
};
