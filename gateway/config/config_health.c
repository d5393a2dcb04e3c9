/* SPDX-License-Identifier: Apache-2.0 */
/* The group `health` of a cluster. A setting that the type of check has no use for is an error: it
 * says that the operator expects something that would not happen. */
#include "config/sections.h"

#include "http/fields.h"
#include "http/target.h"
#include "http/token.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static void read_expect(struct option_reader *r, const config_setting_t *s, void *field);
static void read_body_regex(struct option_reader *r, const config_setting_t *s, void *field);
static void read_target(struct option_reader *r, const config_setting_t *s, void *field);
static void read_method(struct option_reader *r, const config_setting_t *s, void *field);
static void field_check(struct option_reader *r, const config_setting_t *s, void *element);

enum { FLEET_CHECKERS_MAX = 16 };
enum { HOUR_MS = 60 * 60 * 1000, STATUS_MIN = 100, STATUS_MAX = 599 };

/* In the order of enum health_type. */
static const char *const types[] = {"auto", "http", "h2", "grpc", "tcp", "none", NULL};

/* In the order of enum health_initial. */
static const char *const initials[] = {"up", "down", NULL};

#define FORM_STATUS "a status such as 200, a class such as \"2xx\", or a range such as \"200-299\""
#define FORM_EXPECT FORM_STATUS ", or a list of these: ( 200, \"3xx\" )"
#define FORM_TARGET "a path, with its query if it has one, such as \"/healthz?deep=1\""
#define FORM_BODY_REGEX "a regular expression (PCRE2)"
#define FORM_METHOD "a method, such as \"GET\"; not CONNECT and not TRACE"

static const struct option field_options[] = {
    OPTION_TEXT("name", struct health_field, name, NULL, "its name", .required = true),
    OPTION_TEXT("value", struct health_field, value, "", "its value"),
    OPTION_END,
};

const struct option health_options[] = {
    OPTION_CHOICE("type", struct health_conf, type, "auto", types,
                  "auto: a request in the protocol of the cluster's; http: in HTTP/1.1; grpc: the "
                  "gRPC health protocol; tcp: a connection; none: nothing is asked"),
    OPTION_CUSTOM("path", struct health_conf, path, read_target, "/", FORM_TARGET,
                  "what is asked for"),
    OPTION_CUSTOM("method", struct health_conf, method, read_method, "GET", FORM_METHOD,
                  "how it is asked for"),
    OPTION_TEXT("host", struct health_conf, host, "",
                "whose it is: Host; empty: the endpoint as configured"),
    OPTION_INT("port", struct health_conf, port, "0", 0, 65535,
               "the port that checks go to; 0: the endpoint's"),
    OPTION_BOOL("tls", struct health_conf, tls, "true",
                "TLS for checks too where the cluster has it; false: for a port without"),
    OPTION_LIST("headers", struct health_conf, headers, field_options, struct health_field, NULL,
                "further fields of the request", .check = field_check),
    OPTION_CUSTOM("expect", struct health_conf, expect, read_expect, "2xx", FORM_EXPECT,
                  "the statuses of a good response"),
    OPTION_TEXT("body", struct health_conf, body, "", "a text that a good response contains"),
    OPTION_CUSTOM("body_regex", struct health_conf, body_regex, read_body_regex, "",
                  FORM_BODY_REGEX, "an expression that is found in a good response"),
    OPTION_SIZE("body_size", struct health_conf, body_size, "64k", 1, 1 << 20,
                "how much of a response, or of what comes over tcp, is looked at"),
    OPTION_TEXT("service", struct health_conf, service, "",
                "grpc: the service that is asked about; empty: the server as a whole"),
    OPTION_TEXT("send", struct health_conf, send, "", "tcp: what is sent"),
    OPTION_TEXT("receive", struct health_conf, receive, "",
                "tcp: a text that must come; empty: being connected is enough"),
    OPTION_MS("interval", struct health_conf, interval, "5s", 10, HOUR_MS,
              "from the end of a check of an endpoint to its next one"),
    OPTION_MS("unhealthy_interval", struct health_conf, unhealthy_interval, "0s", 0, HOUR_MS,
              "the same while the endpoint is down or its last check failed; 0s: 1s, or interval "
              "when that is less"),
    OPTION_MS("no_traffic_interval", struct health_conf, no_traffic_interval, "0s", 0, HOUR_MS,
              "the same while the cluster gets no requests; 0s: interval"),
    OPTION_PERCENT("jitter", struct health_conf, jitter, "10%",
                   "how far each of these may be off, either way, at random"),
    OPTION_MS("timeout", struct health_conf, timeout, "2s", 1, HOUR_MS,
              "for a whole check, connecting included; then it has failed"),
    OPTION_INT("rise", struct health_conf, rise, "2", 1, 1000,
               "checks in a row that must pass before an endpoint is up again"),
    OPTION_INT("fall", struct health_conf, fall, "3", 1, 1000,
               "checks in a row that must fail before an endpoint is down"),
    OPTION_CHOICE("initial", struct health_conf, initial, "up", initials,
                  "what a new endpoint counts as until its first check has ended; down: it gets no "
                  "requests before it has passed one"),
    OPTION_TEXT("header", struct health_conf, header, "",
                "a field of responses, of checks and of ordinary ones, by which an endpoint says "
                "\"drain\", \"degraded\" or \"ok\" of itself; empty: none is believed"),
    OPTION_MS("header_for", struct health_conf, header_for, "30s", 100, 24 * HOUR_MS,
              "how long it is believed"),
    OPTION_INT("fleet_checkers", struct health_conf, fleet_checkers, "0", 0, FLEET_CHECKERS_MAX,
               "how many instances of the fleet check each endpoint, for all of them; 0: each "
               "instance checks all"),
    OPTION_END,
};

