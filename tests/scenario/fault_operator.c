/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are turned on and off, that end, and that stop by themselves. */
#include "fault_case.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

FAULT_SUITE(fault_operator);

#define BROKEN "abort = { status = 418; };"
#define SET(more) "{\"route\": \"all\", \"fault\": \"f\", " more "}"

Test(fault_operator, turns_a_fault_off_and_on_in_all_workers)
{
    fault_start(3, FAULT(BROKEN));
    cr_assert_eq(fault_ask(4, "/", 418), 4);
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": false")), 200);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(get("/")->status, 200);
    cr_assert_str_eq(fault_state_told(), "off");
    rig_await_log("fault_changed");
    fault_renew(2, FAULT(BROKEN));
    cr_assert_eq(get("/")->status, 200, "what was said outlives a reload");
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": true")), 200);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(get("/")->status, 418);
    cr_assert_str_eq(fault_state_told(), "on");
}

Test(fault_operator, turns_on_what_the_file_leaves_off)
{
    fault_start(1, FAULT("enabled = false; " BROKEN));
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": true, \"percent\": 25")), 200);
    cr_assert_eq(fault_ask(20, "/", 418), 5);
    cr_assert_eq(fault_told("percent"), 25);
    cr_assert_eq(operator_call("fault", "set", SET("\"percent\": 0")), 200);
    cr_assert_eq(fault_ask(20, "/", 418), 0);
    cr_assert_eq(operator_call("fault", "set", SET("\"percent\": 100.0")), 200);
    cr_assert_eq(fault_ask(20, "/", 418), 20);
}

Test(fault_operator, stops_all_with_one_word)
{
    fault_start(2,
                "( { name = \"all\"; cluster = \"app\"; fault = { name = \"f\"; " BROKEN
                " }; }, { name = \"b\"; match = { path = \"/b\"; }; cluster = \"app\"; fault = { "
                "name = \"g\"; at = \"edge\"; " BROKEN " }; } )");
    cr_assert(get("/")->status == 418 && get("/b")->status == 418);
    cr_assert_eq(operator_call("fault", "stop_all", "{}"), 200);
    for (int i = 0; i < 4; i++)
        cr_assert(get("/")->status == 200 && get("/b")->status == 200);
    cr_assert_str_eq(fault_state_told(), "stopped");
    rig_await_log("fault_all_stopped");
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": true")), 200);
    cr_assert_eq(get("/")->status, 200, "it is the stronger word");
    cr_assert_eq(operator_call("fault", "resume", "{}"), 200);
    cr_assert(get("/")->status == 418 && get("/b")->status == 418);
}

Test(fault_operator, is_told_what_is_wrong)
{
    static const char *const wrong[][2] = {
        {"{}", "400"},
        {"{\"route\": \"all\"}", "400"},
        {"{\"route\": \"all\", \"fault\": \"g\", \"enabled\": true}", "404"},
        {"{\"route\": \"none\", \"fault\": \"f\", \"enabled\": true}", "404"},
        {SET("\"on\": true"), "400"},
        {SET("\"enabled\": 1"), "400"},
        {SET("\"percent\": \"5%\""), "400"},
        {SET("\"percent\": 101"), "400"},
        {SET("\"percent\": -1"), "400"},
        {SET("\"percent\": 0.00001"), "400"},
        {SET("\"enabled\": false, \"percent\": 101"), "400"},
    };
    fault_start(1, FAULT(BROKEN));
    for (size_t i = 0; i < array_n(wrong); i++) {
        char status[8];
        snprintf(status, sizeof status, "%d", operator_call("fault", "set", wrong[i][0]));
        cr_assert_str_eq(status, wrong[i][1], "%s: %s", wrong[i][0], status);
    }
    cr_assert_str_eq(fault_state_told(), "on", "nothing has changed");
    cr_assert_eq(operator_call("fault", "list", "{\"route\": \"none\"}"), 404);
    cr_assert_eq(operator_call("fault", "list", "{}"), 200);
}

