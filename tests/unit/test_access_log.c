/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the access log: formats and every field. */
#include "tests/unit/access_log_case.h"

TestSuite(access_log, .init = begin, .fini = end);

/* -- lines ------------------------------------------------------------------------------------- */

Test(access_log, writes_json_with_everything)
{
    succeed();
    EQ(line_of("json"),
       "{\"time\":\"1994-11-06T08:49:29.000042Z\",\"client\":\"10.0.0.200\","
       "\"source\":\"2001:db8::1\",\"worker\":3,\"connection\":17,\"exchange\":5,"
       "\"request_id\":\"rid\",\"listener\":\"public\",\"method\":\"GET\",\"scheme\":\"https\","
       "\"host\":\"example.com\",\"path\":\"/ab\",\"query\":\"q=1\",\"protocol\":\"HTTP/1.1\","
       "\"user_agent\":\"curl/8 \\\"x\\\"\",\"referer\":\"https://r.example/\",\"route\":\"shop\","
       "\"cluster\":\"cart\",\"endpoint\":\"10.0.0.8:80\",\"attempts\":2,"
       "\"tries\":\"closed@10.0.0.7:80+70,200@10.0.0.8:80+9300\",\"reused\":true,\"outcome\":\"ok\","
       "\"detail\":\"because\",\"status\":200,\"bytes_in\":1,\"bytes_out\":5000000000,"
       "\"duration_us\":8000000,\"route_us\":10,\"connect_us\":300,\"response_head_us\":4000,"
       "\"response_body_us\":5000,\"send_us\":1000}\n");
}

Test(access_log, leaves_out_of_json_what_an_exchange_does_not_have)
{
    memset(&x.request, 0, sizeof x.request);
    memset(&x.target, 0, sizeof x.target);
    memset(&x.host, 0, sizeof x.host);
    x.request.minor = 1;
    x.request_id = (struct slice){0};
    x.why = WHY_BAD_REQUEST;
    x.detail = "bare_lf";
    EQ(line_of("json"), "{\"time\":\"1994-11-06T08:49:29.000042Z\",\"client\":\"10.0.0.200\","
                        "\"source\":\"2001:db8::1\",\"worker\":3,\"connection\":17,\"exchange\":5,"
                        "\"listener\":\"public\",\"scheme\":\"https\",\"attempts\":0,"
                        "\"outcome\":\"bad_request\",\"detail\":\"bare_lf\",\"bytes_in\":0,"
                        "\"bytes_out\":0,\"duration_us\":8000000}\n");
}

Test(access_log, writes_json_of_chosen_fields_in_their_order)
{
    succeed();
    EQ(line_of("json status request.X-Tenant  response.Content-Type request.absent time_common"),
       "{\"status\":200,\"request.X-Tenant\":\"t1\",\"response.Content-Type\":\"text/css\","
       "\"time_common\":\"06/Nov/1994:08:49:29 +0000\"}\n");
    EQ(line_of("json request.absent"), "{}\n");
}

Test(access_log, writes_what_is_found_by_name)
{
    add_request_field("Cookie", "lang=de");
    x.target.query = SLICE("a=%22b");
    x.plan.variant = SLICE("v2");
    EQ(line_of("%{cookie.lang} %{query.a} %{variant} %{claim.groups|nobody}"),
       "de \\x22b v2 nobody\n");
    EQ(line_of("json cookie.lang query.a variant claim.x"),
       "{\"cookie.lang\":\"de\",\"query.a\":\"\\\"b\",\"variant\":\"v2\"}\n");
    x.target.query = SLICE("a%22%5Cb=1");
    EQ(line_of("json query.a\"\\b"), "{\"query.a\\\"\\\\b\":\"1\"}\n");
}

Test(access_log, escapes_json)
{
    x.target.path = SLICE("/\"\\\n\x01\xff\xc3\xa9");
    EQ(line_of("json path"), "{\"path\":\"/\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\"}\n");
}

