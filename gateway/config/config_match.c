/* SPDX-License-Identifier: Apache-2.0 */
/* What a route matches: `match` of the section `routes`. Everything is brought to the spelling that
 * requests will have when they are compared (hosts in lower case, paths normalised by the rules of
 * the top), and everything that could never match is refused here rather than found out in
 * production. Regular expressions are compiled once to see that they can be; the router compiles
 * them for use. */
#include "config/sections.h"

#include "http/fields.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static void read_hosts(struct option_reader *r, const config_setting_t *s, void *field);
static void read_methods(struct option_reader *r, const config_setting_t *s, void *field);
static void read_exact_path(struct option_reader *r, const config_setting_t *s, void *field);
static void read_prefix(struct option_reader *r, const config_setting_t *s, void *field);
static void read_path_regex(struct option_reader *r, const config_setting_t *s, void *field);
static void read_form(struct option_reader *r, const config_setting_t *s, void *field);
static void read_present(struct option_reader *r, const config_setting_t *s, void *field);
static void header_check(struct option_reader *r, const config_setting_t *s, void *element);
static void query_check(struct option_reader *r, const config_setting_t *s, void *element);
static void cookie_check(struct option_reader *r, const config_setting_t *s, void *element);
static void identity_check(struct option_reader *r, const config_setting_t *s, void *element);
static void regex_check(struct option_reader *r, const config_setting_t *s, struct slice pattern);

#define FORM_HOSTS "one or a list of hosts: \"a.example.com\", \"*.example.com\" or \"*\""
#define FORM_HOST "a host without a port: \"a.example.com\", \"*.example.com\" or \"*\""
#define FORM_METHODS "one or a list of methods, such as \"GET\""
#define FORM_MATCH_PATH "a path that begins with \"/\""
#define FORM_REGEX "a regular expression (PCRE2)"

/* In the order of enum match_form; "present" stands for the last two. */
static const char *const forms[] = {"exact", "prefix", "suffix", "regex", "present", NULL};

static const struct option condition_options[] = {
    OPTION_TEXT("name", struct match_conf, name, NULL, "the name to look at", .required = true),
    OPTION_CUSTOM("exact", struct match_conf, value, read_form, NULL, "a text in quotes",
                  "the whole value"),
    OPTION_CUSTOM("prefix", struct match_conf, value, read_form, NULL, "a text in quotes",
                  "how the value begins"),
    OPTION_CUSTOM("suffix", struct match_conf, value, read_form, NULL, "a text in quotes",
                  "how the value ends"),
    OPTION_CUSTOM("regex", struct match_conf, value, read_form, NULL, FORM_REGEX,
                  "an expression that the whole value matches"),
    OPTION_CUSTOM("present", struct match_conf, form, read_present, NULL, "true or false",
                  "true: it must be there, false: it must not"),
    OPTION_END,
};

#define GROUPS_AT(list, count)                                                                     \
    _Static_assert(offsetof(struct route_conf, count) ==                                           \
                       offsetof(struct route_conf, list) + offsetof(struct groups, n),             \
                   "filled as a struct groups")
GROUPS_AT(match.headers.v, match.headers.n);
GROUPS_AT(match.identity.v, match.identity.n);
GROUPS_AT(match.sources, match.sources_n);

const struct option match_options[] = {
    OPTION_CUSTOM("host", struct route_conf, match.hosts, read_hosts, NULL, FORM_HOSTS,
                  "hosts; absent: any"),
    OPTION_CUSTOM("path", struct route_conf, match.path, read_exact_path, NULL, FORM_MATCH_PATH,
                  "the whole path"),
    OPTION_CUSTOM(
        "path_prefix", struct route_conf, match.path, read_prefix, NULL, FORM_MATCH_PATH,
        "the first segments of the path: \"/a\" matches \"/a\" and \"/a/b\", not \"/ab\""),
    OPTION_CUSTOM("path_regex", struct route_conf, match.path, read_path_regex, NULL, FORM_REGEX,
                  "an expression that the whole path matches"),
    OPTION_CUSTOM("method", struct route_conf, match.methods, read_methods, NULL, FORM_METHODS,
                  "methods; absent: any"),
    OPTION_TEXTS("listener", struct route_conf, match.listeners,
                 "listeners by name; absent: all of them"),
    OPTION_LIST("headers", struct route_conf, match.headers, condition_options, struct match_conf,
                NULL, "conditions on header fields, of which all must hold", .check = header_check),
    OPTION_LIST("query", struct route_conf, match.query, condition_options, struct match_conf, NULL,
                "conditions on query parameters, of which all must hold", .check = query_check),
    OPTION_LIST("cookies", struct route_conf, match.cookies, condition_options, struct match_conf,
                NULL, "conditions on cookies, of which all must hold", .check = cookie_check),
    OPTION_LIST("identity", struct route_conf, match.identity, condition_options, struct match_conf,
                NULL,
                "conditions on the identity that a module has established, of which all must hold: "
                "each on a claim by its name, and on any of its values; \"sub\" is who it is",
                .check = identity_check),
    OPTION_CUSTOM("source", struct route_conf, match.sources, read_cidrs, NULL, FORM_CIDRS,
                  "the client's address, after trusted proxies; absent: any"),
    OPTION_END,
};

