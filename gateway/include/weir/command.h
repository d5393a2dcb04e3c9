/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMAND_H
#define WEIR_COMMAND_H

/* A part of <weir/module.h>: what operators can ask of a module, over the admin socket, in the
 * control process. */

#include <weir/value.h>

#pragma GCC visibility push(default)

struct weir_request;
struct weir_reply;

/* What an operator can ask a module to do: POST /v1/modules/MODULE/NAME, JSON in, JSON out. */
struct weir_command {
    const char *name;
    bool changes; /* something: only who may change things may call it */
    /* [control] A NULL `name` ends the list. */
    void (*run)(struct weir_process *p, void *local, const struct weir_request *rq,
                struct weir_reply *reply);
    const char *help;
    /* What it sets, in a word, when it changes something that all instances of a fleet may be told
     * to: {"fleet": true} in its JSON, or weirctl's --fleet, says the same on all of them, also on
     * those that join later. NULL: it can't be said to the fleet. */
    const char *sets;
    /* The members that tell of what: "route". Of two decisions of the same module that set the same
     * of the same, by whichever commands, the later one stands. NULL, or NULL-terminated. */
    const char *const *of;
    const char *lasts; /* the member that says for how many seconds; those who hear of it later get
                          what is left, in whole seconds. NULL: it lasts until another decision */

    /* What it overrides of the configuration: patterns of which the first counts whose members (in
     * braces) are asked for; NULL-terminated. Behind a colon stand the members that count, of an
     * object or of each element of a list: a reload that changes one of them ends the override; ":"
     * alone is for what no file can say, and then one ends it in which the place is gone.
     *
     *     "routes.{route}.canary.split:name,cluster,weight"    "clusters.{cluster}.breaker:"
     *
     * NULL: it overrides nothing; it ends what another command has said under the same key. */
    const char *const *overrides;
    /* [control] Brings back what the configuration says: the request is one that was done. It need
     * not answer; a refusal is logged. For commands with `overrides`. */
    void (*undo)(struct weir_process *p, void *local, const struct weir_request *rq,
                 struct weir_reply *reply);
};

/* The JSON object of the request, as text. */
struct weir_slice weir_request_json(const struct weir_request *rq);
/* The JSON object of the answer; copied. Once: what comes after an answer, or isn't an object, is
 * ignored; who asked gets 500 when nothing else comes. */
void weir_reply_json(struct weir_reply *reply, struct weir_slice json);
/* Refuses: a status of 400 (wrong input), 404 or 409, the member that is wrong (or NULL), and what
 * to do. */
void weir_reply_error(struct weir_reply *reply, int status, const char *member, const char *fmt,
                      ...) WEIR_PRINTF(4, 5);

/* What is said to the fleet instead of the request, if it is said to the fleet: for a command that
 * may change a part of what it sets, all of that as it is now, so that the same is in force
 * everywhere. A JSON object; copied. The members of `of` say of what it is. */
void weir_reply_fleet(struct weir_reply *reply, struct weir_slice json);

/* For commands with `overrides`. What is in force now is what the configuration says: nothing is
 * overridden any more. */
void weir_reply_filed(struct weir_reply *reply);
/* What is in force now, as a configuration would say it: the place, from the top, and in it a
 * setting with its value. Once for each.
 *
 *     weir_reply_setting(reply, "routes > reviews > fault > slow", "percent = \"2.5%\""); */
void weir_reply_setting(struct weir_reply *reply, const char *place, const char *setting);

#pragma GCC visibility pop

#endif
