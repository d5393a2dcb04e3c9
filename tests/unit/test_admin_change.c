/* SPDX-License-Identifier: Apache-2.0 */
/* Who has changed what: which requests become events, and what of them is told. */

#include "control/admin/admin_change.h"
#include "tests/unit/admin_peer.h"

#include "base/event.h"

static struct event_shared shared;
static struct event_cursor cursor;
static struct admin_pending *pending;

static void answer_change(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    if (slice_eq(rq->content, SLICE("{\"bad\":1}")))
        admin_error(out, 400, "bad", "it is bad");
    else if (admin_may_change(rq, out) && slice_eq(rq->content, SLICE("{\"late\":1}")))
        admin_error(out, 409, NULL, "not now");
}

static void answer_later(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    if (admin_may_change(rq, out))
        pending = admin_pend(rq);
}

static const struct admin_row rows[] = {
    {"/v1/change", answer_change, NULL, ADMIN_POST},
    {"/v1/later", answer_later, NULL, ADMIN_POST},
    {"/healthz", admin_healthz, NULL},
};

static void begin(void)
{
    admin_begin(rows, array_n(rows));
    event_share(&shared);
}

TestSuite(admin_change, .init = begin, .fini = admin_finish);

/* The next event from its name on; "" when there is none. */
static const char *next(void)
{
    static char text[2048];
    struct event e;

    if (!event_ring_next(&shared.ring, &cursor, 0, &e))
        return "";
    snprintf(text, sizeof text, "%s %.*s", e.name, (int)e.text_n, e.text);
    return text;
}

static void post(struct peer *p, const char *path, const char *content)
{
    char request[1024];

    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n" HOST "%s", path,
             strlen(content), content);
    say(p, request);
}

Test(admin_change, is_told_with_what_was_asked_and_why)
{
    struct peer p;

    open_peer_who(&p, 0, true);
    post(&p, "/v1/change", "{\"a\": 1.50, \"reason\": \"to see\", \"b\": [\"x\"]}");
    starts(&p, "HTTP/1.1 200 ");
    cr_assert_str_eq(next(), "admin_change \"who\":\"\",\"reason\":\"to see\",\"fields\":{"
                             "\"path\":\"/v1/change\",\"status\":200,"
                             "\"asked\":\"{\\\"a\\\":1.5,\\\"b\\\":[\\\"x\\\"]}\"}");
    post(&p, "/v1/change", "");
    starts(&p, "HTTP/1.1 200 ");
    cr_assert_str_eq(next(), "admin_change \"who\":\"\",\"fields\":{"
                             "\"path\":\"/v1/change\",\"status\":200}");
    close_peer(&p);
}

Test(admin_change, is_nothing_that_was_only_asked_for_or_refused)
{
    struct peer p;

    open_peer_who(&p, 0, true);
    say(&p, "GET /healthz HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 200 ");
    post(&p, "/v1/change", "{\"bad\":1}");
    starts(&p, "HTTP/1.1 400 ");
    post(&p, "/v1/change", "{\"late\":1}");
    starts(&p, "HTTP/1.1 409 ");
    cr_assert_str_eq(next(), "");
    say(&p, "GET /healthz HTTP/1.1\r\n" HOST);
    starts(&p, "HTTP/1.1 200 ");
    cr_assert_str_eq(next(), "");
    close_peer(&p);
}

Test(admin_change, is_a_denial_of_who_may_not)
{
    struct peer p;

    open_peer_who(&p, 0, false);
    post(&p, "/v1/change", "{}");
    starts(&p, "HTTP/1.1 403 ");
    cr_assert(strstr(next(), "admin_denied \"who\":"));
    cr_assert_str_eq(next(), "");
    close_peer(&p);
}

Test(admin_change, that_is_answered_later_is_told_then_whatever_came_of_it)
{
    struct peer p;

    open_peer_who(&p, 0, true);
    post(&p, "/v1/later", "{}");
    cr_assert_str_eq(next(), "");
    pending->answer.status = 409;
    admin_complete(pending);
    loop_turn(&lp);
    starts(&p, "HTTP/1.1 409 ");
    cr_assert(strstr(next(), "\"path\":\"/v1/later\",\"status\":409"));
    close_peer(&p);
}

Test(admin_change, of_who_is_gone_or_waited_in_vain_is_told_too)
{
    struct peer p;

    open_peer_who(&p, 0, true);
    post(&p, "/v1/later", "{}");
    pass_ms(ADMIN_WORK_MS);
    starts(&p, "HTTP/1.1 504 ");
    cr_assert(strstr(next(), "\"status\":504"));
    admin_complete(pending);
    post(&p, "/v1/later", "{}");
    admin_complete(pending);
    close_peer(&p);
    loop_turn(&lp);
    cr_assert(strstr(next(), "\"path\":\"/v1/later\""));
    cr_assert_str_eq(next(), "");
}

Test(admin_change, masks_what_may_be_a_secret)
{
    char *reason, *asked = admin_change_asked(
                      SLICE("{\"name\":\"a\",\"grant_token\":\"t\",\"in\":[{\"Password\":1}],"
                            "\"client_secret\":{\"x\":2}}"),
                      &reason);

    cr_assert_str_eq(asked,
                     "{\"name\":\"a\",\"grant_token\":\"***\",\"in\":[{\"Password\":\"***\"}],"
                     "\"client_secret\":\"***\"}");
    cr_assert_null(reason);
    free(asked);
}

Test(admin_change, takes_what_is_no_json_for_nothing)
{
    static const char *const contents[] = {
        "", "{", "[1]", "7", "\"reason\"", "{\"a\":1,\"a\":2}", "{}", "{\"reason\":7}", "\xff"};
    char *reason;

    for (size_t i = 0; i < array_n(contents); i++) {
        char *asked = admin_change_asked(slice_str(contents[i]), &reason);
        cr_assert(!asked || !strcmp(contents[i], "{\"reason\":7}"), "%s", contents[i]);
        cr_assert_null(reason);
        free(asked);
    }
}
