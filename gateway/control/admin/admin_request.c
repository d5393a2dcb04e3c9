/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the admin server: the head, then the row that answers it, then the content, and only
 * then the row's function runs. What no row wants is refused as soon as the head is known; content
 * that is still to come is then not read, and the connection ends with the refusal. */

#include "control/admin/admin_parts.h"

#include "http/status.h"
#include "http/target.h"

enum { TARGET_SIZE = 2048 };

const struct h1_limits admin_limits = {
    .head_size = ADMIN_HEAD_SIZE,
    .target_size = TARGET_SIZE,
    .field_count = ADMIN_FIELDS,
};

static void read_head(struct admin_client *c);
static void read_content(struct admin_client *c);

void admin_take(struct admin_client *c)
{
    if (c->state == ADMIN_WAITING && c->in.n)
        read_head(c);
    else if (c->state == ADMIN_READING)
        read_content(c);
    else if (c->in.n >= ADMIN_HEAD_SIZE)
        link_pause(c->link);
}

void admin_forget(struct admin_client *c)
{
    arena_fini(&c->arena);
    arena_init(&c->arena, NULL, 0);
    text_fini(&c->text);
    text_init(&c->text);
    c->rq = (struct admin_request){0};
}

/* Content that was not read to its end would be taken for the next request. */
static void refuse(struct admin_client *c, struct admin_answer *r, bool content_follows)
{
    c->keep_alive = c->keep_alive && !content_follows;
    admin_forget(c);
    admin_send(c, r);
}

/* Whoever guesses tokens waits for each, and has one guess per connection. */
static void deny(struct admin_client *c, struct admin_answer *r, bool content_follows)
{
    admin_deny(&c->judged, c->visitor.access, c->judged.denied);
    if (c->judged.denied != ADMIN_DENIED_TOKEN) {
        refuse(c, r, content_follows);
        return;
    }
    struct admin_pending *p = admin_pend(&c->rq);
    p->answer = *r;
    p->held = true;
    c->keep_alive = false;
    admin_forget(c);
    c->state = ADMIN_WORKING;
    timer_start(c->admin->loop, &c->timer,
                admin_guess_delay(c->visitor.access, c->admin->loop->clock.mono_us));
}

static void refuse_fault(struct admin_client *c, enum h1_fault fault)
{
    struct admin_answer r;

    admin_answer_init(&r);
    admin_error(&r, h1_fault_status(fault), NULL, "%s", h1_fault_text(fault));
    refuse(c, &r, true);
}

/* -- the head ---------------------------------------------------------------------------------- */

static void begin(struct admin_client *c, const struct request_head *h)
{
    c->state = ADMIN_READING;
    c->keep_alive = h->keep_alive;
    c->head_only = h->method_id == METHOD_HEAD;
    c->http10 = h->minor == 0;
    c->row = NULL;
    c->judged.denied = ADMIN_DENIED_NONE;
    c->rq = (struct admin_request){.method = h->method_id, .client = c};
    h1_body_init(&c->content, h->body, h->content_length, &admin_limits, &c->arena);
}

static const struct admin_row *find_row(const struct admin *a, struct slice path)
{
    for (size_t i = 0; i < a->rows_n; i++) {
        const struct admin_row *row = &a->rows[i];
        const struct slice at = slice_str(row->path);
        if (row->prefix ? slice_starts(path, at) : slice_eq(path, at))
            return row;
    }
    return NULL;
}

static bool takes(const struct admin_row *row, enum method m)
{
    const unsigned methods = row->methods ? row->methods : ADMIN_GET;

    if (m == METHOD_POST)
        return methods & ADMIN_POST;
    return (m == METHOD_GET || m == METHOD_HEAD) && methods & ADMIN_GET;
}

/* RFC 9110 5.3: several lines are one list. */
static struct slice list_of(struct slice name, struct arena *a, const struct request_head *h)
{
    struct slice all = {0};

    for (size_t i = 0; i < h->fields.n; i++) {
        const struct field *f = &h->fields.v[i];
        if (slice_ieq(f->name, name))
            all = slice_str(arena_printf(a, "%.*s%s%.*s", SLICE_ARG(all), all.n ? "," : "",
                                         SLICE_ARG(f->value)));
    }
    return all;
}

/* Who may do nothing is not told what there is. */
static enum admin_role least_role(const struct admin_row *row)
{
    if (row && row->blank)
        return ADMIN_ROLE_NONE;
    return row && row->open ? ADMIN_ROLE_METRICS : ADMIN_ROLE_READ;
}

static enum admin_denial judge(struct admin_client *c, const struct request_head *h)
{
    const enum admin_role least = least_role(c->row);

    admin_judge(&c->visitor, h, &c->arena, &c->judged);
    if (!c->judged.denied && c->judged.role < least)
        c->judged.denied = admin_lacks(&c->visitor, &c->judged);
    c->rq.may_change = c->judged.role == ADMIN_ROLE_CHANGE;
    c->rq.who = slice_str(c->judged.who);
    return c->judged.denied;
}

/* Finds the row and fills the request. False: the answer says why not. */
static bool accept_head(struct admin_client *c, const struct request_head *h,
                        struct admin_answer *out)
{
    static const struct target_rules rules = {.duplicate_slashes = SLASH_KEEP};
    struct target t;
    const enum target_fault fault =
        target_parse(arena_dup(&c->arena, h->target), h->method_id, &rules, &c->arena, &t);

