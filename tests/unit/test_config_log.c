/* SPDX-License-Identifier: Apache-2.0 */
/* The section log. */
#include "config_case.h"

#include "base/log.h"
#include "base/syslog.h"

Test(config_log, defaults)
{
    struct config *c = conf_of(WITH_TOP("log = { };"));
    cr_assert_slice(c->log.access, "off");
    cr_assert_slice(c->log.format, "json");
    cr_assert_slice(c->log.error, "stderr");
    cr_assert_slice(c->log.audit, "off");
    cr_assert_eq(c->log.buffer, 65536);
    cr_assert_eq(c->log.flush, 1000);
    cr_assert_eq(c->log.level, LEVEL_INFO);
    cr_assert_eq(c->log.burst, 10);
    cr_assert_eq(c->log.syslog_format, SYSLOG_3164);
    cr_assert_eq(c->log.rotate.size, 0);
    cr_assert_eq(c->log.rotate.keep, 5);
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
                "file; did you mean \"stderr\"?"},
               {WITH_TOP("log = { audit = \"of\"; };"),
                "t.conf:1: error: log.audit is \"of\"; \"off\" or the path of a file; did you mean "
                "\"off\"?"},
               {WITH_TOP("log = { audit = \"stderr\"; };"),
                "t.conf:1: error: log.audit is \"stderr\"; \"off\" or the path of a file"},
               {WITH_TOP("log = { error = \"off\"; };"),
                "t.conf:1: error: log.error is \"off\"; \"stderr\", \"syslog\" or the path of a "
                "file"});
    struct config *c = conf_of(WITH_TOP("log = { audit = \"/var/log/weir/audit.log\"; };"));
    cr_assert_slice(c->log.audit, "/var/log/weir/audit.log");
    config_free(c);
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

Test(config_log, rotation_and_the_form_of_syslog)
{
    struct config *c = conf_of(
        WITH_TOP("log = { syslog_format = \"rfc5424\"; rotate = { size = \"4k\"; keep = 1; }; };"));
    cr_assert_eq(c->log.syslog_format, SYSLOG_5424);
    cr_assert_eq(c->log.rotate.size, 4096);
    cr_assert_eq(c->log.rotate.keep, 1);
    config_free(c);
    CONF_CASES({WITH_TOP("log = { rotate = { size = 4095; }; };"),
                "t.conf:1: error: log.rotate.size is 4095; 0, or a size from 4k to 1024g"},
               {WITH_TOP("log = { rotate = { keep = 0; }; };"),
                "t.conf:1: error: log.rotate.keep is 0; a whole number from 1 to 1000"},
               {WITH_TOP("log = { rotate = { keep = 1001; }; };"),
                "t.conf:1: error: log.rotate.keep is 1001; a whole number from 1 to 1000"},
               {WITH_TOP("log = { syslog_format = \"5424\"; };"),
                "t.conf:1: error: log.syslog_format is \"5424\"; one of \"rfc3164\" or "
                "\"rfc5424\""});
}