void match_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct loading *l = loading_of(r);
    const struct route_conf *rt = base;
    if (!s)
        return;
    const char *const paths[] = {"path", "path_prefix", "path_regex"};
    const config_setting_t *first = NULL;
    for (size_t i = 0; i < array_n(paths); i++) {
        const config_setting_t *one = config_setting_get_member(s, paths[i]);
        if (one && first)
            option_fault(r, one, "%s has both %s and %s; one of them", option_path(r, s),
                         config_setting_name(first), paths[i]);
        first = first ? first : one;
    }
    const config_setting_t *names = config_setting_get_member(s, "listener");
    for (size_t i = 0; i < rt->match.listeners.n; i++) {
        struct slice name = rt->match.listeners.v[i];
        if (!map_find(&l->listeners, name))
            option_wrong(r, text_at(names, i), "no listener has that name%s",
                         option_hint(r, name, listener_names(l)));
    }
}

/* -- hosts and methods ----------------------------------------------------------------------- */

static bool host_pattern(struct option_reader *r, struct slice text, struct slice *out)
{
    struct host host;
    bool suffix = slice_starts(text, SLICE("*."));
    *out = text;
    if (slice_eq(text, SLICE("*")))
        return true;
    if (!host_parse(suffix ? slice_from(text, 2) : text, r->arena, &host) || host.port != 0 ||
        slice_find(host.name, '*') < host.name.n || (suffix && host.name.p[0] == '['))
        return false;
    *out = suffix ? slice_str(arena_printf(r->arena, "*.%.*s", SLICE_ARG(host.name)))
                  : arena_dup(r->arena, host.name);
    return true;
}

static void read_hosts(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++)
        if (!host_pattern(r, texts.v[i], &texts.v[i]))
            option_wrong(r, text_at(s, i), FORM_HOST);
    *(struct texts *)field = texts;
}

/* Methods are case-sensitive; "get" is a token and a valid method, but nobody means it. */
static void warn_lower_case(struct option_reader *r, const config_setting_t *s, struct slice text)
{
    char upper[16];
    if (text.n >= sizeof upper || method_of(text) != METHOD_OTHER)
        return;
    for (size_t i = 0; i < text.n; i++)
        upper[i] = (text.p[i] >= 'a' && text.p[i] <= 'z') ? (char)(text.p[i] & ~0x20) : text.p[i];
    if (method_of(slice_of(upper, text.n)) != METHOD_OTHER)
        option_warn(r, s, "%s is \"%.*s\"; methods are case-sensitive, did you mean \"%.*s\"?",
                    option_path(r, s), SLICE_ARG(text), (int)text.n, upper);
}

static void read_methods(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++)
        if (is_token(texts.v[i]))
            warn_lower_case(r, text_at(s, i), texts.v[i]);
        else
            option_wrong(r, text_at(s, i), "a method is a token, such as \"GET\"");
    *(struct texts *)field = texts;
}

/* -- paths ----------------------------------------------------------------------------------- */

