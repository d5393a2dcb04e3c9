/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of faults: what is wrong is said where it stands, and what to do. */
#include "fault_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FAULT_SUITE(fault_config);

static char *said; /* by the last check */

static int check(const char *routes)
{
    rig_write_conf((struct rig_conf){.routes = routes});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    return status;
}

#define STATUS "abort = { status = 500; };"

Test(fault_config, that_is_wrong_says_what_is_right)
{
    static const char *const wrong[][2] = {
        {FAULT(""), "does nothing: give it a delay, an abort or bytes_per_second"},
        {FAULTS("{ " STATUS " }"), "name"},
        {FAULTS("{ name = \"a b\"; " STATUS " }"), "isn't one word"},
        {FAULTS("{ name = \"a!\"; " STATUS " }"), "isn't one word"},
        {FAULTS("{ name = \"a\"; " STATUS " }, { name = \"a\"; " STATUS " }"), "is there twice"},
        {FAULT("percent = \"101%\"; " STATUS), "percent"},
        {FAULT("at = \"middle\"; " STATUS), "upstream"},
        {FAULT("delay = { fixed = \"1s\"; max = \"2s\"; };"), "fixed delay as well as bounds"},
        {FAULT("delay = { min = \"2s\"; max = \"1s\"; };"), "whose max isn't above its min"},
        {FAULT("delay = { min = \"1s\"; };"), "whose max isn't above its min"},
        {FAULT("delay = { min = \"1s\"; max = \"2s\"; mean = \"1s\"; };"), "exponential"},
        {FAULT("delay = { fixed = \"1s\"; distribution = \"exponential\"; };"), "give min and max"},
        {FAULT("delay = { fixed = \"2h\"; };"), "fixed"},
        {FAULT("abort = { status = 500; reset = true; };"), "ends in more than one way"},
        {FAULT("abort = { status = 101; };"), "below 200"},
        {FAULT("abort = { status = 600; };"), "status"},
        {FAULT("abort = { grpc_status = 17; };"), "grpc_status"},
        {FAULT("at = \"edge\"; bytes_per_second = 10;"), "acts at the edge"},
        {FAULT("at = \"edge\"; abort = { truncate_after = 10; };"), "acts at the edge"},
        {FAULT("at = \"edge\"; abort = { grpc_status = 1; };"), "acts at the edge"},
        {FAULT("at = \"edge\"; " STATUS " match = { cluster = \"app\"; };"), "acts at the edge"},
        {FAULT(STATUS " match = { cluster = \"ap\"; };"), "app"},
        {FAULT(STATUS " match = { claim = \"groups\"; };"), "claim without any_of"},
        {FAULT(STATUS " match = { any_of = [ \"x\" ]; };"), "any_of without a claim"},
        {FAULT(STATUS " match = { methods = [ \"G T\" ]; };"), "no method"},
        {FAULT(STATUS " match = { headers = ( { name = \"a b\"; } ); };"), "no field name"},
        {FAULT(STATUS " match = { headers = ( { name = \"a\"; present = false; exact = \"\"; } ); "
                      "};"),
         "has no value"},
        {FAULT(STATUS " match = { headers = ( { name = \"a\"; present = false; regex = \"\"; } ); "
                      "};"),
         "has no value"},
        {FAULT(STATUS " match = { headers = ( { name = \"a\"; regex = \"v[\"; } ); };"),
         "the regex of a: it is no regular expression: "},
        {FAULT("wish_header = \"x\";"), "has to say who may use it"},
        {FAULT("wish_header = \"x\"; match = { issuers = [ \"id\" ]; };"), "who may use it"},
        {FAULT("wish_header = \"x\"; match = { subjects = [ \"a\" ]; }; " STATUS), "of its own"},
        {FAULT("wish_header = \"Host\"; match = { subjects = [ \"a\" ]; };"), "wish_header"},
        {FAULT("wish_header = \"x\"; at = \"edge\"; match = { subjects = [ \"a\" ]; };"),
         "at = \"upstream\""},
        {FAULT("mark_header = \"a b\"; " STATUS), "mark_header"},
        {FAULT("ends = \"tomorrow\"; " STATUS), "which is no time; write it as"},
        {FAULT("stop_when = { window = \"5s\"; }; " STATUS), "needs an error_rate"},
        {FAULT("max_active = 0; " STATUS), "max_active"},
        {FAULT("percentage = \"5%\"; " STATUS), "did you mean \"percent\"?"},
    };
    for (size_t i = 0; i < array_n(wrong); i++) {
        cr_assert_neq(check(wrong[i][0]), 0, "taken: %s", wrong[i][0]);
        cr_assert(strstr(said, wrong[i][1]), "%s: %s", wrong[i][0], said);
    }
}

Test(fault_config, may_have_all_there_is)
{
    const int status = check(FAULT(
        "percent = \"0.0001%\"; enabled = false; each = \"request\"; delay = { min = \"0ms\"; max "
        "= "
        "\"1s\"; distribution = \"exponential\"; }; abort = { truncate_after = \"64k\"; }; "
        "bytes_per_second = \"10k\"; match = { headers = ( { name = \"a\"; exact = \"\"; } ); "
        "cluster = \"app\"; endpoints = [ \"10.0.0.1:80\" ]; identified_by = [ \"jwt\" ]; }; "
        "max_active = 5; mark_header = \"X-Injected\"; owner = \"ann\"; ends = "
        "\"2020-01-01T00:00:00Z\"; stop_when = { error_rate = \"1%\"; };"));
    cr_assert_eq(status, 0, "%s", said);
}

/* With a free port instead of the one that it names. */
Test(fault_config, of_the_examples_is_good)
{
    static const char named[] = "0.0.0.0:8080";
    static char text[16 * 1024], conf[sizeof text + 1024];
    FILE *f = fopen(TEST_SRCDIR "/conf/examples/fault.conf", "re");
    cr_assert(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *bind = strstr(text, named);
    cr_assert(bind);
    *bind = '\0';
    snprintf(conf, sizeof conf, "module_folders = [ \"%s\" ];\n%s127.0.0.1:$port%s", WEIR_MODULES,
             text, bind + strlen(named));
    rig_write_conf((struct rig_conf){.whole = conf});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    cr_assert(status == 0 && strstr(said, "(0 errors, 0 warnings)"), "%s", said);
}
