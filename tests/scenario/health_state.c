/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of endpoints lasts: over reloads, and when the control process dies. And who else
 * may keep requests away: operators, and the endpoint itself. */
#include "health_case.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct origin *app, *spare;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
    spare = origin_start("spare");
}

TestSuite(health_state, .init = begin, .fini = rig_end, .timeout = 120);

#define ONCE "interval = \"1h\"; unhealthy_interval = \"1h\"; "

static pid_t control(void)
{
    pid_t pid = 0;
    cr_assert_eq(rig_processes("control", &pid, 1), 1);
    return pid;
}

Test(health_state, outlives_the_control_process)
{
    origin_script(app, "status=503");
    rig_expect_deaths();
    rig_start(.workers = 2, .endpoints = BOTH, .cluster = "health = { " ONCE "};");
    AWAIT_HEALTH(app, 0);
    AWAIT_HEALTH(spare, 1);
    origin_script(app, ""); /* it would pass now, but nobody asks */
    load_start(.clients = 2);
    kill(control(), SIGKILL);
    load_await(30);
    rig_await_log("process_restarted process=control");
    AWAIT_HEALTH(app, 0);
    AWAIT_HEALTH(spare, 1);
    cr_assert_eq(answered_by("spare", 12), 12);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u failed; %s", r.failed, r.first);
}

Test(health_state, outlives_a_reload)
{
    origin_script(app, "status=503");
    rig_start(.endpoints = BOTH, .cluster = "health = { " ONCE "};");
    AWAIT_HEALTH(app, 0);
    AWAIT_HEALTH(spare, 1);
    origin_script(app, "");
    rig_renew(.endpoints = BOTH, .cluster = "health = { " ONCE "fall = 5; };");
    cr_assert_eq(health_of(app), 0);
    cr_assert_eq(answered_by("spare", 12), 12);
}

Test(health_state, a_new_endpoint_is_checked_at_once_and_the_others_stay_as_they_are)
{
    origin_script(app, "status=503");
    rig_start(.cluster = "panic = \"0%\"; health = { " ONCE "};");
    AWAIT_HEALTH(app, 0);
    cr_assert_eq(get("/?status=200")->status, 503, "there is no other one");
    origin_script(app, "");
    rig_renew(.endpoints = BOTH, .cluster = "panic = \"0%\"; health = { " ONCE "};");
    AWAIT_HEALTH(spare, 1);
    cr_assert_eq(health_of(app), 0);
    cr_assert_eq(answered_by("spare", 12), 12);
}

Test(health_state, goes_with_its_setting)
{
    origin_script(app, "status=503");
    rig_start(.endpoints = BOTH, .cluster = "health = { " ONCE "};");
    AWAIT_HEALTH(app, 0);
    rig_renew(.endpoints = BOTH);
    AWAIT(answered_by("app", 6) > 0);
}

/* -- down at first ----------------------------------------------------------------------------- */

#define DOWN_FIRST "panic = \"100%\"; health = { initial = \"down\"; " OFTEN "};"

Test(health_state, down_at_first_gives_nobody_a_request_before_a_check_has_passed)
{
    origin_script(app, "hang");
    rig_start(.cluster = DOWN_FIRST);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(get("/?status=200")->status, 503);
    origin_script(app, "");
    AWAIT(get("/?status=200")->status == 200);
}

Test(health_state, down_at_first_lets_a_new_endpoint_in_when_it_is_ready)
{
    rig_start(.workers = 2, .cluster = DOWN_FIRST);
    AWAIT_HEALTH(app, 1);
    origin_script(spare, "hang");
    load_start(.clients = 2, .request = "GET /?size=1000&status=200 HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_renew(.workers = 2, .endpoints = BOTH,
              .cluster = "panic = \"100%\"; health = { initial = \"down\"; timeout = \"60s\"; };");
    AWAIT(origin_requests(spare) == 1);
    cr_assert(body_has(admin("GET /v1/clusters/app/endpoints"), "\"health\":\"pending\""));
    cr_assert_eq(answered_by("app", 12), 12);
    cr_assert_eq(origin_requests(spare), 1, "nothing but the check");
    origin_stop(spare);
    origin_script(spare, "");
    origin_again(spare);
    AWAIT_HEALTH(spare, 1);
    AWAIT(answered_by("spare", 6) > 0);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u failed; %s", r.failed, r.first);
}

