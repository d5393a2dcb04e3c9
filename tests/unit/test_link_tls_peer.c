/* SPDX-License-Identifier: Apache-2.0 */
/* TLS links against peers that do what they shouldn't, or what other TLS implementations do: seen
 * from a bare OpenSSL object at the other end. */

#include <errno.h>

#include "tests/lib/tls_side.h"

TestSuite(link_tls_peer, .init = set_up_tls, .fini = tear_down_tls, .timeout = 30);

/* -- handshakes that fail --------------------------------------------------------------------- */

static void expect_failure(struct side *s, const char *fault)
{
    cr_assert_str_eq(s->seen, "!");
    cr_assert_eq(s->err, EPROTO);
    cr_assert_str_eq(link_tls_fault(s->link), fault);
    cr_assert_eq(link_unsent(s->link), 0, "so that its owner doesn't reset it");
}

/* To those who plainly don't speak TLS OpenSSL sends no alert. */
Test(link_tls_peer, plain_http_on_a_tls_port_fails)
{
    bare_client();
    bare.mute = true;
    cr_assert(bytes_static(&bare.link->out, SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    link_send(bare.link);
    loop_turn(&lp);
    expect_failure(&b, "not_tls");
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, garbage_gets_an_alert)
{
    bare_client();
    bare.mute = true;
    cr_assert(bytes_static(&bare.link->out, SLICE("\26\3\1\0\5hello")));
    link_send(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_geq(bare.wire_n, 7);
    cr_assert_eq(bare.wire[0], 21, "an alert");
    cr_assert_eq(bare.wire[5], 2, "fatal");
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, an_unknown_version_gets_an_alert)
{
    bare_client();
    SSL_set_min_proto_version(bare.ssl, TLS1_VERSION);
    SSL_set_security_level(bare.ssl, 0);
    SSL_set_cipher_list(bare.ssl, "ALL:@SECLEVEL=0");
    cr_assert(SSL_set_max_proto_version(bare.ssl, TLS1_1_VERSION));
    bare_step();
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_eq(bare.why, SSL_ERROR_SSL);
    cr_assert_eq(bare.reason, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, a_certificate_of_somebody_else_gets_an_alert)
{
    tls_client_free(client);
    certs_make(&(struct cert_spec){.name = "other", .ca = true});
    client = make_client("other.crt");
    bare_server();
    loop_turn(&lp);
    expect_failure(&a, "certificate");
    cr_assert_eq(bare.why, SSL_ERROR_SSL);
    cr_assert_eq(bare.reason, SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    link_close(a.link);
    bare_end();
}

Test(link_tls_peer, an_alert_of_the_peers_is_a_failure)
{
    bare_client();
    SSL_set_verify(bare.ssl, SSL_VERIFY_PEER, NULL); /* and knows no CA */
    bare_step();
    loop_turn(&lp);
    cr_assert(strchr(b.seen, '!'));
    cr_assert_eq(b.err, EPROTO);
    cr_assert_str_neq(link_tls_fault(b.link), "");
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, an_end_during_the_handshake_is_a_failure)
{
    bare_client();
    link_end(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_eq(b.err, ECONNRESET);
    cr_assert_str_eq(link_tls_fault(b.link), "closed");
    link_close(b.link);
    bare_end();
}

/* -- ends ------------------------------------------------------------------------------------- */

Test(link_tls_peer, ending_sends_close_notify_and_then_ends_below)
{
    bare_client_open();
    send_text(&b, "last");
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_eq(bare.n, 4);
    cr_assert_eq(bare.why, SSL_ERROR_ZERO_RETURN);
    cr_assert(bare.ended);
    cr_assert_str_eq(b.seen, "d");
    bare_write("still", 5); /* only our direction has ended */
    loop_turn(&lp);
    cr_assert(got(&b, "still"));
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, closing_sends_close_notify_and_resetting_does_not)
{
    bare_client_open();
    link_close(b.link);
    loop_turn(&lp);
    cr_assert_eq(bare.why, SSL_ERROR_ZERO_RETURN);
    cr_assert(bare.ended);
    bare_end();

    bare_client_open();
    link_reset(b.link);
    loop_turn(&lp);
    cr_assert_neq(bare.why, SSL_ERROR_ZERO_RETURN);
    cr_assert(bare.broken);
    bare_end();
}

Test(link_tls_peer, closing_before_all_has_left_is_no_end)
{
    bare_client_open();
    send_text(&b, "last");
    link_end(b.link);
    link_close(b.link); /* what is queued is dropped */
    loop_turn(&lp);
    cr_assert_eq(bare.n, 0);
    cr_assert_neq(bare.why, SSL_ERROR_ZERO_RETURN);
    bare_end();
}

Test(link_tls_peer, a_client_that_just_ends_has_ended)
{
    bare_client_open();
    bare_write("bye", 3);
    link_end(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".e");
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, a_backend_that_just_ends_may_have_been_cut)
{
    bare_server();
    loop_turn(&lp);
    bare_write("half an answer", 14);
    link_end(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o.!");
    cr_assert_eq(a.err, ECONNRESET);
    cr_assert_str_eq(link_tls_fault(a.link), "closed");
    link_close(a.link);
    bare_end();

    bare_server();
    loop_turn(&lp);
    bare_write("an answer", 9);
    SSL_shutdown(bare.ssl);
    bare_push();
    link_end(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o.e");
    link_close(a.link);
    bare_end();
}

Test(link_tls_peer, a_backends_end_in_a_record_is_cut)
{
    char page[64];
    bare_server();
    loop_turn(&lp);
    cr_assert_eq(SSL_write(bare.ssl, "never complete", 14), 14);
    int n = BIO_read(bare.out, page, sizeof page);
    cr_assert_gt(n, 14);
    cr_assert(bytes_copy(&bare.link->out, slice_of(page, (size_t)n - 1)));
    link_end(bare.link);
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o!");
    link_close(a.link);
    bare_end();
}

Test(link_tls_peer, what_follows_close_notify_does_not_count)
{
    bare_client_open();
    bare_write("one", 3);
    SSL_shutdown(bare.ssl);
    bare_push();
    for (int i = 0; i < 100; i++)
        cr_assert(bytes_static(&bare.link->out, SLICE("\27\3\3\0\20................")));
    link_send(bare.link);
    loop_turn(&lp);
    cr_assert(got(&b, "one"));
    cr_assert_str_eq(b.seen, ".e");
    cr_assert(under_b->paused, "nor is it read any more");
    send_text(&b, "two");
    loop_turn(&lp);
    cr_assert_eq(bare.n, 3);
    link_close(b.link);
    bare_end();
}

/* -- open ------------------------------------------------------------------------------------- */

Test(link_tls_peer, a_forged_record_fails_after_what_came_before)
{
    bare_client_open();
    bare_write("good", 4);
    cr_assert(bytes_static(&bare.link->out, SLICE("\27\3\3\0\40................................")));
    link_send(bare.link);
    loop_turn(&lp);
    cr_assert(got(&b, "good"));
    cr_assert_str_eq(b.seen, ".!");
    cr_assert_eq(b.err, EPROTO);
    cr_assert_eq(bare.why, SSL_ERROR_SSL, "it has been told");
    cr_assert_eq(bare.reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    link_close(b.link);
    bare_end();
}

static void on_fail_close(struct link *l, int err)
{
    (void)err;
    see(l->owner, '!');
    link_close(l);
}

/* Also when the owner's flush was due before the failure came. */
Test(link_tls_peer, an_alert_leaves_before_the_owner_closes)
{
    static struct link_events closes;
    bare_client_open();
    closes = events;
    closes.on_fail = on_fail_close;
    link_start(b.link, &closes, &b);
    cr_assert(bytes_static(&bare.link->out, SLICE("\27\3\3\0\40................................")));
    link_send(bare.link); /* flushed first, so what it brings comes after b's own flush is due */
    link_pause(under_b);
    loop_turn(&lp);
    send_text(&b, "this too");
    link_resume(under_b);
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "!");
    cr_assert_eq(bare.why, SSL_ERROR_SSL);
    cr_assert_eq(bare.reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    bare_end();
}

static void leave_an_error(void)
{
    ERR_put_error(ERR_LIB_SSL, 0, SSL_R_BAD_LENGTH, "", 0);
}

Test(link_tls_peer, errors_of_one_connection_are_not_anothers)
{
    char page[64];
    bare_client_open();
    cr_assert_eq(SSL_write(bare.ssl, "fine", 4), 4);
    const int n = BIO_read(bare.out, page, sizeof page);
    for (int i = 0; i < n; i++) { /* each piece but the last asks for more, as if it had failed */
        leave_an_error();
        cr_assert(bytes_copy(&bare.link->out, slice_of(page + i, 1)));
        link_send(bare.link);
        loop_turn(&lp);
    }
    cr_assert(got(&b, "fine"));
    leave_an_error();
    send_text(&b, "too");
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, ".d");
    leave_an_error();
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_eq(bare.why, SSL_ERROR_ZERO_RETURN);
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, new_keys_are_agreed_on_when_asked)
{
    bare_client_open();
    for (int i = 0; i < 5; i++) {
        cr_assert(SSL_key_update(bare.ssl, SSL_KEY_UPDATE_REQUESTED));
        bare_write("x", 1);
        loop_turn(&lp);
        send_text(&b, "y");
        loop_turn(&lp);
    }
    cr_assert_eq(b.n, 5);
    cr_assert_eq(bare.n, 5);
    cr_assert_eq(bare.why, SSL_ERROR_WANT_READ);
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, renegotiation_is_refused)
{
    bare_client();
    cr_assert(SSL_set_max_proto_version(bare.ssl, TLS1_2_VERSION));
    bare_step();
    loop_turn(&lp);
    cr_assert_str_eq(b.seen, "o");
    cr_assert(SSL_renegotiate(bare.ssl));
    SSL_do_handshake(bare.ssl);
    bare_push();
    loop_turn(&lp);
    cr_assert_eq(bare.why, SSL_ERROR_SSL);
    cr_assert_eq(bare.reason, SSL_R_NO_RENEGOTIATION);
    link_close(b.link);
    bare_end();
}

/* A peer that asks for answers and doesn't take them: the answers aren't kept without end. */
Test(link_tls_peer, answers_that_nobody_reads_do_not_pile_up)
{
    struct link *x, *y;
    link_memory_pair(&lp, 4000, &x, &y);
    start_b(y);
    bare_begin(x, false);
    bare_step();
    loop_turn(&lp);
    link_pause(bare.link);
    b.seen[0] = '\0';
    size_t most = 0;
    for (int i = 0; i < 20000 && !strchr(b.seen, '!'); i++) {
        SSL_key_update(bare.ssl, SSL_KEY_UPDATE_REQUESTED);
        if (SSL_do_handshake(bare.ssl) != 1)
            break;
        bare_push();
        loop_turn(&lp);
        if (link_unsent(under_b) > most)
            most = link_unsent(under_b);
    }
    cr_assert_str_eq(b.seen, "!");
    cr_assert_str_eq(link_tls_fault(b.link), "flood");
    cr_assert_lt(most, 150000);
    cr_assert_eq(link_unsent(b.link), 0);
    ERR_clear_error();
    link_close(b.link);
    bare_end();
}

/* -- records ---------------------------------------------------------------------------------- */

static size_t largest_record(size_t from)
{
    size_t most = 0;
    for (size_t i = from; i < bare.records_n; i++)
        if (bare.records[i] > most)
            most = bare.records[i];
    return most;
}

Test(link_tls_peer, records_are_short_at_first_and_after_a_silence)
{
    enum { FRAME = 17 }; /* tag and type, TLS 1.3 */
    bare_client_open();
    bare.records_n = 0;
    send_many(&b, 40960);
    loop_turn(&lp);
    cr_assert_eq(bare.records_n, 10);
    cr_assert_eq(largest_record(0), 4096 + FRAME);

    send_many(&b, 5 * BLOCK_SIZE);
    loop_turn(&lp);
    cr_assert_eq(bare.records_n, 15, "full ones");
    cr_assert_eq(largest_record(0), BLOCK_SIZE + FRAME);

    clock_set(&lp.clock, lp.clock.mono_us + 1000000, 0);
    send_many(&b, 8192);
    loop_turn(&lp);
    cr_assert_eq(bare.records_n, 17);
    cr_assert_eq(largest_record(15), 4096 + FRAME);
    cr_assert_eq(bare.n, 40960 + 5 * BLOCK_SIZE + 8192);
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, small_pieces_share_a_record)
{
    bare_client_open();
    bare.records_n = 0;
    for (int i = 0; i < 40; i++)
        cr_assert(bytes_static(&b.link->out, SLICE("0123456789")));
    link_send(b.link);
    loop_turn(&lp);
    cr_assert_eq(bare.records_n, 1);
    cr_assert_eq(bare.n, 400);
    link_close(b.link);
    bare_end();
}

Test(link_tls_peer, full_blocks_are_not_cut_by_what_stands_before)
{
    bare_client_open();
    send_many(&b, 40960);
    loop_turn(&lp);
    bare.records_n = bare.n = 0;
    struct block *block = block_get(&lp.stock.blocks);
    memset(block->data, 'x', BLOCK_SIZE);
    block->used = BLOCK_SIZE;
    cr_assert(bytes_static(&b.link->out, SLICE("HTTP/1.1 200 OK\r\n\r\n")));
    cr_assert(bytes_append(&b.link->out, block, slice_of(block->data, BLOCK_SIZE)));
    block_unref(block);
    link_send(b.link);
    loop_turn(&lp);
    cr_assert_eq(bare.records_n, 2);
    cr_assert_eq(bare.records[1], BLOCK_SIZE + 17);
    cr_assert_eq(bare.n, 19 + BLOCK_SIZE);
    link_close(b.link);
    bare_end();
}
