/* SPDX-License-Identifier: Apache-2.0 */
/* docs/openapi.json is what the gateway does: everything in it is asked of a weir with all modules,
 * with the examples that stand there, and the answers are held to its schemas. In turn the gateway
 * says what it takes (GET /v1, GET /v1/modules), and nothing of that may be missing there. */
#include "tests/lib/json_schema.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static json_t *document;

/* No endpoint is ever asked for anything. */
static const char everything[] =
    "admin = { bind = \"unix:$dir/admin.sock\"; listeners = (\n"
    "  { bind = \"unix:$dir/look.sock\"; role = \"read-only\"; } ); };\n"
    "module_folders = [ \"" WEIR_MODULES "\" ];\n"
    "default_modules = [ \"outlier\", \"retry\" ];\n"
    "modules = { dark_launch = { grant_key_file = \"$dir/grant.key\"; }; };\n"
    "listeners = ( { name = \"web\"; bind = \"127.0.0.1:$port\"; } );\n"
    "clusters = {\n"
    "  reviews = { endpoints = [ \"10.0.0.11:9080\", \"10.0.0.12:9080\" ];\n"
    "    breaker = { limits = { max_requests = 100; max_connections = 50; };\n"
    "      circuit = { open_on = { consecutive = 3; }; }; }; };\n"
    "  reviews-v2 = { endpoints = [ \"10.0.0.21:9080\" ]; };\n"
    "  reviews-v3 = { endpoints = [ \"10.0.0.31:9080\" ]; }; };\n"
    "routes = (\n"
    "  { name = \"reviews\"; match = { path_prefix = \"/reviews\"; };\n"
    "    canary = { split = ( { cluster = \"reviews\"; weight = 95; name = \"stable\"; },\n"
    "      { cluster = \"reviews-v2\"; weight = 5; name = \"new\"; } ); };\n"
    "    headers = { response = { remove = [ \"Server\" ]; }; };\n"
    "    fault = ( { name = \"slow\"; percent = \"1%\"; delay = { fixed = \"1ms\"; }; } );\n"
    "    mirror = ( { cluster = \"reviews-v2\"; percent = \"1%\"; } ); },\n"
    "  { name = \"dark\"; cluster = \"reviews\";\n"
    "    dark_launch = { cluster = \"reviews-v3\"; grants = true; }; } );\n";

static void begin(void)
{
    rig_begin();
    document = json_load_file(TEST_SRCDIR "/docs/openapi.json", JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_object(document), "docs/openapi.json is no JSON object");
    rig_write_file("grant.key",
                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
    chmod(rig_path("grant.key"), 0600);
    rig_start(.whole = everything);
}

static void end(void)
{
    json_decref(document);
    rig_end();
}

TestSuite(admin_openapi, .init = begin, .fini = end, .timeout = 120);

/* -- one operation ----------------------------------------------------------------------------- */

static const json_t *resolve(const json_t *o)
{
    const char *to = json_string_value(json_object_get(o, "$ref"));
    return to ? json_schema_at(document, to) : o;
}

/* "/v1/clusters/{cluster}/endpoints" with the examples of its parameters. */
static void fill_path(const char *path, const json_t *operation, char *out, size_t size)
{
    const json_t *parameters = json_object_get(operation, "parameters"), *p;
    size_t i, n = 0;
    for (; *path && n + 1 < size; path++) {
        if (*path != '{') {
            out[n++] = *path;
            continue;
        }
        const size_t length = strcspn(path, "}");
        const char *value = NULL;
        json_array_foreach(parameters, i, p)
        {
            const char *name = json_string_value(json_object_get(p, "name"));
            if (strlen(name) == length - 1 && !strncmp(name, path + 1, length - 1))
                value = json_string_value(json_object_get(p, "example"));
        }
        cr_assert(value, "%s: a parameter has no example", path);
        n += (size_t)snprintf(out + n, size - n, "%s", value);
        path += length;
    }
    out[n] = '\0';
}

static struct talk *ask_at(const char *socket, const char *method, const char *path,
                           const char *content)
{
    struct talk *t = talk_open_unix(rig_path(socket));
    talk_send(t,
              "%s %s HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
              !strcmp(method, "get") ? "GET" : "POST", path, strlen(content), content);
    return t;
}

/* It stays until the next one: a socket has no room for as many connections as there are paths. */
static const struct response *ask_for(const char *socket, const char *method, const char *path,
                                      const char *content)
{
    static struct talk *last;
    if (last)
        talk_close(last);
    last = ask_at(socket, method, path, content);
    const struct response *r = talk_response(last);
    cr_assert(r->whole, "%s %s", method, path);
    return r;
}

static void hold_to_schema(const char *what, const json_t *schema, const json_t *value)
{
    struct text fault;
    text_init(&fault);
    const bool ok = json_schema_fits(document, schema, value, &fault);
    cr_assert(ok, "%s: %.*s", what, (int)fault.n, fault.p);
    text_fini(&fault);
}

/* "text/plain; charset=utf-8" is "text/plain". */
static bool has_type(const json_t *content, const char *type)
{
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(type, ";"), type);
    return json_object_get(content, bare) != NULL;
}