/* -- values ---------------------------------------------------------------------------------- */

static bool parse_status(struct slice text, int64_t *out)
{
    uint64_t v;
    if (!slice_to_u64(text, &v) || v < STATUS_MIN || v > STATUS_MAX)
        return false;
    *out = (int64_t)v;
    return true;
}

static bool parse_range(struct slice text, struct health_range *out)
{
    struct slice rest = text;
    if (text.n == 3 && slice_ieq(slice_from(text, 1), SLICE("xx")) && text.p[0] >= '1' &&
        text.p[0] <= '5') {
        out->from = (text.p[0] - '0') * 100;
        out->to = out->from + 99;
        return true;
    }
    const struct slice from = slice_cut(&rest, '-');
    if (!parse_status(slice_trim(from), &out->from))
        return false;
    out->to = out->from;
    return !rest.p || (parse_status(slice_trim(rest), &out->to) && out->to >= out->from);
}

static void read_range(struct option_reader *r, const config_setting_t *s, struct health_range *out)
{
    const int type = config_setting_type(s);
    bool ok = false;
    if (type == CONFIG_TYPE_INT) {
        out->from = out->to = config_setting_get_int(s);
        ok = out->from >= STATUS_MIN && out->from <= STATUS_MAX;
    } else if (type == CONFIG_TYPE_STRING) {
        ok = parse_range(slice_str(config_setting_get_string(s)), out);
    }
    if (!ok)
        option_wrong(r, s, FORM_STATUS);
}

static void read_expect(struct option_reader *r, const config_setting_t *s, void *field)
{
    static const struct health_range preset = {200, 299};
    const bool many = s && (config_setting_is_list(s) || config_setting_is_array(s));
    struct groups out = {.n = many ? (size_t)config_setting_length(s) : 1};
    if (out.n == 0) {
        option_wrong(r, s, FORM_EXPECT);
        return;
    }
    struct health_range *list = ARENA_ARRAY(r->arena, struct health_range, out.n);
    list[0] = preset;
    for (size_t i = 0; s && i < out.n; i++)
        read_range(r, many ? config_setting_get_elem(s, (unsigned)i) : s, &list[i]);
    out.v = list;
    memcpy(field, &out, sizeof out);
}

_Static_assert(offsetof(struct health_conf, expect.n) ==
                   offsetof(struct health_conf, expect.v) + offsetof(struct groups, n),
               "filled as a struct groups");
