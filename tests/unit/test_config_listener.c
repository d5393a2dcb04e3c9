/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: values, inheritance, and what clashes with what. */
#include "config_case.h"

Test(config_listener, values_are_stored_and_the_rest_is_inherited)
{
    struct config *c = conf_of(
        "listeners = ( { name = \"in\"; bind = \"[::1]:8443\"; backlog = 16; ipv6_only = true; "
        "unix_mode = \"0600\"; timeouts = { head = \"1s\"; }; limits = { connections = 5; "
        "head_size = \"2k\"; }; forwarding = { trusted_proxies = \"unix\"; via = false; }; }, "
        "{ name = \"b\"; bind = \"unix:/run/b.sock\"; } );\n"
        "timeouts = { head = \"4s\"; request = \"5s\"; };\n"
        "limits = { requests = 7; }; forwarding = { name = \"x\"; style = \"none\"; "
        "trusted_proxies = [ \"10.0.0.1\", \"10.0.0.2\" ]; };" CLUSTERS ROUTES);
    const struct listener_conf *a = &c->listeners[0], *b = &c->listeners[1];
    cr_assert_slice(a->name, "in");
    cr_assert_eq(a->bind.sa.sa_family, AF_INET6);
    cr_assert_eq(addr_port(&a->bind), 8443);
    cr_assert_eq(a->backlog, 16);
    cr_assert(a->ipv6_only);
    cr_assert_eq(a->unix_mode, 0600);
    cr_assert_eq(a->timeouts.head, 1000);
    cr_assert_eq(a->timeouts.request, 5000, "of the top, which stands further down");
    cr_assert_eq(a->limits.connections, 5);
    cr_assert_eq(a->limits.head_size, 2048);
    cr_assert_eq(a->limits.requests, 7);
    cr_assert_eq(a->forwarding.trusted_n, 1);
    cr_assert(!a->forwarding.via);
    cr_assert_slice(a->forwarding.name, "x");
    cr_assert_eq(b->backlog, 4096);
    cr_assert_eq(b->unix_mode, 0666);
    cr_assert_eq(b->timeouts.head, 4000);
    cr_assert_eq(b->forwarding.trusted_n, 2);
    cr_assert_eq(b->forwarding.style, FORWARDED_NONE);
    cr_assert_eq(b->place.index, 1);
    config_free(c);
}

Test(config_listener, http_2_is_set_at_the_top_and_on_a_listener)
{
    struct config *c = conf_of(
        "listeners = ( { name = \"a\"; bind = \"[::1]:1\"; }, { name = \"b\"; bind = \"[::1]:2\"; "
        "h2 = { streams = 7; resets = 9; ping_interval = \"3s\"; }; } );\n"
        "h2 = { streams = 50; stream_window = \"128k\"; pings = 3; };" CLUSTERS ROUTES);
    const struct h2_server_conf *a = &c->listeners[0].h2, *b = &c->listeners[1].h2;
    cr_assert(a->streams == 50 && b->streams == 7);
    cr_assert(a->stream_window == 131072 && b->stream_window == 131072);
    cr_assert(a->connection_window == 1048576);
    cr_assert(a->interval == 10000 && a->resets == 200 && b->resets == 9);
    cr_assert(a->continuations == 8 && a->pings == 3 && a->settings == 50);
    cr_assert(a->empty_frames == 100 && a->priorities == 500 && a->window_updates == 1000);
    cr_assert(a->ping_interval == 0 && b->ping_interval == 3000 && a->ping_timeout == 10000);
    config_free(c);
}

#define SOCKET                                                                                     \
    "an address with a port, such as \"0.0.0.0:8080\", \"[::]:8080\" or \"unix:/run/weir.sock\""
