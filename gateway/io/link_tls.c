/* SPDX-License-Identifier: Apache-2.0 */
/* TLS links: OpenSSL between the owner and another link, `under`, that carries the records. All of
 * OpenSSL's input comes from a queue and all of its output goes into one, so it never sees a
 * socket, and what `under` does (one read per readiness, one write per turn) holds for TLS, too,
 * however many records there are.
 *
 *      owner ◄── on_bytes ──────── SSL_read ◄── `in` ◄───────── on_bytes ── under
 *      owner ──► out ─── flush ──► SSL_write ─────────────────► out ── flush ──► under
 *
 *                link_start           handshake done          close_notify, end of under
 *           new ────────────► shaking ──────────────► open ─────────────────────────────► eof_in
 *                                │                     │
 *                                │ protocol error      │ protocol error
 *                                └──────► failing ◄────┘   `err` is set, an alert is in under->out
 *                                            │
 *                                            └ flush, after that of `under` ──► failed (on_fail)
 *
 * Reading. `in` holds records that haven't been decrypted: while the owner pauses, when there is no
 * block to decrypt into, or when a record isn't complete. As long as it isn't empty, `under` is
 * paused. OpenSSL's own read-ahead is off: it would spare one read of that queue per record, not a
 * system call (tests/bench/bench_tls shows no difference), and would move what isn't a whole record
 * to and fro in a buffer that then couldn't be released. So nothing hides within OpenSSL but the
 * rest of one record (SSL_pending).
 *
 * Writing. Records (tls_record.c says how large) are made only while `under` has room, so an owner
 * that has queued a lot holds 64 KiB of them at most; what is beneath counts for the owner's room.
 *
 * Ends. A connection that ends without close_notify may have been cut by anybody. From a client
 * that is common and harmless, since requests say where they end: it is the end, like close_notify.
 * A backend's response may be all that came until the end: there it is ECONNRESET, unless the
 * context says SSL_OP_IGNORE_UNEXPECTED_EOF. In turn close_notify is sent only when everything
 * before it has been.
 *
 * OpenSSL's error queue belongs to the thread: it is emptied before each round of calls, so that no
 * connection takes another's errors for its own. */

#include "io/link_kind.h"
#include "io/tls_bio.h"
#include "io/tls_kind.h"
#include "io/tls_record.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>

enum {
    /* Answers that the other side has asked for and doesn't read (key updates, refused
     * renegotiations): the rest is records of ours, which stop at out_high and one record. */
    UNREAD_MAX = LINK_OUT_HIGH + 4 * TLS_RECORD_FULL,
    END_CUT = -1,    /* `under` has ended */
    END_NOTIFY = -2, /* close_notify has come */
};

struct tls {
    struct link link;
    struct tls_wire wire; /* `in`, and `under`, which is owned */
    SSL *ssl;             /* owned */
    union {
        struct later later; /* the start, the resume, the wait for a block */
        struct grave grave;
    };
    const char *fault;
    struct tls_pace pace;
    uint16_t retry_n; /* a record of this size is in OpenSSL, and had no block to go to */
    int end;          /* what comes after `in`: END_*, an errno value; 0: it goes on */
    int err;          /* failing: what on_fail will say */
    bool client;
    bool open;         /* the handshake is done */
    bool owes_drained; /* bytes of the owner's may be beneath */
    bool notify_due;   /* close_notify had no block to go to */
};
_Static_assert(sizeof(struct tls) < 400, "an idle connection must stay small");
_Static_assert(TLS_RECORD_FULL <= UINT16_MAX, "retry_n holds it");

static struct link *tls_new(struct link *under, SSL *ssl, bool client);
static void on_later(struct later *later);
static void advance(struct tls *t);
static bool shake(struct tls *t);
static void decrypt(struct tls *t);
static bool decrypt_block(struct tls *t);
static int fill(struct tls *t, struct block *b);
static bool go_on_after(struct tls *t, int why);
static void end_reading(struct tls *t);
static bool encrypt(struct tls *t);
static const char *next_record(struct tls *t, size_t *n);
static bool notify(struct tls *t);
static void look_beneath(struct tls *t);
static void tls_shutdown(struct link *l);
static void fail_soon(struct tls *t, int err, const char *fault);

static const struct link_ops tls_ops;
static const struct link_events under_events, deaf_events;

static struct tls *tls_of(const struct link *l)
{
    return container_of(l, struct tls, link);
}

/* -- life ------------------------------------------------------------------------------------- */

