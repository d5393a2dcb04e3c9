/* SPDX-License-Identifier: Apache-2.0 */
/* From an operator's description to the values that a request would have. What a listener would
 * refuse is refused here in the same words. */
#include "control/explain/explain.h"

#include <jansson.h>
#include <string.h>

#include "base/fault.h"
#include "core/identity.h"

enum { NAMES_MAX = 128, FIELDS_MAX = 100, CLAIMS_MAX = 100 };

static const char *const members[] = {"url",      "method",   "headers", "source",
                                      "listener", "identity", "partial", NULL};

static struct slice text_of(struct explain_request *r, const json_t *j)
{
    return arena_dup(&r->arena, slice_of(json_string_value(j), json_string_length(j)));
}

/* Absent members are `otherwise`. False: it is there and no text. */
static bool read_text(struct explain_request *r, const json_t *o, const char *key,
                      struct slice otherwise, struct slice *to, struct admin_answer *out)
{
    const json_t *j = json_object_get(o, key);
    *to = otherwise;
    if (!j)
        return true;
    if (!json_is_string(j)) {
        admin_error(out, 400, key, "%s must be a text", key);
        return false;
    }
    *to = text_of(r, j);
    return true;
}

/* -- the target -------------------------------------------------------------------------------- */

/* "https://host/path", or "/path" with a Host field. */
static bool read_url(struct explain_request *r, const struct config *c, const json_t *o,
                     struct admin_answer *out)
{
    const struct target_rules rules = {
        .duplicate_slashes = (enum slash_rule)c->paths.duplicate_slashes,
        .keep_encoded_slashes = c->paths.keep_encoded_slashes,
    };
    struct slice url;
    if (!read_text(r, o, "url", slice_of(NULL, 0), &url, out))
        return false;
    if (!url.n) {
        admin_error(out, 400, "url", "url is missing: \"https://host/path\", or \"/path\"");
        return false;
    }
    const enum target_fault fault =
        target_parse(url, method_of(r->method), &rules, &r->arena, &r->target);
    if (fault != TARGET_FAULT_NONE) {
        admin_error(out, 400, "url", "a request to this would be refused with 400: %s",
                    target_fault_text(fault));
        return false;
    }
    r->scheme = r->target.scheme;
    r->authority =
        r->target.authority.n ? r->target.authority : fields_get_token(&r->fields, TOKEN_HOST);
    if (r->authority.n && !host_parse(r->authority, &r->arena, &r->host)) {
        admin_error(out, 400, "url",
                    "a request to this would be refused with 400: \"%.*s\" is no "
                    "host and port",
                    SLICE_ARG(r->authority));
        return false;
    }
    return true;
}

static bool read_headers(struct explain_request *r, const json_t *o, struct admin_answer *out)
{
    const json_t *list = json_object_get(o, "headers"), *line;
    size_t i;
    fields_init(&r->fields, &r->arena, 16);
    if (list && (!json_is_array(list) || json_array_size(list) > FIELDS_MAX)) {
        admin_error(out, 400, "headers", "headers must be a list of at most %d texts", FIELDS_MAX);
        return false;
    }
    json_array_foreach(list, i, line)
    {
        struct slice value = json_is_string(line) ? text_of(r, line) : SLICE("");
        const bool colon = value.n && memchr(value.p, ':', value.n);
        const struct slice name = slice_trim(slice_cut(&value, ':'));
        if (!colon || !name.n || !is_token(name)) {
            admin_error(out, 400, "headers", "\"%.*s\" is not \"Name: value\"", SLICE_ARG(name));
            return false;
        }
        fields_add(&r->fields, &r->arena, name, slice_trim(value));
    }
    return true;
}

/* -- from whom --------------------------------------------------------------------------------- */

static bool read_source(struct explain_request *r, const json_t *o, struct admin_answer *out)
{
    struct slice text;
    if (!read_text(r, o, "source", SLICE("127.0.0.1"), &text, out))
        return false;
    if (ip_parse(text, &r->source))
        return true;
    admin_error(out, 400, "source", "\"%.*s\" is no IP address", SLICE_ARG(text));
    return false;
}

static bool add_claim(struct explain_request *r, struct identity *id, struct claim *claims,
                      const char *name, const json_t *value)
{
    if (!json_is_string(value) || id->claims_n == CLAIMS_MAX)
        return false;
    const struct slice text = text_of(r, value);
    if (!strcmp(name, "sub"))
        id->subject = text;
    else if (!strcmp(name, "iss"))
        id->issuer = text;
    claims[id->claims_n++] =
        (struct claim){.name = arena_dup(&r->arena, slice_str(name)), .value = text};
    return true;
}