    if (fault != TARGET_FAULT_NONE) {
        admin_error(out, 400, NULL, "%s", target_fault_text(fault));
        return false;
    }
    c->row = find_row(c->admin, t.path);
    const enum admin_denial denied = judge(c, h);
    if (denied) {
        admin_denied(c, denied, out);
        return false;
    }
    if (!c->row) {
        admin_error(out, 404, NULL, "there is nothing at this path");
        return false;
    }
    if (!takes(c->row, h->method_id)) {
        admin_error(out, 405, NULL,
                    "this path doesn't take this method; Allow says which it takes");
        return false;
    }
    if (h->body == BODY_LENGTH && h->content_length > ADMIN_CONTENT_SIZE) {
        admin_error(out, 413, NULL, "the content is larger than %d bytes", ADMIN_CONTENT_SIZE);
        return false;
    }
    c->rq.path = t.path;
    c->rq.query = t.query;
    c->rq.accept = list_of(SLICE("Accept"), &c->arena, h);
    c->rq.if_none_match = list_of(SLICE("If-None-Match"), &c->arena, h);
    if (c->row->prefix)
        c->rq.rest = slice_from(t.path, strlen(c->row->path));
    return true;
}

/* RFC 9110 10.1.1. A client that has sent some of the content already waits for nothing. */
static bool invite_content(struct admin_client *c, const struct request_head *h)
{
    if (!h->expect_continue || h->body == BODY_NONE || c->in.n)
        return true;
    link_send(c->link);
    return bytes_static(&c->link->out, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void read_head(struct admin_client *c)
{
    struct field room[ADMIN_FIELDS];
    struct h1_parser p = {.limits = &admin_limits, .fields = room, .scanned = c->scanned};
    struct request_head h;
    struct admin_answer r;

    if (!bytes_flatten(&c->in, c->in.n < BLOCK_SIZE ? c->in.n : BLOCK_SIZE)) {
        admin_drop(c);
        return;
    }
    const ssize_t n = h1_parse_request(&p, bytes_front(&c->in), &h);
    c->scanned = p.scanned;
    if (n == 0)
        return;
    if (n < 0) {
        c->head_only = c->http10 = false;
        refuse_fault(c, p.fault);
        return;
    }
    begin(c, &h);
    admin_answer_init(&r);
    const bool accepted = accept_head(c, &h, &r);
    bytes_consume(&c->in, (size_t)n); /* nothing of the head is used behind here but numbers */
    if (!accepted && c->judged.denied)
        deny(c, &r, h.body != BODY_NONE);
    else if (!accepted)
        refuse(c, &r, h.body != BODY_NONE);
    else if (invite_content(c, &h))
        read_content(c);
    else
        admin_drop(c);
}

/* -- the content ------------------------------------------------------------------------------- */

static void run(struct admin_client *c)
{
    struct admin_answer r;

    admin_answer_init(&r);
    c->rq.content = text_slice(&c->text);
    c->row->answer(c->row->ctx, &c->rq, &r);
    admin_change_note(&c->change, c->rq.path, c->rq.content, c->pending != NULL);
    admin_forget(c);
    if (c->stream) {
        text_fini(&r.body);
        return;
    }
    if (!c->pending) {
        admin_send(c, &r);
        return;
    }
    text_fini(&r.body);
    c->state = ADMIN_WORKING;
    timer_start(c->admin->loop, &c->timer, c->pending->wait_ms);
}

/* False: it is more than is taken. */
static bool keep(struct admin_client *c, struct slice data)
{
    if (c->text.n + data.n > ADMIN_CONTENT_SIZE)
        return false;
    text_add(&c->text, data);
    return true;
}

static void refuse_large(struct admin_client *c)
{
    struct admin_answer r;

    admin_answer_init(&r);
    admin_error(&r, 413, NULL, "the content is larger than %d bytes", ADMIN_CONTENT_SIZE);
    refuse(c, &r, true);
}

static void read_content(struct admin_client *c)
{
    enum h1_body_event e;

    do {
        struct slice data, in = bytes_front(&c->in);
        const size_t had = in.n;
        e = h1_body_next(&c->content, &in, &data);
        if (e == H1_BODY_DATA && !keep(c, data)) {
            refuse_large(c);
            return;
        }
        bytes_consume(&c->in, had - in.n);
    } while (e == H1_BODY_DATA || (e == H1_BODY_MORE && c->in.n));
    if (e == H1_BODY_END)
        run(c);
    else if (e == H1_BODY_BAD)
        refuse_fault(c, c->content.fault);
}

/* -- for those who answer ---------------------------------------------------------------------- */

json_t *admin_asked(const struct admin_request *rq)
{
    return json_loadb(rq->content.p ? rq->content.p : "", rq->content.n, JSON_REJECT_DUPLICATES,
                      NULL);
}

json_t *admin_asked_object(const struct admin_request *rq, struct admin_answer *out)
{
    json_t *j = slice_trim(rq->content).n ? admin_asked(rq) : json_object();

    if (json_is_object(j))
        return j;
    admin_error(out, 400, NULL, "the content must be a JSON object, {...}");
    json_decref(j);
    return NULL;
}