/* What is known stays, and who served before anybody checked isn't new. */
Test(health_state, down_at_first_is_for_new_endpoints_not_for_new_configurations)
{
    rig_start(.endpoints = BOTH);
    load_start(.clients = 2, .request = "GET /?size=1000&status=200 HTTP/1.1\r\nHost: a\r\n\r\n");
    origin_script(app, "delay=200");
    origin_script(spare, "delay=200");
    rig_renew(.endpoints = BOTH, .cluster = "health = { initial = \"down\"; " ONCE "};");
    AWAIT_HEALTH(app, 1);
    AWAIT_HEALTH(spare, 1);
    origin_script(spare, "status=503"); /* of a check, which nobody makes */
    rig_renew(.endpoints = BOTH, .cluster = "health = { initial = \"down\"; rise = 1; " ONCE "};");
    cr_assert_eq(health_of(spare), 1);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u failed; %s", r.failed, r.first);
}

/* -- operators --------------------------------------------------------------------------------- */

Test(health_state, an_operator_drains_an_endpoint_until_it_is_undrained)
{
    rig_start(.workers = 2, .endpoints = BOTH);
    struct talk *slow = talk_open();
    talk_send(slow, "GET /?delay=400 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct talk *other = talk_open();
    talk_send(other, "GET /?delay=400 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) + origin_requests(spare) == 2);
    const struct response *r =
        admin("POST /v1/clusters/app/endpoints/127.0.0.1:%u/drain", origin_port(app));
    cr_assert_eq(r->status, 200);
    cr_assert(body_has(r, "\"left\":1"));
    cr_assert_eq(answered_by("spare", 20), 20);
    cr_assert_eq(talk_response(slow)->status, 200, "what was under way ends as usual");
    cr_assert_eq(talk_response(other)->status, 200);
    cr_assert(body_has(admin("GET /v1/clusters/app/endpoints"), "\"drained\":true"));
    rig_renew(.workers = 2, .endpoints = BOTH, .top = "regex_steps = 1000;");
    cr_assert_eq(answered_by("spare", 20), 20, "a reload changes nothing");
    admin("POST /v1/clusters/app/endpoints/127.0.0.1:%u/undrain", origin_port(app));
    AWAIT(answered_by("app", 6) > 0);
    cr_assert(rig_logged("endpoint_drained") && rig_logged("endpoint_undrained"));
}

/* What weirctl prints; it must end well. */
static const char *weirctl(const char *words)
{
    static char said[4096];
    char command[1024];
    snprintf(command, sizeof command, "timeout 30 %s -s %s %s 2>&1", WEIRCTL_BINARY,
             rig_path("admin.sock"), words);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    cr_assert_eq(pclose(f), 0, "%s", said);
    return said;
}

Test(health_state, weirctl_shows_and_drains_endpoints)
{
    char words[128];
    rig_start(.endpoints = BOTH, .cluster = "health = { " OFTEN "};");
    AWAIT_HEALTH(app, 1);
    snprintf(words, sizeof words, "endpoint drain app 127.0.0.1:%u", origin_port(app));
    cr_assert(strstr(weirctl(words), " is now drained; 1 of app take new requests.\n"));
    cr_assert_eq(answered_by("spare", 6), 6);
    const char *list = weirctl("endpoint list app");
    cr_assert(strstr(list, " up      drained   100%  passed (200), "), "%s", list);
    snprintf(words, sizeof words, "endpoint undrain app 127.0.0.1:%u", origin_port(app));
    cr_assert(strstr(weirctl(words), " is now undrained; 2 of app take new requests.\n"));
    AWAIT(answered_by("app", 6) > 0);
}

/* -- the endpoint itself ----------------------------------------------------------------------- */

Test(health_state, an_endpoint_drains_itself_in_an_ordinary_response)
{
    rig_start(.workers = 2, .endpoints = BOTH,
              .cluster = "health = { type = \"none\"; header = \"X-Weir-Health\"; header_for = "
                         "\"600ms\"; };");
    const struct response *r = get("/?field=x-weir-health:drain");
    cr_assert_eq(r->status, 200);
    cr_assert_str_eq(field_of(r, "x-weir-health"), "", "it is not for clients");
    AWAIT(rig_logged("word=drain in=response"));
    const unsigned app_answers = answered_by("app", 10);
    cr_assert(app_answers == 0 || app_answers == 10, "one of them alone answers");
    AWAIT(answered_by("app", 4) == 2);
}

Test(health_state, an_endpoint_drains_itself_in_a_check)
{
    origin_script(app, "field=X-Weir-Health:drain");
    rig_start(.endpoints = BOTH, .cluster = "health = { header = \"X-Weir-Health\"; " OFTEN "};");
    AWAIT(rig_logged("word=drain in=check"));
    cr_assert_eq(answered_by("spare", 10), 10);
    cr_assert_eq(health_of(app), 1, "it is healthy, but goes");
    origin_script(app, "field=X-Weir-Health:ok");
    AWAIT(answered_by("app", 6) > 0);
    cr_assert_eq(rig_log_count("word=drain"), 1, "said with each check, logged once");
}