struct link *link_tls_accept(struct link *under, const struct tls_server *s)
{
    return tls_new(under, tls_server_ssl(s), false);
}

struct link *link_tls_connect(struct link *under, const struct tls_client *c, struct slice name,
                              struct tls_resume *resume)
{
    return tls_new(under, tls_client_ssl(c, name, resume), true);
}

static struct link *tls_new(struct link *under, SSL *ssl, bool client)
{
    struct tls *t = calloc(1, sizeof *t);
    BIO *bio = t && ssl ? tls_bio(&t->wire) : NULL;
    if (!bio) {
        SSL_free(ssl);
        free(t);
        link_close(under);
        return NULL;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
    SSL_set_read_ahead(ssl, 0);
    link_init(&t->link, &tls_ops, under->loop);
    bytes_init(&t->wire.in, &under->loop->stock);
    later_init(&t->later, on_later);
    t->wire.under = under;
    t->ssl = ssl;
    t->fault = "";
    t->client = client;
    return &t->link;
}

bool link_tls_early(struct link *l, struct block *b, struct slice s)
{
    must(l->ops == &tls_ops && !l->started);
    return bytes_append(&tls_of(l)->wire.in, b, s);
}

struct tls_facts *link_tls_take_facts(struct link *l)
{
    return l->ops == &tls_ops && tls_of(l)->open ? tls_facts_new(tls_of(l)->ssl) : NULL;
}

const char *link_tls_fault(const struct link *l)
{
    return l->ops == &tls_ops ? tls_of(l)->fault : "";
}

/* A client's hello is made at once, also while `under` is still connecting: it waits there and
 * leaves in the turn in which the connection is made. */
static void tls_start(struct link *l)
{
    struct tls *t = tls_of(l);
    struct link *under = t->wire.under;
    if (!link_alive(under))
        t->end = ECONNRESET;
    else if (under->eof_in)
        t->end = END_CUT;
    under->out_high = LINK_OUT_HIGH;
    link_start(under, &under_events, t);
    link_resume(under);
    if (t->client || t->wire.in.n > 0 || t->end)
        loop_later(l->loop, &t->later);
}

static void tls_resume(struct link *l)
{
    struct tls *t = tls_of(l);
    if (t->wire.in.n > 0 || t->end || SSL_pending(t->ssl) > 0)
        loop_later(l->loop, &t->later);
}

static void on_later(struct later *later)
{
    struct tls *t = container_of(later, struct tls, later);
    advance(t);
    if (link_alive(&t->link) && (t->retry_n > 0 || t->notify_due))
        loop_dirty(t->link.loop, &t->link.dirty);
}

static void free_tls(struct grave *g)
{
    struct tls *t = container_of(g, struct tls, grave);
    /* Or OpenSSL would think that the session mustn't be resumed, which RFC 5246 7.2.1 no longer
     * asks for. */
    SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    free(t);
}

static void tls_close(struct link *l, bool reset)
{
    struct tls *t = tls_of(l);
    struct link *under = t->wire.under;
    later_cancel(&t->later);
    bytes_clear(&t->wire.in);
    under->events = &deaf_events;
    if (!reset && t->open && !l->failed && !t->err && l->out.n == 0 && link_alive(under)) {
        if (!l->eof_out)
            notify(t);
        under->ops->flush(under); /* what doesn't leave now won't; then the other side knows */
    }
    if (reset)
        link_reset(under);
    else
        link_close(under);
    loop_bury(l->loop, &t->grave, free_tls);
}

static int tls_fd(const struct link *l)
{
    return link_fd(tls_of(l)->wire.under);
}

/* -- reading ---------------------------------------------------------------------------------- */

/* Before a round of calls: also calls that succeed leave errors behind. */
static void forget_errors(void)
{
    if (unlikely(ERR_peek_error()))
        ERR_clear_error();
}

/* May there be something to read for the owner? */
static bool has_input(const struct tls *t)
{
    return t->wire.in.n > 0 || SSL_pending(t->ssl) > 0;
}

static bool is_reading(const struct tls *t)
{
    const struct link *l = &t->link;
    return link_alive(l) && t->open && !t->err && !l->paused && !l->eof_in;
}

/* Something has come in, or the owner reads again, or there is a block. */
static void advance(struct tls *t)
{
    struct link *l = &t->link;
    if (!link_alive(l) || t->err)
        return;
    forget_errors();
    if (t->open || shake(t))
        decrypt(t);
    if (!link_alive(l) || t->err)
        return;
    look_beneath(t);
    if (t->wire.under->out.n > UNREAD_MAX)
        fail_soon(t, EPROTO, "flood");
    else if (t->wire.in.n > 0 || l->eof_in)
        link_pause(t->wire.under);
    else
        link_resume(t->wire.under);
}

/* True when the handshake is done, and the owner, who has been told so, still wants the link. */
static bool shake(struct tls *t)
{
    struct link *l = &t->link;
    const int rc = SSL_do_handshake(t->ssl);
    if (rc != 1) {
        if (go_on_after(t, SSL_get_error(t->ssl, rc)) && t->end)
            end_reading(t);
        return false;
    }
    t->open = true;
    look_beneath(t);
    if (l->out.n > 0 || l->ending)
        loop_dirty(l->loop, &l->dirty);
    l->events->on_open(l);
    return link_alive(l);
}

static void decrypt(struct tls *t)
{
    while (is_reading(t) && has_input(t))
        if (!decrypt_block(t))
            break;
    if (is_reading(t) && t->end && !has_input(t))
        end_reading(t);
}

/* Fills one block and delivers it. False: there won't be more for now. */
static bool decrypt_block(struct tls *t)
{
    struct link *l = &t->link;
    struct block *b = block_get(&l->loop->stock.blocks);
    if (unlikely(!b)) {
        loop_starve(l->loop, &t->later);
        return false;
    }
    const int why = fill(t, b);
    if (b->used > 0)
        link_bytes(l, b, slice_of(b->data, b->used));
    block_unref(b);
    return link_alive(l) && go_on_after(t, why);
}

/* Until the block is full, or why it isn't: an SSL_ERROR_*. */
static int fill(struct tls *t, struct block *b)
{
    while (block_room(b) > 0 && has_input(t)) {
        size_t n = 0;
        const int rc = SSL_read_ex(t->ssl, b->data + b->used, block_room(b), &n);
        if (rc != 1)
            return SSL_get_error(t->ssl, rc);
        b->used += (uint32_t)n;
    }
    return SSL_ERROR_NONE;
}

/* What OpenSSL wants. False: no more calls for now. */
static bool go_on_after(struct tls *t, int why)
{
    switch (why) {
    case SSL_ERROR_NONE:
    case SSL_ERROR_WANT_READ:
        return true;
    case SSL_ERROR_WANT_WRITE: /* there was no block for what it writes */
        loop_starve(t->link.loop, &t->later);
        return false;
    case SSL_ERROR_ZERO_RETURN:
        bytes_clear(&t->wire.in); /* what follows counts for nothing */
        t->end = END_NOTIFY;
        return false;
    default:
        fail_soon(t, EPROTO, tls_fault_word(t->ssl));
        return false;
    }
}

static bool may_be_cut(const struct tls *t)
{
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
    if (SSL_get_options(t->ssl) & SSL_OP_IGNORE_UNEXPECTED_EOF)
        return true;
#endif
    return !t->client;
}

/* Everything that came has been read. */
static void end_reading(struct tls *t)
{
    struct link *l = &t->link;
    if (t->end > 0) {
        link_fail(l, t->end);
    } else if (t->open && (t->end == END_NOTIFY || may_be_cut(t))) {
        link_eof(l);
    } else {
        t->fault = "closed";
        link_fail(l, ECONNRESET);
    }
}

/* -- writing ---------------------------------------------------------------------------------- */

static void tls_flush(struct link *l)
{
    struct tls *t = tls_of(l);
    if (unlikely(t->err)) {
        link_fail(l, t->err);
        return;
    }
    if (!t->open)
        return;
    forget_errors();
    if (unlikely(t->notify_due))
        tls_shutdown(l);
    while (l->out.n > 0 && link_room(t->wire.under) > 0)
        if (!encrypt(t))
            break;
    look_beneath(t);
    if (!t->err)
        link_taken(l);
}

static const char *next_record(struct tls *t, size_t *n)
{
    struct link *l = &t->link;
    *n = t->retry_n;
    if (unlikely(t->retry_n > 0))
        return tls_record_again(&l->out, t->retry_n);
    return tls_record_next(&l->out, tls_record_limit(&t->pace, clock_ms(&l->loop->clock)), n);
}

static bool encrypt(struct tls *t)
{
    struct link *l = &t->link;
    size_t n, written = 0;
    const char *p = next_record(t, &n);
    const int rc = SSL_write_ex(t->ssl, p, n, &written);
    if (likely(rc == 1)) {
        t->retry_n = 0;
        t->owes_drained = true;
        tls_record_written(&t->pace, written);
        link_sent(l, written);
        return true;
    }
    if (SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_WRITE) {
        t->retry_n = (uint16_t)n; /* the same bytes again, OpenSSL asks for that */
        loop_starve(l->loop, &t->later);
    } else {
        fail_soon(t, EPROTO, tls_fault_word(t->ssl));
    }
    return false;
}

/* close_notify, after all that was written. False: there was no block for it. */
static bool notify(struct tls *t)
{
    forget_errors();
    const int rc = SSL_shutdown(t->ssl);
    t->notify_due = rc < 0 && SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_WRITE;
    return !t->notify_due;
}

static void tls_shutdown(struct link *l)
{
    struct tls *t = tls_of(l);
    if (notify(t))
        link_end(t->wire.under);
    else
        loop_starve(l->loop, &t->later);
    look_beneath(t);
}

/* -- what the link below tells ---------------------------------------------------------------- */

static void look_beneath(struct tls *t)
{
    t->link.beneath = link_unsent(t->wire.under);
}

static void on_under_open(struct link *under)
{
    (void)under; /* what waited leaves by itself */
}

static void on_under_bytes(struct link *under, struct block *b, struct slice s)
{
    struct tls *t = under->owner;
    struct link *l = &t->link;
    if (t->err || l->eof_in)
        return;
    if (!bytes_append(&t->wire.in, b, s))
        fail_soon(t, ENOMEM, "");
    else if (t->open && l->paused)
        link_pause(under);
    else
        advance(t);
}

static void on_under_eof(struct link *under)
{
    struct tls *t = under->owner;
    if (!t->end)
        t->end = END_CUT;
    advance(t);
}

/* What came before is delivered first, unless the owner doesn't want it. */
static void on_under_fail(struct link *under, int err)
{
    struct tls *t = under->owner;
    t->end = err;
    if (is_reading(t) && has_input(t))
        return; /* it waits for a block */
    link_fail(&t->link, t->err ? t->err : err);
}

/* Some of it has left. False: the owner has nothing to be told. */
static bool tell_room(struct tls *t)
{
    struct link *l = &t->link;
    look_beneath(t);
    if (!t->open || t->err)
        return false;
    if (l->out.n > 0)
        loop_dirty(l->loop, &l->dirty);
    link_taken(l);
    return link_alive(l);
}

static void on_under_room(struct link *under)
{
    tell_room(under->owner);
}

static void on_under_stall(struct link *under)
{
    struct tls *t = under->owner;
    struct link *l = &t->link;
    const bool owners = l->out.n > 0 || t->owes_drained; /* or only the handshake's */
    if (tell_room(t) && owners && l->events->on_stall)
        l->events->on_stall(l);
}

static void on_under_drained(struct link *under)
{
    struct tls *t = under->owner;
    struct link *l = &t->link;
    if (!tell_room(t) || l->out.n > 0 || !t->owes_drained)
        return;
    t->owes_drained = false;
    if (l->events->on_drained)
        l->events->on_drained(l);
}

static void on_deaf_fail(struct link *under, int err)
{
    (void)under, (void)err;
}

static const struct link_events under_events = {
    .on_open = on_under_open,
    .on_bytes = on_under_bytes,
    .on_eof = on_under_eof,
    .on_room = on_under_room,
    .on_stall = on_under_stall,
    .on_drained = on_under_drained,
    .on_fail = on_under_fail,
};

/* While the last bytes leave from inside a call of the owner's. */
static const struct link_events deaf_events = {.on_fail = on_deaf_fail};

/* -- failing ---------------------------------------------------------------------------------- */

/* The alert that OpenSSL has written leaves first: on_fail comes from our own flush, which is put
 * behind that of `under`. */
static void fail_soon(struct tls *t, int err, const char *fault)
{
    struct link *l = &t->link;
    if (!link_alive(l))
        return;
    t->err = err;
    t->fault = fault;
    bytes_clear(&t->wire.in);
    dirty_cancel(&l->dirty);
    if (t->wire.under->out.n > 0)
        link_send(t->wire.under);
    loop_dirty(l->loop, &l->dirty);
}

static const struct link_ops tls_ops = {
    .start = tls_start,
    .flush = tls_flush,
    .resume = tls_resume,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .fd = tls_fd,
};