/* The answer is one that the document has for this operation. */
static void check_answer(const char *path, const json_t *operation, const struct response *r)
{
    char status[8], what[256];
    snprintf(status, sizeof status, "%d", r->status);
    snprintf(what, sizeof what, "%s, %s", path, status);
    const json_t *answers = json_object_get(operation, "responses");
    const json_t *named = json_object_get(answers, status);
    const json_t *answer = resolve(named ? named : json_object_get(answers, "default"));
    cr_assert(answer && (named || r->status >= 400), "%s: nothing is said of it", what);
    const json_t *content = json_object_get(answer, "content");
    const json_t *json = json_object_get(content, "application/json");
    const char *type = field_of(r, "content-type");
    if (!json) {
        cr_assert(has_type(content, type), "%s: %s", what, type);
        return;
    }
    cr_assert_str_eq(type, "application/json", "%s", what);
    json_t *value = json_loads(r->body.p, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(value, "%s: no JSON: %s", what, r->body.p);
    hold_to_schema(what, json_object_get(json, "schema"), value);
    json_decref(value);
}

/* The example of the content, which has to fit its own schema; the caller frees it. */
static char *content_of(const char *path, const json_t *operation)
{
    const json_t *body = json_object_get(operation, "requestBody");
    if (!body)
        return strdup("");
    const json_t *json = json_schema_at(body, "#/content/application~1json");
    const json_t *example = json_object_get(json, "example");
    cr_assert(example, "%s: its content has no example", path);
    hold_to_schema(path, json_object_get(json, "schema"), example);
    return json_dumps(example, JSON_COMPACT);
}

/* The type of an answer that goes on until the reader goes; NULL: it has an end. */
static const char *stream_type(const json_t *operation)
{
    const json_t *content = json_schema_at(operation, "#/responses/200/content");
    const char *type = json_object_iter_key(json_object_iter((json_t *)content));
    return type && (strstr(type, "ndjson") || strstr(type, "event-stream")) ? type : NULL;
}

static int call_stream(const char *socket, const char *path, const char *method,
                       const json_t *operation)
{
    char *content = content_of(path, operation);
    struct talk *t = ask_at(socket, method, path, content);
    const struct response *r = talk_head(t);
    const int status = r->status;
    cr_assert_str_eq(field_of(r, "content-type"), stream_type(operation), "%s", path);
    talk_close(t);
    free(content);
    return status;
}

static int call(const char *socket, const char *path, const char *method, const json_t *operation)
{
    char filled[256];
    if (stream_type(operation))
        return call_stream(socket, path, method, operation);
    char *content = content_of(path, operation);
    fill_path(path, operation, filled, sizeof filled);
    const struct response *r = ask_for(socket, method, filled, content);
    check_answer(path, operation, r);
    free(content);
    return r->status;
}

/* -- all of them ------------------------------------------------------------------------------- */

static bool ends_it(const char *path)
{
    return !strcmp(path, "/v1/reload") || !strcmp(path, "/v1/upgrade") ||
           !strcmp(path, "/v1/drain") || !strcmp(path, "/v1/rollback");
}

#define EACH_OPERATION(path, method, operation)                                                    \
    const char *path, *method;                                                                     \
    json_t *item_, *operation;                                                                     \
    json_object_foreach(json_object_get(document, "paths"), path, item_)                           \
        json_object_foreach(item_, method, operation)

Test(admin_openapi, has_schemas_for_the_answers_to_all_of_its_examples)
{
    EACH_OPERATION(path, method, operation)
    {
        /* There is no fleet. */
        const int expected = !strcmp(path, "/v1/fleet/forget") ? 409 : 200;
        if (!ends_it(path))
            cr_assert_eq(call("admin.sock", path, method, operation), expected, "%s", path);
    }
}

Test(admin_openapi, says_who_may_do_what)
{
    EACH_OPERATION(path, method, operation)
    {
        const char *role = json_string_value(json_object_get(operation, "x-weir-role"));
        cr_assert(role, "%s has no x-weir-role", path);
        const int expected = !strcmp(role, "read-write") ? 403 : 200;
        cr_assert_eq(call("look.sock", path, method, operation), expected, "%s", path);
    }
}

Test(admin_openapi, has_what_the_life_of_the_gateway_answers)
{
    const json_t *paths = json_object_get(document, "paths");
#define POST_OF(path) "/v1/" path, "post", json_schema_at(paths, "#/~1v1~1" path "/post")
    char *file = rig_read("weir.conf"), *other = NULL;
    cr_assert_eq(call("admin.sock", POST_OF("reload")), 200);
    cr_assert_eq(call("admin.sock", POST_OF("rollback")), 409);
    cr_assert(asprintf(&other, "# another one\n%s", file) > 0);
    rig_write_file("weir.conf", other);
    cr_assert_eq(call("admin.sock", POST_OF("reload")), 200);
    cr_assert_eq(call("admin.sock", POST_OF("rollback")), 200);
    cr_assert_eq(call("admin.sock", POST_OF("reload")), 200);
    free(file);
    free(other);
    rig_write_file("weir.conf", "nonsense = 1;\n");
    cr_assert_eq(call("admin.sock", POST_OF("reload")), 409);
    cr_assert_eq(call("admin.sock", POST_OF("upgrade")), 409);
    cr_assert_eq(call("admin.sock", POST_OF("drain")), 200);
    cr_assert_eq(rig_await_exit(), 0);
}

/* -- what is missing --------------------------------------------------------------------------- */

static json_t *answer_to(const char *path)
{
    json_t *o = json_loads(ask_for("admin.sock", "get", path, "")->body.p, 0, NULL);
    cr_assert(o, "%s", path);
    return o;
}

static bool has_below(const char *prefix)
{
    EACH_OPERATION(path, method, operation)
    {
        (void)method, (void)operation;
        if (!strncmp(path, prefix, strlen(prefix)))
            return true;
    }
    return false;
}

static void look_for_row(const json_t *row)
{
    const char *path = json_string_value(json_object_get(row, "path"));
    const json_t *item = json_object_get(json_object_get(document, "paths"), path);
    const json_t *methods = json_object_get(row, "methods"), *method;
    size_t i;
    if (json_is_true(json_object_get(row, "prefix"))) {
        cr_assert(has_below(path), "docs/openapi.json lacks what is below %s", path);
        return;
    }
    json_array_foreach(methods, i, method)
    {
        const bool get = !strcmp(json_string_value(method), "GET");
        cr_assert(json_object_get(item, get ? "get" : "post"), "docs/openapi.json lacks %s %s",
                  json_string_value(method), path);
    }
    cr_assert_eq(json_object_size(item), json_array_size(methods), "%s", path);
}

Test(admin_openapi, lacks_no_path)
{
    json_t *index = answer_to("/v1");
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(index, "paths"), i, row)
    {
        look_for_row(row);
    }
    cr_assert_gt(i, 10);
    json_decref(index);
}

