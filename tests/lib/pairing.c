/* SPDX-License-Identifier: Apache-2.0 */
/* Clients, weir and origin for every pairing of protocols. */
#include "tests/lib/pairing.h"

#include "tests/lib/certs.h"
#include "tests/lib/peer_process.h"

#include <stdio.h>

void pairing_begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
    certs_make(&(struct cert_spec){.name = "origin", .issuer = "root", .dns = {"origin.test"}});
}

void pairing_end(void)
{
    browsers_end();
    h2_talks_end();
    talks_end();
    peers_end();
    rig_end();
    certs_end();
}

struct origin *pairing_origin(const struct pairing *p)
{
    return origin_start_with(
        (struct origin_spec){.name = "app", .protocol = p->origin, .tls = p->tls});
}

const char *pairing_cluster(const struct pairing *p)
{
    static char text[256];
    snprintf(text, sizeof text, "%s %s", p->origin == ORIGIN_H2 ? "protocol = \"h2\";" : "",
             p->tls ? "tls = { ca = \"$certs/root.crt\"; server_name = \"origin.test\"; };" : "");
    return text;
}

void pairing_start_with(const struct pairing *p, struct rig_conf c)
{
    char listener[2048], cluster[2048];
    snprintf(listener, sizeof listener, "%s %s %s",
             p->client == BROWSE_H2 ? "protocols = [ \"h2\", \"http/1.1\" ];" : "",
             p->tls ? "tls = { certificates = ( { certificate = \"$certs/site.crt\";"
                      " key = \"$certs/site.key\"; } ); };"
                    : "",
             c.listener ? c.listener : "");
    snprintf(cluster, sizeof cluster, "%s %s", pairing_cluster(p), c.cluster ? c.cluster : "");
    c.listener = listener;
    c.cluster = cluster;
    rig_start_with(c);
}

const char *pairing_ca(const struct pairing *p)
{
    return p->tls ? certs_path("root.crt") : NULL;
}

struct browser *pairing_browser(const struct pairing *p)
{
    return browser_open(p->client, pairing_ca(p));
}

struct talk *pairing_talk(const struct pairing *p)
{
    return p->tls ? talk_open_tls(rig_port("port"), pairing_ca(p), NULL) : talk_open();
}

struct h2_talk *pairing_h2_talk(const struct pairing *p)
{
    return h2_talk_open(.ca = pairing_ca(p));
}
