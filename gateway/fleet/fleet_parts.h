/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_PARTS_H
#define WEIR_FLEET_PARTS_H

/* Private to fleet*.c: the fleet, and what each thing that modules hold begins with.
 *
 * A thing is freed when its module has closed it and no answer is under way for it, and never from
 * within a call: fleet_sweep() does it from the loop's later queue. So whoever walks a list may call
 * modules while doing so; what was closed meanwhile is still there, and marked. */

#include <weir/fleet.h>

#include "base/list.h"
#include "base/map.h"
#include "base/text.h"
#include "core/module/module_slice.h"
#include "core/worker.h"
#include "fleet/fleet.h"
#include "fleet/fleet_clock.h"
#include "fleet/fleet_error.h"
#include "fleet/fleet_record.h"
#include "redis/redis.h"

#include <jansson.h>

enum {
    FLEET_READS = 200,         /* cells read or put back with one tick, so that it stays short */
    FLEET_REPAIR_MS = 10000,   /* each cell is looked at this often: messages may get lost */
    FLEET_CELL_TTL = 86400000, /* ms; cells of modules that nobody has any more go by themselves */
    FLEET_EXPIRE_MS = 3600000, /* each instance pushes that out this often */
    FLEET_COUNTER_TTL = 3600000,
    FLEET_SAY_AGAIN_MS = 60000, /* until the log says again what is still wrong */
    FLEET_BOARD_MS = 5000,      /* notes are read, and posted anew, this often */
    FLEET_MEMBERS_MS = 1000,    /* ... those of the board of members are posted */
    FLEET_MESSAGE_MAX = 262144, /* bytes; what a longer one tells is read instead */
    FLEET_LIVES = 3,            /* a note that wasn't posted anew for so many times is gone */
};

enum fleet_state { FLEET_APART, FLEET_JOINING, FLEET_JOINED };

struct fleet_thing {
    struct list node;            /* in the fleet's list of its kind */
    struct fleet *fleet;
    char kind;                   /* 'c' cell, 'w' window, 'n' counter, 'b' board; as in the key */
    const struct module *module; /* whose code is called; NULL: the fleet's own */
    struct slice key;            /* in Redis, or how its keys begin; owned */
    void (*drop)(struct fleet_thing *t); /* frees all but the key and the thing itself */
    void (*settled)(struct fleet_thing *t); /* no answer is under way any more; NULL */
    unsigned asked;              /* answers under way */
    bool closed;
};

/* An answer to one of its commands; not called when there is none. It may be an error, which has been
 * counted and logged. */
typedef void fleet_reply_fn(struct fleet_thing *t, const struct redis_reply *r);

/* What has been asked with the last tick; answers come in that order. */
struct fleet_pipe {
    struct fleet_ask {
        fleet_reply_fn *fn; /* NULL: whatever it is */
        struct fleet_thing *thing;
    } *asks;                /* owned */
    size_t n, cap, next;
    uint64_t sent_us;
    bool failed;            /* not all was answered, or the time wasn't */
};

enum { FLEET_DIGEST_LEN = 40 };

/* Which server it is, as far as this connection has asked; "": it hasn't said. */
struct fleet_server {
    char run[FLEET_RUN_MAX + 1];                                  /* its run_id */
    char offer[FLEET_DIGEST_LEN + 1], take[FLEET_DIGEST_LEN + 1]; /* digests of the scripts */
};

