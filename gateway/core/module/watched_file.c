/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files and noticing that they changed.
 *
 * What the master reads at load is kept in the generation's arena, as the text that its blob begins
 * with (blob_begin_with), and isn't published: the cell is shared with the generation that runs,
 * which must not notice a load that fails afterwards. Yet hooks of load, and the processes of the
 * new generation from their first request on, see what the file holds now, and not what an older
 * generation published last. From then on the control process publishes into the cell, for its own
 * generation and for older ones that drain.
 *
 *     stamp as taken ────────────► nothing to do
 *     another inode ─────────────► read: who renames has finished writing
 *     the same one, changed ─────► read when the next look finds it unchanged
 *
 * What was modified less than two seconds before it was read is read once more with the next look:
 * a write within the same tick of the file system's clock leaves the stamp as it is.
 *
 * A file that can't be read leaves what was there; that is logged when it begins, when the reason
 * becomes another one, and when it is over. */

#include "core/module/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "core/generation.h"
#include "io/loop.h"

enum {
    LOAD_TRIES = 3,     /* reads of a file that changes meanwhile */
    YOUNG_US = 2000000, /* coarser than the clock of any file system (FAT: 2 s) */
};

/* What reading a file gave. */
struct content {
    char *p; /* malloc'ed: room for the capacity; NULL when it failed */
    size_t n;
    struct file_stamp stamp;
    bool moved; /* it changed while it was read: try again */
    char why[96];
};

struct watched {
    const struct weir_file *file;
    struct file_stamp taken; /* of what was read last */
    struct file_stamp last;  /* of the last look */
    bool again;              /* read it even if it looks as before */
    char failing[96];        /* why it can't be read; empty: it can */
};

struct file_watch {
    struct loop *loop; /* borrowed */
    struct timer timer;
    struct watched *v; /* owned */
    size_t n;
    struct file_watch_totals totals;
};

static bool file_read(const char *path, size_t capacity, struct content *c);
static bool read_all(int fd, size_t capacity, struct content *c);
static void on_timer(struct timer *t);
static void look(struct file_watch *fw, struct watched *w);
static void take(struct file_watch *fw, struct watched *w);
static void fail(struct file_watch *fw, struct watched *w, const char *why);

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