Test(config_listener, values_are_checked)
{
    CONF_CASES(
        {"listeners = ( { name = \"a\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].bind is missing: the address to listen on"},
        {"listeners = ( { bind = \"[::]:1\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].name is missing: its name in routes, logs and metrics"},
        {"listeners = ( { name = \"a b\"; bind = \"[::]:1\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].name is \"a b\"; 1 to 64 letters, digits, \".\", \"_\" and "
         "\"-\""},
        {"listeners = ( { name = \"a\"; bind = \"8080\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].bind is \"8080\"; " SOCKET},
        {"listeners = ( { name = \"a\"; bind = \"0.0.0.0:65536\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].bind is \"0.0.0.0:65536\"; " SOCKET},
        {"listeners = ( { name = \"a\"; bind = \"unix:\"; } );" CLUSTERS ROUTES,
         "t.conf:1: error: listeners[0].bind is \"unix:\"; " SOCKET},
        {WITH_LISTENER("h2 = { streams = 0; };"),
         "t.conf:2: error: listeners[0].h2.streams is 0; a whole number from 1 to 65535"},
        {WITH_LISTENER("backlog = 0;"),
         "t.conf:2: error: listeners[0].backlog is 0; a whole number from 1 to 65535"},
        {WITH_LISTENER("limits = { head_size = \"20x\"; };"),
         "t.conf:2: error: listeners[0].limits.head_size is \"20x\"; a size such as 8192, \"64k\" "
         "or \"1m\", from 1k to 16k"},
        {WITH_LISTENER("forwarding = { name = \"é\"; };"),
         "t.conf:2: error: listeners[0].forwarding.name is \"é\"; a token: letters, digits and "
         "!#$%&'*+-.^_`|~"});
}

Test(config_listener, what_does_not_exist_yet_is_unknown)
{
    CONF_CASES({WITH_LISTENER("quic = { };"),
                "t.conf:2: error: unknown setting listeners[0].quic; known here: name, bind, "
                "backlog, ipv6_only, unix_mode, protocols, tls, timeouts, limits, forwarding, "
                "proxy_protocol, hsts, redirect_to_https, h2"},
               {WITH_LISTENER("timeouts = { connect = \"1s\"; };"),
                "t.conf:2: error: unknown setting listeners[0].timeouts.connect; known here: head, "
                "handshake, request, keep_alive, write_idle, body_idle"});
}

Test(config_listener, a_unix_path_has_the_kernels_limit)
{
    char text[512], path[120];
    for (int n = 107; n <= 108; n++) {
        memset(path, 'x', sizeof path);
        path[0] = '/';
        path[n] = 0;
        snprintf(text, sizeof text,
                 "listeners = ( { name = \"a\"; bind = \"unix:%s\"; } );" CLUSTERS ROUTES, path);
        struct faults faults;
        faults_init(&faults);
        struct config *c = config_parse(text, "t.conf", NULL, &faults);
        cr_assert_eq(c != NULL, n == 107);
        if (!c)
            cr_assert(strstr(faults.first->text, "the kernel takes at most 107 bytes of path"));
        config_free(c);
        faults_fini(&faults);
    }
}

#define TWO(a, b) "listeners = (\n{ name = \"a\"; " a " },\n{ " b " } );" CLUSTERS ROUTES
Test(config_listener, duplicates_name_both_lines)
{
    CONF_CASES(
        {TWO("bind = \"[::]:1\";", "name = \"a\"; bind = \"[::]:2\";"),
         "t.conf:3: error: listeners[1].name is \"a\"; the listener of line 2 has that name "
         "already"},
        {TWO("bind = \"127.0.0.1:1\";", "name = \"b\";\nbind = \"127.0.0.1:1\";"),
         "t.conf:4: error: listeners[1].bind is \"127.0.0.1:1\"; the listener of line 2 has that "
         "address already"},
        {TWO("bind = \"*:1\";", "name = \"b\"; bind = \"0.0.0.0:1\";"),
         "t.conf:3: error: listeners[1].bind is \"0.0.0.0:1\"; the listener of line 2 has that "
         "address already"},
        {TWO("bind = \"unix:/a\";", "name = \"b\"; bind = \"unix:/a\";"),
         "t.conf:3: error: listeners[1].bind is \"unix:/a\"; the listener of line 2 has that "
         "address already"},
        {TWO("bind = \"[::]:1\";", "name = \"b\"; bind = \"0.0.0.0:1\";"),
         "t.conf:3: error: listeners[1].bind is \"0.0.0.0:1\"; the listener of line 2 takes that "
         "port too: \"[::]\" without ipv6_only = true is IPv4 as well"},
        {TWO("bind = \"0.0.0.0:1\";", "name = \"b\"; bind = \"[::]:1\";"),
         "t.conf:3: error: listeners[1].bind is \"[::]:1\"; the listener of line 2 takes that "
         "port too: \"[::]\" without ipv6_only = true is IPv4 as well"});
}

Test(config_listener, addresses_that_differ_stand_side_by_side)
{
    const char *const good[] = {
        TWO("bind = \"127.0.0.1:0\";", "name = \"b\"; bind = \"127.0.0.1:0\";"),
        TWO("bind = \"127.0.0.1:1\";", "name = \"b\"; bind = \"127.0.0.2:1\";"),
        TWO("bind = \"[::]:1\"; ipv6_only = true;", "name = \"b\"; bind = \"0.0.0.0:1\";"),
        TWO("bind = \"0.0.0.0:1\";", "name = \"b\"; bind = \"[::]:1\"; ipv6_only = true;"),
        TWO("bind = \"0.0.0.0:1\";", "name = \"b\"; bind = \"127.0.0.1:1\";"),
    };
    for (size_t i = 0; i < array_n(good); i++)
        config_free(conf_of(good[i]));
}