/* The path in the spelling that requests have; false after a fault. */
static bool read_match_path(struct option_reader *r, const config_setting_t *s, struct slice *out)
{
    const struct config *c = r->root;
    const struct target_rules rules = {.duplicate_slashes =
                                           (enum slash_rule)c->paths.duplicate_slashes,
                                       .keep_encoded_slashes = c->paths.keep_encoded_slashes};
    struct slice text;
    if (!option_read_text(r, s, FORM_MATCH_PATH, &text))
        return false;
    if (!slice_starts(text, SLICE("/"))) {
        option_wrong(r, s, FORM_MATCH_PATH);
        return false;
    }
    if (slice_find(text, '?') < text.n) {
        option_wrong(r, s, "a path has no \"?\": conditions on the query stand in match.query");
        return false;
    }
    enum target_fault fault = path_normalise(text, &rules, r->arena, out);
    if (fault != TARGET_FAULT_NONE)
        option_wrong(r, s, "no request can have that path: %s", target_fault_text(fault));
    return fault == TARGET_FAULT_NONE;
}

static void read_exact_path(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct route_conf *rt = container_of(field, struct route_conf, match.path);
    if (s && read_match_path(r, s, field))
        rt->match.path_form = PATH_EXACT;
}

static void read_prefix(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct route_conf *rt = container_of(field, struct route_conf, match.path);
    if (!s || !read_match_path(r, s, field))
        return;
    rt->match.path_form = PATH_PREFIX;
    while (rt->match.path.n > 1 && slice_ends(rt->match.path, SLICE("/")))
        rt->match.path.n--;
}

static void read_path_regex(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct route_conf *rt = container_of(field, struct route_conf, match.path);
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_REGEX, &text))
        return;
    regex_check(r, s, text);
    rt->match.path = text;
    rt->match.path_form = PATH_REGEX;
}

/* -- conditions ------------------------------------------------------------------------------ */

static void read_form(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct match_conf *m = container_of(field, struct match_conf, value);
    if (!s || !option_read_text(r, s, "a text in quotes", &m->value))
        return;
    while (strcmp(forms[m->form], config_setting_name(s)) != 0)
        m->form++;
    if (m->form == MATCH_REGEX)
        regex_check(r, s, m->value);
    else if (m->form != MATCH_EXACT && m->value.n == 0)
        option_wrong(r, s, "every value has that; say present = true");
}

static void read_present(struct option_reader *r, const config_setting_t *s, void *field)
{
    if (!s)
        return;
    if (config_setting_type(s) == CONFIG_TYPE_BOOL)
        *(int *)field = config_setting_get_bool(s) ? MATCH_PRESENT : MATCH_ABSENT;
    else
        option_wrong(r, s, "true or false");
}

static void condition_check(struct option_reader *r, const config_setting_t *s,
                            const struct match_conf *m, bool (*ok)(struct slice name),
                            const char *what)
{
    unsigned n = 0;
    for (size_t i = 0; forms[i]; i++)
        n += config_setting_get_member(s, forms[i]) != NULL;
    if (n != 1)
        option_fault(r, s, "%s has %s of exact, prefix, suffix, regex and present; exactly one",
                     option_path(r, s), n == 0 ? "none" : "several");
    const config_setting_t *name = config_setting_get_member(s, "name");
    if (name && config_setting_type(name) == CONFIG_TYPE_STRING && !ok(m->name))
        option_wrong(r, name, "%s", what);
}

static void header_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    const struct match_conf *m = element;
    condition_check(r, s, m, is_token, "a header name is a token, such as \"x-version\"");
    if (m->form == MATCH_REGEX || field_value_ok(m->value))
        return;
    for (size_t i = 0; forms[i]; i++)
        if (config_setting_get_member(s, forms[i]))
            option_wrong(r, member_or(s, forms[i]), "no header value has control characters");
}

static bool query_name_ok(struct slice name)
{
    return name.n > 0;
}

static void query_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    condition_check(r, s, element, query_name_ok, "a name that isn't empty");
}

static void cookie_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    condition_check(r, s, element, is_token, "a cookie name is a token, such as \"session\"");
}

static bool claim_name_ok(struct slice name)
{
    return name.n > 0;
}

static void identity_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    condition_check(r, s, element, claim_name_ok, "a claim has a name, such as \"groups\"");
}

/* With the options that the router compiles with, as some expressions are only wrong under them. */
static void regex_check(struct option_reader *r, const config_setting_t *s, struct slice pattern)
{
    const uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    int error;
    size_t at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &error, &at, NULL);
    if (!code) {
        PCRE2_UCHAR why[256];
        pcre2_get_error_message(error, why, array_n(why));
        option_wrong(r, s, "%s (at offset %zu of the expression)", (const char *)why, at);
    }
    pcre2_code_free(code);
}
