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
 *   segments that only some servers take for dot segments ("..;x", "..%2Fx") are refused;
 *   %00, malformed escapes and raw control characters are always refused.
 *
 * A path that needs no change is not copied. A query is passed on as it came: its bytes are
 * checked, its escapes are the application's. */

#include "base/arena.h"
#include "base/check.h"
#include "http/token.h"

enum target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_AUTHORITY, TARGET_ASTERISK };
enum slash_rule { SLASH_MERGE, SLASH_KEEP, SLASH_REFUSE };

/* id, name, text */
#define TARGET_FAULT_LIST(F)                                                                       \
    F(NONE, "none", "none")                                                                        \
    F(FORM, "form", "the request target has no form that this method allows")                      \
    F(ESCAPE, "escape", "a percent sign without two hexadecimal digits")                           \
    F(NUL, "nul", "an encoded NUL")                                                                \
    F(SLASH, "slash", "an encoded slash or backslash")                                             \
    F(DOUBLE_SLASH, "double_slash", "an empty path segment")                                       \
    F(ABOVE_ROOT, "above_root", "dot segments that go above the root")                             \
    F(DOTS, "dots", "a dot segment in disguise: before ';' or beside an encoded slash")            \
    F(CONTROL, "control", "a control character or a byte that is not allowed")                     \
    F(FRAGMENT, "fragment", "a fragment")                                                          \
    F(HOST, "host", "the authority is not a host and a port")                                      \
    F(USERINFO, "userinfo", "user information in the authority")

enum target_fault {
#define F(id, name, text) TARGET_FAULT_##id,
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
    struct slice scheme;    /* absolute form only: "http" or "https" */
    struct slice authority; /* absolute and authority form */
    struct slice path;  /* normalised, begins with '/'; "*" for the asterisk form, and for OPTIONS
                         * with an absolute form without path; empty for the authority form */
    struct slice query; /* without '?', as received; p == NULL when there is no '?' */
};

/* Slices point into `raw` or into `a`. The absolute form is for http and https only. */
enum target_fault target_parse(struct slice raw, enum method m, const struct target_rules *rules,
                               struct arena *a, struct target *out) nodiscard;
/* The path alone, for configuration (prefixes and exact paths are normalised alike). */
enum target_fault path_normalise(struct slice path, const struct target_rules *rules,
                                 struct arena *a, struct slice *out) nodiscard;

/* RFC 1035 2.3.4: 253 characters, and a dot behind them. */
enum { HOST_NAME_MAX_BYTES = 254 };

struct host {
    struct slice name; /* lower case, without trailing dot; IPv6 with its brackets */
    uint16_t port;     /* 0: none was given */
};
/* "example.com", "EXAMPLE.com:80", "[::1]:8443". Copies into `a` only to change case. Names are
 * letters, digits, '-', '_' and single dots: stricter than RFC 3986, whose further characters no
 * name in DNS has. Empty names, ports out of 1 to 65535 and IPv6 zones are refused. */
bool host_parse(struct slice text, struct arena *a, struct host *out) nodiscard;
/* Grammar only, nothing is stored: for the parser's check of the Host field. An empty Host is
 * allowed by the grammar (RFC 9110 7.2) and gives true. */
bool host_ok(struct slice text);

#endif
