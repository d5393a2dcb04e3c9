/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a configuration: from a text or a file to values, and the order and places of what
 * was found wrong. */
#include "config/config.h"

#include <criterion/criterion.h>

static const char minimal[] = "listeners = ( { name = \"a\"; bind = \"127.0.0.1:8080\"; } );\n"
                              "clusters = { b = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
                              "routes = ( { cluster = \"b\"; } );\n";

Test(config, a_minimal_text_gives_the_defaults)
{
    struct faults faults;
    faults_init(&faults);
    struct config *c = config_parse(minimal, "minimal.conf", &faults);
    cr_assert(c);
    cr_assert_eq(faults.warnings, 0);
    cr_assert_eq(c->timeouts.request, 15000);
    cr_assert_eq(c->limits.head_size, 16384);
    cr_assert_eq(c->listeners_n, 1);
    cr_assert_eq(addr_port(&c->listeners[0].bind), 8080);
    cr_assert_eq(c->listeners[0].timeouts.keep_alive, 75000);
    cr_assert_eq(c->clusters[0].endpoints[0].weight, 1);
    cr_assert(slice_eq(c->routes[0].name, SLICE("route-1")));
    config_free(c);
    faults_fini(&faults);
}