_Static_assert(offsetof(struct health_conf, headers.n) ==
                   offsetof(struct health_conf, headers.v) + offsetof(struct groups, n),
               "filled as a struct groups");

/* As it will be compiled: alone it may be an expression, and not in the other one. */
static void read_body_regex(struct option_reader *r, const config_setting_t *s, void *field)
{
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    struct slice text;
    int error;
    size_t at;
    if (!s || !option_read_text(r, s, FORM_BODY_REGEX, &text) || !text.n)
        return;
    const struct slice whole =
        slice_str(arena_printf(r->arena, HEALTH_BODY_REGEX, SLICE_ARG(text)));
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)whole.p, whole.n, options, &error, &at, NULL);
    if (!code) {
        PCRE2_UCHAR why[256];
        pcre2_get_error_message(error, why, array_n(why));
        option_wrong(r, s, "%s", (const char *)why);
    }
    pcre2_code_free(code);
    *(struct slice *)field = whole;
}

/* RFC 9112 3.2.1, origin form. */
static bool target_ok(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= 0x20 || text.p[i] >= 0x7f || text.p[i] == '#')
            return false;
    return text.n && text.p[0] == '/';
}

static void read_target(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text = SLICE("/");
    if (s && option_read_text(r, s, FORM_TARGET, &text) && !target_ok(text))
        option_wrong(r, s, FORM_TARGET);
    *(struct slice *)field = text;
}

static void read_method(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text = SLICE("GET");
    if (s && option_read_text(r, s, FORM_METHOD, &text)) {
        const enum method m = method_of(text);
        if (!is_token(text) || m == METHOD_CONNECT || m == METHOD_TRACE)
            option_wrong(r, s, FORM_METHOD);
    }
    *(struct slice *)field = text;
}

/* -- fields ---------------------------------------------------------------------------------- */

/* Framing, and what has a setting of its own. */
static bool is_ours(struct slice name)
{
    static const enum token ours[] = {
        TOKEN_CONNECTION,
        TOKEN_CONTENT_LENGTH,
        TOKEN_EXPECT,
        TOKEN_HOST,
        TOKEN_TE,
        TOKEN_TRAILER,
        TOKEN_TRANSFER_ENCODING,
        TOKEN_UPGRADE,
        TOKEN_KEEP_ALIVE,
        TOKEN_PROXY_CONNECTION,
        TOKEN_HTTP2_SETTINGS,
    };
    for (size_t i = 0; i < array_n(ours); i++)
        if (token_of(name) == ours[i])
            return true;
    return false;
}

static void field_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    const struct health_field *f = element;
    if (f->name.n && !field_name_ok(f->name))
        option_wrong(r, member_or(s, "name"), "a name of a field, such as \"Authorization\"");
    else if (is_ours(f->name))
        option_wrong(r, member_or(s, "name"),
                     "that is not for a setting to say (for Host there is `host`)");
    if (!field_value_ok(f->value))
        option_wrong(r, member_or(s, "value"), "a value of a field, without control characters");
}

/* -- the whole ------------------------------------------------------------------------------- */

enum { REQUEST = 1, CONTENT = 2, GRPC = 4, TCP = 8, CHECKED = 16 };

/* Which settings which types have a use for. */
static const struct {
    const char *name;
    unsigned used_by;
} uses[] = {
    {"path", CONTENT},   {"method", CONTENT},     {"expect", CONTENT},
    {"body", CONTENT},   {"body_regex", CONTENT}, {"body_size", CONTENT | TCP},
    {"host", REQUEST},   {"headers", REQUEST},    {"service", GRPC},
    {"send", TCP},       {"receive", TCP},        {"port", CHECKED},
    {"tls", CHECKED},    {"interval", CHECKED},   {"unhealthy_interval", CHECKED},
    {"jitter", CHECKED}, {"timeout", CHECKED},    {"no_traffic_interval", CHECKED},
    {"rise", CHECKED},   {"fall", CHECKED},       {"initial", CHECKED},
    {"fleet_checkers", CHECKED},
};

