/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of an event is made JSON once for the audit log, where it may be long; what doesn't
 * fit into the ring is made shorter for it. Either way the result is an object: values are cut, and
 * then whole members left out, and "cut":true says so. */
#include "base/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    AUDIT_TEXT = 8192,  /* bytes of what a line of the audit log tells beside the time */
    AUDIT_VALUE = 4096, /* of one value, before escaping */
    RING_VALUE = 256,
    AUDIT_LINE = AUDIT_TEXT + 512,
};

static struct event_shared *shared;

void event_share(struct event_shared *s)
{
    shared = s;
    audit_share(s ? &s->audit : NULL);
}

/* -- what is told of it ------------------------------------------------------------------------ */

/* At most so many bytes, and no half of a character (RFC 3629 3: its further bytes are 10xxxxxx).
 */
static struct slice shorten(struct slice s, size_t most)
{
    if (s.n <= most)
        return s;
    while (most && ((unsigned char)s.p[most] & 0xc0) == 0x80)
        most--;
    return slice_of(s.p, most);
}

static void add_text(struct text *t, struct slice s, size_t most)
{
    const struct slice shown = shorten(s, most);
    text_char(t, '"');
    text_json_escaped(t, shown);
    text_str(t, shown.n < s.n ? "...\"" : "\"");
    t->comma = true;
}

static void add_value(struct text *t, const struct kv *kv, size_t most)
{
    char memory[128];
    switch (kv->kind) {
    case KV_KIND_INT:
        json_int(t, kv->number);
        break;
    case KV_KIND_ERRNO:
        add_text(t, slice_str(strerror_r((int)kv->number, memory, sizeof memory)), most);
        break;
    case KV_KIND_SLICE:
        add_text(t, kv->text, most);
        break;
    }
}

/* All of the member, or nothing of it, which is what false says. */
static bool add_member(struct text *t, const struct kv *kv, size_t most)
{
    const struct text before = *t;
    json_key(t, kv->key);
    add_value(t, kv, most);
    if (!t->cut)
        return true;
    *t = before;
    return false;
}

static const struct kv *find(const struct kv *kvs, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(kvs[i].key, key))
            return &kvs[i];
    return NULL;
}

/* False: not all of it had room. */
static bool write_members(struct text *t, size_t most, const struct kv *kvs, size_t n)
{
    static const char begin[] = ",\"fields\":{", end[] = ",\"cut\":true}";
    const size_t cap = t->cap;
    const struct kv *who = find(kvs, n, "who"), *reason = who ? find(kvs, n, "reason") : NULL;
    bool fits = true;
    for (size_t i = 0; i < n; i++)
        fits = fits && (kvs[i].kind != KV_KIND_SLICE || kvs[i].text.n <= most);
    t->cap = cap - sizeof begin - sizeof end; /* which have room, whatever the members are */
    fits = (!who || add_member(t, who, most)) && fits;
    fits = (!reason || add_member(t, reason, most)) && fits;
    t->cap = cap - sizeof end;
    json_key(t, "fields");
    json_open(t, '{');
    for (size_t i = 0; i < n; i++)
        if (&kvs[i] != who && &kvs[i] != reason)
            fits = add_member(t, &kvs[i], most) && fits;
    t->cap = cap;
    if (!fits) {
        json_key(t, "cut");
        json_bool(t, true);
    }
    json_close(t, '}');
    return fits;
}

/* -- where it goes ----------------------------------------------------------------------------- */

static void write_head(struct text *t, const struct event *e)
{
    json_open(t, '{');
    if (e->number) {
        json_key(t, "n");
        json_uint(t, e->number);
    }
    json_key(t, "at_ms");
    json_uint(t, e->wall_us / 1000);
}

static void write_rest(struct text *t, const struct event *e, struct slice members)
{
    json_key(t, "level");
    json_str(t, log_level_name(e->level <= LEVEL_TRACE ? (enum log_level)e->level : LEVEL_TRACE));
    json_key(t, "process");
    json_slice(t, slice_of(e->process, strnlen(e->process, sizeof e->process)));
    json_key(t, "event");
    json_slice(t, slice_of(e->name, strnlen(e->name, sizeof e->name)));
    text_char(t, ',');
    text_add(t, members);
    json_close(t, '}');
}

void event_json(const struct event *e, struct text *out)
{
    write_head(out, e);
    write_rest(out, e, slice_of(e->text, e->text_n <= sizeof e->text ? e->text_n : 0));
}

static void put_in_ring(struct event *e, const struct text *whole, const struct kv *kvs, size_t n)
{
    struct text t;
    if (!shared)
        return;
    text_init_fixed(&t, e->text, sizeof e->text);
    if (whole->n <= sizeof e->text)
        text_add(&t, text_slice(whole));
    else
        (void)write_members(&t, RING_VALUE, kvs, n);
    e->text_n = (uint16_t)t.n;
    event_ring_put(&shared->ring, e);
}

static void write_audit(const struct event *e, struct clock *now, struct slice members)
{
    char line[AUDIT_LINE];
    struct text t;
    if (!audit_is_open())
        return;
    text_init_fixed(&t, line, sizeof line);
    write_head(&t, e);
    json_key(&t, "at");
    json_slice(&t, clock_stamp(now));
    write_rest(&t, e, members);
    text_char(&t, '\n');
    must(!t.cut);
    audit_write(text_slice(&t));
}

void event_tell(enum log_level level, const char *event, const struct kv *kvs, size_t n)
{
    const int saved = errno;
    char memory[AUDIT_TEXT];
    struct clock now;
    struct text members;
    clock_init(&now);
    struct event e = {.wall_us = now.wall_us, .mono_us = now.mono_us, .level = (uint16_t)level};
    snprintf(e.process, sizeof e.process, "%s", log_process());
    snprintf(e.name, sizeof e.name, "%s", event);
    text_init_fixed(&members, memory, sizeof memory);
    (void)write_members(&members, AUDIT_VALUE, kvs, n);
    put_in_ring(&e, &members, kvs, n);
    write_audit(&e, &now, text_slice(&members));
    errno = saved;
}

void event_note(enum log_level level, const char *event, const struct kv *kvs, size_t n)
{
    log_event(level, event, kvs, n);
    event_tell(level, event, kvs, n);
}