Test(access_log, writes_the_common_format)
{
    succeed();
    EQ(line_of("common"), "2001:db8::1 - - [06/Nov/1994:08:49:29 +0000] \"GET /a%62?q=1 HTTP/1.1\" "
                          "200 5000000000 \"https://r.example/\" \"curl/8 \\x22x\\x22\"\n");
    memset(&x.request, 0, sizeof x.request);
    x.head_sent = false;
    x.bytes_out = 0;
    EQ(line_of("common"), "2001:db8::1 - - [06/Nov/1994:08:49:29 +0000] \"-\" - 0 \"-\" \"-\"\n");
}

Test(access_log, writes_a_format_string_with_stand_ins_and_percent_signs)
{
    EQ(line_of("100%% %{method} 5% of %{cluster} %{cluster|} %{cluster|no|ne}%"),
       "100% GET 5% of -  no|ne%\n");
    succeed();
    EQ(line_of("%{reused} %{tunnel} %{request.x-tenant} %{response.CONTENT-TYPE}"),
       "true - t1 text/css\n");
}

Test(access_log, escapes_whatever_could_break_a_line_of_text)
{
    x.target.path = SLICE("/a\n\"b\\c\x7f\xc3\t d");
    EQ(line_of("%{path}"), "/a\\x0A\\x22b\\x5Cc\\x7F\\xC3\\x09 d\n");
}

Test(access_log, cuts_a_long_request_line_but_keeps_its_protocol)
{
    char target[2000];
    memset(target, 'x', sizeof target);
    x.request.target = slice_of(target, sizeof target);
    x.request.minor = 0;
    const char *line = line_of("%{request_line}");
    cr_assert(strlen(line) == 512 + 1);
    cr_assert(strncmp(line, "GET xxx", 7) == 0);
    cr_assert(strcmp(line + 512 - 10, "x HTTP/1.0\n") == 0);
}

/* The status of a client that went is 499; that of another failure is what was sent. */
Test(access_log, shows_499_only_for_a_client_that_left_unanswered)
{
    x.why = WHY_CLIENT_GONE;
    EQ(line_of("%{status} %{outcome}"), "499 client_gone\n");
    x.head_sent = true;
    x.reply.status = 200;
    EQ(line_of("%{status} %{outcome}"), "200 client_gone\n");
    x.head_sent = false;
    x.why = WHY_TIMEOUT_REQUEST;
    EQ(line_of("%{status} %{outcome}"), "- timeout_request\n");
}

Test(access_log, shows_attempts_as_many_as_fit)
{
    enum { MANY = 40 };
    static struct attempt many[MANY];
    for (int i = 0; i < MANY; i++) {
        add_attempt(&many[i], "[2001:db8:1:2:3:4:5:6]:65535");
        many[i].why = WHY_TIMEOUT_CONNECT;
    }
    const char *line = line_of("%{tries}");
    const size_t one = strlen("timeout_connect@[2001:db8:1:2:3:4:5:6]:65535+0,");
    cr_assert_eq(strlen(line), 1024 / one * one + strlen("...\n"));
    cr_assert_str_eq(line + strlen(line) - 7, "+0,...\n");
}

Test(access_log, gives_an_attempt_that_was_given_up_the_reason_of_its_exchange)
{
    static struct attempt reset, last;
    add_attempt(&reset, "10.0.0.7:80");
    reset.why = WHY_RESET;
    add_attempt(&last, "10.0.0.8:80");
    x.why = WHY_TIMEOUT_REQUEST;
    EQ(line_of("%{tries}"), "reset@10.0.0.7:80+0,timeout_request@10.0.0.8:80+0\n");
}

Test(access_log, marks_attempts_into_which_a_fault_was_injected)
{
    static struct attempt one;
    add_attempt(&one, "10.0.0.7:80");
    one.headed = true;
    one.head.status = 503;
    EQ(line_of("%{tries|none}"), "none\n");
    one.injected = true;
    EQ(line_of("%{tries|none}"), "503!@10.0.0.7:80+0\n");
}