struct fleet {
    struct fleet_thing self; /* whose the tick's own commands are */
    struct fleet_setup setup;
    struct worker *w;
    struct loop *loop;
    const struct fleet_conf *conf;
    struct slice channel; /* owned */
    struct redis *redis;  /* NULL: stopped */
    enum fleet_state state;
    uint64_t state_ms;    /* since then */
    uint64_t until_ms;    /* what was heard holds until then; 0: apart */
    char why[128];        /* it is apart; fleet_why() says what keeps it so */
    uint64_t apart_ms;    /* since then it hasn't been joined */
    uint64_t said_ms;     /* when the log said so; 0: not yet */
    bool said_joined;     /* ... that it is joined, since */
    const char *give_up;  /* the connection, with the next tick; NULL: don't */
    struct fleet_clock clock;
    struct fleet_pipe pipe;
    struct fleet_server server;
    struct map things;    /* by key */
    struct list cells, windows, counters, boards;
    size_t cells_n;
    struct weir_fleet_board *members;
    struct fleet_decisions *decisions; /* owned */
    struct fleet_load {
        struct stats_load last;
        uint64_t at_ms, per_second;
    } load;
    struct later sweep;
    uint64_t errors[FLEET_ERROR_N], errors_said_ms[FLEET_ERROR_N];
    uint64_t full_ticks; /* that had no place for all */
    uint64_t ups, joins, offers_taken, offers_lost;
    uint64_t lost, put_back; /* records that Redis has lost; those that this one put back */
    uint64_t lost_said_ms;
};

static inline uint64_t fleet_now_ms(const struct fleet *f)
{
    return clock_ms(&f->loop->clock);
}
static inline uint64_t fleet_redis_ms(const struct fleet *f)
{
    return fleet_clock_ms(&f->clock, f->loop->clock.mono_us);
}
struct fleet *fleet_of(const struct weir_process *p);

/* -- things (fleet_thing.c) -------------------------------------------------------------------- */

/* A zeroed thing of `size` bytes, whose key is PREFIX KIND ":" MODULE ":" NAME, in `list`. NULL, with
 * a line in the log where it is the module's mistake: the name is too long, or open already. */
void *fleet_thing_new(struct fleet *f, size_t size, char kind, struct slice name,
                      struct list *list) nodiscard;
void fleet_thing_close(struct fleet_thing *t);
void fleet_sweep(struct fleet *f);
/* Around each call into the module: whose code runs. */
const struct module *fleet_enter(const struct fleet_thing *t);
void fleet_leave(const struct fleet_thing *t, const struct module *before);

/* -- the pipeline (fleet_pipe.c) --------------------------------------------------------------- */

/* Within a tick: one more command. False: it won't be answered, and the connection will break. */
bool fleet_ask(struct fleet_thing *t, fleet_reply_fn *fn, size_t n, const struct slice *args);
#define FLEET_ASK(t, fn, ...)                                                                      \
    fleet_ask((t), (fn), sizeof((struct slice[]){__VA_ARGS__}) / sizeof(struct slice),             \
              (struct slice[]){__VA_ARGS__})
static inline bool fleet_pipe_busy(const struct fleet *f)
{
    return f->pipe.next < f->pipe.n;
}
/* Some more may follow all the same: cells, windows and counters wait for the next tick then. */
static inline bool fleet_pipe_full(const struct fleet *f)
{
    return f->pipe.n >= (size_t)f->conf->commands;
}
/* Nobody waits for these answers any more, as they would come too late. */
void fleet_pipe_forget(struct fleet *f);
/* The connection has ended: there are no answers. */
void fleet_pipe_end(struct fleet *f);
/* Counts it, and logs it now and then. `text` is Redis's, or what is wrong. */
void fleet_note_error(struct fleet *f, enum fleet_error kind, struct slice text);
/* Of an answer that isn't of the kind it has to be: errors are known already, others are counted. */
bool fleet_is(const struct fleet_thing *t, const struct redis_reply *r, enum redis_kind kind);

/* -- the life (fleet.c) ------------------------------------------------------------------------ */

/* Why it isn't joined: what it couldn't be connected for the last time, or else what parted it. */
const char *fleet_why(const struct fleet *f);
/* All that was asked with this tick has been answered. */
void fleet_answered(struct fleet *f);

/* -- each kind: with each tick, and when it goes apart ----------------------------------------- */

