/* SPDX-License-Identifier: Apache-2.0 */
/* Reports through shared memory, by a sequence lock: a reader that a writer has overtaken reads
 * again. */
#include "process/report.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum {
    PART_MAX = 400, /* bytes of a sentence or a path; as JSON up to six times that */
    FAULTS_UNTIL = REPORT_MAX - 8192, /* bytes: one more fault and the end fit behind that */
};

void report_begin(struct report *r)
{
    atomic_fetch_add(&r->begun, 1);
}

void report_end(struct report *r, bool ok, struct slice json)
{
    must(json.n <= REPORT_MAX); /* PART_MAX and FAULTS_UNTIL see to it */
    atomic_fetch_add(&r->writing, 1);
    atomic_thread_fence(memory_order_seq_cst);
    r->ok = ok;
    r->n = (uint32_t)json.n;
    memcpy(r->json, json.p, json.n);
    atomic_fetch_add_explicit(&r->writing, 1, memory_order_release);
    atomic_store(&r->done, atomic_load(&r->begun));
}

static struct slice moderate(const char *text)
{
    const struct slice s = slice_str(text);
    return slice_of(s.p, s.n < PART_MAX ? s.n : PART_MAX);
}

static void write_fault(struct text *t, const struct fault *f)
{
    json_open(t, '{');
    if (f->file) {
        json_key(t, "file");
        json_slice(t, moderate(f->file));
    }
    if (f->line) {
        json_key(t, "line");
        json_int(t, f->line);
    }
    json_key(t, "text");
    json_slice(t, moderate(f->text));
    json_close(t, '}');
}

static void write_more(struct text *t, size_t n)
{
    char text[64];
    snprintf(text, sizeof text, "and %zu more, which the log tells", n);
    json_open(t, '{');
    json_key(t, "text");
    json_str(t, text);
    json_close(t, '}');
}

void report_faults(struct text *t, const char *member, const struct faults *faults, bool warnings)
{
    size_t left_out = 0;
    json_key(t, member);
    json_open(t, '[');
    for (const struct fault *f = faults->first; f; f = f->next) {
        if (f->warning != warnings)
            continue;
        if (t->n < FAULTS_UNTIL)
            write_fault(t, f);
        else
            left_out++;
    }
    if (left_out)
        write_more(t, left_out);
    json_close(t, ']');
}

void report_part(struct text *t, struct slice members)
{
    if (!members.n || t->n + members.n > FAULTS_UNTIL)
        return;
    text_char(t, ',');
    text_add(t, members);
    t->comma = true;
}

void report_failure(struct report *r, const char *sentence, const struct faults *faults)
{
    struct text t;
    text_init(&t);
    json_open(&t, '{');
    json_key(&t, "error");
    json_slice(&t, moderate(sentence));
    if (faults && faults->errors)
        report_faults(&t, "errors", faults, false);
    json_close(&t, '}');
    report_end(r, false, text_slice(&t));
    text_fini(&t);
}

uint64_t report_next(const struct report *r)
{
    return atomic_load(&r->begun) + 1;
}

bool report_read(const struct report *r, uint64_t number, struct text *json, bool *ok)
{
    uint64_t before, after;
    if (atomic_load(&r->done) < number)
        return false;
    do {
        before = atomic_load_explicit(&r->writing, memory_order_acquire);
        json->n = 0;
        text_add(json, slice_of(r->json, r->n <= REPORT_MAX ? r->n : 0));
        *ok = r->ok;
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&r->writing, memory_order_relaxed);
    } while (before != after || before & 1);
    return true;
}
