/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_WEIRCTL_CLIENT_H
#define WEIR_WEIRCTL_CLIENT_H

/* One request to the admin API and its answer, over libcurl. */

#include <stdbool.h>

#include "base/addr.h"
#include "base/text.h"

#define CLIENT_SOCKET "/run/weir/admin.sock" /* unless the operator names another */

enum {
    CLIENT_TIMEOUT_MS = 15000,    /* of the whole */
    CLIENT_ANSWER_MAX = 16 << 20, /* bytes of the answer's content */
};

/* Where the gateway is: a unix socket, or a host and a port; and what is shown there. Everything is
 * borrowed. */
struct client_target {
    const char *name;      /* as the operator wrote it, without "https://" */
    const char *unix_path; /* within it; NULL: TCP */
    const char *token;     /* NULL: none */
    const char *ca;        /* PEM: who may have signed the gateway's certificate; NULL: the system's */
    const char *certificate, *key; /* PEM; key NULL: in the same file; certificate NULL: none */
    bool tls;
    unsigned timeout_ms;   /* CLIENT_TIMEOUT_MS, unless the caller sets another */
};
/* "/path", "path", "unix:/path", "127.0.0.1:9901", "[::1]:9901", "https://weir.internal:9901": what
 * has no ":" is a path. False: it is none of these, or the path is too long for a socket. */
bool client_target_parse(const char *text, struct client_target *out) nodiscard;

enum { CLIENT_TOKEN_MAX = 512 }; /* bytes of a token */
/* The only line of the file; false: `fault` says what is wrong with it. */
bool client_token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1],
                       struct text *fault) nodiscard;

struct client_answer {
    int status;        /* 0: the gateway was not reached, or spoke no HTTP: see `fault` */
    struct text body;  /* NUL behind its end */
    struct text fault; /* what happened and what to check; NUL-terminated */
};
/* POST of a JSON text. The answer is the caller's, to be freed with client_answer_fini(). */
void client_post(const struct client_target *to, const char *path, const char *content,
                 struct client_answer *out);
/* The same of an answer that goes on: each of its lines is given to on_line, with its newline, as
 * it comes; false ends it. What isn't 200 is in `out` as above; of a line longer than
 * CLIENT_ANSWER_MAX the answer ends with a fault. timeout_ms is for the connection alone. */
void client_stream(const struct client_target *to, const char *path, const char *content,
                   bool (*on_line)(void *ctx, struct slice line), void *ctx,
                   struct client_answer *out);
void client_answer_fini(struct client_answer *a);

#endif
