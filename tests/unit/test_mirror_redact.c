/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of a value, and what not. */
#include "mirror/redact.h"

#include <criterion/criterion.h>
#include <string.h>

static char text[REDACT_TEXT];

static const char *of_json(const char *json, bool show)
{
    json_t *v = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    cr_assert_not_null(v);
    redact_json(v, show, text);
    json_decref(v);
    return text;
}

static const char *of_field(const char *value, bool show)
{
    redact_field((struct weir_slice){value, strlen(value)}, show, text);
    return text;
}

Test(mirror_redact, shows_kinds_and_lengths_only)
{
    cr_assert_str_eq(of_json("\"hunter2\"", false), "string(7)");
    cr_assert_str_eq(of_json("\"\"", false), "string(0)");
    cr_assert_str_eq(of_json("4711", false), "number");
    cr_assert_str_eq(of_json("47.11", false), "number");
    cr_assert_str_eq(of_json("true", false), "boolean");
    cr_assert_str_eq(of_json("null", false), "null");
    cr_assert_str_eq(of_json("[\"hunter2\"]", false), "array(1)");
    cr_assert_str_eq(of_json("{\"a\":\"hunter2\",\"b\":1}", false), "object(2)");
    cr_assert_str_eq(of_field("hunter2", false), "text(7)");
    redact_content(WEIR_SLICE("hunter2"), false, text);
    cr_assert_str_eq(text, "7 bytes");
}

Test(mirror_redact, shows_values_where_it_may)
{
    cr_assert_str_eq(of_json("\"open\"", true), "\"open\"");
    cr_assert_str_eq(of_json("4711", true), "4711");
    cr_assert_str_eq(of_json("0.5", true), "0.5");
    cr_assert_str_eq(of_json("true", true), "true");
    cr_assert_str_eq(of_json("false", true), "false");
    cr_assert_str_eq(of_json("[1]", true), "array(1)");
    cr_assert_str_eq(of_field("text/plain", true), "\"text/plain\"");
}

Test(mirror_redact, says_what_is_absent)
{
    redact_json(NULL, true, text);
    cr_assert_str_eq(text, "absent");
    redact_field((struct weir_slice){0}, false, text);
    cr_assert_str_eq(text, "absent");
    cr_assert_str_eq(of_field("", true), "\"\"");
}

Test(mirror_redact, shows_nothing_that_moves_a_cursor)
{
    cr_assert_str_eq(of_json("\"a\\u001b[2J\\u0000\\n\\u00e9\"", true), "\"a%1b[2J%00%0a%c3%a9\"");
}

Test(mirror_redact, cuts_long_values)
{
    char value[1000];
    memset(value, 'x', sizeof value);
    redact_field((struct weir_slice){value, sizeof value}, true, text);
    cr_assert_eq(strlen(text), REDACT_SHOWN + strlen("\"\"..."));
    memset(value, 1, sizeof value);
    redact_field((struct weir_slice){value, sizeof value}, true, text);
    cr_assert_eq(strlen(text), 3 * REDACT_SHOWN + strlen("\"\"..."));
}

Test(mirror_redact, knows_content_by_its_digest)
{
    redact_content(WEIR_SLICE("abc"), true, text); /* FIPS 180-2, B.1 */
    cr_assert_str_eq(text, "3 bytes, sha256 ba7816bf8f01cfea");
    redact_content((struct weir_slice){0}, true, text);
    cr_assert_str_eq(text, "0 bytes, sha256 e3b0c44298fc1c14");
}