Test(access_log, formats_dates_like_the_c_library)
{
    for (uint64_t day = 0; day < 60000; day += 1 + day % 3) { /* to the year 2134 */
        char want[64];
        const time_t t = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        cr_assert(gmtime_r(&t, &tm));
        strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.000007Z", &tm);
        struct variable_value v;
        x.created_wall_us = (uint64_t)t * 1000000 + 7;
        cr_assert(variables[0].get(&x, NULL, &v));
        cr_assert(slice_eq(v.text, slice_str(want)), "%s", want);
    }
}

Test(access_log, prints_ipv4_addresses_of_every_length)
{
    const uint8_t parts[] = {0, 9, 10, 99, 100, 101, 255};
    for (size_t i = 0; i < array_n(parts) * array_n(parts); i++) {
        uint8_t *b = facts.peer.b;
        char want[ADDR_TEXT_MAX];
        b[12] = parts[i % 7];
        b[13] = parts[i / 7];
        b[14] = parts[(i + 3) % 7];
        b[15] = parts[(i + 5) % 7];
        snprintf(want, sizeof want, "%d.%d.%d.%d\n", b[12], b[13], b[14], b[15]);
        EQ(line_of("%{client}"), want);
    }
    facts.peer = (struct ip){{0}};
    EQ(line_of("%{client}"), "unix\n");
}

/* -- compiling --------------------------------------------------------------------------------- */

static void refuses(const char *format, const char *said)
{
    faults_fini(&faults);
    faults_init(&faults);
    lc.format = slice_str(format);
    cr_assert(!access_format_compile(&lc, &arena, &faults), "%s", format);
    cr_assert(faults.errors == 1);
    cr_assert(strstr(faults.first->text, said), "%s", faults.first->text);
}

Test(access_log, refuses_formats_that_make_no_sense_and_says_what_was_meant)
{
    refuses("%{statsu}", "did you mean \"status\"?");
    refuses("json statsu", "did you mean \"status\"?");
    refuses("%{}", "no variable \"\"");
    refuses("%{status", "no closing brace");
    refuses("jsn", "allowed: \"json\"");
    refuses("", "allowed: \"json\"");
    refuses("%{request.}", "did you mean \"request.NAME\"?");
    refuses("%{request.a b}", "not the name of a header field");
}

Test(access_log, warns_of_credentials)
{
    compile("%{request.Authorization} %{request.cookie} %{response.Set-Cookie} %{request.host}");
    cr_assert(faults.errors == 0 && faults.warnings == 3);
}

Test(access_log, knows_every_field_by_one_name_in_both_forms_and_in_the_reference)
{
    struct text reference;
    char format[128];

    succeed();
    text_init(&reference);
    access_log_reference(&reference);
    text_char(&reference, '\0');
    for (const struct variable *f = variables; f->name; f++) {
        const char *end = f->part == PART_NONE ? "" : "NAME";
        snprintf(format, sizeof format, "%%{%s%s}", f->name, end);
        cr_assert(compile(format)->t.n == 1);
        snprintf(format, sizeof format, "json %s%s", f->name, end);
        cr_assert(compile(format)->t.n == 1);
        snprintf(format, sizeof format, "| `%s%s` |", f->name, end);
        cr_assert(strstr(reference.p, format), "%s", format);
        for (const struct variable *other = variables; other != f; other++)
            cr_assert(strcmp(other->name, f->name) != 0);
    }
    text_fini(&reference);
}

/* docs/access-log.md is this reference; `./dev docs` writes it anew. */
Test(access_log, reference_in_docs_is_of_this_table)
{
    struct text want;
    char file[512];
    static char have[65536];

    text_init(&want);
    access_log_reference(&want);
    snprintf(file, sizeof file, "%.*s../../docs/access-log.md",
             (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
    FILE *in = fopen(file, "r");
    cr_assert(in, "%s: %s", file, strerror(errno));
    size_t n = fread(have, 1, sizeof have, in);
    fclose(in);
    cr_assert(slice_eq(slice_of(have, n), text_slice(&want)),
              "docs/access-log.md is out of date: ./dev docs");
    text_fini(&want);
}
