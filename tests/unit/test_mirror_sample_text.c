/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/sample_text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sample_about about;
static char text[1024];

static json_t *differences_of(size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "what", "json /items/0/name",
                                              "primary", "string(3)", "mirror", "string(4)"));
    return list;
}

/* What is read back from a text of n differences in `size` bytes; NULL: none was made. */
static json_t *made(size_t n, size_t size)
{
    json_t *list = differences_of(n);
    const size_t len = sample_text(&about, list, text, size);
    json_decref(list);
    cr_assert_leq(len, size);
    return len ? json_loadb(text, len, 0, NULL) : NULL;
}

Test(mirror_sample_text, says_which_request_it_was)
{
    sample_about_set(&about, WEIR_SLICE("GET"), WEIR_SLICE("/cart"), WEIR_SLICE("17f"),
                     1764100000123456);
    json_t *sample = made(1, sizeof text);
    cr_assert_str_eq(json_string_value(json_object_get(sample, "method")), "GET");
    cr_assert_str_eq(json_string_value(json_object_get(sample, "path")), "/cart");
    cr_assert_str_eq(json_string_value(json_object_get(sample, "request_id")), "17f");
    cr_assert_float_eq(json_number_value(json_object_get(sample, "time")), 1764100000.123, 0.0005);
    cr_assert_eq(json_array_size(json_object_get(sample, "differences")), 1);
    cr_assert_null(json_object_get(sample, "more"));
    json_decref(sample);
}

Test(mirror_sample_text, makes_json_of_whatever_clients_send)
{
    static char path[600];
    memset(path, 0xc3, sizeof path);
    sample_about_set(&about, WEIR_SLICE("GET"), (struct weir_slice){path, sizeof path},
                     WEIR_SLICE("\"\x1b\n\xff"), 0);
    json_t *sample = made(0, sizeof text);
    cr_assert_eq(json_string_length(json_object_get(sample, "path")), sizeof about.path - 1);
    cr_assert_str_eq(json_string_value(json_object_get(sample, "request_id")), "\"???");
    json_decref(sample);
}

Test(mirror_sample_text, leaves_out_what_has_no_room)
{
    json_t *sample = made(100, sizeof text);
    const size_t kept = json_array_size(json_object_get(sample, "differences"));
    const json_int_t more = json_integer_value(json_object_get(sample, "more"));
    cr_assert(kept > 0 && kept < 100);
    cr_assert_eq(kept + (size_t)more, 100);
    json_decref(sample);
    cr_assert_null(made(1, 20));
}
