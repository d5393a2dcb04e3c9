/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of difference, alone and together. */
#include "mirror/compare.h"

#include <criterion/criterion.h>
#include <string.h>

static struct outcome a, b;
static struct compare_rules rules;
static struct verdict verdict;
static char told[4096]; /* "what: primary, mirror; ..." */

static void same_responses(void)
{
    a = (struct outcome){.status = 200,
                         .whole = true,
                         .json = true,
                         .fields = {WEIR_SLICE("text/plain")},
                         .content = WEIR_SLICE("{\"id\":1}")};
    b = a;
}

TestSuite(mirror_compare, .init = same_responses);

static unsigned compared(void)
{
    size_t i;
    json_t *d;
    compare(&rules, &a, &b, &verdict);
    told[0] = 0;
    json_array_foreach(verdict.list, i, d)
        sprintf(told + strlen(told), "%s: %s, %s; ", json_string_value(json_object_get(d, "what")),
                json_string_value(json_object_get(d, "primary")),
                json_string_value(json_object_get(d, "mirror")));
    json_decref(verdict.list);
    return verdict.differs;
}

static void choose_field(void)
{
    static const struct weir_name names[] = {{.text = WEIR_SLICE("X-Kind")}};
    rules.fields = names;
    rules.fields_n = 1;
}

static void everything(void)
{
    choose_field();
    rules.status = rules.json = rules.content = true;
}

Test(mirror_compare, finds_nothing_between_equals)
{
    everything();
    cr_assert_eq(compared(), 0);
    cr_assert_null(verdict.list);
    cr_assert(!verdict.unread);
}

Test(mirror_compare, looks_only_at_what_was_asked_for)
{
    b = (struct outcome){.status = 500, .content = WEIR_SLICE("other")};
    cr_assert_eq(compared(), 0);
    cr_assert(!verdict.unread);
}

Test(mirror_compare, tells_statuses)
{
    rules.status = true;
    b.status = 503;
    cr_assert_eq(compared(), DIFFERS_STATUS);
    cr_assert_str_eq(told, "status: 200, 503; ");
}

Test(mirror_compare, tells_fields_without_their_values)
{
    choose_field();
    b.fields[0] = WEIR_SLICE("secret");
    cr_assert_eq(compared(), DIFFERS_FIELD);
    cr_assert_str_eq(told, "header X-Kind: text(10), text(6); ");
    b.fields[0] = (struct weir_slice){0};
    cr_assert_eq(compared(), DIFFERS_FIELD);
    cr_assert_str_eq(told, "header X-Kind: text(10), absent; ");
    a.fields[0] = WEIR_SLICE("");
    cr_assert_eq(compared(), DIFFERS_FIELD, "an empty one isn't an absent one");
    a.fields[0] = b.fields[0];
    cr_assert_eq(compared(), 0);
}

Test(mirror_compare, shows_values_when_it_may)
{
    choose_field();
    rules.show_values = rules.json = true;
    b.fields[0] = WEIR_SLICE("open");
    b.content = WEIR_SLICE("{\"id\":2}");
    compared();
    cr_assert_str_eq(told, "header X-Kind: \"text/plain\", \"open\"; json /id: 1, 2; ");
}

Test(mirror_compare, compares_json_by_its_meaning)
{
    rules.json = true;
    b.content = WEIR_SLICE(" { \"id\" : 1.0 } ");
    cr_assert_eq(compared(), 0);
    b.content = WEIR_SLICE("{\"id\":\"1\"}");
    cr_assert_eq(compared(), DIFFERS_CONTENT);
    cr_assert_str_eq(told, "json /id: number, string(1); ");
}

Test(mirror_compare, leaves_out_ignored_places)
{
    struct json_pattern ids;
    char memory[8];
    cr_assert_null(json_pattern_parse(WEIR_SLICE("/id"), memory, &ids));
    rules.json = true;
    rules.ignored = &ids;
    rules.ignored_n = 1;
    b.content = WEIR_SLICE("{\"id\":2}");
    cr_assert_eq(compared(), 0);
}

Test(mirror_compare, notes_when_only_one_is_json)
{
    rules.json = true;
    b.content = WEIR_SLICE("<html>");
    cr_assert_eq(compared(), DIFFERS_CONTENT);
    cr_assert_str_eq(told, "content: json, not json; ");
    b = a;
    b.json = false;
    b.content = WEIR_SLICE("{\"id\":3}");
    cr_assert_eq(compared(), DIFFERS_CONTENT, "its head says that it is none");
}

Test(mirror_compare, compares_other_content_by_its_bytes)
{
    a.json = b.json = false;
    b.content = WEIR_SLICE("{\"id\":17}");
    rules.json = true;
    cr_assert_eq(compared(), 0, "not asked for");
    rules.content = true;
    cr_assert_eq(compared(), DIFFERS_CONTENT);
    cr_assert_str_eq(told, "content: 8 bytes, 9 bytes; ");
    rules.json = false;
    a.json = b.json = true;
    b.content = WEIR_SLICE("{\"id\":2}");
    cr_assert_eq(compared(), DIFFERS_CONTENT);
    cr_assert_str_eq(told, "content: 8 bytes, 8 bytes; ");
}

Test(mirror_compare, says_when_content_was_too_long)
{
    everything();
    b.whole = false;
    b.content = WEIR_SLICE("{\"id\":");
    cr_assert_eq(compared(), 0);
    cr_assert(verdict.unread);
}

Test(mirror_compare, tells_all_that_differs)
{
    everything();
    b = (struct outcome){.status = 404, .whole = true, .json = true, .content = WEIR_SLICE("{}")};
    cr_assert_eq(compared(), DIFFERS_STATUS | DIFFERS_FIELD | DIFFERS_CONTENT);
    cr_assert_str_eq(told, "status: 200, 404; header X-Kind: text(10), absent; "
                           "json /id: number, absent; ");
}

Test(mirror_compare, bears_json_that_is_none)
{
    rules.json = rules.content = true;
    a.content = WEIR_SLICE("{\"id\":1");
    b.content = WEIR_SLICE("[[[[[[");
    cr_assert_eq(compared(), DIFFERS_CONTENT);
    cr_assert_str_eq(told, "content: 7 bytes, 6 bytes; ");
    a.content = (struct weir_slice){0};
    cr_assert_eq(compared(), DIFFERS_CONTENT);
}

static bool is_json(const char *type, const char *coding)
{
    return compare_is_json((struct weir_slice){type, strlen(type)},
                           coding ? (struct weir_slice){coding, strlen(coding)}
                                  : (struct weir_slice){0});
}

Test(mirror_compare, knows_json_by_its_type)
{
    cr_assert(is_json("application/json", NULL));
    cr_assert(is_json("Application/JSON ; charset=utf-8", NULL));
    cr_assert(is_json("application/problem+json", "identity"));
    cr_assert(!is_json("application/json", "gzip"));
    cr_assert(!is_json("application/jsonp", NULL));
    cr_assert(!is_json("text/html", NULL));
    cr_assert(!is_json("json", NULL));
    cr_assert(!is_json("+json", NULL));
    cr_assert(!is_json("", NULL));
}
