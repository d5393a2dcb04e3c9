/* SPDX-License-Identifier: Apache-2.0 */
/* The access log of one process: lines gather in a buffer that was allocated once, and leave when
 * it is full or log.flush has passed since the first of them.
 *
 *     empty ──line──► waiting (timer runs) ──flush──► empty
 *                          └──flush fails──► stalled: what is left stays in the buffer; the timer
 *                                            tries again; lines that find no room are dropped
 *
 * A request is never delayed by its log: when the sink doesn't take what it is given, one attempt
 * per log.flush is all that is spent on it. What was lost is counted, and told in the error log
 * when it begins and when it is over. */

#include "core/log/access_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/event.h"
#include "core/log/access_log_parts.h"
#include "core/exchange.h"

struct access_log {
    const struct access_format *format;
    struct access_format *fields; /* owned by arena; journald: what is told beside the line */
    struct arena arena;
    struct log_sink sink;
    struct loop *loop; /* borrowed; NULL before access_log_start */
    struct timer timer;
    uint64_t flush_ms;
    struct text out; /* lines, or records */
    bool stalled;    /* the last flush left something behind: `error` says why */
    int error;
    bool failing; /* lines were lost, and the error log knows */
    uint64_t dropped, dropped_told;
};

static void on_timer(struct timer *t);
static struct access_format *journal_fields(struct arena *a, struct faults *faults);
static bool put(struct access_log *l, struct exchange *x);
static bool append(struct access_log *l, struct exchange *x, struct text *out);
static void append_large(struct access_log *l, struct exchange *x);
static void drop(struct access_log *l, uint64_t lines, int err);
static void recover(struct access_log *l);
static void write_record(struct access_log *l, struct exchange *x, struct text *out);
static void write_journal_fields(const struct access_format *f, struct exchange *x,
                                 struct text *out);

/* -- life -------------------------------------------------------------------------------------- */

struct access_log *access_log_open(const struct log_conf *lc, const struct access_format *f,
                                   int chown_uid, int chown_gid, struct faults *faults)
{
    struct access_log *l = calloc(1, sizeof *l);

    must(l);
    arena_init(&l->arena, NULL, 0);
    l->format = f;
    l->flush_ms = lc->flush;
    if (!log_sink_open(&l->sink, lc, chown_uid, chown_gid, faults)) {
        arena_fini(&l->arena);
        free(l);
        return NULL;
    }
    if (l->sink.kind == SINK_JOURNALD)
        l->fields = journal_fields(&l->arena, faults);
    char *memory = malloc(lc->buffer);
    must(memory);
    text_init_fixed(&l->out, memory, lc->buffer);
    timer_init(&l->timer, on_timer);
    return l;
}

void access_log_start(struct access_log *l, struct loop *lp)
{
    l->loop = lp;
    syslog_forked(&l->sink.syslog);
    if (l->out.n)
        timer_start(lp, &l->timer, l->flush_ms);
}

bool access_log_reopen(struct access_log *l)
{
    access_log_flush(l);
    return log_sink_reopen(&l->sink);
}

void access_log_close(struct access_log *l)
{
    access_log_flush(l);
    timer_stop(&l->timer);
    log_sink_close(&l->sink);
    arena_fini(&l->arena);
    free(l->out.p);
    free(l);
}

uint64_t access_log_dropped(const struct access_log *l)
{
    return l->dropped;
}

struct log_sink *access_log_sink(struct access_log *l)
{
    return &l->sink;
}

/* -- lines ------------------------------------------------------------------------------------- */

void access_log_exchange(struct access_log *l, struct exchange *x)
{
    if (likely(put(l, x)))
        return;
    if (!l->stalled) {
        access_log_flush(l);
        if (put(l, x))
            return;
    }
    if (l->out.n)
        drop(l, 1, l->error);
    else
        append_large(l, x);
}

static bool put(struct access_log *l, struct exchange *x)
{
    const bool first = l->out.n == 0;

    if (!append(l, x, &l->out))
        return false;
    if (first && l->loop)
        timer_start(l->loop, &l->timer, l->flush_ms);
    return true;
}

/* One line or one record at the end of `out`; false, with nothing added, when it doesn't fit. */
static bool append(struct access_log *l, struct exchange *x, struct text *out)
{
    const size_t before = out->n;

    if (log_sink_is_datagram(&l->sink))
        write_record(l, x, out);
    else
        access_format_write(l->format, x, out);
    if (likely(!out->cut))
        return true;
    out->n = before;
    out->cut = false;
    return false;
}

