/* SPDX-License-Identifier: Apache-2.0 */
/* The validator of the tests: what it lets through would be shown to readers of docs/openapi.json.
 */
#include "tests/lib/json_schema.h"

#include <criterion/criterion.h>
#include <string.h>

static const char document[] =
    "{\"schemas\":{\"Name\":{\"type\":\"string\"},\"a/b\":{\"type\":\"null\"}}}";

static const char *fault_of(const char *schema, const char *value)
{
    static char said[256];
    json_t *root = json_loads(document, 0, NULL), *s = json_loads(schema, 0, NULL),
           *v = json_loads(value, JSON_DECODE_ANY, NULL);
    struct text t;
    text_init_fixed(&t, said, sizeof said - 1);
    cr_assert(root && s && v, "%s %s", schema, value);
    const bool ok = json_schema_fits(root, s, v, &t);
    said[t.n] = '\0';
    cr_assert_eq(ok, t.n == 0, "%s", said);
    json_decref(root);
    json_decref(s);
    json_decref(v);
    return said;
}

#define FITS(schema, value) cr_assert_str_eq(fault_of(schema, value), "")
#define FAULT(schema, value, text) cr_assert_str_eq(fault_of(schema, value), text)

Test(json_schema, knows_types)
{
    FITS("{\"type\":\"integer\",\"minimum\":0}", "7");
    FITS("{\"type\":\"integer\"}", "7.0");
    FAULT("{\"type\":\"integer\"}", "7.5", ": type doesn't allow 7.5");
    FAULT("{\"type\":\"integer\",\"minimum\":0}", "-1", ": minimum doesn't allow -1");
    FAULT("{\"type\":\"number\",\"maximum\":1}", "2", ": maximum doesn't allow 2");
    FITS("{\"type\":[\"string\",\"null\"]}", "null");
    FAULT("{\"type\":[\"string\",\"null\"]}", "true", ": type doesn't allow true");
    FAULT("{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "\"c\"", ": enum doesn't allow \"c\"");
}

#define OBJECT                                                                                     \
    "{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false,\"properties\":{"    \
    "\"a\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/schemas/Name\"}}}}"

Test(json_schema, knows_members_and_where_they_are)
{
    FITS(OBJECT, "{\"a\":[\"x\",\"y\"]}");
    FAULT(OBJECT, "{}", ": there is no member a");
    FAULT(OBJECT, "{\"a\":[],\"b\":1}", ": nothing is said of the member b");
    FAULT(OBJECT, "{\"a\":[\"x\",2]}", "/a/1: type doesn't allow 2");
    FITS("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1}");
    FAULT("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":\"\"}",
          "/x: type doesn't allow \"\"");
}

Test(json_schema, takes_no_schema_that_it_doesnt_understand)
{
    FAULT("{\"pattern\":\"a\"}", "\"b\"", ": the schema has an unknown keyword: pattern");
    FAULT("{\"$ref\":\"#/schemas/None\"}", "1", ": nothing is at #/schemas/None");
    FITS("{\"$ref\":\"#/schemas/a~1b\"}", "null");
}