static bool read_identity(struct explain_request *r, const json_t *o, struct admin_answer *out)
{
    json_t *from = json_object_get(o, "identity"), *value, *one;
    const char *name;
    size_t i;
    bool ok = !from || json_is_object(from);
    if (!from || json_is_null(from))
        return true;
    struct identity *id = ARENA_NEW(&r->arena, struct identity);
    struct claim *claims = ARENA_ARRAY(&r->arena, struct claim, CLAIMS_MAX);
    *id = (struct identity){.method = SLICE("explain"), .claims = claims};
    json_object_foreach(from, name, value)
    {
        if (!json_is_array(value))
            ok = ok && add_claim(r, id, claims, name, value);
        json_array_foreach(value, i, one) ok = ok && add_claim(r, id, claims, name, one);
    }
    if (!ok)
        admin_error(out, 400, "identity",
                    "identity must be an object of at most %d claims, each a text or a list of "
                    "texts",
                    CLAIMS_MAX);
    r->identity = id;
    return ok;
}

/* -- by which door ----------------------------------------------------------------------------- */

static bool is_tls(const struct listener_conf *lc)
{
    return lc->tls.certificates_n > 0;
}

static uint16_t port_of(const struct explain_request *r)
{
    if (r->host.port)
        return r->host.port;
    return slice_eq(r->scheme, SLICE("https")) ? 443 : 80;
}

/* Without a name: the one at the URL's port, else the first one that speaks its scheme, else the
 * first. */
static uint32_t guess_listener(const struct explain_request *r, const struct config *c)
{
    const bool tls = slice_eq(r->scheme, SLICE("https"));
    for (size_t i = 0; r->scheme.n && i < c->listeners_n; i++)
        if (addr_port(&c->listeners[i].bind) == port_of(r) && is_tls(&c->listeners[i]) == tls)
            return (uint32_t)i;
    for (size_t i = 0; r->scheme.n && i < c->listeners_n; i++)
        if (is_tls(&c->listeners[i]) == tls)
            return (uint32_t)i;
    return 0;
}

static bool read_listener(struct explain_request *r, const struct config *c, const json_t *o,
                          struct admin_answer *out)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    struct slice name;
    if (!read_text(r, o, "listener", slice_of(NULL, 0), &name, out))
        return false;
    r->listener = guess_listener(r, c);
    for (size_t i = 0; name.n && i < c->listeners_n; i++) {
        if (slice_eq(c->listeners[i].name, name)) {
            r->listener = (uint32_t)i;
            name.n = 0;
        }
        if (i < NAMES_MAX)
            names[i] = c->listeners[i].name.p;
    }
    if (name.n) {
        const char *near = nearest_name(name, names);
        admin_error(out, 404, "listener", "there is no listener \"%.*s\"%s%s%s", SLICE_ARG(name),
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return false;
    }
    if (!r->scheme.n)
        r->scheme = is_tls(&c->listeners[r->listener]) ? SLICE("https") : SLICE("http");
    return true;
}

/* -- all of it --------------------------------------------------------------------------------- */

static bool knows_members(const json_t *o, struct admin_answer *out)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)o, name, value)
    {
        size_t i = 0;
        while (members[i] && strcmp(members[i], name))
            i++;
        if (members[i])
            continue;
        const char *near = nearest_name(slice_str(name), members);
        admin_error(out, 400, name, "unknown member \"%s\"%s%s%s", name,
                    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return false;
    }
    return true;
}

static bool read_all(struct explain_request *r, const struct config *c, const json_t *o,
                     struct admin_answer *out)
{
    if (!knows_members(o, out) || !read_text(r, o, "method", SLICE("GET"), &r->method, out))
        return false;
    if (!is_token(r->method)) {
        admin_error(out, 400, "method", "\"%.*s\" is no method", SLICE_ARG(r->method));
        return false;
    }
    return read_headers(r, o, out) && read_url(r, c, o, out) && read_source(r, o, out) &&
           read_identity(r, o, out) && read_listener(r, c, o, out);
}

bool explain_request_read(struct explain_request *r, const struct config *c, const json_t *o,
                          struct admin_answer *out)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->arena, NULL, 0);
    r->partial = json_is_true(json_object_get(o, "partial"));
    if (json_is_object(o))
        return read_all(r, c, o, out);
    admin_error(out, 400, NULL, "a request is a JSON object, {\"url\": ...}");
    return false;
}

void explain_request_fini(struct explain_request *r)
{
    arena_fini(&r->arena);
}
