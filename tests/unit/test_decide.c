/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a decision for all, and back: keys, refusals, and what is said elsewhere. */
#include "control/decide.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char told[8192], refusal[64], changed_key[256], answered[8192];
static const char *result = "told";
static struct decision last;

static const char *refuse(void *ctx, struct slice key)
{
    (void)ctx, (void)key;
    return refusal[0] ? refusal : NULL;
}

static const char *tell(void *ctx, const struct decision *d)
{
    (void)ctx;
    last = *d;
    snprintf(told, sizeof told, "%.*s %.*s %.*s", SLICE_ARG(d->key), SLICE_ARG(d->path),
             SLICE_ARG(d->json));
    return result;
}

static void changed(void *ctx, struct slice key)
{
    (void)ctx;
    snprintf(changed_key, sizeof changed_key, "%.*s", SLICE_ARG(key));
}

static const struct decider decider = {.refuse = refuse, .tell = tell, .changed = changed};
static const char *const of[] = {"cluster", "route", "endpoint", NULL};
static struct decide_what what = {.module = "breaker",
                                  .sets = "state",
                                  .of = of,
                                  .lasts = "seconds",
                                  .path = SLICE_INIT("/v1/x")};

/* The answer of a command that succeeds with `body`. */
static const char *decide_by(const struct decider *to, const char *asked, struct slice said,
                             const char *whole, const char *body)
{
    json_t *j = json_loads(asked, 0, NULL);
    const struct admin_request rq = {.said = said};
    struct admin_answer out = {.status = 200};
    struct deciding d;
    cr_assert(j);
    told[0] = changed_key[0] = '\0';
    text_init(&out.body);
    if (decide_begin(&d, to, &what, &rq, j, &out)) {
        text_str(&out.body, body);
        decide_end(&d, slice_str(whole), &out);
    }
    snprintf(answered, sizeof answered, "%.*s", SLICE_ARG(text_slice(&out.body)));
    text_fini(&out.body);
    json_decref(j);
    return answered;
}

static const char *decide(const char *asked)
{
    return decide_by(&decider, asked, SLICE(""), "", "{\"done\":1}\n");
}

#define EQ(a, b) cr_assert_str_eq(a, b)
#define HAS(text, part) cr_assert(strstr(text, part), "%s", text)

Test(decide, tells_and_says_so_in_the_answer)
{
    EQ(decide("{\"cluster\":\"app\",\"fleet\":true}"), "{\"done\":1,\"fleet\":\"told\"}\n");
    EQ(told, "breaker/state/app /v1/x {\"cluster\":\"app\",\"fleet\":true}");
    EQ(changed_key, "");
    EQ(decide_by(&decider, "{\"cluster\":\"app\",\"fleet\":true}", SLICE(""), "", "{}\n"),
       "{\"fleet\":\"told\"}\n");
    result = "apart";
    EQ(decide("{\"cluster\":\"app\",\"fleet\":true}"), "{\"done\":1,\"fleet\":\"apart\"}\n");
    result = NULL;
    EQ(decide("{\"cluster\":\"app\",\"fleet\":true}"), "{\"done\":1,\"fleet\":\"being told\"}\n");
}

Test(decide, leaves_alone_what_is_for_one_instance)
{
    EQ(decide("{\"cluster\":\"app\"}"), "{\"done\":1}\n");
    EQ(told, "");
    EQ(changed_key, "breaker/state/app");
    EQ(decide("{\"cluster\":\"app\",\"fleet\":false}"), "{\"done\":1}\n");
    EQ(told, "");
    EQ(decide_by(NULL, "{\"cluster\":\"app\"}", SLICE(""), "", "{}\n"), "{}\n");
}

