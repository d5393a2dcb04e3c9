/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/client.h"

static void start(struct client *c)
{
    client_free(c);
}
static void close_now(struct client *c, enum why why)
{
    (void)why;
    client_free(c);
}
static void drain(struct client *c)
{
    (void)c;
}
const struct client_protocol client_h2 = {.start = start, .drain = drain, .close = close_now};
