/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/otlp_proto.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { MESSAGE, TEXT, ID, NUMBER64, NUMBER32, ENUM, BOOL, REAL };

struct message;
struct member {
    const char *name;
    enum kind kind;
    const struct message *message;
    unsigned most; /* ENUM: the largest value; ID: digits */
    bool repeated, required;
};
struct message {
    const char *name;
    const struct member *members;
    bool one_of; /* exactly one member */
};

#define HAS(name_, kind_, ...)                                                                     \
    {                                                                                              \
        .name = name_, .kind = kind_, ##__VA_ARGS__                                                \
    }
#define LIST(name_, of, ...) HAS(name_, MESSAGE, .message = of, .repeated = true, ##__VA_ARGS__)
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct message any_value, key_value;

/* -- common.proto, resource.proto -------------------------------------------------------------- */

static const struct member array_value_members[] = {LIST("values", &any_value), END};
static const struct message array_value = {"ArrayValue", array_value_members};
static const struct member kvlist_members[] = {LIST("values", &key_value), END};
static const struct message kvlist = {"KeyValueList", kvlist_members};
static const struct member any_value_members[] = {
    HAS("stringValue", TEXT),
    HAS("boolValue", BOOL),
    HAS("intValue", NUMBER64),
    HAS("doubleValue", REAL),
    HAS("arrayValue", MESSAGE, .message = &array_value),
    HAS("kvlistValue", MESSAGE, .message = &kvlist),
    HAS("bytesValue", TEXT),
    END,
};
static const struct message any_value = {"AnyValue", any_value_members, .one_of = true};
static const struct member key_value_members[] = {
    HAS("key", TEXT, .required = true),
    HAS("value", MESSAGE, .message = &any_value, .required = true), END};
static const struct message key_value = {"KeyValue", key_value_members};
static const struct member scope_members[] = {
    HAS("name", TEXT),
    HAS("version", TEXT),
    LIST("attributes", &key_value),
    HAS("droppedAttributesCount", NUMBER32),
    END,
};
static const struct message scope = {"InstrumentationScope", scope_members};
static const struct member resource_members[] = {
    LIST("attributes", &key_value, .required = true),
    HAS("droppedAttributesCount", NUMBER32),
    END,
};
static const struct message resource = {"Resource", resource_members};

/* -- trace.proto, trace_service.proto ---------------------------------------------------------- */

static const struct member event_members[] = {
    HAS("timeUnixNano", NUMBER64, .required = true),
    HAS("name", TEXT, .required = true),
    LIST("attributes", &key_value),
    HAS("droppedAttributesCount", NUMBER32),
    END,
};
static const struct message event = {"Span.Event", event_members};
static const struct member link_members[] = {
    HAS("traceId", ID, .most = 32, .required = true),
    HAS("spanId", ID, .most = 16, .required = true),
    HAS("traceState", TEXT),
    LIST("attributes", &key_value),
    HAS("droppedAttributesCount", NUMBER32),
    HAS("flags", NUMBER32),
    END,
};
static const struct message link_message = {"Span.Link", link_members};
static const struct member status_members[] = {HAS("message", TEXT), HAS("code", ENUM, .most = 2),
                                               END};
static const struct message status = {"Status", status_members};
static const struct member span_members[] = {
    HAS("traceId", ID, .most = 32, .required = true),
    HAS("spanId", ID, .most = 16, .required = true),
    HAS("traceState", TEXT),
    HAS("parentSpanId", ID, .most = 16),
    HAS("flags", NUMBER32),
    HAS("name", TEXT, .required = true),
    HAS("kind", ENUM, .most = 5, .required = true),
    HAS("startTimeUnixNano", NUMBER64, .required = true),
    HAS("endTimeUnixNano", NUMBER64, .required = true),
    LIST("attributes", &key_value),
    HAS("droppedAttributesCount", NUMBER32),
    LIST("events", &event),
    HAS("droppedEventsCount", NUMBER32),
    LIST("links", &link_message),
    HAS("droppedLinksCount", NUMBER32),
    HAS("status", MESSAGE, .message = &status),
    END,
};
static const struct message span = {"Span", span_members};
static const struct member scope_spans_members[] = {
    HAS("scope", MESSAGE, .message = &scope),
    LIST("spans", &span, .required = true),
    HAS("schemaUrl", TEXT),
    END,
};
static const struct message scope_spans = {"ScopeSpans", scope_spans_members};
static const struct member resource_spans_members[] = {
    HAS("resource", MESSAGE, .message = &resource, .required = true),
    LIST("scopeSpans", &scope_spans, .required = true),
    HAS("schemaUrl", TEXT),
    END,
};
static const struct message resource_spans = {"ResourceSpans", resource_spans_members};
static const struct member request_members[] = {
    LIST("resourceSpans", &resource_spans, .required = true), END};
