/* SPDX-License-Identifier: Apache-2.0 */
/* What is said once for the whole gateway: processes, timeouts, limits, forwarding, paths, memory,
 * resolver and admin socket. */
#include "config_case.h"

Test(config_top, the_defaults_are_those_of_the_header)
{
    struct config *c = conf_of(WITH_TOP(""));
    cr_assert_eq(c->workers, 0);
    cr_assert(!c->affinity);
    cr_assert_eq(c->user.n + c->group.n + c->pid_file.n, 0);
    cr_assert_eq(c->timeouts.head, 10000);
    cr_assert_eq(c->timeouts.body_idle, 30000);
    cr_assert_eq(c->timeouts.request, 15000);
    cr_assert_eq(c->timeouts.keep_alive, 75000);
    cr_assert_eq(c->timeouts.write_idle, 30000);
    cr_assert_eq(c->timeouts.connect, 2000);
    cr_assert_eq(c->timeouts.response_head, 0);
    cr_assert_eq(c->timeouts.tunnel_idle, 3600000);
    cr_assert_eq(c->timeouts.drain, 30000);
    cr_assert_eq(c->timeouts.drain_grace, 1000);
    cr_assert_eq(c->limits.connections, 10000);
    cr_assert_eq(c->limits.connections_per_source, 0);
    cr_assert_eq(c->limits.head_size, 16384);
    cr_assert_eq(c->limits.field_count, 100);
    cr_assert_eq(c->limits.target_size, 8192);
    cr_assert_eq(c->limits.body_size, 10485760);
    cr_assert_eq(c->limits.requests, 10000);
    cr_assert_eq(c->limits.queue, 65536);
    cr_assert_eq(c->forwarding.style, FORWARDED_X);
    cr_assert_eq(c->forwarding.trusted_n, 0);
    cr_assert(c->forwarding.via && c->forwarding.request_id);
    cr_assert_slice(c->forwarding.name, "weir");
    cr_assert_eq(c->paths.duplicate_slashes, SLASH_MERGE);
    cr_assert(!c->paths.keep_encoded_slashes);
    cr_assert_eq(c->regex_steps, 100000);
    cr_assert_eq(c->memory.blocks, 268435456);
    cr_assert_eq(c->memory.shared, 1073741824);
    cr_assert_eq(c->memory.descriptors, 0);
    cr_assert_eq(c->offload.threads, 2);
    cr_assert_eq(c->offload.queue, 64);
    cr_assert_eq(c->resolver.servers.n, 0);
    cr_assert_eq(c->resolver.timeout, 2000);
    cr_assert_eq(c->resolver.tries, 3);
    cr_assert_eq(c->admin.listeners_n, 0);
    config_free(c);
}

Test(config_top, values_are_stored)
{
    struct config *c = conf_of(WITH_TOP(
        "workers = 4; affinity = true; user = \"weir\"; group = \"www\"; pid_file = "
        "\"/run/weir.pid\"; timeouts = { request = \"0s\"; drain = \"1ms\"; };"
        "limits = { body_size = 0; queue = \"1m\"; };"
        "forwarding = { style = \"both\"; trusted_proxies = [ \"10.0.0.0/8\", \"unix\", "
        "\"::1\" ]; via = false; request_id = false; name = \"edge-1\"; };"
        "paths = { duplicate_slashes = \"refuse\"; keep_encoded_slashes = true; };"
        "memory = { blocks = \"1g\"; shared = \"64m\"; descriptors = 1024; };"
        "offload = { threads = 64; queue = 0; };"
        "resolver = { servers = [ \"10.0.0.2\", \"::1\", \"[::1]:5353\", \"10.0.0.3:54\" ]; "
        "timeout = \"500ms\"; tries = 1; };"
        "admin = { bind = \"127.0.0.1:9901\"; unix_mode = \"0600\"; };"));
    cr_assert_eq(c->workers, 4);
    cr_assert(c->affinity);
    cr_assert_slice(c->user, "weir");
    cr_assert_slice(c->group, "www");
    cr_assert_slice(c->pid_file, "/run/weir.pid");
    cr_assert_eq(c->timeouts.request, 0);
    cr_assert_eq(c->timeouts.drain, 1);
    cr_assert_eq(c->limits.body_size, 0);
    cr_assert_eq(c->limits.queue, 1048576);
    cr_assert_eq(c->forwarding.style, FORWARDED_BOTH);
    cr_assert_eq(c->forwarding.trusted_n, 3);
    struct ip ip;
    cr_assert(ip_parse(SLICE("10.200.0.1"), &ip));
    cr_assert(cidr_any(c->forwarding.trusted, 3, &ip));
    cr_assert(!c->forwarding.via && !c->forwarding.request_id);
    cr_assert_slice(c->forwarding.name, "edge-1");
    cr_assert_eq(c->paths.duplicate_slashes, SLASH_REFUSE);
    cr_assert(c->paths.keep_encoded_slashes);
    cr_assert_eq(c->memory.descriptors, 1024);
    cr_assert_eq(c->offload.threads, 64);
    cr_assert_eq(c->offload.queue, 0);
    cr_assert_eq(c->resolver.servers.n, 4);
    cr_assert_slice(c->resolver.servers.v[2], "[::1]:5353");
    cr_assert_eq(c->admin.listeners_n, 1);
    cr_assert_eq(addr_port(&c->admin.listeners[0]->bind), 9901);
    cr_assert_eq(c->admin.listeners[0]->unix_mode, 0600);
    config_free(c);
}

