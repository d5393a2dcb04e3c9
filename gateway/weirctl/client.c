/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the admin API. libcurl brings unix sockets, name resolution, deadlines and the
 * response's framing; what is here is what it is told, the bound of the answer, and what an
 * operator is told when it fails. */

#include "weirctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/admin/admin.h"

_Static_assert((int)CLIENT_TIMEOUT_MS > (int)ADMIN_WORK_MS + 1000, "a 504 must get through");

bool client_target_parse(const char *text, struct client_target *out)
{
    static const struct slice https = SLICE_INIT("https://");
    const size_t path_max = sizeof((struct sockaddr_un *)0)->sun_path;
    const bool prefixed = slice_starts(slice_str(text), SLICE("unix:"));
    const char *path = prefixed ? text + strlen("unix:") : text;
    struct slice host;
    uint16_t port;

    *out = (struct client_target){.name = text, .timeout_ms = CLIENT_TIMEOUT_MS};
    if (slice_starts(slice_str(text), https)) {
        out->tls = true;
        out->name = text + https.n;
        return addr_split(slice_str(out->name), &host, &port, 0);
    }
    if (prefixed || strchr(path, '/') || !strchr(path, ':')) {
        out->unix_path = path;
        return *path && strlen(path) < path_max;
    }
    return addr_split(slice_str(text), &host, &port, 0);
}

bool client_token_read(const char *path, char token[CLIENT_TOKEN_MAX + 1], struct text *fault)
{
    enum { END = 3 }; /* of the line, and one to see that there is more */
    char line[CLIENT_TOKEN_MAX + END];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(line, 1, sizeof line, f) : 0;

    if (!f || ferror(f)) {
        text_printf(fault, "can't read the token in %s: %s", path, strerror(errno));
        if (f)
            fclose(f);
        return false;
    }
    fclose(f);
    if (n && line[n - 1] == '\n')
        n -= 1 + (n > 1 && line[n - 2] == '\r');
    bool ok = n > 0 && n <= CLIENT_TOKEN_MAX;
    for (size_t i = 0; ok && i < n; i++)
        ok = line[i] > ' ' && line[i] <= '~';
    if (ok)
        memcpy(token, line, n);
    else
        text_printf(fault, "%s has no token in its only line", path);
    token[ok ? n : 0] = '\0';
    return ok;
}

/* -- what went wrong --------------------------------------------------------------------------- */

static void explain_connect(const struct client_target *to, int err, const char *why,
                            struct text *out)
{
    const char *at = to->name;

    if (err == ENOENT)
        text_printf(out,
                    "there is no socket %s: is weir running, and does \"bind\" of \"admin\" in "
                    "its configuration name this socket? -s or WEIR_SOCKET name another",
                    at);
    else if (err == EACCES || err == EPERM)
        text_printf(out,
                    "may not connect to %s: its group and \"unix_mode\" of \"admin\" say who "
                    "may (sudo, or join the group)",
                    at);
    else
        text_printf(out,
                    "nobody answers on %s (%s): is weir running, and does \"bind\" of \"admin\" "
                    "in its configuration say the same? -s or WEIR_SOCKET name another",
                    at, why);
}

static void explain(const struct client_target *to, CURL *curl, CURLcode code, struct text *out)
{
    long err = 0;

    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &err);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        explain_connect(to, (int)err, err ? strerror((int)err) : curl_easy_strerror(code), out);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        text_printf(out,
                    "no answer from %s within %u ms: does weir's control process run, and is "
                    "this its admin socket?",
                    to->name, to->timeout_ms);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        text_printf(out,
                    "%s is not believed (%s): --ca names who has signed its certificate, and -s "
                    "must say a name that the certificate is for",
                    to->name, curl_easy_strerror(code));
    else if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
        text_printf(out, "can't use the files of --ca, --cert or --key: %s",
                    curl_easy_strerror(code));
    else if (to->tls && !to->certificate &&
             (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_RECV_ERROR))
        text_printf(out,
                    "%s ends the TLS handshake (%s): does it want a certificate? --cert and --key "
                    "show one",
                    to->name, curl_easy_strerror(code));
    else if (code == CURLE_WRITE_ERROR)
        text_printf(out, "the answer of %s is larger than %d MiB", to->name,
                    CLIENT_ANSWER_MAX >> 20);
    else
        text_printf(out, "no usable answer from %s (%s): is this the admin socket of a weir?",
                    to->name, curl_easy_strerror(code));
}

