/* SPDX-License-Identifier: Apache-2.0 */
/* Handed over, it is a line that says what follows, and the texts (config/texts.c). */
#include "process/history.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD "weir-history 1 "

struct conf_texts *history_before(const struct history *h, const struct conf_texts *texts)
{
    return conf_texts_same(h->in_force, texts) ? h->previous : h->in_force;
}

void history_note(struct history *h, struct conf_texts *texts, bool rolled_back)
{
    struct conf_texts *before = conf_texts_hold(history_before(h, texts));
    conf_texts_hold(texts);
    history_fini(h);
    *h = (struct history){.in_force = texts, .previous = before, .rolled_back = rolled_back};
}

void history_fini(struct history *h)
{
    conf_texts_release(h->in_force);
    conf_texts_release(h->previous);
    *h = (struct history){0};
}

/* -- for another binary ------------------------------------------------------------------------ */

static bool write_all(int fd, struct slice s)
{
    while (s.n) {
        const ssize_t n = write(fd, s.p, s.n);
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

int history_write(const struct history *h)
{
    struct text t;
    const int fd = memfd_create("weir-history", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    text_init(&t);
    text_printf(&t, HEAD "%s %d\n", h->rolled_back ? "rollback" : "file",
                (h->in_force != NULL) + (h->previous != NULL));
    if (h->in_force)
        conf_texts_write(h->in_force, &t);
    if (h->previous)
        conf_texts_write(h->previous, &t);
    const bool whole = write_all(fd, text_slice(&t)) && lseek(fd, 0, SEEK_SET) == 0;
    const int err = errno;
    text_fini(&t);
    if (whole)
        return fd;
    close(fd);
    errno = err;
    return -1;
}

static bool parse(struct history *h, struct slice rest)
{
    struct slice head = slice_cut(&rest, '\n');
    uint64_t n;
    if (!slice_starts(head, SLICE(HEAD)))
        return false;
    head = slice_from(head, strlen(HEAD));
    h->rolled_back = slice_eq(slice_cut(&head, ' '), SLICE("rollback"));
    if (!slice_to_u64(head, &n) || n > 2)
        return false;
    h->in_force = n > 0 ? conf_texts_read(&rest) : NULL;
    h->previous = n > 1 && h->in_force ? conf_texts_read(&rest) : NULL;
    return (h->in_force != NULL) + (h->previous != NULL) == (int)n;
}

bool history_read(struct history *h, int fd)
{
    enum { PIECE = 65536 };
    struct text t;
    ssize_t n = 1;
    *h = (struct history){0};
    text_init(&t);
    while (n > 0 && text_need(&t, PIECE) && (n = read(fd, t.p + t.n, PIECE)) > 0)
        t.n += (size_t)n;
    close(fd);
    const bool ok = n == 0 && parse(h, text_slice(&t));
    text_fini(&t);
    if (!ok)
        history_fini(h);
    return ok;
}
