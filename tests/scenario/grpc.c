/* SPDX-License-Identifier: Apache-2.0 */
/* gRPC as its own library speaks it: a client and a server of Python's grpcio with the gateway
 * between them, in cleartext and over TLS. Calls are lines that the client process is given; what
 * came of each is the line that it answers. */
#include "tests/lib/certs.h"
#include "tests/lib/pairing.h"
#include "tests/lib/peer_process.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pairing cleartext = {"cleartext", BROWSE_H2, ORIGIN_H2, false},
                            tls = {"tls", BROWSE_H2, ORIGIN_H2, true};

static struct peer_process *server, *client;

TestSuite(grpc, .init = pairing_begin, .fini = pairing_end, .timeout = 120);

static void begin_client(const struct pairing *p)
{
    char port[16];
    snprintf(port, sizeof port, "%u", rig_port("port"));
    client = peer_start("grpc_client", (const char *const[]){port, pairing_ca(p), NULL});
}

static void begin(const struct pairing *p)
{
    const char *const files[] = {certs_path("origin.crt"), certs_path("origin.key"), NULL};
    if (!peer_has("grpc"))
        PAIRING_SKIP("Python has no grpc");
    server = peer_start("grpc_server", p->tls ? files : NULL);
    peer_listens(server, "app");
    pairing_start(p);
    begin_client(p);
}

static const char *call(const char *line)
{
    peer_say(client, line);
    const char *answer = peer_line(client);
    return answer ? answer : "nothing";
}

#define EXPECT_CALL(line, begins)                                                                  \
    do {                                                                                           \
        const char *said_ = call(line);                                                            \
        cr_expect(!strncmp(said_, begins, strlen(begins)), "%s: %s", line, said_);                 \
    } while (0)

static double counted(const char *code)
{
    char series[96];
    snprintf(series, sizeof series, "weir_route_grpc_total{route=\"all\",code=\"%s\"}", code);
    return rig_metric(series);
}

static void make_every_kind_of_call(const struct pairing *p)
{
    begin(p);
    const char *said = call("unary hello");
    cr_assert(!strncmp(said, "OK hello, first: ", 17), "%s", said);
    cr_assert(strstr(said, "x-first='1'") && strstr(said, "last: x-last='2'"), "%s", said);
    EXPECT_CALL("big 0", "OK True");
    EXPECT_CALL("big 3000000", "OK True");
    EXPECT_CALL("down 0", "OK 0 messages, True");
    EXPECT_CALL("down 500", "OK 500 messages, True");
    EXPECT_CALL("up 0 0", "OK 0 of 0");
    EXPECT_CALL("up 100 10000", "OK 100 of 1000000");
    EXPECT_CALL("both 0", "OK 0 messages, True");
    EXPECT_CALL("both 50", "OK 50 messages, True");
    EXPECT_CALL("many 50", "OK 50");
    AWAIT(counted("0") == 59);
    cr_assert_eq(peer_end(client), 0);
}

Test(grpc, makes_every_kind_of_call)
{
    make_every_kind_of_call(&cleartext);
}

Test(grpc, makes_every_kind_of_call_over_tls)
{
    make_every_kind_of_call(&tls);
}

static void pass_errors_on(const struct pairing *p)
{
    begin(p);
    static const char want[] = "INVALID_ARGUMENT not that: \303\244, 100%, last: ";
    const char *said = call("unary fail");
    cr_assert(!strncmp(said, want, strlen(want)), "%s", said);
    cr_assert(strstr(said, "x-reason='asked for'"), "%s", said);
    cr_assert(strstr(said, "x-blob-bin=b'\\x00\\xff\\x01'"), "%s", said);
    EXPECT_CALL("call /test.Echo/Missing", "UNIMPLEMENTED ");
    EXPECT_CALL("unary again", "OK again");
    AWAIT(counted("3") == 1 && counted("12") == 1 && counted("0") == 1);
}

Test(grpc, passes_errors_and_their_metadata_on)
{
    pass_errors_on(&cleartext);
}

Test(grpc, passes_errors_and_their_metadata_on_over_tls)
{
    pass_errors_on(&tls);
}

/* Whoever is first, the client or the gateway that read grpc-timeout, the origin is let go. */
Test(grpc, ends_a_call_at_its_deadline)
{
    begin(&cleartext);
    EXPECT_CALL("deadline 300", "DEADLINE_EXCEEDED ");
    EXPECT_CALL("unary after", "OK after");
}

/* A client that sets no clock of its own: the deadline is the gateway's. */
Test(grpc, bounds_a_request_by_its_grpc_timeout)
{
    pairing_origin(&cleartext);
    pairing_start(&cleartext);
    struct h2_talk *t = pairing_h2_talk(&cleartext);
    const struct h2_stream *s = h2_answer(
        t, h2_ask(t, .path = "/test.Echo/Unary?hang", .method = "POST", .pattern = 10,
                  .fields = "content-type: application/grpc\nte: trailers\ngrpc-timeout: 200m\n"));
    cr_assert(s->ended && s->reset < 0);
    cr_assert_eq(s->status, 200, "%d", s->status);
    cr_assert_str_eq(h2_field(s, "content-type"), "application/grpc");
    cr_assert_str_eq(h2_field(s, "grpc-status"), "4");
    AWAIT(counted("4") == 1);
}

Test(grpc, lets_the_origin_go_when_the_client_cancels)
{
    begin(&cleartext);
    EXPECT_CALL("leave", "OK left after ON AND ON");
    EXPECT_CALL("unary after", "OK after");
    AWAIT(counted("1") == 1 || counted("missing") == 1 || rig_access_lines() == 2);
}

static void answer_for_an_origin_that_is_gone(const struct pairing *p)
{
    begin(p);
    EXPECT_CALL("unary before", "OK before");
    peer_end(server);
    EXPECT_CALL("unary after", "UNAVAILABLE ");
    cr_assert(counted("14") >= 1);
}

Test(grpc, is_unavailable_when_its_origin_is_gone)
{
    answer_for_an_origin_that_is_gone(&cleartext);
}

Test(grpc, is_unavailable_when_its_origin_is_gone_over_tls)
{
    answer_for_an_origin_that_is_gone(&tls);
}

Test(grpc, is_unimplemented_where_no_route_leads)
{
    if (!peer_has("grpc"))
        PAIRING_SKIP("Python has no grpc");
    pairing_origin(&cleartext);
    pairing_start(&cleartext, .routes = "( { name = \"all\"; match = { path = \"/other\"; }; "
                                        "cluster = \"app\"; } )");
    begin_client(&cleartext);
    EXPECT_CALL("unary hello", "UNIMPLEMENTED ");
}
