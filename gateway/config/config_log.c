/* SPDX-License-Identifier: Apache-2.0 */
/* The section `log`: where the access log, the error log and the audit log go, and how they look.
 * Whether a file can be opened is for the process that opens it; the names in a format are known to
 * core/log/access_log.c, which compiles it. */
#include "config/sections.h"

#include "base/log.h"
#include "base/syslog.h"

static void read_access(struct option_reader *r, const config_setting_t *s, void *field);
static void read_error(struct option_reader *r, const config_setting_t *s, void *field);
static void read_audit(struct option_reader *r, const config_setting_t *s, void *field);
static void read_format(struct option_reader *r, const config_setting_t *s, void *field);

/* In the order of enum log_level. */
static const char *const levels[] = {"error", "warn", "info", "trace", NULL};
_Static_assert(LEVEL_ERROR == 0 && LEVEL_WARN == 1 && LEVEL_INFO == 2 && LEVEL_TRACE == 3,
               "levels[] follows enum log_level");

/* In the order of enum syslog_form. */
static const char *const syslog_forms[] = {"rfc3164", "rfc5424", NULL};
_Static_assert(SYSLOG_3164 == 0 && SYSLOG_5424 == 1, "syslog_forms[] follows enum syslog_form");

static const char *const access_words[] = {"off", "stdout", "syslog", "journald", NULL};
static const char *const error_words[] = {"stderr", "syslog", NULL};
static const char *const audit_words[] = {"off", NULL};
static const char *const all_words[] = {"off", "stdout", "stderr", "syslog", "journald", NULL};

#define KIB 1024
#define FORM_ACCESS "\"off\", \"stdout\", \"syslog\", \"journald\" or the path of a file"
#define FORM_ERROR "\"stderr\", \"syslog\" or the path of a file"
#define FORM_AUDIT "\"off\" or the path of a file"
#define FORM_FORMAT "\"json\", \"common\" or a format of one line"

static void rotate_check(struct option_reader *r, const config_setting_t *s, void *base);

static const struct option rotate_options[] = {
    OPTION_SIZE("size", struct log_conf, rotate.size, "0", 0, INT64_C(1) << 40,
                "a file of this size is renamed to FILE.1, and a new one begun; 0: never"),
    OPTION_INT("keep", struct log_conf, rotate.keep, "5", 1, 1000,
               "how many such files there are; the oldest goes"),
    OPTION_END,
};

const struct option log_options[] = {
    OPTION_CUSTOM("access", struct log_conf, access, read_access, "off", FORM_ACCESS,
                  "where the access log goes"),
    OPTION_CUSTOM("format", struct log_conf, format, read_format, "json", FORM_FORMAT,
                  "how a line of the access log looks"),
    OPTION_SIZE("buffer", struct log_conf, buffer, "64k", 4 * KIB, 16 * KIB * KIB,
                "access lines that a worker collects before it writes"),
    OPTION_MS("flush", struct log_conf, flush, "1s", 1, 60 * 60 * 1000,
              "how long a line of the access log waits at most"),
    OPTION_CUSTOM("error", struct log_conf, error, read_error, "stderr", FORM_ERROR,
                  "where the error log goes"),
    OPTION_CUSTOM("audit", struct log_conf, audit, read_audit, "off", FORM_AUDIT,
                  "where the audit log goes: changes by operators, and changes of state"),
    OPTION_CHOICE("level", struct log_conf, level, "info", levels,
                  "up to which level the error log is written"),
    OPTION_INT("burst", struct log_conf, burst, "10", 0, 1000000,
               "lines of one event name per second in the error log; 0: no limit"),
    OPTION_CHOICE("syslog_format", struct log_conf, syslog_format, "rfc3164", syslog_forms,
                  "what stands before lines to syslog; journald's /dev/log takes rfc3164 only"),
    OPTION_INT("recent", struct log_conf, recent, "4096", 0, 1000000,
               "finished requests that each worker remembers for weirctl explain ID; 0: none"),
    OPTION_SUB("rotate", rotate_options, "when the files of all logs are rotated by the gateway",
               .check = rotate_check),
    OPTION_END,
};

static bool is_one_of(const char *const *words, struct slice text)
{
    for (size_t i = 0; words[i]; i++)
        if (slice_eq(text, slice_str(words[i])))
            return true;
    return false;
}

/* A bare word that looks like one of ours, or is one of another log's, is a slip, not the name of a
 * file. */
static void read_sink(struct option_reader *r, const config_setting_t *s, const char *form,
                      const char *const *words, struct slice *out)
{
    struct slice text;
    if (!s || !option_read_text(r, s, form, &text))
        return;
    *out = text;
    if (is_one_of(words, text))
        return;
    bool bare = slice_find(text, '/') == text.n && slice_find(text, '.') == text.n;
    const char *hint = bare ? option_hint(r, text, words) : "";
    if (text.n == 0 || *hint || is_one_of(all_words, text))
        option_wrong(r, s, "%s%s", form, hint);
    else
        *out = path_from_folder(loading_of(r), text);
}

static void read_access(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice *out = field;
    *out = SLICE("off");
    read_sink(r, s, FORM_ACCESS, access_words, out);
}

static void read_error(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice *out = field;
    *out = SLICE("stderr");
    read_sink(r, s, FORM_ERROR, error_words, out);
}

static void read_audit(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice *out = field;
    *out = SLICE("off");
    read_sink(r, s, FORM_AUDIT, audit_words, out);
}

static void read_format(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice *out = field;
    *out = SLICE("json");
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_FORMAT, &text))
        return;
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 && text.p[i] != '\t')
            text.n = 0;
    if (text.n == 0)
        option_wrong(r, s, FORM_FORMAT);
    else
        *out = text;
}

/* Looked at once a second: a file that is full before that would only ever be renamed. */
static void rotate_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    const struct log_conf *lc = base;
    if (lc->rotate.size && lc->rotate.size < 4 * KIB)
        option_wrong(r, member_or(s, "size"), "0, or a size from 4k to 1024g");
}