/* -- the request ------------------------------------------------------------------------------- */

static size_t on_content(char *p, size_t size, size_t n, void *body)
{
    struct text *t = body;

    if (t->n + size * n > CLIENT_ANSWER_MAX)
        return 0; /* CURLE_WRITE_ERROR */
    text_add(t, slice_of(p, size * n));
    return size * n;
}

/* No proxy of the environment's: it could reach no such socket. No redirects: there are none. */
static void prepare(CURL *curl, const struct client_target *to, struct client_answer *out)
{
    if (to->unix_path)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, to->unix_path);
    if (to->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, to->ca);
    if (to->certificate) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, to->certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, to->key ? to->key : to->certificate);
    }
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_content);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out->body);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weirctl/" PACKAGE_VERSION);
}

static struct curl_slist *fields_of(const struct client_target *to)
{
    char bearer[CLIENT_TOKEN_MAX + 32];
    struct curl_slist *fields = curl_slist_append(NULL, "Content-Type: application/json");

    must(fields);
    if (to->token) {
        snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", to->token);
        fields = curl_slist_append(fields, bearer);
        must(fields);
    }
    return fields;
}

static void perform(CURL *curl, const struct client_target *to, const char *path,
                    const char *content, struct client_answer *out)
{
    struct curl_slist *fields = fields_of(to);
    struct text url;
    long status = 0;

    text_init(&url);
    text_printf(&url, "http%s://%s%s", to->tls ? "s" : "", to->unix_path ? "weir" : to->name, path);
    text_char(&url, '\0');
    curl_easy_setopt(curl, CURLOPT_URL, url.p);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, content);
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        explain(to, curl, code, &out->fault);
    out->status = code == CURLE_OK ? (int)status : 0;
    text_need(&out->body, 1);
    out->body.p[out->body.n] = '\0';
    text_char(&out->fault, '\0');
    text_fini(&url);
    curl_slist_free_all(fields);
}

static CURL *begin(const struct client_target *to, struct client_answer *out)
{
    CURL *curl = curl_easy_init();

    must(curl);
    *out = (struct client_answer){0};
    text_init(&out->body);
    text_init(&out->fault);
    prepare(curl, to, out);
    return curl;
}

void client_post(const struct client_target *to, const char *path, const char *content,
                 struct client_answer *out)
{
    CURL *curl = begin(to, out);

    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)to->timeout_ms);
    perform(curl, to, path, content, out);
    curl_easy_cleanup(curl);
}

/* -- an answer that goes on -------------------------------------------------------------------- */

struct stream {
    CURL *curl;
    struct text *body; /* a line that has no end yet; what isn't 200 */
    bool (*on_line)(void *ctx, struct slice line);
    void *ctx;
};

static size_t on_piece(char *p, size_t size, size_t n, void *stream)
{
    struct stream *s = stream;
    long status = 0;
    size_t done = 0;

    if (!on_content(p, size, n, s->body))
        return 0;
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    for (const char *end;
         status == 200 && (end = memchr(s->body->p + done, '\n', s->body->n - done));) {
        const struct slice line = slice_between(s->body->p + done, end + 1);
        done += line.n;
        if (!s->on_line(s->ctx, line))
            return 0;
    }
    memmove(s->body->p, s->body->p + done, s->body->n - done);
    s->body->n -= done;
    return size * n;
}

void client_stream(const struct client_target *to, const char *path, const char *content,
                   bool (*on_line)(void *ctx, struct slice line), void *ctx,
                   struct client_answer *out)
{
    CURL *curl = begin(to, out);
    struct stream s = {curl, &out->body, on_line, ctx};

    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)to->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_piece);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &s);
    perform(curl, to, path, content, out);
    curl_easy_cleanup(curl);
}

void client_answer_fini(struct client_answer *a)
{
    text_fini(&a->body);
    text_fini(&a->fault);
}