static bool same_inode(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
    return same_inode(a, b) && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

/* -- loading ----------------------------------------------------------------------------------- */

static void fault(struct weir_load *l, const struct weir_place *place, const char *path,
                  const char *why)
{
    faults_add(l->faults, place ? place->file : NULL, place ? place->line : 0,
               "module %s: can't read the file \"%s\": %s", l->module->desc->name, path, why);
}

static void add_file(struct weir_load *l, struct weir_file *f)
{
    struct module_plan *p = l->g->modules;
    const uint32_t n = p->files_n;

    if (!(n & (n - 1))) { /* it grows by doubling, in the arena */
        struct weir_file **old = p->files;
        p->files = ARENA_ARRAY(l->arena, struct weir_file *, n ? 2 * (size_t)n : 1);
        if (n)
            memcpy(p->files, old, n * sizeof *old);
    }
    p->files[p->files_n++] = f;
}

bool file_add(struct weir_load *l, const struct weir_place *place, struct slice path,
              struct weir_blob *b)
{
    const char *name = arena_dup(l->arena, path).p;
    struct content c = {.moved = true};

    for (int i = 0; i < LOAD_TRIES && c.moved; i++) {
        free(c.p);
        if (!file_read(name, b->capacity, &c)) {
            fault(l, place, name, c.why);
            return false;
        }
    }
    blob_begin_with(b, arena_dup(l->arena, slice_of(c.p, c.n)));
    free(c.p);
    struct weir_file *f = ARENA_NEW(l->arena, struct weir_file);
    *f = (struct weir_file){name, l->module->desc->name, b, c.stamp};
    add_file(l, f);
    return true;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void say(struct content *c, const char *why)
{
    struct text t;

    text_init_fixed(&t, c->why, sizeof c->why - 1);
    text_str(&t, why);
    c->why[t.n] = '\0';
}

/* False with c->why, and nothing to free. */
static bool file_read(const char *path, size_t capacity, struct content *c)
{
    /* A pipe must not stop us. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char memory[96];

    *c = (struct content){0};
    bool ok = fd >= 0 && read_all(fd, capacity, c);
    if (!ok && !c->why[0])
        say(c, strerror_r(errno, memory, sizeof memory));
    if (fd >= 0)
        close(fd);
    if (!ok)
        free(c->p);
    return ok;
}

static bool read_some(int fd, struct content *c, size_t room)
{
    while (c->n < room) {
        const ssize_t n = read(fd, c->p + c->n, room - c->n);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        c->n += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool read_all(int fd, size_t capacity, struct content *c)
{
    struct stat before, after;

    if (fstat(fd, &before) != 0)
        return false;
    if (!S_ISREG(before.st_mode)) {
        say(c, "it is not a regular file");
        return false;
    }
    c->p = malloc(capacity + 1); /* one more shows that it is too much */
    must(c->p);
    if (!read_some(fd, c, capacity + 1) || fstat(fd, &after) != 0)
        return false;
    if (c->n > capacity) {
        snprintf(c->why, sizeof c->why, "it holds more than %zu bytes, which is the limit",
                 capacity);
        return false;
    }
    c->stamp = stamp_of(&after);
    const struct file_stamp began = stamp_of(&before);
    c->moved = !same_stamp(&began, &c->stamp);
    return true;
}

/* -- watching ---------------------------------------------------------------------------------- */

struct file_watch *file_watch_start(struct loop *lp, const struct generation *g)
{
    struct file_watch *fw = calloc(1, sizeof *fw);

    must(fw);
    fw->loop = lp;
    fw->n = fw->totals.files = g->modules ? g->modules->files_n : 0;
    fw->v = calloc(fw->n + 1, sizeof *fw->v);
    must(fw->v);
    /* Each is read once more: it may have changed since, and the cell, too. */
    for (size_t i = 0; i < fw->n; i++) {
        const struct weir_file *f = g->modules->files[i];
        fw->v[i] = (struct watched){.file = f, .taken = f->stamp, .last = f->stamp, .again = true};
    }
    timer_init(&fw->timer, on_timer);
    if (fw->n)
        timer_start(lp, &fw->timer, 0);
    return fw;
}

void file_watch_stop(struct file_watch *fw)
{
    if (!fw)
        return;
    timer_stop(&fw->timer);
    free(fw->v);
    free(fw);
}

struct file_watch_totals file_watch_totals(const struct file_watch *fw)
{
    return fw->totals;
}

static void on_timer(struct timer *t)
{
    struct file_watch *fw = container_of(t, struct file_watch, timer);

    for (size_t i = 0; i < fw->n; i++)
        look(fw, &fw->v[i]);
    timer_start(fw->loop, t, FILE_LOOK_MS);
}

static void look(struct file_watch *fw, struct watched *w)
{
    struct stat st;
    char memory[96];

    if (stat(w->file->path, &st) != 0) {
        fail(fw, w, strerror_r(errno, memory, sizeof memory));
        return;
    }
    const struct file_stamp now = stamp_of(&st), last = w->last;
    w->last = now;
    if (same_stamp(&now, &w->taken) && !w->again && !w->failing[0])
        return;
    if (!same_inode(&now, &w->taken) || same_stamp(&now, &last))
        take(fw, w);
}

static bool is_young(const struct file_watch *fw, const struct file_stamp *s)
{
    const int64_t age_us = (int64_t)fw->loop->clock.wall_us - s->mtime_ns / 1000;

    return age_us < YOUNG_US && age_us > -YOUNG_US;
}

static bool holds(const struct weir_blob *b, const struct content *c)
{
    uint64_t version;
    char *have = malloc(b->capacity + 1);

    must(have);
    const size_t n = blob_read(b, have, &version);
    const bool same = version && slice_eq(slice_of(have, n), slice_of(c->p, c->n));
    free(have);
    return same;
}

/* The content becomes the blob's, if it is another one. */
static void take(struct file_watch *fw, struct watched *w)
{
    const struct weir_file *f = w->file;
    struct content c;

    if (!file_read(f->path, f->blob->capacity, &c)) {
        fail(fw, w, c.why);
        return;
    }
    const bool same = holds(f->blob, &c);
    const bool done = !c.moved && (same || blob_publish(f->blob, slice_of(c.p, c.n)));
    free(c.p);
    if (!done)
        return; /* with the next look, for it isn't taken */
    if (w->failing[0]) {
        event_info("file_recovered", KV("module", f->module), KV("path", f->path));
        fw->totals.failing--;
        w->failing[0] = '\0';
    }
    if (!same) {
        event_info("file_changed", KV("module", f->module), KV("path", f->path),
                   KV_INT("bytes", c.n));
        fw->totals.changed++;
    }
    w->taken = c.stamp;
    w->again = is_young(fw, &c.stamp);
}

static void fail(struct file_watch *fw, struct watched *w, const char *why)
{
    if (strncmp(w->failing, why, sizeof w->failing - 1) == 0)
        return;
    event_error("file_failed", KV("module", w->file->module), KV("path", w->file->path),
                KV("error", why));
    fw->totals.failed++;
    fw->totals.failing += !w->failing[0];
    strncpy(w->failing, why, sizeof w->failing - 1);
}
