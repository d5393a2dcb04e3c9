/* SPDX-License-Identifier: Apache-2.0 */
/* curl, the program, over HTTP/2 and TLS: what it prints is what is looked at. curl.c has what only
 * the library tells, programs.c other programs. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;
static char said[256 * 1024]; /* by the last run */

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    app = origin_start("app");
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(curl_program, .init = begin, .fini = end, .timeout = 120);

/* Runs a command line, with a time limit; its exit status. */
static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
    char tool[1024], command[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(tool, sizeof tool, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "timeout 30 %s 2>&1 </dev/null", tool);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    size_t n = 0;
    for (size_t k = 1; k; n += k)
        k = fread(said + n, 1, sizeof said - 1 - n, f);
    said[n] = 0;
    const int status = pclose(f);
    if (status)
        fprintf(stderr, "%s: %x\n%s\n", tool, (unsigned)status, said);
    return status;
}

static bool there_is(const char *tool)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null", tool);
    return system(command) == 0; /* NOLINT: a fixed text */
}

static unsigned count(const char *needle)
{
    unsigned n = 0;
    for (const char *p = said; (p = strstr(p, needle)); p += strlen(needle))
        n++;
    return n;
}

static void start(void)
{
    rig_start(.workers = 2, .listener = "protocols = [ \"h2\", \"http/1.1\" ];",
              .listeners = ", { name = \"tls\"; bind = \"127.0.0.1:$port_tls\"; "
                           "tls = { certificates = ( { certificate = \"$certs/site.crt\"; "
                           "key = \"$certs/site.key\"; } ); }; }");
}

#define CURL                                                                                       \
    "curl -sS --noproxy '*' -w '\\n%%{http_version} %%{response_code} %%{size_download}\\n' "

static bool curl_has_h2(void)
{
    return there_is("curl") && run("curl --version") == 0 && strstr(said, "HTTP2");
}

Test(curl_program, curl_speaks_h2_over_tls)
{
    if (!curl_has_h2())
        RIG_SKIP("no curl with HTTP/2 on this machine");
    start();
    char to[256];
    snprintf(to, sizeof to, "--cacert %s --resolve site.test:%u:127.0.0.1 https://site.test:%u",
             certs_path("root.crt"), rig_port("port_tls"), rig_port("port_tls"));
    cr_assert_eq(run(CURL "--http2 %s/", to), 0);
    cr_assert(strstr(said, "app\n") && strstr(said, "\n2 200 4\n"), "%s", said);
    cr_assert_eq(run(CURL "--http1.1 %s/", to), 0);
    cr_assert(strstr(said, "\n1.1 200 4\n"), "%s", said);
    cr_assert_eq(run(CURL "--tls-max 1.2 %s/", to), 0);
    cr_assert(strstr(said, "\n2 200 4\n"), "%s", said);
    cr_assert_eq(run(CURL "-o /dev/null %s/?size=5000000", to), 0);
    cr_assert(strstr(said, "\n2 200 5000000\n"), "%s", said);
    cr_assert_eq(run(CURL "-o /dev/null -o /dev/null -o /dev/null %s/?status=20[0-2]", to), 0);
    cr_assert_eq(count("\n2 20"), 3, "several on one connection: %s", said);
    cr_assert_eq(run(CURL "-d 'hello world' %s/?echo", to), 0);
    cr_assert(strstr(said, "hello world") && strstr(said, "\n2 200 "), "%s", said);
    cr_assert_eq(run(CURL "-I %s/?size=1000", to), 0);
    cr_assert(strstr(said, "content-length: 1000") && strstr(said, "\n2 200 0\n"), "%s", said);
    cr_assert_neq(run("curl -sS --noproxy '*' https://127.0.0.1:%u/", rig_port("port_tls")), 0,
                  "nobody knows that CA");
}

Test(curl_program, curl_speaks_h2_by_prior_knowledge)
{
    if (!curl_has_h2())
        RIG_SKIP("no curl with HTTP/2 on this machine");
    start();
    const unsigned port = rig_port("port");
    cr_assert_eq(run(CURL "--http2-prior-knowledge http://127.0.0.1:%u/", port), 0);
    cr_assert(strstr(said, "app\n") && strstr(said, "\n2 200 4\n"), "%s", said);
    cr_assert_eq(run(CURL "http://127.0.0.1:%u/", port), 0);
    cr_assert(strstr(said, "\n1.1 200 4\n"), "%s", said);
    cr_assert_eq(run(CURL "--http2 http://127.0.0.1:%u/", port), 0);
    cr_assert(strstr(said, "\n1.1 200 4\n"), "an upgrade to h2c is not taken: %s", said);
    cr_assert_eq(
        run(CURL "--http2-prior-knowledge -o /dev/null 'http://127.0.0.1:%u/?size=300000'", port),
        0);
    cr_assert(strstr(said, "\n2 200 300000\n"), "%s", said);
    cr_assert_eq(
        run(CURL "--http2-prior-knowledge -T - 'http://127.0.0.1:%u/?count' -X POST", port), 0);
    cr_assert(strstr(said, "0 of pattern"), "%s", said);
}
