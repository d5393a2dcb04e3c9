/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 connections of an endpoint: how many there are, which one an attempt goes to, who waits, and
 * when they go. */
#include <errno.h>

#include "h2_origin_case.h"

Test(pool_h2, attempts_join_a_connection_that_is_being_made)
{
    begin("");
    struct peer *c[50];
    for (size_t i = 0; i < 50; i++)
        c[i] = asks(GET);
    cr_assert_eq(stack_origins(s), 1);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.silent = true});
    h2_origin_settings(o);
    cr_assert_eq(h2_origin_requests(o), 50);
    for (size_t i = 0; i < 50; i++)
        h2_origin_answer(o, h2_origin_request(o, i), "x");
    for (size_t i = 0; i < 50; i++)
        cr_assert(peer_heard(c[i], "200 OK"));
    cr_assert_eq(endpoint()->stats->connects, 1);
    end();
}

Test(pool_h2, sends_one_request_before_it_knows_how_many_it_may)
{
    begin("");
    for (size_t i = 0; i < 3; i++)
        asks(GET);
    cr_assert(stack_origin(s, 0)->heard_n > 0);
    cr_assert_eq(endpoint()->waiting_n, 2);
    struct h2_origin *o = origin(0);
    cr_assert_eq(endpoint()->waiting_n, 0);
    cr_assert_eq(h2_origin_requests(o), 3);
    end();
}

Test(pool_h2, keeps_to_what_the_origin_allows)
{
    for (uint32_t most = 1; most <= 2; most++) {
        begin("pool = { connections = 1; };");
        struct peer *c[5];
        for (size_t i = 0; i < 5; i++)
            c[i] = asks(GET);
        struct h2_origin *o = origin_with(0, (struct h2_origin_how){.streams = most});
        for (size_t i = 0; i < 5; i++) {
            cr_assert_leq(h2_origin_open(o), most);
            cr_assert_gt(h2_origin_requests(o), i);
            h2_origin_answer(o, h2_origin_request(o, i), "x");
        }
        for (size_t i = 0; i < 5; i++)
            cr_assert(peer_heard(c[i], "200 OK"), "first come first served");
        cr_assert_eq(stack_origins(s), 1);
        end();
    }
}

Test(pool_h2, opens_another_when_all_are_full_up_to_the_limit)
{
    begin("pool = { connections = 3; streams = 2; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    for (size_t i = 0; i < 9; i++)
        asks(GET);
    cr_assert_eq(stack_origins(s), 3);
    origin(1);
    origin(2);
    cr_assert_eq(h2_origin_open(o), 2);
    cr_assert_eq(h2_origin_open(origins[1]), 2);
    cr_assert_eq(h2_origin_open(origins[2]), 2);
    cr_assert_eq(endpoint()->waiting_n, 4);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert_eq(endpoint()->waiting_n, 3);
    cr_assert_eq(h2_origin_requests(o), 3);
    cr_assert_eq(endpoint()->shared_n, 3);
    end();
}

Test(pool_h2, opens_as_many_as_the_last_one_has_taught)
{
    begin("");
    asks(GET);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.streams = 2});
    cr_assert_eq(endpoint()->streams_seen, 2);
    for (size_t i = 0; i < 5; i++)
        asks(GET);
    cr_assert_eq(h2_origin_open(o), 2);
    cr_assert_eq(stack_origins(s), 3, "two more for four");
    end();
}

Test(pool_h2, a_limit_may_change)
{
    begin("pool = { connections = 1; };");
    for (size_t i = 0; i < 4; i++)
        asks(GET);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.streams = 1});
    cr_assert_eq(h2_origin_open(o), 1);
    h2_origin_streams(o, 3);
    cr_assert_eq(h2_origin_open(o), 3);
    end();
}

