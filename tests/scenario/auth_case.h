/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_SCENARIO_AUTH_CASE_H
#define WEIR_TESTS_SCENARIO_AUTH_CASE_H

/* The module auth with real tokens, keys, passwords and certificates: a gateway whose configuration
 * is named by what is interesting of it, and an issuer that the test is itself. */

#include <time.h>

#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/unit/auth_case.h"

#define AUTH_SUITE(name)                                                                           \
    TestSuite(name, .init = auth_scene_begin, .fini = auth_scene_end, .timeout = 120)
void auth_scene_begin(void);
void auth_scene_end(void);

/* -- configurations ---------------------------------------------------------------------------- */

#define MODULES(settings) "modules = { auth = { " settings " }; };"
#define ROUTE(settings) "( { name = \"all\"; cluster = \"app\"; auth = { " settings " }; } )"
/* An issuer "id" whose keys are in $dir/jwks. */
#define JWT_WITH(settings)                                                                         \
    "jwt = ( { name = \"id\"; issuer = \"https://id.test\"; audience = \"shop\"; " settings " } "  \
    ");"
#define JWT_FILE JWT_WITH("jwks_file = \"$dir/jwks\";")

/* Replaces a file of the folder as one should. Nothing in it stands for anything. */
void put_file(const char *name, const char *text);

/* -- who asks ---------------------------------------------------------------------------------- */

/* A line of htpasswd's. */
const char *htpasswd_line(const char *user, const char *password, unsigned cost);
/* A line of a file of API keys. */
const char *api_key_line(const char *name, const char *key, const char *claims);
/* "Authorization: Basic ...\r\n" */
const char *basic(const char *user, const char *password);
/* A key of an issuer, as it publishes it: with this id. */
const char *jwk(EVP_PKEY *key, const char *kid);
/* A token with good claims of anna's, and more of them: "\"a\":1". NULL: none. */
const char *token(EVP_PKEY *key, enum jwt_alg alg, const char *kid, const char *more);
/* "Authorization: Bearer ...\r\n" */
const char *bearer(const char *token);

/* What the requests go to. */
extern struct origin *app;

/* -- asking ------------------------------------------------------------------------------------ */

/* A request with these lines to a path, and its status; the response stays in `got`. */
extern const struct response *got;
int asked(const char *path, const char *lines);
#define EXPECT(want, path, lines)                                                                  \
    cr_assert_eq(asked(path, lines), want, "%d: %s%s", got->status, got->head.p, got->body.p)
/* What rig_run() has printed. */
const char *output(void);
/* WWW-Authenticate of the last one. */
const char *challenge(void);

#endif
