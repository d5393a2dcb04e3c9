/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a client apart from its protocol: memory, and its place in the listener's limits,
 * acquired and given back in the same file. */
#include "edge/client.h"

#include "core/stats/stats.h"
#include "edge/listener.h"
#include "io/proxy_header.h"
#include "io/sock.h"

#include <stdlib.h>

/* Which of this machine's addresses it was: a system call, made only where a cluster is told. */
static void look_up_local(struct client *c)
{
    const int fd = link_fd(c->link);
    c->local = fd >= 0 ? malloc(sizeof *c->local) : NULL;
    if (c->local && sock_local(fd, c->local))
        c->facts.local = c->local;
}

struct client *client_open(struct listener *l, struct link *link, const struct addr *peer,
                           int32_t source_entry)
{
    struct client *c = slab_get(&l->slab);
    if (!c) {
        link_close(link);
        return NULL;
    }
    *c = (struct client){.listener = l, .link = link, .source_entry = source_entry};
    c->facts = (struct client_facts){
        .listener = l->index,
        .connection = ++l->next_connection,
        .peer = addr_ip(peer),
        .peer_port = addr_port(peer),
        .direct = addr_ip(peer),
        .scheme = SLICE("http"),
        .local = &l->local,
    };
    if (l->tells_local)
        look_up_local(c);
    bytes_init(&c->in, &l->w->loop->stock);
    timer_init(&c->timer, NULL);
    later_init(&c->later, NULL);
    list_init(&c->node);
    list_push(&l->clients, &c->node);
    l->clients_n++;
    l->stats->active++;
    link->out_high = (uint32_t)l->conf->limits.queue;
    client_become(c, &client_greeting);
    return c;
}

void client_become(struct client *c, const struct client_protocol *protocol)
{
    c->protocol = protocol;
    protocol->start(c);
}

static void on_free(struct grave *g)
{
    struct client *c = container_of(g, struct client, grave);
    slab_put(&c->listener->slab, c);
}

void client_free(struct client *c)
{
    struct listener *l = c->listener;
    must(!c->x);
    timer_stop(&c->timer);
    later_cancel(&c->later);
    bytes_clear(&c->in);
    if (c->link && (c->cut || link_unsent(c->link)))
        link_reset(c->link); /* the client must not take what it got for all */
    else if (c->link)
        link_close(c->link);
    c->link = NULL;
    tls_facts_free(c->tls);
    c->tls = NULL;
    free(c->local);
    c->local = NULL;
    free(c->proxy);
    c->proxy = NULL;
    list_remove(&c->node);
    l->clients_n--;
    l->stats->active--;
    listener_leave(l, c->source_entry);
    loop_bury(l->w->loop, &c->grave, on_free);
}
