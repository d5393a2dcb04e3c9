/* SPDX-License-Identifier: Apache-2.0 */
/* The handover as JSON in a memfd: written by one binary, read by another one. */
#include "process/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/event.h"
#include "base/text.h"
#include "core/cluster/endpoint_cell.h"
#include "process/board.h"

#define VARIABLE "WEIR_HANDOVER"

enum {
    FORMAT = 1,
    LAYOUT = 1, /* to be raised when cells change in a way that their sizes don't show */
};

uint64_t handover_state(void)
{
    const uint64_t facts[] = {
        LAYOUT,
        STATS_SLOTS_MAX,
        LATENCY_BUCKETS,
        sizeof(struct worker_stats),
        sizeof(struct listener_stats),
        sizeof(struct traffic_stats),
        sizeof(struct histogram),
        sizeof(struct endpoint_stats),
        sizeof(struct endpoint_cell),
        sizeof(struct board),
        sizeof(struct event_shared),
    };
    uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
    for (size_t i = 0; i < array_n(facts); i++)
        h = (h ^ facts[i]) * 0x100000001b3;
    return h;
}

/* -- writing ----------------------------------------------------------------------------------- */

static void write_group(struct text *t, const struct socket_group *g)
{
    char at[ADDR_TEXT_MAX], bound[ADDR_TEXT_MAX];
    json_open(t, '{');
    json_key(t, "at");
    json_slice(t, slice_of(at, addr_print(&g->at, at)));
    json_key(t, "bound");
    json_slice(t, slice_of(bound, addr_print(&g->bound, bound)));
    json_key(t, "admin");
    json_bool(t, g->admin);
    json_key(t, "given");
    json_bool(t, g->given);
    json_key(t, "shared");
    json_bool(t, g->shared);
    json_key(t, "fds");
    json_open(t, '[');
    for (size_t i = 0; i < g->in_force; i++)
        json_int(t, g->fds[i]);
    json_close(t, ']');
    json_close(t, '}');
}

static void write_slots(struct text *t, const bool *slots)
{
    json_key(t, "slots");
    json_open(t, '[');
    for (unsigned i = 0; i < STATS_SLOTS_MAX; i++)
        if (slots[i])
            json_uint(t, i);
    json_close(t, ']');
}

/* A number that JSON readers may not hold exactly. */
static void write_hex(struct text *t, const char *key, uint64_t v)
{
    char hex[20];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)v);
    json_key(t, key);
    json_str(t, hex);
}

static void write_all(struct text *t, const struct handover *h)
{
    json_open(t, '{');
    json_key(t, "format");
    json_uint(t, FORMAT);
    json_key(t, "version");
    json_str(t, PACKAGE_VERSION);
    json_key(t, "pid");
    json_int(t, h->pid);
    json_key(t, "channel");
    json_int(t, h->channel);
    json_key(t, "region");
    json_int(t, h->shm_fd);
    if (h->history_fd >= 0) {
        json_key(t, "history");
        json_int(t, h->history_fd);
    }
    write_hex(t, "state", h->state);
    json_key(t, "generation");
    json_uint(t, h->generation);
    json_key(t, "oldest");
    json_uint(t, h->oldest);
    write_hex(t, "key0", h->hash_key[0]);
    write_hex(t, "key1", h->hash_key[1]);
    write_slots(t, h->slots);
    json_key(t, "sockets");
    json_open(t, '[');
    for (size_t i = 0; i < h->sockets.n; i++)
        write_group(t, &h->sockets.groups[i]);
    json_close(t, ']');
    json_close(t, '}');
}

