/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the admin server. One may be larger than what a connection may queue (the metrics of
 * ten thousand routes are megabytes), so its content stays where it was made and follows into the
 * link's queue as there is room. How much all of them hold together is bounded. */

#include "control/admin/admin_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/h1_write.h"

static const struct slice of_json = SLICE_INIT("application/json");

void admin_answer_init(struct admin_answer *r)
{
    *r = (struct admin_answer){.status = 200};
    text_init(&r->body);
}

/* -- what functions of the table say ----------------------------------------------------------- */

void admin_error(struct admin_answer *out, uint16_t status, const char *field, const char *fmt, ...)
{
    enum { ERROR_TEXT_MAX = 1024 };
    char said[ERROR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(said, sizeof said, fmt, ap);
    va_end(ap);
    text_fini(&out->body);
    text_init(&out->body);
    out->fields_n = 0;
    out->status = status;
    out->type = of_json;
    json_open(&out->body, '{');
    json_key(&out->body, "error");
    json_str(&out->body, said);
    if (field) {
        json_key(&out->body, "field");
        json_str(&out->body, field);
    }
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

void admin_denied(const struct admin_client *c, enum admin_denial why, struct admin_answer *out)
{
    const char *who = *c->judged.who ? c->judged.who : "who asks";

    admin_error(out, admin_denial_status(why), NULL, "%s%s%s", why == ADMIN_DENIED_ROLE ? who : "",
                why == ADMIN_DENIED_ROLE ? " may not do that: " : "",
                admin_denial_text(&c->visitor, why));
}

bool admin_may_change(const struct admin_request *rq, struct admin_answer *out)
{
    if (rq->may_change) {
        if (rq->client)
            rq->client->change.begun = true;
        return true;
    }
    if (!rq->client) {
        admin_error(out, 403, NULL, "who asks may change nothing");
        return false;
    }
    const enum admin_denial why = admin_lacks(&rq->client->visitor, &rq->client->judged);
    admin_deny(&rq->client->judged, rq->client->visitor.access, why);
    admin_denied(rq->client, why, out);
    return false;
}

void admin_healthz(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx, (void)rq;
    text_str(&out->body, "ok\n");
}

void admin_index(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct admin *a = rq->client->admin;
    struct text *t = &out->body;
    (void)ctx;

    out->type = of_json;
    json_open(t, '{');
    json_key(t, "who");
    json_slice(t, rq->who);
    json_key(t, "may_change");
    json_bool(t, rq->may_change);
    json_key(t, "paths");
    json_open(t, '[');
    for (size_t i = 0; i < a->rows_n; i++) {
        const struct admin_row *row = &a->rows[i];
        const unsigned methods = row->methods ? row->methods : ADMIN_GET;
        json_open(t, '{');
        json_key(t, "path");
        json_str(t, row->path);
        json_key(t, "prefix");
        json_bool(t, row->prefix);
        json_key(t, "methods");
        json_open(t, '[');
        if (methods & ADMIN_GET)
            json_str(t, "GET");
        if (methods & ADMIN_POST)
            json_str(t, "POST");
        json_close(t, ']');
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}

/* -- answers that come later ------------------------------------------------------------------- */

struct admin_pending *admin_pend(const struct admin_request *rq)
{
    struct admin_client *c = rq->client;
    struct admin_pending *p = calloc(1, sizeof *p);

    must(p && !c->pending);
    admin_answer_init(&p->answer);
    p->wait_ms = ADMIN_WORK_MS;
    p->client = c;
    c->pending = p;
    return p;
}

static void free_pending(struct admin_pending *p)
{
    text_fini(&p->answer.body);
    free(p);
}

/* The function of the row may still be running: the answer is sent at the end of the turn. */
void admin_complete(struct admin_pending *p)
{
    must(!p->complete);
    p->complete = true;
    if (p->client)
        loop_later(p->client->admin->loop, &p->client->later);
    else
        free_pending(p);
}

void admin_unpend(struct admin_client *c)
{
    struct admin_pending *p = c->pending;

    c->pending = NULL;
    if (p && (p->complete || p->held))
        free_pending(p);
    else if (p)
        p->client = NULL;
}

bool admin_send_pending(struct admin_client *c)
{
    if (!c->pending || !c->pending->complete)
        return false;
    struct admin_answer r = c->pending->answer;
    text_init(&c->pending->answer.body); /* it is ours now */
    admin_unpend(c);
    admin_send(c, &r);
    return true;
}

void admin_give_up(struct admin_client *c)
{
    if (c->pending->held) {
        c->pending->complete = true;
        admin_send_pending(c);
        return;
    }
    const unsigned waited_ms = c->pending->wait_ms;
    struct admin_answer r;

    admin_unpend(c);
    admin_answer_init(&r);
    admin_error(&r, 504, NULL,
                "there was no answer within %u ms; what was asked for may still be done",
                waited_ms);
    admin_send(c, &r);
}

/* -- sending ----------------------------------------------------------------------------------- */

static struct slice allow(const struct admin_row *row)
{
    if (row->methods == (ADMIN_GET | ADMIN_POST))
        return SLICE("GET, HEAD, POST");
    return row->methods == ADMIN_POST ? SLICE("POST") : SLICE("GET, HEAD");
}

/* RFC 6750 3. */
static struct slice challenge(const struct admin_client *c)
{
    return c->judged.denied == ADMIN_DENIED_TOKEN
               ? SLICE("Bearer realm=\"weir\", error=\"invalid_token\"")
               : SLICE("Bearer realm=\"weir\"");
}

static bool write_head(struct admin_client *c, const struct admin_answer *r)
{
    const bool same =
        r->status == 304; /* RFC 9110 15.4.5: its length would be the other answer's */
    const struct h1_out o = {
        .body = c->head_only || same ? BODY_NONE : BODY_LENGTH,
        .content_length = r->body.n,
        .write_length = !same,
        .close = !c->keep_alive,
        .keep_alive = c->keep_alive && c->http10,
    };
    const struct field kept_nowhere = {SLICE("Cache-Control"), SLICE("no-store"),
                                       TOKEN_CACHE_CONTROL};
    struct field room[5 + ADMIN_ANSWER_FIELDS] = {
        {SLICE("Date"), clock_date(&c->admin->loop->clock), TOKEN_DATE}};
    struct fields f = {.v = room, .n = 1, .cap = array_n(room)};

    must(r->fields_n <= ADMIN_ANSWER_FIELDS);
    if (!r->fields_n)
        room[f.n++] = kept_nowhere;
    for (uint8_t i = 0; i < r->fields_n; i++)
        room[f.n++] = r->fields[i];
    room[f.n++] = (struct field){SLICE("Content-Type"),
                                 r->type.n ? r->type : SLICE("text/plain; charset=utf-8"),
                                 TOKEN_CONTENT_TYPE};
    if (r->status == 405)
        room[f.n++] = (struct field){SLICE("Allow"), allow(c->row), TOKEN_OTHER};
    if (r->status == 401)
        room[f.n++] = (struct field){SLICE("WWW-Authenticate"), challenge(c), TOKEN_OTHER};
    if (r->status == 503)
        room[f.n++] = (struct field){SLICE("Retry-After"), SLICE("1"), TOKEN_RETRY_AFTER};
    return h1_write_response(&c->link->out, r->status, slice_of(NULL, 0), &f, &o);
}

void admin_send(struct admin_client *c, struct admin_answer *r)
{
    struct admin *a = c->admin;

    admin_change_end(&c->change, c->judged.who, r->status);
    /* What the link's queue takes whole is not held here. */
    if (r->body.n > LINK_OUT_HIGH && a->bodies + r->body.n > a->bodies_max)
        admin_error(r, 503, NULL,
                    "answers that nobody fetches take all the memory there is for them");
    const bool written = write_head(c, r);
    if (c->head_only) {
        text_fini(&r->body);
        text_init(&r->body);
    }
    c->state = ADMIN_ANSWERING;
    c->body = r->body;
    c->queued = 0;
    a->bodies += c->body.n;
    c->seen_out = c->link->bytes_out;
    timer_start(a->loop, &c->timer, ADMIN_IDLE_MS);
    if (written)
        admin_feed(c);
    else
        admin_drop(c);
}

void admin_body_done(struct admin_client *c)
{
    c->admin->bodies -= c->body.n;
    text_fini(&c->body);
    text_init(&c->body);
    c->queued = 0;
}

void admin_feed(struct admin_client *c)
{
    const struct slice rest = slice_from(text_slice(&c->body), c->queued);
    size_t n = link_room(c->link);

    if (n > rest.n)
        n = rest.n;
    if (n && !bytes_copy(&c->link->out, slice_of(rest.p, n))) {
        admin_drop(c);
        return;
    }
    c->queued += n;
    link_send(c->link);
    if (n < rest.n)
        return; /* the queue is full: on_room comes */
    admin_body_done(c);
    c->seen_out = c->link->bytes_out;
    timer_start(c->admin->loop, &c->timer, ADMIN_IDLE_MS);
    if (c->keep_alive) {
        c->state = ADMIN_WAITING;
        loop_later(c->admin->loop, &c->later);
        return;
    }
    admin_end(c);
}