void fleet_cells_tick(struct fleet *f);
void fleet_cells_apart(struct fleet *f);
/* As if it had been long since they were looked at: something may have been missed. */
void fleet_cells_look_again(struct fleet *f);
bool fleet_cells_heard(const struct fleet *f); /* all of them, as far as they can be read */
void fleet_cell_message(struct fleet_thing *t, json_t *message);
void fleet_windows_tick(struct fleet *f);
void fleet_windows_apart(struct fleet *f);
void fleet_window_message(struct fleet_thing *t, const json_t *message);
void fleet_counters_tick(struct fleet *f);
void fleet_counters_apart(struct fleet *f);
void fleet_boards_tick(struct fleet *f);
void fleet_boards_apart(struct fleet *f);
bool fleet_boards_heard(const struct fleet *f);
void fleet_board_message(struct fleet_thing *t, const json_t *message);

/* -- decisions of operators (fleet_decisions.c) ------------------------------------------------ */

bool fleet_decisions_open(struct fleet *f) nodiscard;
void fleet_decisions_close(struct fleet *f);
void fleet_decisions_tick(struct fleet *f);
/* Also when nothing can be asked: do those who wait for an answer get one? */
void fleet_decisions_look(struct fleet *f);
/* Nobody waits for anything any more. */
void fleet_decisions_stop(struct fleet *f);
void fleet_decisions_apart(struct fleet *f);
bool fleet_decisions_heard(const struct fleet *f); /* which there are */
/* Of a cell that isn't open here. */
void fleet_decisions_message(struct fleet *f, struct slice cell);
void fleet_decisions_metrics(const struct fleet *f, struct exposition *e);
void fleet_decisions_metrics_reference(struct text *out);

/* -- scripts (fleet_script.c), and the server that has them (fleet_server.c) ------------------- */

extern const char fleet_script_offer[], fleet_script_take[];

void fleet_server_forget(struct fleet *f);
/* Asks for what isn't known of it. */
void fleet_server_tick(struct fleet *f);
bool fleet_server_known(const struct fleet *f);

/* -- boards, from within (fleet_board.c) ------------------------------------------------------- */

struct fleet_note {
    struct list node;
    struct slice instance, text; /* owned; an empty text: it is gone, and is kept for this reading */
    uint64_t expires_ms;         /* by Redis's clock */
    bool seen;                   /* in this reading */
    bool fresh;                  /* told while the board is being read: newer than what comes */
};
struct weir_fleet_board {
    struct fleet_thing thing;
    const struct weir_fleet_board_ops *ops;
    void *ctx;
    struct list notes; /* of others */
    size_t notes_n;
    struct text own;   /* this instance's; empty: none */
    struct text dead;  /* whose notes are to be deleted: names, each with a NUL behind */
    uint64_t period_ms; /* of posting */
    bool quiet;        /* changes of the text aren't worth a message to all */
    bool changed, posted; /* since it was posted; it stands in Redis, as far as is known */
    bool known;        /* what others say */
    uint64_t post_ms, read_ms; /* the next time */
};
/* The fleet's own: no module's. */
struct weir_fleet_board *fleet_board_open(struct fleet *f, struct slice name,
                                          const struct weir_fleet_board_ops *ops,
                                          void *ctx) nodiscard;
/* fleet_board_notes.c: the answer to HGETALL; and the end of what is known of others. */
void fleet_board_on_read(struct fleet_thing *t, const struct redis_reply *r);
void fleet_board_forget(struct weir_fleet_board *b);
static inline uint64_t fleet_board_life_ms(const struct weir_fleet_board *b)
{
    return FLEET_LIVES * b->period_ms;
}

/* -- who is alive (fleet_members.c) ------------------------------------------------------------ */

bool fleet_members_open(struct fleet *f) nodiscard;
/* This instance's note, once a second. */
void fleet_members_tick(struct fleet *f);

/* What a note of a member says; members that it doesn't have, or has in another form, are empty. */
struct fleet_member {
    char version[32], config[17];
    uint64_t per_second, active, since_s;
};
void fleet_member_write(struct text *out, const struct fleet_member *m);
void fleet_member_read(struct slice note, struct fleet_member *m);

#endif