Test(decide, has_another_key_for_everything_else)
{
    decide("{\"route\":\"app\",\"fleet\":true}");
    HAS(told, "breaker/state//app ");
    decide("{\"cluster\":\"a\",\"endpoint\":\"10.0.0.1:80\",\"fleet\":true}");
    HAS(told, "breaker/state/a//10.0.0.1:80 ");
    decide("{\"cluster\":\"a/b %\",\"endpoint\":\"unix:/x\",\"fleet\":true}");
    HAS(told, "breaker/state/a%2Fb%20%25//unix:%2Fx ");
    decide("{\"fleet\":true}");
    HAS(told, "breaker/state ");
    what.of = NULL;
    decide("{\"cluster\":\"app\",\"fleet\":true}");
    HAS(told, "breaker/state ");
}

Test(decide, says_the_whole_when_a_module_gives_it)
{
    char whole[DECISION_KEY_MAX + 64];
    decide_by(&decider, "{\"cluster\":\"app\",\"fleet\":true}", SLICE(""),
              "{\"cluster\":\"app\",\"weights\":{\"a\":1}}", "{}\n");
    HAS(told, " {\"cluster\":\"app\",\"weights\":{\"a\":1},\"fleet\":true}");
    decide_by(&decider, "{\"fleet\":true}", SLICE(""), "{\"cluster\":\"new\"}", "{}\n");
    HAS(told, "breaker/state/new ");
    snprintf(whole, sizeof whole, "{\"cluster\":\"%0*d\"}", DECISION_KEY_MAX, 0);
    HAS(decide_by(&decider, "{\"fleet\":true}", SLICE(""), whole, "{}\n"), "not told: ");
    EQ(told, "");
}

Test(decide, says_for_how_long)
{
    decide("{\"cluster\":\"app\",\"seconds\":1.5,\"fleet\":true}");
    cr_assert_eq(last.left_ms, 1500);
    cr_assert(slice_eq(last.lasts, SLICE("seconds")));
    decide("{\"cluster\":\"app\",\"fleet\":true}");
    cr_assert_eq(last.left_ms, 0);
    cr_assert_eq(last.lasts.n, 0);
}

Test(decide, refuses_before_anything_is_done)
{
    char long_one[DECISION_JSON_MAX + 64];
    HAS(decide_by(NULL, "{\"fleet\":true}", SLICE(""), "", "{}\n"), "there is no fleet: ");
    HAS(decide("{\"fleet\":1}"), "\\\"fleet\\\" is true");
    snprintf(refusal, sizeof refusal, "no room");
    EQ(decide("{\"fleet\":true}"), "{\"error\":\"no room\",\"field\":\"fleet\"}\n");
    refusal[0] = '\0';
    snprintf(long_one, sizeof long_one, "{\"fleet\":true,\"cluster\":\"%0200d\"}", 0);
    HAS(decide(long_one), "names of what it is about are too long");
    snprintf(long_one, sizeof long_one, "{\"fleet\":true,\"x\":\"%0*d\"}", DECISION_JSON_MAX, 0);
    HAS(decide(long_one), "decisions of up to 4096 bytes");
    what.sets = NULL;
    HAS(decide("{\"fleet\":true}"), "can't be said to the fleet");
    EQ(told, "");
}

/* -- what another instance has decided --------------------------------------------------------- */

Test(decide, does_what_another_instance_says_and_tells_nobody)
{
    const struct slice key = SLICE("breaker/state/app");
    EQ(decide_by(&decider, "{\"cluster\":\"app\",\"fleet\":true}", key, "", "{}\n"), "{}\n");
    EQ(told, "");
    EQ(changed_key, "");
    EQ(decide_by(NULL, "{\"cluster\":\"app\",\"fleet\":true}", key, "", "{}\n"), "{}\n");
    HAS(decide_by(&decider, "{\"cluster\":\"other\"}", key, "", "{}\n"),
        "it isn't what its key says");
    what.sets = NULL;
    HAS(decide_by(&decider, "{\"cluster\":\"app\"}", key, "", "{}\n"),
        "it isn't what its key says");
}

