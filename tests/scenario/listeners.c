/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients can connect: IPv4, IPv6, unix sockets, several at once. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(listeners, .init = begin, .fini = rig_end, .timeout = 120);

static bool serves(struct talk *t)
{
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    return talk_response(t)->status == 200;
}

static bool has_ipv6(void)
{
    const struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return ok;
}

Test(listeners, on_unix_sockets_serve_with_the_mode_that_was_asked_for)
{
    struct stat st;
    rig_start(.workers = 2, .listeners = ", { name = \"local\"; bind = \"unix:$dir/in.sock\";"
                                         "    unix_mode = \"0640\"; }");
    cr_assert_eq(stat(rig_path("in.sock"), &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640);
    for (int i = 0; i < 10; i++)
        cr_assert(serves(talk_open_unix(rig_path("in.sock"))));
    cr_assert_str_eq(json_of(rig_await_access("\"listener\":\"local\""), "client"), "unix");
    rig_stop();
    cr_assert_neq(access(rig_path("in.sock"), F_OK), 0, "the path is gone");
}

Test(listeners, on_unix_sockets_take_the_path_of_one_that_died)
{
    rig_expect_deaths();
    rig_start(.listeners = ", { name = \"local\"; bind = \"unix:$dir/in.sock\"; }");
    rig_signal(SIGKILL);
    cr_assert_eq(rig_await_exit(), -SIGKILL);
    rig_start(.listeners = ", { name = \"local\"; bind = \"unix:$dir/in.sock\"; }");
    cr_assert(serves(talk_open_unix(rig_path("in.sock"))));
    AWAIT((waitpid(-1, NULL, WNOHANG), rig_count("worker/")) == 1);
    cr_assert(serves(talk_open_unix(rig_path("in.sock"))), "the old one's end took nothing along");
}

Test(listeners, on_ipv6_serve)
{
    if (!has_ipv6())
        RIG_SKIP("no IPv6 on this machine");
    rig_start(.listeners = ", { name = \"six\"; bind = \"[::1]:$port_six\"; }");
    cr_assert(serves(talk_open_v6(rig_port("port_six"))));
    cr_assert_str_eq(json_of(rig_await_access("\"listener\":\"six\""), "client"), "::1");
}

Test(listeners, on_all_ipv6_addresses_take_ipv4_unless_told_otherwise)
{
    if (!has_ipv6())
        RIG_SKIP("no IPv6 on this machine");
    rig_start(.listeners = ", { name = \"both\"; bind = \"[::]:$port_both\"; },"
                           "  { name = \"only\"; bind = \"[::]:$port_only\"; ipv6_only = true; }");
    cr_assert(serves(talk_open_v6(rig_port("port_both"))));
    cr_assert(serves(talk_open_port(rig_port("port_both"))));
    cr_assert(serves(talk_open_v6(rig_port("port_only"))));
    cr_assert_null(talk_try(rig_port("port_only")));
    cr_assert_str_eq(json_of(rig_await_access("\"client\":\"127.0.0.1\""), "listener"), "both");
}

Test(listeners, spread_connections_over_all_workers)
{
    rig_start(.workers = 2);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(get("/")->status, 200);
    rig_await_access("\"worker\":0");
    rig_await_access("\"worker\":1");
}

Test(listeners, that_cannot_be_opened_stop_the_start_and_say_why)
{
    struct talk *t;
    rig_start();
    const char *const args[] = {"-c", rig_path("other.conf"), NULL};
    char text[512];
    rig_write_file("other.conf", "listeners = ( { name = \"a\"; bind = \"192.0.2.1:80\"; },\n"
                                 "  { name = \"b\"; bind = \"unix:/nowhere/at/all.sock\"; } );\n"
                                 "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                                 "routes = ( { cluster = \"app\"; } );\n");
    cr_assert_neq(rig_run(args), 0);
    char *out = rig_read("output");
    snprintf(text, sizeof text, "%.500s", out);
    free(out);
    cr_assert(strstr(text, "192.0.2.1:80") && strstr(text, "/nowhere/at/all.sock"), "%s", text);
    cr_assert(strstr(text, "other.conf:1") && strstr(text, "other.conf:2"), "%s", text);
    t = talk_open();
    cr_assert(serves(t));
}
