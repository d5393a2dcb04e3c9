/* SPDX-License-Identifier: Apache-2.0 */
/* Text: growing and fixed, cut where it has to be; escapes for JSON, labels and HTML; JSON. */

#include "base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct text t;

static void setup(void)
{
    text_init(&t);
}

static void teardown(void)
{
    text_fini(&t);
}

/* What stands in t, as a string; t is empty afterwards. */
static const char *taken(void)
{
    text_char(&t, '\0');
    t.n = 0;
    t.comma = false;
    return t.p;
}

TestSuite(text, .init = setup, .fini = teardown);

Test(text, adds_in_order)
{
    text_str(&t, "a");
    text_add(&t, SLICE("bc"));
    text_add(&t, slice_of(NULL, 0));
    text_str(&t, NULL);
    text_char(&t, 'd');
    text_printf(&t, "-%s-%d", "e", 5);
    cr_assert_str_eq(taken(), "abcd-e-5");
}

Test(text, numbers)
{
    char expected[32];
    uint64_t power = 1;

    for (int digits = 1; digits <= 20; digits++, power *= 10)
        for (int d = -1; d <= 1; d++) { /* around each power of ten */
            text_uint(&t, power + (uint64_t)d);
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)(power + (uint64_t)d));
            cr_assert_str_eq(taken(), expected);
            text_int(&t, (int64_t)(power + (uint64_t)d));
            snprintf(expected, sizeof expected, "%lld", (long long)(power + (uint64_t)d));
            cr_assert_str_eq(taken(), expected);
        }
    for (uint64_t v = 0; v < 20000; v++) {
        text_uint(&t, v);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)v);
        cr_assert_str_eq(taken(), expected);
    }
    text_uint(&t, UINT64_MAX);
    cr_assert_str_eq(taken(), "18446744073709551615");
    text_int(&t, INT64_MIN);
    cr_assert_str_eq(taken(), "-9223372036854775808");
}

Test(text, grows_as_far_as_needed)
{
    for (int i = 0; i < 100000; i++)
        text_char(&t, (char)('a' + i % 26));
    cr_assert_eq(t.n, 100000);
    for (int i = 0; i < 100000; i++)
        if (t.p[i] != 'a' + i % 26)
            cr_assert_fail("at %d", i);
    cr_assert(!t.cut);
    text_printf(&t, "%0*d", 300000, 7);
    cr_assert_eq(t.n, 400000);
    cr_assert_eq(t.p[399999], '7');
}

Test(text, printf_of_exactly_the_room_there_is)
{
    for (int n = 254; n <= 258; n++) { /* the first piece of memory has 256 */
        struct text g;
        text_init(&g);
        text_printf(&g, "%0*d", n, 7);
        cr_assert_eq(g.n, (size_t)n);
        cr_assert_eq(g.p[n - 1], '7');
        text_fini(&g);
    }
}

Test(text, need_makes_room_for_a_direct_write)
{
    cr_assert(text_need(&t, 1000));
    memset(t.p + t.n, 'x', 1000);
    t.n += 1000;
    cr_assert_eq(text_slice(&t).n, 1000);
}

Test(text, fixed_text_is_cut_and_stays_cut)
{
    char memory[8];
    struct text f;

    text_init_fixed(&f, memory, sizeof memory);
    text_str(&f, "12345678");
    cr_assert(!f.cut && f.n == 8);
    text_char(&f, '9');
    cr_assert(f.cut && f.n == 8);

    text_init_fixed(&f, memory, sizeof memory);
    text_str(&f, "123456789");
    cr_assert(f.cut && slice_eq(text_slice(&f), SLICE("12345678")));

    text_init_fixed(&f, memory, sizeof memory);
    text_str(&f, "123456");
    text_uint(&f, 789); /* not half a number */
    cr_assert(f.cut && slice_eq(text_slice(&f), SLICE("123456")));
    text_char(&f, 'x'); /* would fit, but there is a gap before it */
    text_str(&f, "y");
    text_printf(&f, "z");
    cr_assert(!text_need(&f, 1));
    cr_assert(slice_eq(text_slice(&f), SLICE("123456")));

    text_init_fixed(&f, memory, sizeof memory);
    text_printf(&f, "%d", 1234567);
    cr_assert(!f.cut && f.n == 7);
    text_init_fixed(&f, memory, sizeof memory);
    text_printf(&f, "%s", "123456789");
    cr_assert(f.cut && slice_eq(text_slice(&f), SLICE("1234567")));

    text_init_fixed(&f, NULL, 0);
    text_printf(&f, "%s", "");
    text_str(&f, "x");
    cr_assert(f.cut && f.n == 0);
}