Test(config_top, one_text_is_a_list_of_one)
{
    struct config *c = conf_of(WITH_TOP("forwarding = { trusted_proxies = \"unix\"; };"
                                        "resolver = { servers = \"10.0.0.2\"; };"));
    cr_assert_eq(c->forwarding.trusted_n, 1);
    cr_assert_eq(c->resolver.servers.n, 1);
    config_free(c);
}

Test(config_top, processes_are_checked)
{
    CONF_CASES(
        {WITH_TOP("workers = \"atuo\";"),
         "t.conf:1: error: workers is \"atuo\"; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("workers = 0;"),
         "t.conf:1: error: workers is 0; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("workers = 1025;"),
         "t.conf:1: error: workers is 1025; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("workers = -1;"),
         "t.conf:1: error: workers is -1; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("workers = 4294967297L;"),
         "t.conf:1: error: workers is 4294967297; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("workers = 2.0;"),
         "t.conf:1: error: workers is 2; \"auto\" or a whole number from 1 to 1024"},
        {WITH_TOP("affinity = \"yes\";"), "t.conf:1: error: affinity is \"yes\"; true or false"},
        {WITH_TOP("pid_file = 1;"), "t.conf:1: error: pid_file is 1; a path; a relative one starts "
                                    "in the folder of the main file"});
}

Test(config_top, timeouts_and_limits_are_checked)
{
    CONF_CASES(
        {WITH_TOP("timeouts = { head = \"0s\"; };"),
         "t.conf:1: error: timeouts.head is \"0s\"; a duration such as \"250ms\", \"3s\" or "
         "\"5m\", from 1ms to 1d"},
        {WITH_TOP("timeouts = { drain = \"0s\"; };"),
         "t.conf:1: error: timeouts.drain is \"0s\"; a duration such as \"250ms\", \"3s\" or "
         "\"5m\", from 1ms to 1d"},
        {WITH_TOP("timeouts = { tunnel_idle = \"31d\"; };"),
         "t.conf:1: error: timeouts.tunnel_idle is \"31d\"; a duration such as \"250ms\", "
         "\"3s\" or \"5m\", from 0s to 30d"},
        {WITH_TOP("limits = { head_size = \"20k\"; };"),
         "t.conf:1: error: limits.head_size is \"20k\"; a size such as 8192, \"64k\" or "
         "\"1m\", from 1k to 16k"},
        {WITH_TOP("limits = { head_size = \"1023\"; };"),
         "t.conf:1: error: limits.head_size is \"1023\"; a size such as 8192, \"64k\" or "
         "\"1m\", from 1k to 16k"},
        {WITH_TOP("limits = { connections = 0; };"),
         "t.conf:1: error: limits.connections is 0; a whole number from 1 to 10000000"},
        {WITH_TOP("limits = { conections = 5; };"),
         "t.conf:1: error: unknown setting limits.conections; did you mean "
         "\"connections\"?"});
}

Test(config_top, forwarding_is_checked)
{
    CONF_CASES(
        {WITH_TOP("forwarding = { trusted_proxies = [ \"unix\", \"10.0.0.0/33\" ]; };"),
         "t.conf:1: error: forwarding.trusted_proxies[1] is \"10.0.0.0/33\"; a network such as "
         "\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or \"unix\""},
        {WITH_TOP("forwarding = { trusted_proxies = \"all\"; };"),
         "t.conf:1: error: forwarding.trusted_proxies is \"all\"; a network such as "
         "\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or \"unix\""},
        {WITH_TOP("forwarding = { name = \"a b\"; };"),
         "t.conf:1: error: forwarding.name is \"a b\"; a token: letters, digits and "
         "!#$%&'*+-.^_`|~"},
        {WITH_TOP("forwarding = { name = \"\"; };"),
         "t.conf:1: error: forwarding.name is \"\"; a token: letters, digits and !#$%&'*+-.^_`|~"},
        {WITH_TOP("forwarding = { style = \"X\"; };"),
         "t.conf:1: error: forwarding.style is \"X\"; one of \"none\", \"x\", \"standard\" or "
         "\"both\""});
}

#define SERVER "an address, with a port unless it is 53, such as \"10.0.0.2\" or \"[::1]:5353\""
Test(config_top, the_resolver_is_checked)
{
    CONF_CASES({WITH_TOP("resolver = { servers = [ \"10.0.0.2\", \"dns.example\" ]; };"),
                "t.conf:1: error: resolver.servers[1] is \"dns.example\"; " SERVER},
               {WITH_TOP("resolver = { servers = \"10.0.0.2:0\"; };"),
                "t.conf:1: error: resolver.servers is \"10.0.0.2:0\"; " SERVER},
               {WITH_TOP("resolver = { servers = \"unix:/dns\"; };"),
                "t.conf:1: error: resolver.servers is \"unix:/dns\"; " SERVER});
}
