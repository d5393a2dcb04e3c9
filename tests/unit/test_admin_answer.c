/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the admin server that come later, and errors. */

#include "tests/unit/admin_peer.h"

static struct admin_pending *pending; /* of the last request to /later */
static unsigned asked;

static void answer_later(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    asked++;
    text_str(&out->body, "this doesn't count");
    pending = admin_pend(rq);
}

static void answer_at_once(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct admin_pending *p = admin_pend(rq);
    (void)ctx, (void)out;
    text_str(&p->answer.body, "at once\n");
    admin_complete(p);
}

static void answer_error(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx, (void)rq;
    text_str(&out->body, "half of an answer");
    admin_error(out, 409, "weights", "they are \"%s\"", "zero");
}

static const struct admin_row rows[] = {
    {"/later", answer_later, NULL, ADMIN_GET | ADMIN_POST},
    {"/once", answer_at_once, NULL},
    {"/error", answer_error, NULL},
    {"/healthz", admin_healthz, NULL},
};

static void begin(void)
{
    admin_begin(rows, array_n(rows));
}

TestSuite(admin_answer, .init = begin, .fini = admin_finish);

#define LATER "POST /later HTTP/1.1\r\nContent-Length: 2\r\n" HOST "{}"

static void complete(const char *with)
{
    pending->answer.status = 201;
    text_str(&pending->answer.body, with);
    admin_complete(pending);
    loop_turn(&lp);
}

Test(admin_answer, may_come_later_and_what_follows_waits_for_it)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, LATER "GET /healthz HTTP/1.1\r\n" HOST);
    pass_ms(ADMIN_WORK_MS - 100);
    cr_assert(asked == 1 && p.heard.n == 0);
    complete("done\n");
    const char *got = hear(&p), *next = strstr(got, "done\n");
    cr_assert(strstr(got, "HTTP/1.1 201 ") == got && !strstr(got, "count"), "%s", got);
    cr_assert(next && strstr(next, "\r\n\r\nok\n"), "%s", got);
    close_peer(&p);
}

Test(admin_answer, may_be_complete_before_its_function_returns)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "GET /once HTTP/1.1\r\n" HOST "GET /once HTTP/1.1\r\nConnection: close\r\n" HOST);
    const char *got = hear(&p), *one = strstr(got, "at once\n");
    cr_assert(one && strstr(one + 1, "at once\n") && p.eof, "%s", got);
    close_peer(&p);
}

Test(admin_answer, that_doesnt_come_in_time_is_a_504)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, LATER);
    pass_ms(ADMIN_WORK_MS + 100);
    const char *got = hear(&p);
    cr_assert(strstr(got, "HTTP/1.1 504 ") == got, "%s", got);
    cr_assert(strstr(got, "{\"error\":\"there was no answer within 5000 ms"), "%s", got);
    struct admin_pending *late = pending;
    say(&p, LATER); /* the connection goes on, and the late answer isn't taken for the next one */
    cr_assert(asked == 2 && late != pending);
    text_str(&late->answer.body, "late\n");
    admin_complete(late);
    loop_turn(&lp);
    cr_assert_eq(p.heard.n, 0);
    complete("in time\n");
    cr_assert(strstr(hear(&p), "\r\n\r\nin time\n"));
    close_peer(&p);
}

Test(admin_answer, is_dropped_when_the_client_has_gone)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, LATER);
    link_reset(p.link);
    loop_turn(&lp);
    cr_assert_eq(admin_connections(admin), 0);
    complete("to nobody\n");
    text_fini(&p.heard);
}

Test(admin_answer, still_goes_to_a_client_that_has_ended_its_direction)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, LATER);
    link_end(p.link);
    loop_turn(&lp);
    cr_assert(admin_connections(admin) == 1 && !p.eof);
    complete("done\n");
    cr_assert(strstr(hear(&p), "\r\n\r\ndone\n") && p.eof);
    cr_assert_eq(admin_connections(admin), 0);
    close_peer(&p);
}

Test(admin_answer, outlives_the_server_without_harm)
{
    struct peer p, complete_already;
    open_peer(&p, 0);
    open_peer(&complete_already, 0);
    say(&complete_already, LATER);
    struct admin_pending *first = pending;
    say(&p, LATER);
    admin_complete(first); /* and its turn doesn't come any more */
    admin_free(admin);
    loop_turn(&lp);
    complete("to nobody\n");
    admin = NULL;
    close_peer(&p);
    close_peer(&complete_already);
}

Test(admin_answer, is_an_error_of_json_instead_of_what_it_was)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "GET /error HTTP/1.1\r\n" HOST);
    const char *got = hear(&p);
    cr_assert(strstr(got, "HTTP/1.1 409 Conflict\r\n") == got, "%s", got);
    cr_assert(strstr(got, "Content-Type: application/json\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\n\r\n{\"error\":\"they are \\\"zero\\\"\",\"field\":\"weights\"}\n"),
              "%s", got);
    say(&p, "HEAD /error HTTP/1.1\r\n" HOST);
    got = hear(&p);
    cr_assert(!strcmp(got + strlen(got) - 4, "\r\n\r\n"), "%s", got);
    close_peer(&p);
}