static void on_row(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    cr_assert(rq->may_change && rq->method == METHOD_POST);
    snprintf(told, sizeof told, "%.*s|%.*s|%.*s|%.*s", SLICE_ARG(rq->said), SLICE_ARG(rq->path),
             SLICE_ARG(rq->rest), SLICE_ARG(rq->content));
    if (slice_eq(rq->rest, SLICE("bad")))
        admin_error(out, 404, NULL, "there is none");
    if (slice_eq(rq->rest, SLICE("mute")))
        out->status = 500;
}

Test(decide, says_it_to_the_row_of_its_path)
{
    static const struct admin_row rows[] = {{"/v1/a/", on_row, NULL}, {"/v1/b/", on_row, NULL}};
    char why[DECISION_WHY_MAX];
    struct decision d = {
        .key = SLICE("k"), .path = SLICE("/v1/b/set"), .json = SLICE("{\"seconds\":60}")};
    cr_assert(decide_run(rows, 2, &d, why));
    EQ(told, "k|/v1/b/set|set|{\"seconds\":60}");
    d.lasts = SLICE("seconds");
    d.left_ms = 1001;
    cr_assert(decide_run(rows, 2, &d, why));
    EQ(told, "k|/v1/b/set|set|{\"seconds\":2}");
    d.path = SLICE("/v1/b/bad");
    cr_assert(!decide_run(rows, 2, &d, why));
    EQ(why, "there is none");
    d.path = SLICE("/v1/b/mute");
    cr_assert(!decide_run(rows, 2, &d, why));
    EQ(why, "it was refused");
    d.path = SLICE("/v1/c/set");
    cr_assert(!decide_run(rows, 2, &d, why));
    HAS(why, "nothing here takes decisions of that kind");
    d.path = SLICE("/v1/b/set");
    d.json = SLICE("[]");
    cr_assert(!decide_run(rows, 2, &d, why));
    HAS(why, "no JSON object");
}

/* -- what stands beside it --------------------------------------------------------------------- */

Test(decide, tells_why_and_how_long_as_well)
{
    what.lasts = NULL;
    decide_by(&decider, "{\"cluster\":\"a\",\"fleet\":true,\"reason\":\"x\",\"expires\":\"2h\"}",
              SLICE(""), "{\"cluster\":\"a\",\"w\":1}", "{}\n");
    HAS(told, " {\"cluster\":\"a\",\"w\":1,\"fleet\":true,\"reason\":\"x\",\"expires\":7200}");
    cr_assert(slice_eq(last.lasts, SLICE("expires")));
    cr_assert_eq(last.left_ms, 7200000);
    decide("{\"cluster\":\"a\",\"fleet\":true,\"expires\":60}");
    HAS(told, "{\"cluster\":\"a\",\"fleet\":true,\"expires\":60}");
    cr_assert_eq(last.left_ms, 60000);
}

Test(decide, refuses_what_it_can_not_keep)
{
    char asked[DECISION_JSON_MAX];
    what.lasts = NULL;
    HAS(decide("{\"cluster\":\"a\",\"expires\":\"soon\"}"), "\"field\":\"expires\"");
    HAS(decide("{\"cluster\":\"a\",\"reason\":[]}"), "\"field\":\"reason\"");
    snprintf(asked, sizeof asked, "{\"cluster\":\"a\",\"reason\":\"%0300d\"}", 0);
    HAS(decide(asked), "up to 256 bytes");
    EQ(changed_key, "");
    EQ(decide("{\"cluster\":\"a\",\"reason\":null,\"expires\":null}"), "{\"done\":1}\n");
}

Test(decide, leaves_the_time_to_those_that_have_a_member_of_their_own)
{
    what.lasts = "seconds";
    decide("{\"cluster\":\"a\",\"fleet\":true,\"seconds\":5,\"expires\":1764158400}");
    cr_assert(slice_eq(last.lasts, SLICE("seconds")));
    cr_assert_eq(last.left_ms, 5000);
}

Test(decide, says_that_what_holds_for_one_instance_can_not_be_told)
{
    what.alone = true;
    HAS(decide("{\"cluster\":\"a\",\"fleet\":true}"), "for one instance only");
}