int handover_write(const struct handover *h)
{
    struct text t;
    const int fd = memfd_create("weir-handover", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    text_init(&t);
    write_all(&t, h);
    const ssize_t n = write(fd, t.p, t.n);
    const bool whole = n == (ssize_t)t.n;
    text_fini(&t);
    if (whole && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    const int err = n >= 0 && !whole ? ENOSPC : errno;
    close(fd);
    errno = err;
    return -1;
}

static void keep_open(int fd)
{
    (void)fcntl(fd, F_SETFD, 0);
}

void handover_pass(const struct handover *h, int fd)
{
    char number[16];
    keep_open(fd);
    keep_open(h->channel);
    keep_open(h->shm_fd);
    if (h->history_fd >= 0)
        keep_open(h->history_fd);
    for (size_t i = 0; i < h->sockets.n; i++)
        for (size_t j = 0; j < h->sockets.groups[i].in_force; j++)
            keep_open(h->sockets.groups[i].fds[j]);
    snprintf(number, sizeof number, "%d", fd);
    must(setenv(VARIABLE, number, 1) == 0);
}

/* -- reading ----------------------------------------------------------------------------------- */

bool handover_given(int *fd)
{
    const char *text = getenv(VARIABLE);
    char *end;
    if (!text)
        return false;
    const long n = strtol(text, &end, 10);
    *fd = *text && !*end && n > 2 && n < 1 << 20 ? (int)n : -1;
    unsetenv(VARIABLE);
    return *fd >= 0;
}

static bool read_hex(const json_t *o, const char *key, uint64_t *v)
{
    const char *text = json_string_value(json_object_get(o, key));
    char *end;
    if (!text || strlen(text) != 16)
        return false;
    *v = strtoull(text, &end, 16);
    return *end == '\0';
}

static bool read_number(const json_t *o, const char *key, uint64_t *v)
{
    const json_t *j = json_object_get(o, key);
    *v = json_is_integer(j) && json_integer_value(j) >= 0 ? (uint64_t)json_integer_value(j) : 0;
    return json_is_integer(j) && json_integer_value(j) >= 0;
}

/* A descriptor that is open. */
static bool read_fd(const json_t *j, int *fd)
{
    *fd = json_is_integer(j) ? (int)json_integer_value(j) : -1;
    return *fd > 2 && fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool read_addr(const json_t *o, const char *key, struct addr *a)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text && addr_parse(slice_str(text), a);
}

static bool read_group(const json_t *o, struct sockets *to)
{
    const json_t *fds = json_object_get(o, "fds"), *fd;
    struct socket_group g = {
        .admin = json_is_true(json_object_get(o, "admin")),
        .given = json_is_true(json_object_get(o, "given")),
        .shared = json_is_true(json_object_get(o, "shared")),
    };
    size_t i;
    if (!read_addr(o, "at", &g.at) || !read_addr(o, "bound", &g.bound) || !json_is_array(fds))
        return false;
    g.fds = calloc(json_array_size(fds) + 1, sizeof *g.fds);
    must(g.fds);
    bool ok = true;
    json_array_foreach(fds, i, fd) ok = read_fd(fd, &g.fds[g.n++]) && ok;
    if (ok)
        sockets_inherit(to, &g);
    else
        free(g.fds);
    return ok;
}

static bool read_slots(const json_t *list, bool *slots)
{
    const json_t *slot;
    size_t i;
    json_array_foreach(list, i, slot)
    {
        if (json_integer_value(slot) < 0 || json_integer_value(slot) >= STATS_SLOTS_MAX)
            return false;
        slots[json_integer_value(slot)] = true;
    }
    return json_is_array(list);
}

static const char *read_all(const json_t *o, struct handover *h)
{
    const json_t *groups = json_object_get(o, "sockets"), *group;
    uint64_t format, pid;
    size_t i;
    if (!read_number(o, "format", &format) || format != FORMAT)
        return "the running binary hands over in another format";
    if (!read_number(o, "pid", &pid) || !read_number(o, "generation", &h->generation) ||
        !read_number(o, "oldest", &h->oldest) || !read_hex(o, "state", &h->state) ||
        !read_hex(o, "key0", &h->hash_key[0]) || !read_hex(o, "key1", &h->hash_key[1]) ||
        !read_slots(json_object_get(o, "slots"), h->slots))
        return "what the running binary hands over lacks something";
    h->pid = (pid_t)pid;
    if (!read_fd(json_object_get(o, "channel"), &h->channel) ||
        !read_fd(json_object_get(o, "region"), &h->shm_fd))
        return "a descriptor that the running binary hands over isn't open";
    if (json_object_get(o, "history") && !read_fd(json_object_get(o, "history"), &h->history_fd))
        h->history_fd = -1;
    json_array_foreach(
        groups, i,
        group) if (!read_group(group,
                               &h->sockets)) return "a socket that "
                                                    "the running binary hands over isn't open";
    return NULL;
}

bool handover_read(int fd, struct handover *h, const char **why)
{
    FILE *f = fdopen(fd, "r");
    json_t *o = f ? json_loadf(f, JSON_REJECT_DUPLICATES, NULL) : NULL;
    *h = (struct handover){.channel = -1, .shm_fd = -1, .history_fd = -1};
    *why = o ? read_all(o, h) : "what the running binary hands over can't be read";
    json_decref(o);
    if (f)
        fclose(f);
    return *why == NULL;
}
