/* SPDX-License-Identifier: Apache-2.0 */
/* The section log. */
#include "config_case.h"

#include "base/log.h"

Test(config_log, defaults)
{
    struct config *c = conf_of(WITH_TOP("log = { };"));
    cr_assert_slice(c->log.access, "off");
    cr_assert_slice(c->log.format, "json");
    cr_assert_slice(c->log.error, "stderr");
    cr_assert_eq(c->log.buffer, 65536);
    cr_assert_eq(c->log.flush, 1000);
    cr_assert_eq(c->log.level, LEVEL_INFO);
    cr_assert_eq(c->log.burst, 10);
    config_free(c);
}

Test(config_log, values)
{
    struct config *c =
        conf_of(WITH_TOP("log = { access = \"/var/log/a.log\"; format = \"%h %r\\t%s\"; error = "
                         "\"syslog\"; buffer = "
                         "\"4k\"; flush = \"1ms\"; level = \"trace\"; burst = 0; };"));
    cr_assert_slice(c->log.access, "/var/log/a.log");
    cr_assert_slice(c->log.format, "%h %r\t%s");
    cr_assert_slice(c->log.error, "syslog");
    cr_assert_eq(c->log.buffer, 4096);
    cr_assert_eq(c->log.flush, 1);
    cr_assert_eq(c->log.level, LEVEL_TRACE);
    cr_assert_eq(c->log.burst, 0);
    config_free(c);
}

Test(config_log, words_and_paths_are_told_apart)
{
    const char *const good[] = {"off",        "stdout",  "syslog",   "journald",
                                "access.log", "./stdot", "requests", "/dev/stdout"};
    for (size_t i = 0; i < array_n(good); i++) {
        char text[512];
        snprintf(text, sizeof text, "log = { access = \"%s\"; };" LISTENERS CLUSTERS ROUTES,
                 good[i]);
        struct config *c = conf_of(text);
        cr_assert(slice_eq(c->log.access, slice_str(good[i])));
        config_free(c);
    }
    CONF_CASES({WITH_TOP("log = { access = \"stdot\"; };"),
                "t.conf:1: error: log.access is \"stdot\"; \"off\", \"stdout\", \"syslog\", "
                "\"journald\" or the path of a file; did you mean \"stdout\"?"},
               {WITH_TOP("log = { error = \"sdterr\"; };"),
                "t.conf:1: error: log.error is \"sdterr\"; \"stderr\", \"syslog\" or the path of a "
                "file; did you mean \"stderr\"?"});
}

Test(config_log, values_are_checked)
{
    CONF_CASES(
        {WITH_TOP("log = { access = \"\"; };"),
         "t.conf:1: error: log.access is \"\"; \"off\", \"stdout\", \"syslog\", "
         "\"journald\" or the path of a file"},
        {WITH_TOP("log = { format = \"a\\nb\"; };"),
         "t.conf:1: error: log.format is \"a\\x0ab\"; \"json\", \"common\" or a format of "
         "one line"},
        {WITH_TOP("log = { format = \"\"; };"),
         "t.conf:1: error: log.format is \"\"; \"json\", \"common\" or a format of one "
         "line"},
        {WITH_TOP("log = { level = \"debug\"; };"),
         "t.conf:1: error: log.level is \"debug\"; one of \"error\", \"warn\", \"info\" or "
         "\"trace\""},
        {WITH_TOP("log = \"stdout\";"), "t.conf:1: error: log is \"stdout\"; a group: { ... }"});
}
