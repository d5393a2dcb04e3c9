/* SPDX-License-Identifier: Apache-2.0 */
/* Checks over a connection, on a pipe in memory: the test is the endpoint. */
#include <criterion/criterion.h>
#include <errno.h>

#include "control/health/health_tcp.h"

static struct loop lp;
static struct health_tcp check;
static struct health_conf conf;
static struct link *peer;
static struct text got;
static int times;
static enum health_result result;

static void on_done(struct health_tcp *c, enum health_result r)
{
    cr_assert_null(c->link, "its connection is closed by then");
    times++;
    result = r;
}

static void on_peer_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)l, (void)b;
    text_add(&got, s);
}

static void on_peer_eof(struct link *l)
{
    (void)l;
}

static void on_peer_fail(struct link *l, int err)
{
    (void)l, (void)err;
}

static const struct link_events peer_events = {
    .on_bytes = on_peer_bytes, .on_eof = on_peer_eof, .on_fail = on_peer_fail};

/* `outcome` as in link_memory_connecting(). */
static void start(struct slice send, struct slice receive, int outcome, int proxy)
{
    struct link *ours;
    loop_init(&lp, 0);
    conf = (struct health_conf){.send = send, .receive = receive, .body_size = 16, .timeout = 1000};
    const struct health_tcp_how how = {.conf = &conf, .proxy_protocol = proxy};
    text_init(&got);
    health_tcp_init(&check, &lp, on_done);
    link_memory_pair(&lp, 0, &ours, &peer);
    link_memory_connecting(ours, outcome);
    link_start(peer, &peer_events, NULL);
    cr_assert(health_tcp_start_on(&check, &how, ours));
    cr_assert_eq(times, 0, "never from inside");
    loop_turn(&lp);
}

static void say(const char *text)
{
    cr_assert(bytes_copy(&peer->out, slice_str(text)));
    link_send(peer);
    loop_turn(&lp);
}

static void stop(void)
{
    health_tcp_cancel(&check);
    if (peer)
        link_close(peer);
    loop_turn(&lp);
    text_fini(&got);
    loop_fini(&lp);
}

static void ended(enum health_result expected)
{
    cr_assert_eq(times, 1);
    cr_assert_eq(result, expected, "%s", health_result_word(result));
    stop();
}

Test(health_tcp, being_connected_is_enough)
{
    start(SLICE(""), SLICE(""), 0, PROXY_PROTOCOL_OFF);
    ended(HEALTH_PASSED);
}

Test(health_tcp, a_refused_connection_fails)
{
    start(SLICE(""), SLICE(""), ECONNREFUSED, PROXY_PROTOCOL_OFF);
    ended(HEALTH_CONNECT);
}

Test(health_tcp, without_an_answer_to_wait_for_sending_is_enough)
{
    start(SLICE("PING\r\n"), SLICE(""), 0, PROXY_PROTOCOL_OFF);
    cr_assert(slice_eq(text_slice(&got), SLICE("PING\r\n")));
    ended(HEALTH_PASSED);
}

Test(health_tcp, the_answer_may_come_in_pieces_and_with_more_around)
{
    start(SLICE("PING\r\n"), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    say("hi +PO");
    cr_assert_eq(times, 0);
    say("NG\r\n and");
    ended(HEALTH_PASSED);
}

Test(health_tcp, the_first_bytes_may_be_the_endpoints)
{
    start(SLICE(""), SLICE("220 "), 0, PROXY_PROTOCOL_OFF);
    cr_assert_eq(times, 0);
    say("220 mx");
    ended(HEALTH_PASSED);
}

Test(health_tcp, more_than_is_looked_at_without_it_fails)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    say("0123456789abcde");
    cr_assert_eq(times, 0);
    say("f+PONG");
    ended(HEALTH_BODY);
}

Test(health_tcp, an_end_before_the_answer_fails)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    link_end(peer);
    loop_turn(&lp);
    ended(HEALTH_RESPONSE);
}

Test(health_tcp, an_end_in_the_middle_of_it_fails)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    say("+PON");
    link_end(peer);
    loop_turn(&lp);
    ended(HEALTH_BODY);
}

Test(health_tcp, a_reset_before_the_answer_fails)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    link_reset(peer);
    peer = NULL;
    loop_turn(&lp);
    ended(HEALTH_RESPONSE);
}

static void pass_time(uint64_t ms)
{
    clock_set(&lp.clock, lp.clock.mono_us + ms * 1000, lp.clock.wall_us + ms * 1000);
    loop_turn(&lp);
}

Test(health_tcp, takes_no_longer_than_the_timeout)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    pass_time(900);
    cr_assert_eq(times, 0);
    pass_time(200);
    ended(HEALTH_TIMEOUT);
}

Test(health_tcp, a_connection_that_never_comes_is_a_timeout)
{
    start(SLICE(""), SLICE(""), -1, PROXY_PROTOCOL_OFF);
    pass_time(1100);
    ended(HEALTH_TIMEOUT);
}

Test(health_tcp, a_cancelled_check_tells_nobody)
{
    start(SLICE(""), SLICE("+PONG"), 0, PROXY_PROTOCOL_OFF);
    health_tcp_cancel(&check);
    say("+PONG");
    cr_assert_eq(times, 0);
    stop();
}

Test(health_tcp, begins_with_a_proxy_header_that_names_nobody)
{
    start(SLICE("x"), SLICE(""), 0, PROXY_PROTOCOL_V1);
    cr_assert(slice_eq(text_slice(&got), SLICE("PROXY UNKNOWN\r\nx")), "%.*s",
              SLICE_ARG(text_slice(&got)));
    ended(HEALTH_PASSED);
}

Test(health_tcp, a_proxy_header_of_version_2_says_local)
{
    start(SLICE("x"), SLICE(""), 0, PROXY_PROTOCOL_V2);
    cr_assert_eq(got.n, 17);
    cr_assert_eq(got.p[12], 0x20, "version 2, LOCAL");
    ended(HEALTH_PASSED);
}