/* -- JSON strings ------------------------------------------------------------------------------*/

static const char *json(struct slice s)
{
    text_json_escaped(&t, s);
    return taken();
}

/* What one byte becomes, straight from RFC 8259 7, and U+FFFD for a lone byte above 127. */
static void one_byte(int c, char out[8])
{
    static const char *const named[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\"};
    if (c < (int)array_n(named) && named[c])
        strcpy(out, named[c]);
    else if (c < 32 || c == 127)
        snprintf(out, 8, "\\u%04x", (unsigned)c);
    else if (c > 127)
        strcpy(out, "\xef\xbf\xbd");
    else
        snprintf(out, 8, "%c", c);
}

Test(text, json_escapes_every_byte_at_every_place)
{
    for (size_t n = 1; n <= 20; n++) {
        char *s = malloc(n); /* exact, so that reading too far shows */
        memset(s, 'a', n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                char unit[8], expected[64];
                one_byte(c, unit);
                snprintf(expected, sizeof expected, "%.*s%s%.*s", (int)at, "aaaaaaaaaaaaaaaaaaaa",
                         unit, (int)(n - at - 1), "aaaaaaaaaaaaaaaaaaaa");
                s[at] = (char)c;
                const char *got = json(slice_of(s, n));
                if (strcmp(got, expected) != 0)
                    cr_assert_fail("n %zu at %zu byte %02x: %s", n, at, c, got);
            }
            s[at] = 'a';
        }
        free(s);
    }
}

Test(text, json_keeps_valid_utf8)
{
    cr_assert_str_eq(json(SLICE("gr\xc3\xbc\xc3\x9f")), "gr\xc3\xbc\xc3\x9f");
    cr_assert_str_eq(json(SLICE("\xc2\x80\xdf\xbf")), "\xc2\x80\xdf\xbf");
    cr_assert_str_eq(json(SLICE("\xe0\xa0\x80\xef\xbf\xbf")), "\xe0\xa0\x80\xef\xbf\xbf");
    cr_assert_str_eq(json(SLICE("\xed\x9f\xbf\xee\x80\x80")), "\xed\x9f\xbf\xee\x80\x80");
    cr_assert_str_eq(json(SLICE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")),
                     "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

#define FFFD "\xef\xbf\xbd"

/* The examples of Unicode 15, tables 3-8 to 3-11, among others. */
Test(text, json_replaces_invalid_utf8)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "A"},
        {"\xf5\x80", FFFD FFFD},
        {"\xc3", FFFD},
        {"\xe2\x82", FFFD},
        {"\xf0\x9f\x98", FFFD},
        {"\xc3\"", FFFD "\\\""},
    };
    for (size_t i = 0; i < array_n(cases); i++)
        cr_assert_str_eq(json(slice_str(cases[i].in)), cases[i].out, "case %zu", i);
}

/* A JSON string that was cut ends behind whole escapes and characters, at every length. */
Test(text, json_is_cut_between_units)
{
    const struct slice s = SLICE("ab\x01\"gr\xc3\xbc\xf0\x9f\x98\x80\n");
    char whole[64], memory[64];
    struct text f;

    strcpy(whole, json(s));
    for (size_t cap = 0; cap < strlen(whole); cap++) {
        text_init_fixed(&f, memory, cap);
        text_json_escaped(&f, s);
        cr_assert(f.cut && f.n <= cap);
        cr_assert_eq(memcmp(f.p, whole, f.n), 0);
        const char next = whole[f.n];
        cr_assert(f.n == 0 || (next & 0xc0) != 0x80, "cut within a character at %zu", cap);
        cr_assert(f.n == 0 || whole[f.n - 1] != '\\', "cut within an escape at %zu", cap);
        if (cap >= 2 && cap < 8)
            cr_assert_eq(f.n, 2);
    }
}

