/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords. A check takes its time on purpose, so it runs on a helper thread, and what was right
 * is remembered for a while. Requests that show the same at the same time (a page's pictures) share
 * one check.
 *
 *     check ──► job ──► done: the waiting requests learn how it ended, and go on
 *
 * A check outlives the requests that wait for it, and not the process. */
#include "auth/identify.h"

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

#include "auth/reasons.h"
#include "common/slice.h"

struct check {
    struct weir_job job; /* first: done() gets the job */
    struct auth_local *a;
    struct check *next; /* of those under way */
    struct check_wait *waits;
    struct token_cache_id id;
    uint64_t version;
    struct grant *who; /* owned */
    struct htpasswd_check hash;
    bool good;
    size_t password_n;
    char password[CREDENTIALS_PASSWORD_MAX];
};

/* -- one check --------------------------------------------------------------------------------- */

/* On a helper thread. */
static void work(struct weir_job *job)
{
    struct check *c = (struct check *)job;
    c->good = htpasswd_verify(&c->hash, (struct weir_slice){c->password, c->password_n});
}

static void unlink_check(struct check *c)
{
    struct check **at = &c->a->checks;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

static void done(struct weir_job *job)
{
    struct check *c = (struct check *)job;
    struct auth_local *a = c->a;
    unlink_check(c);
    for (struct check_wait *w = c->waits; w; w = w->next) {
        w->check = NULL;
        w->end = job->refused ? CHECK_REFUSED : c->good ? CHECK_GOOD : CHECK_WRONG;
        weir_resume(w->x);
    }
    if (job->refused)
        count(a->p, &a->g->counts, COUNT_CHECKS_REFUSED);
    if (c->good && !job->refused)
        token_cache_put(a->cache, &c->id,
                        &(struct token_cache_grant){c->version, UINT64_MAX, auth_now_s(a)}, c->who);
    else
        free(c->who);
    OPENSSL_cleanse(c, sizeof *c);
    free(c);
}

static struct grant grant_of(const struct auth_local *a, struct weir_slice user)
{
    return (struct grant){
        .id = {.subject = user, .issuer = a->g->basic.realm, .method = WEIR_SLICE("basic")}};
}

/* NULL: no memory. */
static struct check *start(struct auth_local *a, const struct credentials_basic *b,
                           const struct token_cache_id *id)
{
    struct check *c = calloc(1, sizeof *c);
    const struct grant who = grant_of(a, b->user);
    struct grant *copy = grant_new(&who);
    if (!c || !copy) {
        free(c);
        free(copy);
        return NULL;
    }
    c->job = (struct weir_job){.work = work, .done = done};
    c->a = a;
    c->id = *id;
    c->version = a->users.changes;
    c->who = copy;
    c->password_n = b->password.n;
    memcpy(c->password, b->password.p, b->password.n);
    htpasswd_find(&a->users.users, b->user, &c->hash);
    c->next = a->checks;
    a->checks = c;
    count(a->p, &a->g->counts, COUNT_CHECKS);
    weir_job_start(a->p, &c->job);
    return c;
}

/* The same user and password, checked against the same file. */
static struct check *under_way(const struct auth_local *a, const struct token_cache_id *id)
{
    struct check *c = a->checks;
    while (c && (c->version != a->users.changes || memcmp(&c->id, id, sizeof *id) != 0))
        c = c->next;
    return c;
}

void basic_forget(struct auth_local *a, struct check_wait *w)
{
    (void)a;
    if (!w->check)
        return;
    struct check_wait **at = &w->check->waits;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    w->check = NULL;
}

/* -- the method -------------------------------------------------------------------------------- */

static enum tried wait_for(struct ask *ask, struct check *c)
{
    struct check_wait *w = weir_alloc(ask->x, sizeof *w);
    *w = (struct check_wait){.next = c->waits, .x = ask->x, .check = c};
    c->waits = w;
    ask->state->check = w;
    return TRIED_WAIT;
}

static enum tried first_look(struct ask *ask, const struct credentials_basic *b)
{
    struct auth_local *a = ask->a;
    struct auth_fault fault; /* the control process says what is wrong */
    struct token_cache_id id;
    (void)source_update(&a->users, &fault);
    if (!a->users.changes || !token_cache_of_password(a->cache, 0, b->user, b->password, &id))
        return ask_wrong(ask, AUTH_REASON_BUSY);
    const struct grant *known = ask_cache(ask, &id, a->users.changes);
    count(a->p, &a->g->counts, known ? COUNT_CACHE_HITS : COUNT_CACHE_MISSES);
    if (known)
        return ask_good(ask, known);
    struct check *c = under_way(a, &id);
    if (!c)
        c = start(a, b, &id);
    return c ? wait_for(ask, c) : ask_wrong(ask, AUTH_REASON_BUSY);
}

static enum tried take_end(struct ask *ask, const struct credentials_basic *b)
{
    const struct grant who = grant_of(ask->a, b->user);
    switch (ask->state->check->end) {
    case CHECK_GOOD:
        return ask_good(ask, &who);
    case CHECK_REFUSED:
        return ask_wrong(ask, AUTH_REASON_BUSY);
    case CHECK_WRONG:
        break;
    }
    return ask_wrong(ask, AUTH_REASON_PASSWORD);
}

enum tried identify_basic(struct ask *ask)
{
    const struct credentials *c = &ask->authorization;
    struct credentials_basic b;
    if (ask->authorizations > 1)
        return ask_wrong(ask, AUTH_REASON_TWICE);
    if (c->kind == CREDENTIALS_MALFORMED)
        return ask_wrong(ask, AUTH_REASON_MALFORMED);
    if (c->kind != CREDENTIALS_BASIC)
        return TRIED_NOTHING;
    enum tried end = TRIED_WRONG;
    if (!credentials_basic(c->token, &b))
        end = ask_wrong(ask, AUTH_REASON_MALFORMED);
    else
        end = ask->state->check ? take_end(ask, &b) : first_look(ask, &b);
    credentials_basic_wipe(&b);
    return end;
}
