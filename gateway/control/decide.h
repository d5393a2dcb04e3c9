/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_DECIDE_H
#define WEIR_CONTROL_DECIDE_H

/* Decisions: what an operator changes on one instance, said again on all of them. Whoever answers
 * requests that change something asks here whether this one is for the fleet ("fleet": true in its
 * JSON), and tells when it has succeeded; who carries it to the others is behind struct decider.
 *
 *     struct deciding d;
 *     if (decide_begin(&d, decider, &what, rq, asked, out)) {
 *         ... does it here ...
 *         decide_end(&d, whole, out);
 *     }
 *
 * The answer to the operator comes when it is known what became of that, in "fleet".
 *
 * "reason" and "expires" (seconds, or "2h") stand beside what is asked. What overrides something
 * that the configuration says is listed with them (overrides.h), until it is undone: at that time,
 * by another decision with the same key, or by a reload that changes the setting.
 *
 * There another instance says the same: decide_run() calls the same function of the admin server
 * with the same JSON, in a request that has `said` set. So all that was checked here is checked
 * there. Two decisions with the same key are about the same thing, and the later one stands. */

#include <jansson.h>

#include "control/admin/admin.h"

enum {
    DECISION_KEY_MAX = 180, /* bytes: it is part of a cell's name */
    DECISION_PATH_MAX = 128,
    DECISION_JSON_MAX = 4096, /* more than any of today's needs by far */
    DECISION_WHY_MAX = 256,
};

struct overrides;

struct decision {
    struct slice key;   /* "canary/weights/reviews": MODULE/SETS/VALUE/... */
    struct slice path;  /* of the admin API: "/v1/modules/canary/set" */
    struct slice json;  /* what is said there */
    struct slice lasts; /* the member of it that says for how many seconds; empty: none does */
    uint64_t left_ms;   /* ... how long that still is; 0: until another decision */
    struct slice by;    /* the instance that says it; for those who run it */
};

/* Who carries decisions to other instances: the fleet. */
struct decider {
    void *ctx;
    /* NULL: tell() will take one with this key; else why not, and what to do. */
    const char *(*refuse)(void *ctx, struct slice key);
    /* Copied. What becomes of it, a static text; NULL: that will be known soon. */
    const char *(*tell)(void *ctx, const struct decision *d);
    /* ... of the last one with that key: decide_told() is to be called, once. */
    void (*wait)(void *ctx, struct slice key, struct admin_pending *asked);
    /* The same thing has been changed on this instance alone, after whatever was decided for all.
     */
    void (*changed)(void *ctx, struct slice key);
};

/* Of a kind of decisions; static. */
struct decide_what {
    const char *module, *sets; /* sets: NULL: it can't be said to the fleet */
    const char *const *of;     /* members that tell of what it is, NULL-terminated; NULL: none */
    const char *lasts;         /* the member that says for how many seconds; NULL: none does */
    struct slice path;
    bool alone; /* it holds for one instance only, whatever `sets` is */
    /* What it overrides: patterns (override_setting.h), of which the first counts whose members are
     * asked for; NULL-terminated. NULL: nothing; then it undoes what was said under its key. */
    const char *const *settings;
    struct overrides *overrides; /* where that is kept; NULL: nowhere */
};

/* One request. */
struct deciding {
    const struct decider *to;
    const struct decide_what *what;
    const struct admin_request *rq;
    const json_t *asked;
    bool fleet; /* it is for all */
    bool said;  /* another instance said it */
    char key[DECISION_KEY_MAX + 1];
    const char *reason; /* NULL: none was given */
    uint64_t expires_s; /* how long it is to last; 0: nobody has said that */
    /* May be set before decide_end(): what counts now is what the configuration says; and how a
     * file would say it (struct override, says). */
    bool filed;
    struct slice says;
};

/* False: the answer is a refusal. `to` NULL: there is no fleet. All is borrowed until the end. */
bool decide_begin(struct deciding *d, const struct decider *to, const struct decide_what *what,
                  const struct admin_request *rq, const json_t *asked,
                  struct admin_answer *out) nodiscard;
/* When it has been done: tells the others, and adds "fleet" to the answer, an object, of what
 * became of that; the answer comes later when that isn't known at once. `whole` (empty: what was
 * asked) is the JSON object that says all that counts now. */
void decide_end(struct deciding *d, struct slice whole, struct admin_answer *out);
/* "expires": a number of seconds, or a text as in a configuration ("2h"). False: it is neither. */
bool decide_expires(const json_t *value, uint64_t *seconds) nodiscard;
/* The answer that waited for what became of it. */
void decide_told(struct admin_pending *asked, const char *result);

/* Says it here, to the first of the rows that fits. False, and why: it was refused. */
bool decide_run(const struct admin_row *rows, size_t n, const struct decision *d,
                char why[DECISION_WHY_MAX]) nodiscard;

#endif
