/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_TARGET_H
#define WEIR_HTTP_TARGET_H

/* Request targets (RFC 9112 3.2) and hosts (RFC 9110 7.2, RFC 3986 3.2.2), parsed and brought to
 * one spelling before anything is matched, so that the router, the log and the backend see the
 * same path:
 *
 *   percent-encoded unreserved characters are decoded, other escapes get upper-case digits;
 *   "." and ".." segments are removed (going above the root is refused);
 *   duplicate slashes are merged, kept or refused, as configured;
 *   encoded slashes and backslashes (%2F, %5C) are refused, or kept, as configured;
 *   %00, malformed escapes and raw control characters are always refused.
 *
 * A path that needs no change is not copied. */

#include "base/arena.h"
#include "http/token.h"

enum target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_AUTHORITY, TARGET_ASTERISK };
enum slash_rule { SLASH_MERGE, SLASH_KEEP, SLASH_REFUSE };

#define TARGET_FAULT_LIST(F)                                                                       \
    F(NONE, "none")                                                                                \
    F(FORM, "the request target has no form that this method allows")                              \
    F(ESCAPE, "a percent sign without two hexadecimal digits")                                     \
    F(NUL, "an encoded NUL")                                                                       \
    F(SLASH, "an encoded slash or backslash")                                                      \
    F(DOUBLE_SLASH, "an empty path segment")                                                       \
    F(ABOVE_ROOT, "dot segments that go above the root")                                           \
    F(CONTROL, "a control character or a byte that is not allowed")                                \
    F(FRAGMENT, "a fragment")                                                                      \
    F(HOST, "the authority is not a host and a port")                                              \
    F(USERINFO, "user information in the authority")

enum target_fault {
#define F(name, text) TARGET_FAULT_##name,
    TARGET_FAULT_LIST(F)
#undef F
    TARGET_FAULT_N
};
const char *target_fault_name(enum target_fault f); /* lower case */
const char *target_fault_text(enum target_fault f);

struct target_rules {
    enum slash_rule duplicate_slashes;
    bool keep_encoded_slashes;
};

struct target {
    enum target_form form;
    struct slice scheme;    /* absolute form only */
    struct slice authority; /* absolute and authority form */
    struct slice path;      /* normalised, begins with '/'; "*" for the asterisk form */
    struct slice query;     /* without '?', as received; p == NULL when there is no '?' */
};

/* Slices point into `raw` or into `a`. */
enum target_fault target_parse(struct slice raw, enum method m, const struct target_rules *rules,
                               struct arena *a, struct target *out) nodiscard;
/* The path alone, for configuration (prefixes and exact paths are normalised alike). */
enum target_fault path_normalise(struct slice path, const struct target_rules *rules,
                                 struct arena *a, struct slice *out) nodiscard;

struct host {
    struct slice name; /* lower case, without trailing dot; IPv6 with its brackets */
    uint16_t port;     /* 0: none was given */
};
/* "example.com", "EXAMPLE.com:80", "[::1]:8443". Copies into `a` only to change case. Empty names
 * are refused. */
bool host_parse(struct slice text, struct arena *a, struct host *out) nodiscard;
/* Grammar only, nothing is stored: for the parser's check of the Host field. An empty Host is
 * allowed by the grammar (RFC 9110 7.2) and gives true. */
bool host_ok(struct slice text);

#endif