Test(pool_h2, a_refusal_says_how_many_are_too_many)
{
    begin("pool = { connections = 1; };");
    struct peer *c[4];
    c[0] = asks(GET);
    struct h2_origin *o = origin(0);
    for (size_t i = 1; i < 4; i++)
        c[i] = asks(GET);
    cr_assert_eq(h2_origin_requests(o), 4);
    h2_origin_reset(o, h2_origin_request(o, 3), NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(h2_origin_requests(o), 4, "waits until one has ended");
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert_eq(h2_origin_requests(o), 5);
    h2_origin_answer(o, h2_origin_request(o, 4), "last");
    cr_assert(peer_heard(c[3], "last"));
    end();
}

Test(pool_h2, who_waits_too_long_is_told)
{
    begin("pool = { connections = 1; streams = 1; }; timeouts = { connect = \"1s\"; };");
    struct peer *a = asks(GET);
    struct h2_origin *o = origin(0);
    struct peer *b = asks(GET);
    cr_assert_eq(endpoint()->waiting_n, 1);
    stack_sleep_ms(s, 1100);
    cr_assert(peer_heard(b, "503 "));
    cr_assert_eq(whys(WHY_TIMEOUT_CONNECT), 1);
    cr_assert_eq(endpoint()->waiting_n, 0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert(peer_heard(a, "200 OK"));
    cr_assert_eq(h2_origin_requests(o), 1);
    end();
}

Test(pool_h2, no_more_wait_than_may)
{
    begin("pool = { connections = 1; streams = 1; waiting = 2; };");
    asks(GET);
    origin(0);
    struct peer *c[3];
    for (size_t i = 0; i < 3; i++)
        c[i] = asks(GET);
    cr_assert_eq(endpoint()->waiting_n, 2);
    cr_assert(peer_heard(c[2], "503 "));
    cr_assert_eq(whys(WHY_OVERLOAD), 1);
    cr_assert_eq(endpoint()->stats->h2_overflows, 1);
    cr_assert_eq(endpoint()->stats->h2_waited, 3);
    end();
}

Test(pool_h2, who_waits_may_go)
{
    begin("pool = { connections = 1; streams = 1; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    struct peer *b = asks(GET), *c = asks(GET);
    peer_resets(b);
    cr_assert_eq(endpoint()->waiting_n, 1);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    h2_origin_answer(o, h2_origin_request(o, 1), "for c");
    cr_assert(peer_heard(c, "for c"));
    end();
}

Test(pool_h2, a_connection_that_can_not_be_made_fails_all_that_wait)
{
    begin("");
    struct peer *c[3];
    stack_hang_dials(s, true);
    for (size_t i = 0; i < 3; i++)
        c[i] = asks(GET);
    stack_sleep_ms(s, 2100);
    for (size_t i = 0; i < 3; i++)
        cr_assert(peer_heard(c[i], "503 "));
    cr_assert_eq(whys(WHY_TIMEOUT_CONNECT), 3);
    cr_assert_eq(endpoint()->open_n, 0, "the connection isn't waited for either");
    cr_assert_eq(endpoint()->shared_n, 0);
    end();
}

Test(pool_h2, one_that_can_not_be_made_fails_nobody_while_there_is_another)
{
    begin("pool = { streams = 1; };");
    struct peer *a = asks(GET);
    struct h2_origin *o = origin(0);
    stack_refuse_dials(s, 1, ECONNREFUSED);
    struct peer *b = asks(GET);
    cr_assert_eq(endpoint()->stats->connect_failures, 1);
    cr_assert_eq(b->heard_n, 0);
    h2_origin_answer(o, h2_origin_request(o, 0), "a");
    h2_origin_answer(o, h2_origin_request(o, 1), "b");
    cr_assert(peer_heard(a, "\r\na"));
    cr_assert(peer_heard(b, "\r\nb"));
    end();
}

Test(pool_h2, what_waits_for_a_connection_that_breaks_goes_elsewhere)
{
    begin("pool = { connections = 1; streams = 1; };");
    struct peer *a = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    origin(0);
    struct peer *b = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    peer_resets(stack_origin(s, 0));
    cr_assert(peer_heard(a, "502 "));
    cr_assert_eq(stack_origins(s), 2);
    struct h2_origin *o = origin(1);
    h2_origin_answer(o, h2_origin_request(o, 0), "b");
    cr_assert(peer_heard(b, "\r\nb"));
    end();
}

/* -- going ------------------------------------------------------------------------------------- */

Test(pool_h2, closes_what_was_idle_too_long)
{
    begin("pool = { idle_timeout = \"2s\"; };");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    stack_sleep_ms(s, 3000);
    cr_assert(!h2_origin_closed(o), "somebody waits");
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    stack_sleep_ms(s, 1900);
    cr_assert(!h2_origin_closed(o));
    peer_says(c, GET);
    stack_sleep_ms(s, 1900);
    h2_origin_answer(o, h2_origin_request(o, 1), "x");
    stack_sleep_ms(s, 1900);
    cr_assert(!h2_origin_closed(o), "its time begins anew");
    stack_sleep_ms(s, 200);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(h2_origin_goaway_code(o), NGHTTP2_NO_ERROR);
    cr_assert_eq(endpoint()->open_n, 0);
    cr_assert_eq(endpoint()->stats->open, 0);
    end();
}

Test(pool_h2, an_unused_one_goes_too)
{
    begin("pool = { idle_timeout = \"2s\"; };");
    struct peer *c = asks(GET);
    peer_resets(c);
    struct h2_origin *o = origin(0);
    stack_sleep_ms(s, 2200);
    cr_assert(h2_origin_closed(o));
    cr_assert_eq(endpoint()->open_n, 0);
    end();
}

Test(pool_h2, drains_after_its_last_request)
{
    begin("pool = { max_requests = 2; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    asks(GET);
    struct peer *c = asks(GET);
    cr_assert_eq(h2_origin_requests(o), 2);
    cr_assert_eq(stack_origins(s), 2);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert(!h2_origin_closed(o));
    h2_origin_answer(o, h2_origin_request(o, 1), "x");
    cr_assert(h2_origin_closed(o));
    struct h2_origin *o2 = origin(1);
    h2_origin_answer(o2, h2_origin_request(o2, 0), "third");
    cr_assert(peer_heard(c, "third"));
    end();
}

/* Takes the endpoint out of the table, as a change of DNS does. */
static void retire(void)
{
    struct cluster *cl = &stack_worker(s)->clusters[0];
    struct addr to = endpoint()->addr;
    to.in4.sin_port = htons(81);
    const struct table_change ch = cluster_table_set(
        (struct cluster_table *)cl->table, cluster_source(&cl->conf->endpoints[0]), 1, &to, 1);
    cr_assert_eq(ch.added, 1);
    cr_assert_eq(ch.removed, 1);
    cr_assert(cluster_pick(cl, &stack_worker(s)->random));
}

Test(pool_h2, a_retired_endpoint_drains)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    retire();
    stack_settle(s);
    cr_assert(!h2_origin_closed(o));
    cr_assert(!list_empty(&stack_worker(s)->clusters[0].retired));
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert(peer_heard(c, "200 OK"));
    cr_assert(h2_origin_closed(o));
    cr_assert(list_empty(&stack_worker(s)->clusters[0].retired));
    end();
}

Test(pool_h2, a_retired_endpoint_without_requests_goes_at_once)
{
    begin("");
    asks(GET);
    struct h2_origin *o = origin(0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    retire();
    stack_settle(s);
    cr_assert(h2_origin_closed(o));
    cr_assert(list_empty(&stack_worker(s)->clusters[0].retired));
    end();
}

Test(pool_h2, who_waits_for_a_retired_endpoint_is_still_served)
{
    begin("pool = { connections = 1; streams = 1; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    struct peer *b = asks(GET);
    retire();
    h2_origin_answer(o, h2_origin_request(o, 0), "a");
    h2_origin_answer(o, h2_origin_request(o, 1), "b");
    cr_assert(peer_heard(b, "\r\nb"));
    cr_assert(h2_origin_closed(o));
    end();
}

/* -- which protocol ---------------------------------------------------------------------------- */

Test(pool_h2, without_tls_auto_is_http1)
{
    begin("");
    struct cluster *cl = &stack_worker(s)->clusters[0];
    ((struct cluster_conf *)cl->conf)->protocol = PROTOCOL_AUTO;
    retire(); /* the new endpoint is made by the changed configuration */
    asks(GET);
    cr_assert(peer_heard(stack_origin(s, 0), "GET / HTTP/1.1\r\n"));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    end();
}

/* As it is over TLS, where only the handshake tells. */
Test(pool_h2, an_endpoint_that_turns_out_to_speak_http1_gets_connections_for_all)
{
    begin("");
    struct peer *c[3];
    speak(PROTOCOL_AUTO);
    for (size_t i = 0; i < 3; i++) {
        c[i] = stack_client(s);
        cr_assert(bytes_copy(&c[i]->link->out, SLICE(GET)));
        link_send(c[i]->link);
    }
    stack_settle(s);
    cr_assert_eq(stack_origins(s), 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(peer_heard(stack_origin(s, i), "GET / HTTP/1.1\r\n"));
        peer_says(stack_origin(s, i), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        cr_assert(peer_heard(c[i], "\r\nx"));
    }
    cr_assert_eq(endpoint()->protocol, PROTOCOL_H1);
    cr_assert_eq(endpoint()->idle_n, 3);
    cr_assert_eq(endpoint()->shared_n, 0);
    end();
}