static const char *in_seconds(int s)
{
    static char text[64];
    const time_t t = time(NULL) + s;
    struct tm tm;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    return text;
}

Test(fault_operator, need_not_think_of_the_end)
{
    rig_name("soon", "%s", in_seconds(3));
    fault_start(1, FAULT("ends = \"$soon\"; owner = \"ann@example.com\"; " BROKEN));
    cr_assert(rig_logged("the fault f of ann@example.com"));
    cr_assert_eq(get("/")->status, 418);
    AWAIT(get("/")->status == 200);
    rig_await_log("fault_ended");
    cr_assert_str_eq(fault_state_told(), "ended");
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": true")), 200);
    cr_assert_eq(get("/")->status, 200);
}

/* Every third request gets the fault; the others fail for real from some moment on. */
Test(fault_operator, sees_it_stop_when_real_errors_become_many)
{
    fault_start(2, FAULT("percent = \"50%\"; " BROKEN
                         "stop_when = { error_rate = \"20%\"; window = \"1m\"; min_requests = 10; "
                         "};"));
    cr_assert_eq(fault_ask(40, "/good", 418), 20);
    cr_assert_eq(fault_told("recent_requests"), 20, "what is injected counts for nothing");
    cr_assert_eq(fault_told("recent_errors"), 0);
    for (int i = 0; i < 30 && strcmp(fault_state_told(), "on") == 0; i++)
        fault_ask(2, "/bad?status=500", 500);
    cr_assert_str_eq(fault_state_told(), "tripped");
    cr_assert_eq(fault_told("recent_errors"), 6, "6 of 26 are more than 20 %%, 5 of 25 are not");
    rig_await_log("6 of 26 requests without it have failed");
    cr_assert_eq(rig_log_count("fault_tripped"), 1);
    cr_assert_eq(fault_count("tripped"), 1);
    cr_assert_eq(fault_ask(10, "/good", 418), 0);
    cr_assert_eq(operator_call("fault", "set", SET("\"enabled\": true")), 200);
    cr_assert_eq(fault_ask(10, "/good", 418), 5, "it begins anew");
}

Test(fault_operator, takes_any_response_that_breaks_off_for_a_real_error)
{
    fault_start(1, FAULT("percent = \"0%\"; " BROKEN
                         "stop_when = { error_rate = \"1%\"; min_requests = 1000; };"));
    cr_assert_eq(fault_ask(1, "/?status=404", 404), 1);
    cr_assert_eq(fault_ask(1, "/?status=404&size=100&cut=10", 404), 1);
    cr_assert_eq(fault_ask(1, "/?size=100&cut=10", 200), 1);
    for (const uint64_t end = now_ms() + DEADLINE_MS; now_ms() < end && fault_state_told();)
        if (fault_told("recent_requests") == 3)
            break;
    cr_assert_eq(fault_told("recent_requests"), 3);
    cr_assert_eq(fault_told("recent_errors"), 2);
}

Test(fault_operator, does_not_see_it_stop_because_of_injected_errors)
{
    fault_start(1,
                FAULTS("{ name = \"f\"; percent = \"10%\"; abort = { status = 500; }; stop_when = "
                       "{ error_rate = \"1%\"; min_requests = 1; }; }, { name = \"g\"; at = "
                       "\"edge\"; percent = \"50%\"; abort = { status = 503; }; }"));
    for (int i = 0; i < 4; i++)
        fault_ask(20, "/", 200);
    cr_assert_str_eq(fault_state_told(), "on");
    cr_assert_eq(fault_told("recent_errors"), 0);
    cr_assert_gt(fault_told("recent_requests"), 0);
}

Test(fault_operator, can_switch_all_off_in_the_file)
{
    rig_start(.top = "modules = { fault = { enabled = false; }; };", .routes = FAULT(BROKEN));
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(operator_call("fault", "resume", "{}"), 200);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_str_eq(fault_state_told(), "stopped");
}
