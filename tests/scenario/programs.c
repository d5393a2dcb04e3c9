/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that people try a gateway with: nghttp, h2load and openssl s_client, each by what it
 * prints (curl has curl_program.c). One that isn't there skips its tests. */
#include "tests/lib/certs.h"
#include "tests/lib/pairing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(programs, .init = pairing_begin, .fini = pairing_end, .timeout = 120);

static const struct pairing cleartext = {"cleartext", BROWSE_H2, ORIGIN_H1, false},
                            tls = {"tls", BROWSE_H2, ORIGIN_H1, true};
static char output[256 * 1024];

/* Runs it in a shell, for up to 30 seconds. What it printed, in both ways, is in `output`. */
__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
    char command[2048], all[2200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    snprintf(all, sizeof all, "exec 2>&1; timeout 30 %s", command);
    FILE *f = popen(all, "re");
    cr_assert(f);
    const size_t n = fread(output, 1, sizeof output - 1, f);
    output[n] = 0;
    for (size_t i = 0; i < n; i++)
        output[i] = output[i] ? output[i] : '?';
    return pclose(f);
}

static void begin(const char *program, const struct pairing *p)
{
    if (run("sh -c 'command -v %s'", program))
        PAIRING_SKIP("the program isn't there");
    pairing_origin(p);
    pairing_start(p);
}

#define EXPECT_SAID(text) cr_expect(strstr(output, text), "\"%s\" isn't in:\n%s", text, output)

Test(programs, nghttp_gets_a_page)
{
    begin("nghttp", &cleartext);
    cr_assert_eq(run("nghttp -nv http://127.0.0.1:%u/?size=100000", rig_port("port")), 0, "%s",
                 output);
    EXPECT_SAID(":status: 200");
    EXPECT_SAID("content-length: 100000");
    EXPECT_SAID("; END_STREAM");
}

Test(programs, nghttp_gets_many_pages_over_tls)
{
    char urls[1024] = "";
    begin("nghttp", &tls);
    for (int i = 0; i < 10; i++)
        sprintf(urls + strlen(urls), " https://127.0.0.1:%u/%d?size=%d", rig_port("port"), i,
                1000 * i);
    cr_assert_eq(run("nghttp -ns %s", urls), 0, "%s", output);
    for (int i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%d?size=%d", i, 1000 * i);
        EXPECT_SAID(path);
    }
}

/* Uploads as well: content in DATA frames, windows of both sides. */
Test(programs, nghttp_uploads_over_tls)
{
    begin("nghttp", &tls);
    cr_assert_eq(run("sh -c 'head -c 3000000 /dev/zero >%s && nghttp -d %s "
                     "https://127.0.0.1:%u/?count'",
                     rig_path("zeros"), rig_path("zeros"), rig_port("port")),
                 0, "%s", output);
    EXPECT_SAID("3000000 of rubbish");
}

static void load(const struct pairing *p, const char *more)
{
    begin("h2load", p);
    cr_assert_eq(run("h2load -n 3000 -c 6 -m 20 %s http%s://127.0.0.1:%u/?size=3000", more,
                     p->tls ? "s" : "", rig_port("port")),
                 0, "%s", output);
    EXPECT_SAID("3000 succeeded, 0 failed, 0 errored, 0 timeout");
    EXPECT_SAID("status codes: 3000 2xx");
}

Test(programs, h2load_loads)
{
    load(&cleartext, "");
}

Test(programs, h2load_loads_over_tls)
{
    load(&tls, "");
}

Test(programs, h2load_loads_in_http_1_over_tls)
{
    load(&tls, "--h1");
}

/* A small window on the client's side: content is cut into many frames. */
Test(programs, h2load_loads_through_small_windows)
{
    load(&tls, "-w 12 -W 14");
}

static void shake_hands(const char *options)
{
    run("sh -c 'printf \"GET / HTTP/1.1\\r\\nHost: site.test\\r\\nConnection: close\\r\\n\\r\\n\" "
        "| "
        "openssl s_client -connect 127.0.0.1:%u -servername site.test -CAfile %s "
        "-verify_return_error -ign_eof %s'",
        rig_port("port"), pairing_ca(&tls), options);
}

Test(programs, openssl_shakes_hands)
{
    begin("openssl", &tls);
    shake_hands("-tls1_3");
    EXPECT_SAID("Verify return code: 0 (ok)");
    EXPECT_SAID("TLSv1.3");
    EXPECT_SAID("HTTP/1.1 200");
    shake_hands("-tls1_2");
    EXPECT_SAID("Verify return code: 0 (ok)");
    EXPECT_SAID("TLSv1.2");
    EXPECT_SAID("HTTP/1.1 200");
    shake_hands("-alpn http/1.1");
    EXPECT_SAID("ALPN protocol: http/1.1");
    EXPECT_SAID("HTTP/1.1 200");
}

Test(programs, openssl_uses_a_session_again)
{
    begin("openssl", &tls);
    char first[512];
    snprintf(first, sizeof first, "-tls1_3 -sess_out %s", rig_path("session"));
    shake_hands(first);
    EXPECT_SAID("New, TLSv1.3");
    snprintf(first, sizeof first, "-tls1_3 -sess_in %s", rig_path("session"));
    shake_hands(first);
    EXPECT_SAID("Reused, TLSv1.3");
    EXPECT_SAID("HTTP/1.1 200");
}

/* Too old; and a protocol that nobody speaks here (RFC 7301 3.2). */
Test(programs, openssl_is_refused)
{
    begin("openssl", &tls);
    shake_hands("-tls1_1 -cipher DEFAULT@SECLEVEL=0");
    cr_expect(!strstr(output, "HTTP/1.1"), "%s", output);
    shake_hands("-alpn spdy/3");
    EXPECT_SAID("no application protocol");
}
