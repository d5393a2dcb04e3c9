/* SPDX-License-Identifier: Apache-2.0 */
/* Variables about the connection: TLS, certificate, PROXY header; and how gRPC ended. */
#include "core/log/access_log.h"

#include <criterion/criterion.h>

#include "base/text.h"
#include "core/exchange.h"
#include "io/proxy_header.h"
#include "io/tls.h"

#define FORMAT                                                                                     \
    "json peer client tls_version tls_cipher tls_server_name tls_alpn tls_resumed "                \
    "client_subject client_fingerprint grpc_status"

static struct listener_conf listener = {.name = SLICE_INIT("in")};
static struct config config = {.listeners = &listener, .listeners_n = 1};
static struct generation g = {.config = &config};
static struct loop loop;
static struct worker w = {.loop = &loop, .g = &g};
static struct client_facts facts = {
    .peer = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}},
    .direct = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
};
static struct exchange x = {.w = &w, .facts = &facts};
static struct proxy_header header = {
    .authority = SLICE_INIT("told.example"),
    .alpn = SLICE_INIT("h2"),
    .tls = {.used = true,
            .certificate = true,
            .version = SLICE_INIT("TLSv1.2"),
            .cipher = SLICE_INIT("AES"),
            .cn = SLICE_INIT("b\"ob")},
};
static const struct tls_peer peer = {.subject = SLICE_INIT("CN=own"),
                                     .fingerprint = SLICE_INIT("00ff")};

static void check(const char *want)
{
    struct arena a;
    struct faults faults;
    struct text out;
    arena_init(&a, NULL, 0);
    faults_init(&faults);
    text_init(&out);
    const struct log_conf lc = {.format = SLICE(FORMAT)};
    struct access_format *f = access_format_compile(&lc, &a, &faults);
    cr_assert(f);
    access_format_write(f, &x, &out);
    cr_assert(slice_eq(text_slice(&out), slice_str(want)), "%.*s", SLICE_ARG(text_slice(&out)));
    text_fini(&out);
    faults_fini(&faults);
    arena_fini(&a);
}

Test(variables_client, says_nothing_of_a_plain_connection)
{
    check("{\"client\":\"10.0.0.7\"}\n");
}

Test(variables_client, says_what_the_handshake_found)
{
    const struct tls_facts tls = {.version = SLICE("TLSv1.3"),
                                  .cipher = SLICE("TLS_AES_128_GCM_SHA256"),
                                  .server_name = SLICE("own.example"),
                                  .alpn = SLICE("http/1.1"),
                                  .resumed = true,
                                  .peer = &peer};
    facts.tls = &tls;
    check("{\"client\":\"10.0.0.7\",\"tls_version\":\"TLSv1.3\","
          "\"tls_cipher\":\"TLS_AES_128_GCM_SHA256\",\"tls_server_name\":\"own.example\","
          "\"tls_alpn\":\"http/1.1\",\"tls_resumed\":true,\"client_subject\":\"CN=own\","
          "\"client_fingerprint\":\"00ff\"}\n");
}

Test(variables_client, says_what_a_proxy_header_told)
{
    facts.proxy = &header;
    check("{\"peer\":\"10.0.0.1\",\"client\":\"10.0.0.7\",\"tls_version\":\"TLSv1.2\","
          "\"tls_cipher\":\"AES\",\"tls_server_name\":\"told.example\",\"tls_alpn\":\"h2\"}\n");
    header.tls.verified = true;
    check("{\"peer\":\"10.0.0.1\",\"client\":\"10.0.0.7\",\"tls_version\":\"TLSv1.2\","
          "\"tls_cipher\":\"AES\",\"tls_server_name\":\"told.example\",\"tls_alpn\":\"h2\","
          "\"client_subject\":\"CN=b\\\"ob\"}\n");
}

Test(variables_client, believes_its_own_handshake_more_than_a_proxy_header)
{
    const struct tls_facts tls = {.version = SLICE("TLSv1.3"), .cipher = SLICE("c")};
    facts.tls = &tls;
    facts.proxy = &header;
    header.tls.verified = true;
    check("{\"peer\":\"10.0.0.1\",\"client\":\"10.0.0.7\",\"tls_version\":\"TLSv1.3\","
          "\"tls_cipher\":\"c\",\"tls_resumed\":false}\n");
}

Test(variables_client, says_how_a_grpc_request_ended)
{
    x.grpc = true;
    x.grpc_code = GRPC_UNIMPLEMENTED;
    check("{\"client\":\"10.0.0.7\",\"grpc_status\":12}\n");
    x.grpc_code = GRPC_MISSING;
    check("{\"client\":\"10.0.0.7\",\"grpc_status\":2}\n");
}