Test(config_listener, proxy_headers_come_from_networks)
{
    struct config *c = conf_of(WITH_LISTENER("proxy_protocol = [ \"10.0.0.0/8\", \"unix\" ];"));
    cr_assert_eq(c->listeners[0].proxy_from_n, 2);
    config_free(c);
    c = conf_of(WITH_LISTENER(""));
    cr_assert_eq(c->listeners[0].proxy_from_n, 0);
    config_free(c);
}

Test(config_listener, strict_transport_security_is_off_until_it_is_asked_for)
{
    static const struct {
        const char *conf, *value;
    } cases[] = {
        {"", ""},
        {"hsts = { };", "max-age=31536000"},
        {"hsts = { max_age = \"0s\"; };", "max-age=0"},
        {"hsts = { max_age = \"1500ms\"; include_subdomains = true; };",
         "max-age=1; includeSubDomains"},
        {"hsts = { max_age = \"730d\"; include_subdomains = true; preload = true; };",
         "max-age=63072000; includeSubDomains; preload"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, WITH_LISTENER("proxy_protocol = \"unix\"; %s"), cases[i].conf);
        struct config *c = conf_of(text);
        const struct slice value = c->listeners[0].hsts.value;
        cr_assert(slice_eq(value, slice_str(cases[i].value)), "%.*s", SLICE_ARG(value));
        config_free(c);
    }
}

Test(config_listener, redirects_to_https_have_defaults)
{
    struct config *c = conf_of(WITH_LISTENER("redirect_to_https = true;"));
    const struct https_redirect_conf *h = &c->listeners[0].to_https;
    cr_assert(h->set && h->port == 443 && h->status == 308 && h->except.n == 0);
    config_free(c);
    c = conf_of(WITH_LISTENER("redirect_to_https = { port = 8443; status = 301; except = \"/a\"; };"));
    h = &c->listeners[0].to_https;
    cr_assert(h->set && h->port == 8443 && h->status == 301 && h->except.n == 1);
    config_free(c);
    c = conf_of(WITH_LISTENER("redirect_to_https = false;"));
    cr_assert(!c->listeners[0].to_https.set);
    config_free(c);
}

Test(config_listener, https_settings_are_checked)
{
    CONF_CASES(
        {WITH_LISTENER("redirect_to_https = 443;"),
         "t.conf:2: error: listeners[0].redirect_to_https is 443; true, false or a group, such as "
         "{ port = 8443; }"},
        {WITH_LISTENER("redirect_to_https = { status = 404; };"),
         "t.conf:2: error: listeners[0].redirect_to_https.status is 404; one of 301, 302, 303, 307 "
         "and 308"},
        {WITH_LISTENER("redirect_to_https = { except = [ \"a\" ]; };"),
         "t.conf:2: error: listeners[0].redirect_to_https.except[0] is \"a\"; the beginning of a "
         "path: it starts with \"/\""},
        {WITH_LISTENER("proxy_protocol = \"all\";"),
         "t.conf:2: error: listeners[0].proxy_protocol is \"all\"; a network such as "
         "\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or \"unix\""},
        {WITH_LISTENER("forwarding = { client_certificate = \"x\"; };"),
         "t.conf:2: error: listeners[0].forwarding.client_certificate is \"x\"; one of \"off\", "
         "\"xfcc\" or \"standard\""});
}

Test(config_listener, https_settings_without_effect_are_warned_of)
{
    static const struct {
        const char *conf, *warning;
    } cases[] = {
        {WITH_LISTENER("hsts = { };"),
         "listeners[0].hsts has no effect without TLS, here or at a trusted proxy in front"},
        {WITH_LISTENER("proxy_protocol = \"unix\"; hsts = { preload = true; };"),
         "listeners[0].hsts.preload: the list takes names with a max_age of at least 365d and "
         "include_subdomains only"},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        struct faults faults;
        faults_init(&faults);
        struct config *c = config_parse(cases[i].conf, "t.conf", NULL, &faults);
        cr_assert(c && faults.warnings == 1);
        cr_assert_str_eq(faults.first->text, cases[i].warning);
        config_free(c);
        faults_fini(&faults);
    }
}
