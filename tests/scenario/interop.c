/* SPDX-License-Identifier: Apache-2.0 */
/* The tools that everybody has, against the real gateway: curl, nghttp, h2load, openssl s_client.
 * What they print is what is looked at. What isn't installed is skipped. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;
static char said[256 * 1024]; /* by the last tool */

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

TestSuite(interop, .init = begin, .fini = end, .timeout = 120);

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

/* -- curl ----------------------------------------------------------------------------------------
 */

#define CURL                                                                                       \
    "curl -sS --noproxy '*' -w '\\n%%{http_version} %%{response_code} %%{size_download}\\n' "

static bool curl_has_h2(void)
{
    return there_is("curl") && run("curl --version") == 0 && strstr(said, "HTTP2");
}

Test(interop, curl_speaks_h2_over_tls)
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

Test(interop, curl_speaks_h2_by_prior_knowledge)
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

/* -- nghttp2's tools ------------------------------------------------------------------------------
 */

Test(interop, nghttp_gets_what_it_asks_for)
{
    if (!there_is("nghttp"))
        RIG_SKIP("no nghttp on this machine");
    start();
    cr_assert_eq(run("nghttp -vn -t 10 'http://127.0.0.1:%u/?size=100000&trailers&chunked=5000'",
                     rig_port("port")),
                 0);
    cr_assert(strstr(said, ":status: 200"), "%s", said);
    cr_assert(!strstr(said, "RST_STREAM") && !strstr(said, "error_code=PROTOCOL"), "%s", said);
    cr_assert_eq(run("nghttp -v -t 10 -m 5 https://127.0.0.1:%u/", rig_port("port_tls")), 0);
    cr_assert(strstr(said, "The negotiated protocol: h2"), "%s", said);
    cr_assert_geq(count(":status: 200"), 5, "%s", said);
    cr_assert_eq(run("nghttp -n -s -t 10 --expect-continue -H ':method: POST' -d %s "
                     "'http://127.0.0.1:%u/?echo'",
                     certs_path("root.crt"), rig_port("port")),
                 0);
    cr_assert(strstr(said, " 200 "), "%s", said);
}

static void expect_all_2xx(unsigned n)
{
    char want[128];
    snprintf(want, sizeof want, "%u total, %u started, %u done, %u succeeded, 0 failed, 0 errored",
             n, n, n, n);
    cr_assert(strstr(said, want), "%s", said);
    snprintf(want, sizeof want, "status codes: %u 2xx, 0 3xx, 0 4xx, 0 5xx", n);
    cr_assert(strstr(said, want), "%s", said);
}

Test(interop, h2load_gets_thousands_of_answers)
{
    if (!there_is("h2load"))
        RIG_SKIP("no h2load on this machine");
    start();
    cr_assert_eq(
        run("h2load -n 5000 -c 8 -m 32 'http://127.0.0.1:%u/?size=1000'", rig_port("port")), 0);
    expect_all_2xx(5000);
    cr_assert_eq(
        run("h2load -n 3000 -c 8 -m 16 'https://127.0.0.1:%u/?size=1000'", rig_port("port_tls")),
        0);
    cr_assert(strstr(said, "Application protocol: h2"), "%s", said);
    expect_all_2xx(3000);
    cr_assert_eq(run("h2load --h1 -n 3000 -c 8 'https://127.0.0.1:%u/'", rig_port("port_tls")), 0);
    expect_all_2xx(3000);
    cr_assert_eq(
        run("h2load -n 200 -c 4 -m 10 'http://127.0.0.1:%u/?size=1000000'", rig_port("port")), 0);
    expect_all_2xx(200);
    cr_assert_eq(run("h2load -n 1000 -c 4 -m 10 -d %s 'https://127.0.0.1:%u/?count'",
                     certs_path("root.crt"), rig_port("port_tls")),
                 0);
    expect_all_2xx(1000);
}

/* -- openssl --------------------------------------------------------------------------------------
 */

Test(interop, s_client_agrees_on_h2_and_takes_its_session_up_again)
{
    if (!there_is("openssl"))
        RIG_SKIP("no openssl on this machine");
    start();
    char to[256];
    snprintf(to, sizeof to,
             "openssl s_client -connect 127.0.0.1:%u -servername site.test -CAfile %s "
             "-verify_return_error -verify_hostname site.test",
             rig_port("port_tls"), certs_path("root.crt"));
    run("%s -alpn h2,http/1.1", to);
    cr_assert(strstr(said, "ALPN protocol: h2"), "%s", said);
    cr_assert(strstr(said, "Verify return code: 0 (ok)"), "%s", said);
    cr_assert(strstr(said, "TLSv1.3"), "%s", said);
    run("%s -alpn http/1.1 -tls1_2", to);
    cr_assert(strstr(said, "ALPN protocol: http/1.1"), "%s", said);
    run("%s -tls1_2 -reconnect", to);
    cr_assert_eq(count("\nReused, TLSv1.2"), 5, "%s", said);
    cr_assert_eq(count("\nNew, TLSv1.2"), 1, "%s", said);
    run("%s -tls1_1 -cipher ALL:@SECLEVEL=0", to);
    cr_assert(!strstr(said, "\nNew, TLSv1.1"), "%s", said);
}