static unsigned kinds_of(int type)
{
    static const unsigned kinds[] = {
        [HEALTH_AUTO] = CHECKED | REQUEST | CONTENT,
        [HEALTH_HTTP] = CHECKED | REQUEST | CONTENT,
        [HEALTH_H2] = CHECKED | REQUEST | CONTENT,
        [HEALTH_GRPC] = CHECKED | REQUEST | GRPC,
        [HEALTH_TCP] = CHECKED | TCP,
        [HEALTH_NONE] = 0,
    };
    return kinds[type];
}

static void check_uses(struct option_reader *r, const config_setting_t *s,
                       const struct health_conf *h)
{
    for (size_t i = 0; i < array_n(uses); i++) {
        const config_setting_t *member = config_setting_get_member(s, uses[i].name);
        if (member && !(uses[i].used_by & kinds_of(h->type)))
            option_fault(r, member, "%s.%s has no use with type = \"%s\"", option_path(r, s),
                         uses[i].name, types[h->type]);
    }
    if (h->type == HEALTH_NONE && !h->header.n)
        option_fault(r, s, "%s has type = \"none\" and no header: it would do nothing",
                     option_path(r, s));
    if (config_setting_get_member(s, "header_for") && !h->header.n)
        option_fault(r, member_or(s, "header_for"), "%s.header_for has no use without header",
                     option_path(r, s));
}

void health_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    enum { UNHEALTHY_MS = 1000 };
    struct health_conf *h = base;
    h->set = s != NULL;
    if (!h->unhealthy_interval)
        h->unhealthy_interval = h->interval < UNHEALTHY_MS ? h->interval : UNHEALTHY_MS;
    if (!s)
        return;
    check_uses(r, s, h);
    if (h->host.n && !host_ok(h->host))
        option_wrong(r, member_or(s, "host"), "a host, with its port if it has one");
    if (h->header.n && !field_name_ok(h->header))
        option_wrong(r, member_or(s, "header"), "a name of a field, such as \"X-Weir-Health\"");
    if (h->body.n && h->body_regex.n)
        option_fault(r, member_or(s, "body_regex"), "%s has both body and body_regex; one of them",
                     option_path(r, s));
    if (h->fleet_checkers && h->no_traffic_interval)
        option_fault(r, member_or(s, "fleet_checkers"),
                     "%s has both fleet_checkers and no_traffic_interval; where there is silence on "
                     "one instance there may be traffic on another; one of them",
                     option_path(r, s));
    if (method_of(h->method) == METHOD_HEAD && (h->body.n || h->body_regex.n))
        option_fault(r, member_or(s, "method"),
                     "%s has method = \"HEAD\", whose responses have no content to look at",
                     option_path(r, s));
    if (h->receive.n > h->body_size || h->body.n > h->body_size)
        option_fault(r, member_or(s, "body_size"), "%s.body_size is less than what is looked for",
                     option_path(r, s));
}

/* TLS agrees on the protocols that the cluster's requests go in. */
void health_cluster_check(struct option_reader *r, const config_setting_t *s,
                          const struct cluster_conf *cl)
{
    const struct health_conf *h = &cl->health;
    const config_setting_t *group = member_or(s, "health");
    const bool h2 = h->type == HEALTH_H2 || h->type == HEALTH_GRPC;
    if (h->set && h2 && cl->proxy_protocol != PROXY_PROTOCOL_OFF)
        option_fault(r, member_or(group, "type"),
                     "%s.type is \"%s\", and the cluster has proxy_protocol, which goes with "
                     "HTTP/1.1 only",
                     option_path(r, group), types[h->type]);
    if (!h->set || !h->tls || !cl->tls.set)
        return;
    if (h2 && cl->protocol == PROTOCOL_H1)
        option_fault(r, member_or(group, "type"),
                     "%s.type is \"%s\", and over TLS the cluster agrees on HTTP/1.1 only; set the "
                     "cluster's protocol to \"auto\" or \"h2\"",
                     option_path(r, group), types[h->type]);
    if (h->type == HEALTH_HTTP && cl->protocol == PROTOCOL_H2)
        option_fault(
            r, member_or(group, "type"),
            "%s.type is \"http\", and over TLS the cluster agrees on HTTP/2 only; \"auto\" "
            "or \"h2\"",
            option_path(r, group));
}
