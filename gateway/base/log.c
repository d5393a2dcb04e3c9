/* SPDX-License-Identifier: Apache-2.0 */
/* The error log of the process: one line, one write(2).
 *
 * The state is that of the process, because a log that has to be handed through every function is
 * a log that isn't used where it is needed. Lines are formatted on the stack and are at most
 * LINE_MAX_LEN long, which is also what a pipe takes in one piece, so lines of several processes
 * don't mix.
 *
 * Rate limit: a table of event names with the second in which each was last seen. The names are
 * few (they are constants of the source); should there be more than the table holds, the rest
 * share one entry, so that the limit still holds for them together. */

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_MAX_LEN = 4096, /* PIPE_BUF of Linux */
    NAMES = 128,
    NAME_LEN = 48,
    BURST = 20
};

struct rate {
    char name[NAME_LEN];
    uint64_t second;
    uint32_t lines;      /* within that second */
    uint64_t suppressed; /* since the last line that was let through */
};

static struct {
    int fd;
    bool owned; /* fd is a file that was opened here */
    char path[PATH_MAX];
    char process[64];
    enum log_level level;
    const _Atomic uint64_t *shared_level;
    unsigned burst;
    struct clock *clock;
    void (*sink)(enum log_level, struct slice line);
    uint64_t lost; /* lines that could not be written since the last that could */
    struct rate rates[NAMES], others;
} state = {.fd = STDERR_FILENO, .process = "weir", .level = LEVEL_INFO, .burst = BURST};

static const char *const level_names[] = {
    [LEVEL_ERROR] = "error",
    [LEVEL_WARN] = "warn",
    [LEVEL_INFO] = "info",
    [LEVEL_TRACE] = "trace",
};

/* -- settings ----------------------------------------------------------------------------------*/

void log_set_process(const char *name)
{
    snprintf(state.process, sizeof state.process, "%s", name);
}

const char *log_process(void)
{
    return state.process;
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

bool log_level_from(struct slice word, enum log_level *out)
{
    for (size_t i = 0; i < array_n(level_names); i++)
        if (slice_eq(word, slice_str(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_share_level(const _Atomic uint64_t *level)
{
    state.shared_level = level;
}

bool log_enabled(enum log_level level)
{
    const uint64_t shared =
        state.shared_level ? atomic_load_explicit(state.shared_level, memory_order_relaxed) : 0;

    return shared ? (uint64_t)level < shared : level <= state.level;
}

void log_set_burst(unsigned lines)
{
    state.burst = lines;
}

void log_set_clock(struct clock *c)
{
    state.clock = c;
}

void log_set_sink(void (*sink)(enum log_level, struct slice line))
{
    state.sink = sink;
}

/* -- the file ----------------------------------------------------------------------------------*/

static void use(int fd, bool owned)
{
    if (state.owned)
        close(state.fd);
    state.fd = fd;
    state.owned = owned;
}

/* O_NONBLOCK matters when the path is a pipe: a reader that is stuck must not stop us. */
static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

bool log_open(const char *path)
{
    if (!path || !strcmp(path, "stderr")) {
        use(STDERR_FILENO, false);
        return true;
    }
    if (strlen(path) >= sizeof state.path) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int fd = open_file(path);
    if (fd < 0)
        return false;
    use(fd, true);
    memmove(state.path, path, strlen(path) + 1);
    return true;
}

bool log_reopen(void)
{
    return !state.owned || log_open(state.path);
}

bool log_chown(unsigned uid, unsigned gid)
{
    return !state.owned || fchown(state.fd, uid, gid) == 0;
}

/* -- a line ------------------------------------------------------------------------------------*/

/* The entry of an event name. */
static struct rate *rate_of(struct slice name)
{
    const size_t first = slice_hash(name) % NAMES;

    if (name.n >= NAME_LEN)
        return &state.others;
    for (size_t i = 0; i < NAMES; i++) {
        struct rate *r = &state.rates[(first + i) % NAMES];
        if (!r->name[0])
            memcpy(r->name, name.p, name.n);
        if (slice_eq(slice_str(r->name), name))
            return r;
    }
    return &state.others;
}

/* May this line be written now? *suppressed is how many were not, before it. */
static bool admit(struct slice event, uint64_t second, uint64_t *suppressed)
{
    *suppressed = 0;
    if (!state.burst)
        return true;
    struct rate *r = rate_of(event);
    if (r->second != second) {
        r->second = second;
        r->lines = 0;
    }
    if (r->lines >= state.burst) {
        r->suppressed++;
        return false;
    }
    r->lines++;
    *suppressed = r->suppressed;
    r->suppressed = 0;
    return true;
}

/* A value that reads as one word stands bare; everything else is quoted. */
static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 127 || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return s.n > 0;
}

static void add_text(struct text *t, struct slice s)
{
    if (is_word(s)) {
        text_add(t, s);
        return;
    }
    text_char(t, '"');
    text_json_escaped(t, s);
    text_char(t, '"');
}

static void add_kv(struct text *t, const struct kv *kv)
{
    char memory[128];

    text_char(t, ' ');
    text_str(t, kv->key);
    text_char(t, '=');
    switch (kv->kind) {
    case KV_KIND_INT:
        text_int(t, kv->number);
        break;
    case KV_KIND_ERRNO:
        add_text(t, slice_str(strerror_r((int)kv->number, memory, sizeof memory)));
        break;
    case KV_KIND_SLICE:
        add_text(t, kv->text);
        break;
    }
}

/* One write; a line that the descriptor doesn't take whole now is counted, not waited for. */
static void emit(enum log_level level, char *line, size_t n)
{
    ssize_t done;

    if (state.sink) {
        state.sink(level, slice_of(line, n));
        return;
    }
    line[n++] = '\n';
    do
        done = write(state.fd, line, n);
    while (done < 0 && errno == EINTR);
    if (done == (ssize_t)n)
        state.lost = 0;
    else
        state.lost++;
}

void log_event(enum log_level level, const char *event, const struct kv *kvs, size_t n)
{
    const int saved = errno; /* so that a line may stand before the errno is looked at */
    struct clock own, *clock = state.clock;
    char line[LINE_MAX_LEN];
    struct text t;
    uint64_t suppressed;

    if (!clock) {
        clock_init(&own);
        clock = &own;
    }
    if (!log_enabled(level) || !admit(slice_str(event), clock->wall_us / 1000000, &suppressed))
        return;
    text_init_fixed(&t, line, sizeof line - sizeof " ...\n");
    text_add(&t, clock_stamp(clock));
    text_printf(&t, " %s %s[%d] %s", level_names[level], state.process, (int)getpid(), event);
    /* The counts first: they must not be what is cut. */
    if (suppressed)
        text_printf(&t, " suppressed=%llu", (unsigned long long)suppressed);
    if (state.lost)
        text_printf(&t, " lost=%llu", (unsigned long long)state.lost);
    for (size_t i = 0; i < n; i++)
        add_kv(&t, &kvs[i]);
    if (t.cut) {
        memcpy(line + t.n, " ...", 4);
        t.n += 4;
    }
    emit(level, line, t.n);
    errno = saved;
}