static void look_for_command(const char *module, const json_t *command)
{
    char path[128];
    const char *name = json_string_value(json_object_get(command, "name"));
    snprintf(path, sizeof path, "/v1/modules/%s/%s", module, name);
    const json_t *operation =
        json_object_get(json_object_get(json_object_get(document, "paths"), path), "post");
    cr_assert(operation, "docs/openapi.json lacks %s", path);
    const char *role = json_string_value(json_object_get(operation, "x-weir-role"));
    const bool changes = json_is_true(json_object_get(command, "changes"));
    cr_assert_str_eq(role, changes ? "read-write" : "read-only", "%s", path);
}

Test(admin_openapi, lacks_no_command_of_a_module)
{
    json_t *answer = answer_to("/v1/modules");
    const json_t *module, *command;
    size_t i, j, n = 0;
    json_array_foreach(json_object_get(answer, "modules"), i, module)
    {
        const char *name = json_string_value(json_object_get(module, "name"));
        json_array_foreach(json_object_get(module, "commands"), j, command)
        {
            look_for_command(name, command);
            n++;
        }
    }
    cr_assert_gt(n, 15, "all modules with commands are loaded");
    json_decref(answer);
}

/* -- errors ------------------------------------------------------------------------------------ */

Test(admin_openapi, has_one_form_of_errors)
{
    static const struct {
        const char *method, *path, *content, *operation;
        int status;
    } wrong[] = {
        {"get", "/v1/clusters/none/endpoints", "", "~1v1~1clusters~1{cluster}~1endpoints/get", 404},
        {"post", "/v1/modules/canary/set", "{\"route\":\"reviews\",\"weights\":{\"old\":1}}",
         "~1v1~1modules~1canary~1set/post", 400},
        {"post", "/v1/modules/canary/get", "[]", "~1v1~1modules~1canary~1get/post", 400},
        {"post", "/v1/modules", "", "~1v1~1modules/get", 405},
        {"post", "/v1/explain", "{\"url\":\"x\"}", "~1v1~1explain/post", 400},
    };
    char pointer[128];
    for (size_t i = 0; i < array_n(wrong); i++) {
        snprintf(pointer, sizeof pointer, "#/paths/%s", wrong[i].operation);
        const json_t *operation = json_schema_at(document, pointer);
        cr_assert(operation, "%s", pointer);
        const struct response *r =
            ask_for("admin.sock", wrong[i].method, wrong[i].path, wrong[i].content);
        cr_assert_eq(r->status, wrong[i].status, "%s: %s", wrong[i].path, r->body.p);
        check_answer(wrong[i].path, operation, r);
    }
}

/* The other form of a question that has several. */
Test(admin_openapi, explains_many_requests)
{
    static const char content[] =
        "{\"requests\": [{\"url\": \"http://a/reviews\", \"partial\": true}, {\"url\": 1}]}";
    const struct response *r = ask_for("look.sock", "post", "/v1/explain", content);
    json_t *answer = json_loadb(r->body.p, r->body.n, 0, NULL);
    cr_assert_eq(json_array_size(json_object_get(answer, "answers")), 2);
    hold_to_schema(content, json_schema_at(document, "#/components/schemas/Explained"), answer);
    json_decref(answer);
}
