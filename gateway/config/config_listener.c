/* SPDX-License-Identifier: Apache-2.0 */
/* The section `listeners`: addresses that clients connect to. A listener inherits the timeouts,
 * limits and forwarding of the top and says what differs.
 *
 * Names and addresses are unique; a dual-stack "[::]:PORT" takes the port on IPv4 too, so it stands
 * in the way of "0.0.0.0:PORT". Port 0 (the kernel chooses) clashes with nothing. */
#include "config/sections.h"

#include <stdio.h>

static void bind_check(struct loading *l, const config_setting_t *s, struct listener_conf *lc);

_Static_assert(offsetof(struct listener_conf, proxy_from_n) ==
                   offsetof(struct listener_conf, proxy_from) + offsetof(struct groups, n),
               "read_cidrs fills pointer and count");

const struct option listener_options[] = {
    OPTION_CUSTOM("name", struct listener_conf, name, read_name, NULL, FORM_NAME,
                  "its name in routes, logs and metrics", .required = true),
    OPTION_CUSTOM("bind", struct listener_conf, bind, read_socket, NULL, FORM_SOCKET,
                  "the address to listen on", .required = true),
    OPTION_INT("backlog", struct listener_conf, backlog, "4096", 1, 65535,
               "connections that wait to be accepted (the kernel's somaxconn is a second bound)"),
    OPTION_BOOL("ipv6_only", struct listener_conf, ipv6_only, "false",
                "don't take IPv4 on an IPv6 address"),
    OPTION_CUSTOM("unix_mode", struct listener_conf, unix_mode, read_mode, "0666", FORM_MODE,
                  "permissions of a unix socket"),
    OPTION_CUSTOM(
        "protocols", struct listener_conf, protocols, read_protocols, "[ \"h2\", \"http/1.1\" ]",
        "a list of \"h2\" and \"http/1.1\"",
        "what is spoken, agreed on by ALPN; without tls the default is http/1.1 alone, and "
        "h2 by prior knowledge"),
    OPTION_GROUP("tls", struct listener_conf, tls, tls_server_options,
                 "TLS on this listener's connections; absent: none", .check = tls_server_check,
                 .optional = true),
    OPTION_GROUP("timeouts", struct listener_conf, timeouts, listener_timeouts,
                 "timeouts of this listener's clients; what is absent is that of the top"),
    OPTION_GROUP("limits", struct listener_conf, limits, listener_limits,
                 "limits of this listener; what is absent is that of the top"),
    OPTION_GROUP("forwarding", struct listener_conf, forwarding, listener_forwarding,
                 "forwarding of this listener's requests; what is absent is that of the top",
                 .check = forwarding_check),
    OPTION_CUSTOM(
        "proxy_protocol", struct listener_conf, proxy_from, read_cidrs, "[ ]", FORM_CIDRS,
        "peers whose connections begin with a PROXY header (version 1 or 2); from these it "
        "is required, from others it is no request"),
    OPTION_GROUP("hsts", struct listener_conf, hsts, hsts_options,
                 "Strict-Transport-Security on responses over TLS; without the group there is none",
                 .check = hsts_check, .optional = true),
    OPTION_CUSTOM("redirect_to_https", struct listener_conf, to_https, read_https_redirect, "false",
                  FORM_HTTPS_REDIRECT,
                  "answer every request without TLS with a redirect to the same URL on https",
                  .rows = https_redirect_options, .single = true),
    OPTION_GROUP("h2", struct listener_conf, h2, listener_h2,
                 "HTTP/2 of this listener's clients; what is absent is that of the top"),
    OPTION_END,
};

void listener_prepare(struct option_reader *r, void *element)
{
    const struct config *c = r->root;
    struct listener_conf *lc = element;
    lc->unix_mode = 0666;
    lc->timeouts = c->timeouts;
    lc->limits = c->limits;
    lc->forwarding = c->forwarding;
    lc->h2 = c->h2;
}

void listener_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct loading *l = loading_of(r);
    struct listener_conf *lc = element;
    const struct listener_conf *other = lc->name.n ? map_find(&l->listeners, lc->name) : NULL;
    if (other)
        option_fault(r, member_or(s, "name"),
                     "%s.name is \"%.*s\"; the listener of %s has that name already",
                     option_path(r, s), SLICE_ARG(lc->name), place_text(r, s, &other->place));
    else if (lc->name.n)
        map_set(&l->listeners, lc->name, lc);
    lc->tls.listener = lc->name;
    if (!lc->protocols.h1 && !lc->protocols.h2) {
        lc->protocols.h1 = true;
        lc->protocols.h2 = lc->tls.set;
    }
    if (lc->bind.len > 0)
        bind_check(l, s, lc);
    https_check(r, s, lc);
}

/* The listener whose address is in the way: the same, or the other family's on a dual-stack one. */
static const struct listener_conf *bind_clash(const struct loading *l,
                                              const struct listener_conf *lc, const char *text)
{
    const struct listener_conf *other = map_find(&l->binds, slice_str(text));
    if (other)
        return other;
    char twin[ADDR_TEXT_MAX];
    if (slice_starts(slice_str(text), SLICE("0.0.0.0:"))) {
        snprintf(twin, sizeof twin, "[::]:%u", addr_port(&lc->bind));
        other = map_find(&l->binds, slice_str(twin));
        return other && !other->ipv6_only ? other : NULL;
    }
    if (slice_starts(slice_str(text), SLICE("[::]:")) && !lc->ipv6_only) {
        snprintf(twin, sizeof twin, "0.0.0.0:%u", addr_port(&lc->bind));
        return map_find(&l->binds, slice_str(twin));
    }
    return NULL;
}

/* The group `admin` was read before. */
static void admin_clash_check(struct loading *l, const config_setting_t *s,
                              const struct listener_conf *lc)
{
    const struct admin_conf *a = &l->c->admin;
    for (size_t i = 0; i < a->listeners_n; i++)
        if (addr_eq(&a->listeners[i]->bind, &lc->bind))
            option_fault(&l->r, member_or(s, "bind"), "%s.bind: the admin socket of %s is there",
                         option_path(&l->r, s), place_text(&l->r, s, &a->listeners[i]->place));
}

static void bind_check(struct loading *l, const config_setting_t *s, struct listener_conf *lc)
{
    char text[ADDR_TEXT_MAX];
    addr_print(&lc->bind, text);
    if (lc->bind.sa.sa_family != AF_UNIX && addr_port(&lc->bind) == 0)
        return;
    admin_clash_check(l, s, lc);
    const struct listener_conf *other = bind_clash(l, lc, text);
    if (!other) {
        map_set(&l->binds, slice_str(arena_strdup(l->r.arena, text)), lc);
        return;
    }
    bool same = addr_eq(&other->bind, &lc->bind);
    option_fault(&l->r, member_or(s, "bind"), "%s.bind is \"%s\"; the listener of %s %s",
                 option_path(&l->r, s), text, place_text(&l->r, s, &other->place),
                 same ? "has that address already"
                      : "takes that port too: \"[::]\" without ipv6_only = true is IPv4 as well");
}
