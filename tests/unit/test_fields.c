/* SPDX-License-Identifier: Apache-2.0 */
/* The list of fields: order, several lines of one name, growth, and what a name and a value are. */
#include "http/fields.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena a;
static struct fields f;

static void begin(void)
{
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 2);
}

static void end(void)
{
    arena_fini(&a);
}

TestSuite(fields, .init = begin, .fini = end);

/* The list as "name=value;" for comparison. */
static void expect(const char *want)
{
    char text[512] = "";
    for (uint16_t i = 0; i < f.n; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%.*s=%.*s;", SLICE_ARG(f.v[i].name),
                 SLICE_ARG(f.v[i].value));
        cr_assert_eq(f.v[i].token, token_of(f.v[i].name));
    }
    cr_assert_str_eq(text, want);
}

static void add(const char *name, const char *value)
{
    fields_add(&f, &a, slice_str(name), slice_str(value));
}

Test(fields, keeps_lines_in_order)
{
    add("B", "1");
    add("Host", "x");
    add("b", "2");
    fields_add_token(&f, &a, TOKEN_VIA, SLICE("1.1 w"));
    expect("B=1;Host=x;b=2;via=1.1 w;");
    cr_assert_eq(f.v[1].token, TOKEN_HOST);
    cr_assert_eq(f.v[0].token, TOKEN_OTHER);
}

Test(fields, starts_empty_and_without_room)
{
    fields_init(&f, &a, 0);
    cr_assert_eq(f.n, 0);
    cr_assert_null(fields_find(&f, SLICE("a")));
    cr_assert_null(fields_find_token(&f, TOKEN_HOST));
    cr_assert_eq(fields_remove(&f, SLICE("a")), 0);
    add("a", "1");
    expect("a=1;");
}

Test(fields, grows)
{
    for (int i = 0; i < 1000; i++)
        fields_add(&f, &a, slice_str(arena_printf(&a, "n%d", i)), slice_str("v"));
    cr_assert_eq(f.n, 1000);
    cr_assert_geq(f.cap, 1000);
    cr_assert(slice_eq(f.v[0].name, SLICE("n0")));
    cr_assert(slice_eq(f.v[999].name, SLICE("n999")));
}

Test(fields, grows_up_to_what_the_count_can_hold)
{
    for (uint32_t i = 0; i < UINT16_MAX; i++)
        fields_add(&f, &a, SLICE("x"), SLICE("y"));
    cr_assert_eq(f.n, UINT16_MAX);
    cr_assert_eq(f.cap, UINT16_MAX);
}

Test(fields, finds_lines_of_a_name_in_turn)
{
    add("x-a", "1");
    add("Via", "2");
    add("X-A", "3");
    add("via", "4");
    add("x-ab", "5");
    const struct field *one = fields_find(&f, SLICE("X-a"));
    cr_assert(slice_eq(one->value, SLICE("1")));
    one = fields_next(&f, one);
    cr_assert(slice_eq(one->value, SLICE("3")));
    cr_assert_null(fields_next(&f, one));
    one = fields_find(&f, SLICE("VIA"));
    cr_assert_eq(one, fields_find_token(&f, TOKEN_VIA));
    cr_assert(slice_eq(one->value, SLICE("2")));
    one = fields_next(&f, one);
    cr_assert(slice_eq(one->value, SLICE("4")));
    cr_assert_null(fields_next(&f, one));
    cr_assert_null(fields_find(&f, SLICE("x-")));
    cr_assert_null(fields_find_token(&f, TOKEN_HOST));
}

Test(fields, gets_the_first_value)
{
    add("Host", "");
    add("Via", "1");
    add("Via", "2");
    cr_assert(slice_eq(fields_get_token(&f, TOKEN_VIA), SLICE("1")));
    cr_assert_not_null(fields_get_token(&f, TOKEN_HOST).p);
    cr_assert_null(fields_get_token(&f, TOKEN_DATE).p);
    cr_assert_eq(fields_get_token(&f, TOKEN_DATE).n, 0);
}

Test(fields, sets_one_line_and_drops_its_others)
{
    add("a", "1");
    add("x", "2");
    add("b", "3");
    add("X", "4");
    add("x", "5");
    add("c", "6");
    fields_set(&f, &a, SLICE("x"), SLICE("new"));
    expect("a=1;x=new;b=3;c=6;");
    fields_set(&f, &a, SLICE("Date"), SLICE("today"));
    expect("a=1;x=new;b=3;c=6;Date=today;");
    fields_set(&f, &a, SLICE("DATE"), SLICE("now"));
    expect("a=1;x=new;b=3;c=6;DATE=now;");
    fields_set(&f, &a, SLICE("c"), SLICE(""));
    expect("a=1;x=new;b=3;c=;DATE=now;");
}

Test(fields, removes_all_lines_of_a_name)
{
    add("Cookie", "1");
    add("x", "2");
    add("cookie", "3");
    add("y", "4");
    cr_assert_eq(fields_remove_token(&f, TOKEN_COOKIE), 2);
    expect("x=2;y=4;");
    cr_assert_eq(fields_remove(&f, SLICE("Y")), 1);
    expect("x=2;");
    cr_assert_eq(fields_remove(&f, SLICE("y")), 0);
    cr_assert_eq(fields_remove_token(&f, TOKEN_COOKIE), 0);
    cr_assert_eq(fields_remove(&f, SLICE("X")), 1);
    expect("");
}

Test(fields, knows_what_a_name_and_a_value_are)
{
    cr_assert(field_name_ok(SLICE("X-a_b.c")));
    cr_assert(!field_name_ok(SLICE("")));
    cr_assert(!field_name_ok(SLICE("a b")));
    cr_assert(!field_name_ok(SLICE("a:")));
    cr_assert(field_value_ok(SLICE("")));
    for (unsigned c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool ok = c == '\t' || (c >= 0x20 && c != 0x7f);
        cr_assert_eq(field_value_ok(slice_of(text, 3)), ok, "%u", c);
        for (size_t at = 0; at < 19; at++) { /* wherever it stands in a long one */
            char many[19];
            memset(many, '~', sizeof many);
            many[at] = (char)c;
            cr_assert_eq(field_value_ok(slice_of(many, sizeof many)), ok, "%u at %zu", c, at);
        }
    }
}

Test(fields, renames_all_lines_in_their_places)
{
    add("a", "1");
    add("Cookie", "2");
    add("b", "3");
    add("A", "4");
    cr_assert_eq(fields_rename(&f, SLICE("a"), SLICE("cookie")), 2);
    expect("cookie=1;b=3;cookie=4;");
    cr_assert_not_null(fields_find_token(&f, TOKEN_COOKIE));
    cr_assert_eq(fields_rename(&f, SLICE("none"), SLICE("b")), 0);
    cr_assert_eq(fields_rename(&f, SLICE("b"), SLICE("B")), 0);
    cr_assert_eq(fields_rename(&f, SLICE("b"), SLICE("date")), 1);
    cr_assert_not_null(fields_find_token(&f, TOKEN_DATE));
    expect("cookie=1;date=3;cookie=4;");
}