static const struct message request = {"ExportTraceServiceRequest", request_members};

/* -- checking ---------------------------------------------------------------------------------- */

struct check {
    char *fault;
    size_t n;
};

static bool wrong(const struct check *c, const struct message *m, const char *member,
                  const char *what)
{
    snprintf(c->fault, c->n, "%s.%s %s", m->name, member, what);
    return false;
}

static bool is_id(const json_t *j, unsigned digits)
{
    const char *text = json_string_value(j);
    return text && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits &&
           strspn(text, "0") != digits;
}

static bool is_number64(const json_t *j)
{
    const char *text = json_string_value(j);
    return text && *text &&
           strspn(text + (*text == '-'), "0123456789") == strlen(text) - (*text == '-');
}

static bool is_in(const json_t *j, json_int_t most)
{
    return json_is_integer(j) && json_integer_value(j) >= 0 && json_integer_value(j) <= most;
}

static bool check_message(const struct check *c, const struct message *m, const json_t *j);

static bool check_value(const struct check *c, const struct message *m, const struct member *f,
                        const json_t *j)
{
    bool good = false;
    switch (f->kind) {
    case MESSAGE:
        return check_message(c, f->message, j);
    case TEXT:
        good = json_is_string(j);
        break;
    case ID:
        good = is_id(j, f->most);
        break;
    case NUMBER64:
        good = is_number64(j);
        break;
    case NUMBER32:
        good = is_in(j, UINT32_MAX);
        break;
    case ENUM:
        good = is_in(j, f->most);
        break;
    case BOOL:
        good = json_is_boolean(j);
        break;
    case REAL:
        good = json_is_number(j);
        break;
    }
    return good || wrong(c, m, f->name, "has another kind of value");
}

static bool check_member(const struct check *c, const struct message *m, const struct member *f,
                         const json_t *j)
{
    size_t i;
    json_t *one;
    if (!f->repeated)
        return check_value(c, m, f, j);
    if (!json_is_array(j))
        return wrong(c, m, f->name, "is no array");
    json_array_foreach(j, i, one)
    {
        if (!check_value(c, m, f, one))
            return false;
    }
    return true;
}

static const struct member *member_named(const struct message *m, const char *name)
{
    for (const struct member *f = m->members; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static bool keys_differ(const json_t *attributes)
{
    size_t i, k;
    json_t *a, *b;
    json_array_foreach(attributes, i, a)
    {
        json_array_foreach(attributes, k, b)
        {
            const char *one = json_string_value(json_object_get(a, "key"));
            const char *other = json_string_value(json_object_get(b, "key"));
            if (i != k && strcmp(one, other) == 0)
                return false;
        }
    }
    return true;
}

static unsigned long long time_of(const json_t *span_, const char *member)
{
    return strtoull(json_string_value(json_object_get(span_, member)), NULL, 10);
}

static bool check_sense(const struct check *c, const struct message *m, const json_t *j)
{
    if (m->one_of && json_object_size(j) != 1)
        return wrong(c, m, "value", "is not exactly one");
    if (!keys_differ(json_object_get(j, "attributes")))
        return wrong(c, m, "attributes", "has a key twice");
    if (m == &span && time_of(j, "endTimeUnixNano") < time_of(j, "startTimeUnixNano"))
        return wrong(c, m, "endTimeUnixNano", "lies before the begin");
    return true;
}

static bool check_message(const struct check *c, const struct message *m, const json_t *j)
{
    const char *name;
    json_t *value;
    if (!json_is_object(j))
        return wrong(c, m, "", "is no object");
    json_object_foreach((json_t *)j, name, value)
    {
        const struct member *f = member_named(m, name);
        if (!f)
            return wrong(c, m, name, "is no member of this message");
        if (!check_member(c, m, f, value))
            return false;
    }
    for (const struct member *f = m->members; f->name; f++)
        if (f->required && !json_object_get(j, f->name))
            return wrong(c, m, f->name, "is missing");
    return check_sense(c, m, j);
}

bool otlp_check(const json_t *j, char *fault, size_t n)
{
    const struct check c = {.fault = fault, .n = n};
    *fault = 0;
    return check_message(&c, &request, j);
}

/* -- looking ----------------------------------------------------------------------------------- */

const char *otlp_attribute(const json_t *of, const char *key)
{
    static char text[2000];
    size_t i;
    json_t *one;
    *text = 0;
    json_array_foreach(json_object_get(of, "attributes"), i, one)
    {
        const json_t *value = json_object_get(one, "value");
        const char *number = json_string_value(json_object_get(value, "intValue"));
        const char *string = json_string_value(json_object_get(value, "stringValue"));
        if (strcmp(json_string_value(json_object_get(one, "key")), key) == 0)
            snprintf(text, sizeof text, "%s%s", number ? "int " : "",
                     number   ? number
                     : string ? string
                              : "");
    }
    return text;
}
