/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_DARK_CASE_H
#define WEIR_TESTS_DARK_CASE_H

/* What the scenarios of dark launches share: a weir with a dark version, whose origin is "dark",
 * beside the one that everybody gets, "app"; and what an operator does with grants. */

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/h2_talk.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

enum { TOKEN_ROOM = 128 };

extern struct origin *dark_app, *dark_dark;

void dark_begin(void);
void dark_end(void);
#define DARK_SUITE(name) TestSuite(name, .init = dark_begin, .fini = dark_end, .timeout = 120)

#define DARK_CLUSTERS "dark = { endpoints = [ \"$dark\" ]; };"
#define DARK_ROUTES(settings)                                                                      \
    "( { name = \"all\"; cluster = \"app\"; dark_launch = { cluster = \"dark\"; " settings " }; "  \
    "} )"
/* Another module says who asks: X-Vouch (tests/scenario/modules/vouch.c). */
#define DARK_MODULES(settings) "modules = { vouch = { }; dark_launch = { " settings " }; };"
#define DARK_LISTENER "protocols = [ \"h2\", \"http/1.1\" ];"
#define dark_start(settings, ...)                                                                  \
    rig_start(.listener = DARK_LISTENER, .top = DARK_MODULES(""), .clusters = DARK_CLUSTERS,       \
              .routes = DARK_ROUTES(settings), ##__VA_ARGS__)

/* A command of the module; its answer. */
const struct response *dark_command(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A grant; its id. */
const char *dark_grant(const char *name, unsigned ttl_s, char token[TOKEN_ROOM]);

/* GET / with these fields (lines with CRLF), on a connection of its own. */
const struct response *dark_ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define NOBODY "Accept: */*\r\n"
#define COMES_FROM(who, what)                                                                      \
    do {                                                                                           \
        const struct response *r_ = (what);                                                        \
        cr_assert(body_is(r_, who "\n"), "not of " who ": %d %s", r_->status, r_->body.p);         \
    } while (0)
#define IS_DARK(what) COMES_FROM("dark", what)
#define IS_NORMAL(what) COMES_FROM("app", what)

#endif