/* -- labels and HTML ---------------------------------------------------------------------------*/

Test(text, labels)
{
    text_label_escaped(&t, SLICE("a\"b\\c\nd\te<&>'\x7f/0123456789 \xc3\xbc\xff\r"));
    cr_assert_str_eq(taken(), "a\\\"b\\\\c\\nd\te<&>'\x7f/0123456789 \xc3\xbc" FFFD "\r");
    text_label_escaped(&t, slice_of(NULL, 0));
    cr_assert_str_eq(taken(), "");
    text_label_escaped(&t, SLICE("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0d\x0e\x0f\x10\""));
    cr_assert_str_eq(taken(), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0d\x0e\x0f\x10\\\"");
}

Test(text, html)
{
    text_html_escaped(&t, SLICE("<a href=\"x\">Tom & 'Jerry'</a> gr\xc3\xbc\xc3\x9f\\\n"));
    cr_assert_str_eq(taken(), "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/a&gt; "
                              "gr\xc3\xbc\xc3\x9f\\\n");
    text_html_escaped(&t, slice_of(NULL, 0));
    cr_assert_str_eq(taken(), "");
}

/* -- JSON values -------------------------------------------------------------------------------*/

/* The short way of json_slice() and the long one, around each length at which they part. */
Test(text, json_slices_of_any_length_and_room)
{
    char source[40], memory[64], expected[64];

    for (size_t i = 0; i < sizeof source; i++)
        source[i] = (char)('A' + i);
    source['\\' - 'A'] = '-';
    for (size_t n = 0; n < sizeof source; n++)
        for (size_t cap = n; cap < n + 6; cap++)
            for (int comma = 0; comma < 2; comma++) {
                struct text f;
                text_init_fixed(&f, memory, cap);
                f.comma = comma;
                json_slice(&f, slice_of(source, n));
                const int whole = snprintf(expected, sizeof expected, "%s\"%.*s\"",
                                           comma ? "," : "", (int)n, source);
                cr_assert_eq(f.cut, cap < (size_t)whole, "n %zu cap %zu", n, cap);
                cr_assert_leq(f.n, cap);
                cr_assert_eq(memcmp(f.p, expected, f.n), 0);
                cr_assert(f.cut || (f.n == (size_t)whole && f.comma));
            }
}

Test(text, json_slices_escape_at_every_place)
{
    for (size_t n = 1; n <= 20; n++)
        for (size_t at = 0; at < n; at++) {
            char *s = malloc(n), expected[64];
            memset(s, 'a', n);
            s[at] = '"';
            json_slice(&t, slice_of(s, n));
            snprintf(expected, sizeof expected, "\"%.*s\\\"%.*s\"", (int)at, "aaaaaaaaaaaaaaaaaaaa",
                     (int)(n - at - 1), "aaaaaaaaaaaaaaaaaaaa");
            cr_assert_str_eq(taken(), expected);
            free(s);
        }
}

Test(text, json_values_and_commas)
{
    json_open(&t, '{');
    json_key(&t, "status");
    json_uint(&t, 200);
    json_key(&t, "delta");
    json_int(&t, -3);
    json_key(&t, "path");
    json_str(&t, "/a\"b");
    json_key(&t, "none");
    json_str(&t, NULL);
    json_key(&t, "list");
    json_open(&t, '[');
    json_bool(&t, true);
    json_bool(&t, false);
    json_str(&t, NULL);
    json_open(&t, '{');
    json_close(&t, '}');
    json_open(&t, '[');
    json_close(&t, ']');
    json_slice(&t, SLICE("x"));
    json_close(&t, ']');
    json_key(&t, "q\"");
    json_slice(&t, slice_of(NULL, 0));
    json_close(&t, '}');
    cr_assert_str_eq(taken(), "{\"status\":200,\"delta\":-3,\"path\":\"/a\\\"b\",\"none\":null,"
                              "\"list\":[true,false,null,{},[],\"x\"],\"q\\\"\":\"\"}");
}