/* A line that is larger than the whole buffer goes out alone. */
static void append_large(struct access_log *l, struct exchange *x)
{
    struct text line;
    uint64_t lost = 0;

    text_init(&line);
    (void)append(l, x, &line); /* it grows */
    errno = 0;
    if (log_sink_write(&l->sink, text_slice(&line), &lost) < line.n && !lost)
        lost = 1;
    if (lost)
        drop(l, lost, errno);
    text_fini(&line);
}

/* Length, then what the daemon gets: head and line for syslog, fields for journald. */
static void write_record(struct access_log *l, struct exchange *x, struct text *out)
{
    const size_t begin = out->n;

    text_add(out, slice_of((char[sizeof(uint32_t)]){0}, sizeof(uint32_t)));
    if (l->sink.kind == SINK_SYSLOG) {
        syslog_head(&l->sink.syslog, SYSLOG_INFO, x->w->loop->clock.wall_us, out);
        access_format_write(l->format, x, out);
        if (!out->cut)
            out->n--; /* a datagram needs no newline */
    } else {
        text_str(out, "PRIORITY=6\nSYSLOG_IDENTIFIER=weir\nMESSAGE=");
        access_format_write(l->format, x, out);
        write_journal_fields(l->fields, x, out);
    }
    const uint32_t n = (uint32_t)(out->n - begin - sizeof n);
    if (!out->cut)
        memcpy(out->p + begin, &n, sizeof n);
}

/* The fields of the default JSON line, with the names that they have in the journal. */
static struct access_format *journal_fields(struct arena *a, struct faults *faults)
{
    const struct log_conf all = {.format = SLICE("json")};
    struct access_format *f = access_format_compile(&all, a, faults);

    must(f);
    for (size_t i = 0; i < f->t.n; i++) {
        char *name = arena_printf(a, "WEIR_%s", f->t.pieces[i].ref.of->name);
        for (char *at = name; *at; at++)
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at & ~0x20 : *at);
        f->t.pieces[i].before = slice_str(name);
    }
    return f;
}

static void write_journal_fields(const struct access_format *f, struct exchange *x,
                                 struct text *out)
{
    struct variable_value v;

    for (const struct template_piece *it = f->t.pieces; it < f->t.pieces + f->t.n; it++) {
        if (!it->ref.of->get(x, &it->ref, &v))
            continue;
        if (it->ref.of->kind == VARIABLE_NUMBER || it->ref.of->kind == VARIABLE_BOOL) {
            struct text number;
            text_init_fixed(&number, v.memory, sizeof v.memory);
            text_uint(&number, v.number);
            v.text = text_slice(&number);
        }
        journal_field(out, it->before, v.text);
    }
}

/* -- flushing ---------------------------------------------------------------------------------- */

static void on_timer(struct timer *t)
{
    access_log_flush(container_of(t, struct access_log, timer));
}

void access_log_flush(struct access_log *l)
{
    uint64_t lost = 0;

    if (!l->out.n)
        return;
    errno = 0;
    const size_t took = log_sink_write(&l->sink, text_slice(&l->out), &lost);
    const int err = errno;
    l->out.n -= took;
    memmove(l->out.p, l->out.p + took, l->out.n);
    l->stalled = l->out.n != 0;
    if (lost)
        drop(l, lost, err);
    else if (!l->stalled)
        recover(l);
    if (l->stalled) {
        l->error = err;
        if (l->loop)
            timer_start(l->loop, &l->timer, l->flush_ms);
    }
}

static const char *name_of(const struct access_log *l)
{
    return l->sink.path ? l->sink.path : "stdout";
}

static void drop(struct access_log *l, uint64_t lines, int err)
{
    l->dropped += lines;
    if (!l->failing)
        event_warn("access_log_dropping", KV("path", name_of(l)), KV_ERRNO(err));
    l->failing = true;
}

static void recover(struct access_log *l)
{
    if (l->failing)
        event_info("access_log_recovered", KV("path", name_of(l)),
                   KV_INT("dropped", l->dropped - l->dropped_told));
    l->failing = false;
    l->dropped_told = l->dropped;
}
