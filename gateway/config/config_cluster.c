/* SPDX-License-Identifier: Apache-2.0 */
/* The section `clusters`: named sets of endpoints. An endpoint is an address, or a name that DNS
 * turns into addresses at run time, with a port; a bare text is an endpoint of weight 1.
 *
 * The same endpoint twice in a cluster is an error, because its counters, its breaker and its share
 * would be kept under one name: a double share is written as a weight. */
#include "config/sections.h"

static void read_endpoints(struct option_reader *r, const config_setting_t *s, void *field);
static void read_address(struct option_reader *r, const config_setting_t *s, void *field);
static void endpoints_check(struct option_reader *r, const config_setting_t *s,
                            const struct cluster_conf *cl);

/* In the order of enum proxy_protocol. */
static const char *const versions[] = {"off", "v1", "v2", NULL};
static const char *const families[] = {"any", "ipv4", "ipv6", NULL};

enum { HOUR_MS = 60 * 60 * 1000, PRIORITIES = 16 };
#define FORM_ENDPOINT                                                                              \
    "an address with its port, such as \"10.0.0.1:8080\", \"[2001:db8::1]:8080\", "                \
    "\"api.internal:80\" or \"unix:/run/app.sock\""
#define FORM_ENDPOINTS                                                                             \
    "a list of addresses, [ \"10.0.0.1:8080\" ], or of groups, "                                   \
    "( { address = \"10.0.0.1:8080\"; weight = 2; } )"

_Static_assert(offsetof(struct cluster_conf, endpoints_n) ==
                   offsetof(struct cluster_conf, endpoints) + offsetof(struct groups, n),
               "endpoints is read as a struct groups");

static const struct option endpoint_options[] = {
    OPTION_CUSTOM("address", struct endpoint_conf, address, read_address, NULL, FORM_ENDPOINT,
                  "address or name, and port", .required = true),
    OPTION_INT("weight", struct endpoint_conf, weight, "1", 0, 65535,
               "its share among the endpoints; 0 gets no new requests"),
    OPTION_INT(
        "priority", struct endpoint_conf, priority, "0", 0, PRIORITIES - 1,
        "its level: endpoints of level 1 are used as far as those of level 0 aren't healthy"),
    OPTION_TEXT("zone", struct endpoint_conf, zone, "", "where it is"),
    OPTION_END,
};

static const struct option pool_options[] = {
    OPTION_INT("max_idle", struct cluster_conf, pool.max_idle, "256", 0, 65535,
               "idle connections kept per endpoint and worker"),
    OPTION_MS("idle_timeout", struct cluster_conf, pool.idle_timeout, "50s", 1, 24 * HOUR_MS,
              "how long an idle connection is kept: less than the backend keeps it"),
    OPTION_INT("max_requests", struct cluster_conf, pool.max_requests, "0", 0, INT32_MAX,
               "requests on one connection; 0: no limit"),
    OPTION_INT("streams", struct cluster_conf, pool.streams, "100", 1, 65535,
               "requests at a time on one HTTP/2 connection; the backend may allow fewer"),
    OPTION_INT("connections", struct cluster_conf, pool.connections, "8", 1, 65535,
               "HTTP/2 connections per endpoint and worker; another one is opened when all are "
               "full"),
    OPTION_INT("waiting", struct cluster_conf, pool.waiting, "1024", 1, INT32_MAX,
               "requests per endpoint and worker that wait for room on an HTTP/2 connection, each "
               "for timeouts.connect at most; what is more is answered 503 at once"),
    OPTION_END,
};

static const struct option h2_options[] = {
    OPTION_SIZE("stream_window", struct cluster_conf, h2.stream_window, "64k", 65535, INT32_MAX,
                "bytes of one response that may be under way: a client that takes nothing holds "
                "this much and limits.queue"),
    OPTION_SIZE("connection_window", struct cluster_conf, h2.connection_window, "1m", 65535,
                INT32_MAX, "bytes of all responses on one connection that may be under way"),
    OPTION_MS("ping_interval", struct cluster_conf, h2.ping_interval, "0s", 0, 24 * HOUR_MS,
              "after how long a silence in the middle of requests a ping is sent; 0s: never. gRPC "
              "servers close connections that ping more often than they allow, which is 5m"),
    OPTION_MS("ping_timeout", struct cluster_conf, h2.ping_timeout, "10s", 1, HOUR_MS,
              "how long its answer may take before the connection is given up"),
    OPTION_INT("control_frames", struct cluster_conf, h2.control_frames, "1000", 10, INT32_MAX,
               "frames without content that a backend may send per second"),
    OPTION_END,
};

/* The rows of one budget. */
#define BUDGET(member, what, share, least)                                                         \
    OPTION_PERCENT("percent", struct cluster_conf, member.percent, share,                          \
                   what ", at most, of the first attempts in the window"),                         \
        OPTION_INT("min_per_second", struct cluster_conf, member.min_per_second, least, 0, 65535,  \
                   what " that are allowed in every second, however few requests there are"),      \
        OPTION_MS("window", struct cluster_conf, member.window, "10s", 1000, 60 * 1000,            \
                  "how far back attempts are counted, in whole seconds")

static const struct option budget_options[] = {
    BUDGET(retry_budget, "retries that modules ask for", "20%", "10"),
    OPTION_BOOL("shared", struct cluster_conf, retry_budget.shared, "false",
                "percent is of the retries and first attempts of all instances of the fleet "
                "together"),
    OPTION_END,
};
static const struct option hedge_budget_options[] = {BUDGET(hedge_budget, "hedges", "2%", "0"),
                                                     OPTION_END};

static const struct option dns_options[] = {
    OPTION_INT("capacity", struct cluster_conf, dns.capacity, "64", 1, 4096,
               "addresses of all names together: room in the endpoint table"),
    OPTION_MS("min_ttl", struct cluster_conf, dns.min_ttl, "1s", 1, 24 * HOUR_MS,
              "answers with a smaller TTL are asked again after this"),
    OPTION_MS("max_ttl", struct cluster_conf, dns.max_ttl, "5m", 1, 7 * 24 * HOUR_MS,
              "answers with a larger TTL are asked again after this"),
    OPTION_MS("retry", struct cluster_conf, dns.retry, "5s", 1, 24 * HOUR_MS,
              "when to ask again after a failed look-up; the old answer is kept meanwhile"),
    OPTION_CHOICE("family", struct cluster_conf, dns.family, "any", families,
                  "which addresses to ask for"),
    OPTION_END,
};

const struct option cluster_options[] = {
    OPTION_CUSTOM("endpoints", struct cluster_conf, endpoints, read_endpoints, NULL, FORM_ENDPOINTS,
                  "where requests go", .rows = endpoint_options, .required = true),
    OPTION_CHOICE("balance", struct cluster_conf, balance, "round_robin", balances,
                  "how an endpoint is chosen"),
    OPTION_SUB("least_request", least_request_options, "of balance = \"least_request\""),
    OPTION_SUB("hash", hash_options,
               "of balance = \"ring_hash\" and \"maglev\": requests with the same key go to the "
               "same endpoint; one of header, cookie, query, source and identity",
               .optional = true),
    OPTION_MS("ewma_decay", struct cluster_conf, ewma_decay, "10s", 10, HOUR_MS,
              "of balance = \"peak_ewma\": how long a slow response is remembered"),
    OPTION_PERCENT("panic", struct cluster_conf, panic, "50%",
                   "when less than this is healthy, all endpoints are used, healthy or not; 0%: "
                   "never"),
    OPTION_INT("overprovision", struct cluster_conf, overprovision, "140", 100, 1000,
               "a level of endpoints can carry so much of its usual load, in per cent, before "
               "the next level is used"),
    OPTION_SUB("zone_aware", zone_aware_options, "preferring the own zone"),
    OPTION_SUB("slow_start", slow_start_options, "endpoints that join get their share by and by"),
    OPTION_CHOICE(
        "protocol", struct cluster_conf, protocol, "http/1.1", cluster_protocols,
        "what endpoints are spoken to in; auto: h2 where ALPN agrees on it, else http/1.1"),
    OPTION_GROUP("tls", struct cluster_conf, tls, tls_client_options,
                 "TLS to the endpoints; an empty group turns it on; absent: none",
                 .check = tls_client_check, .optional = true),
    OPTION_CHOICE("proxy_protocol", struct cluster_conf, proxy_protocol, "off", versions,
                  "begin each connection with a PROXY header that names the client; such a "
                  "connection serves one client's connection"),
    OPTION_GROUP("timeouts", struct cluster_conf, timeouts, cluster_timeouts,
                 "timeouts of this cluster's connections; what is absent is that of the top"),
    OPTION_GROUP("limits", struct cluster_conf, limits, cluster_limits,
                 "limits of this cluster's connections; what is absent is that of the top"),
    OPTION_SUB("pool", pool_options, "kept-alive connections to endpoints"),
    OPTION_SUB("h2", h2_options, "HTTP/2 towards endpoints"),
    OPTION_SUB("retry_budget", budget_options,
               "how many retries this cluster gets, over all workers; what is over it gets none"),
    OPTION_SUB("hedge_budget", hedge_budget_options,
               "how many attempts beside others this cluster gets, over all workers"),
    OPTION_SUB("dns", dns_options, "endpoints given by name"),
    OPTION_GROUP("health", struct cluster_conf, health, health_options,
                 "how endpoints are checked; absent: they aren't", .check = health_check,
                 .optional = true),
    OPTION_REST(offsetof(struct cluster_conf, modules), take_cluster_module, module_names,
                "settings of installed modules, by their names (weir -m lists them)"),
    OPTION_END,
};

void cluster_prepare(struct option_reader *r, void *element)
{
    const struct config *c = r->root;
    struct cluster_conf *cl = element;
    cl->timeouts = c->timeouts;
    cl->limits = c->limits;
}

void cluster_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    struct cluster_conf *cl = element;
    if (!name_ok(cl->place.name))
        option_fault(r, s, "the cluster name \"%.*s\" is not one; " FORM_NAME,
                     SLICE_ARG(cl->place.name));
    map_set(&loading_of(r)->clusters, cl->place.name, cl);
    const config_setting_t *endpoints = config_setting_get_member(s, "endpoints");
    if (endpoints)
        endpoints_check(r, endpoints, cl);
    tls_cluster_check(r, s, cl);
    balance_check(r, s, cl);
    health_cluster_check(r, s, cl);
    if (cl->proxy_protocol != PROXY_PROTOCOL_OFF && cl->protocol != PROTOCOL_H1)
        option_fault(
            r, member_or(s, "proxy_protocol"),
            "%s has proxy_protocol and HTTP/2, whose connections serve many clients; a PROXY "
            "header names one: protocol = \"http/1.1\"",
            option_path(r, s));
    if (cl->dns.min_ttl > cl->dns.max_ttl) {
        const config_setting_t *dns = member_or(s, "dns");
        option_fault(r, member_or(dns, "min_ttl"), "%s.min_ttl is more than max_ttl",
                     option_path(r, dns));
    }
}

/* -- endpoints ------------------------------------------------------------------------------- */

static void read_endpoint(struct option_reader *r, const config_setting_t *s,
                          struct endpoint_conf *ep)
{
    ep->place = option_place(r, s);
    ep->weight = 1;
    if (config_setting_is_group(s))
        option_read(r, s, endpoint_options, ep);
    else
        read_address(r, s, &ep->address);
}

static void read_endpoints(struct option_reader *r, const config_setting_t *s, void *field)
{
    if (!s)
        return;
    if (!config_setting_is_list(s) && !config_setting_is_array(s)) {
        option_wrong(r, s, FORM_ENDPOINTS);
        return;
    }
    struct groups out = {.n = (size_t)config_setting_length(s)};
    struct endpoint_conf *list = ARENA_ARRAY(r->arena, struct endpoint_conf, out.n);
    for (size_t i = 0; i < out.n; i++) {
        read_endpoint(r, config_setting_get_elem(s, (unsigned)i), &list[i]);
        list[i].place.index = i;
    }
    out.v = list;
    memcpy(field, &out, sizeof out);
}

static void read_address(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct endpoint_conf *ep = container_of(field, struct endpoint_conf, address);
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_ENDPOINT, &text))
        return;
    if (endpoint_parse(r, text, ep))
        ep->address = text;
    else
        option_wrong(r, s, FORM_ENDPOINT);
}

/* A last label of digits only makes a name an IPv4 address that isn't one ("10.0.0.256"). */
static bool looks_like_v4(struct slice name)
{
    size_t i = name.n;
    while (i > 0 && name.p[i - 1] >= '0' && name.p[i - 1] <= '9')
        i--;
    return i == 0 || (i < name.n && name.p[i - 1] == '.');
}

static bool is_wildcard(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

bool endpoint_parse(struct option_reader *r, struct slice text, struct endpoint_conf *ep)
{
    struct slice path = slice_from(text, strlen("unix:"));
    if (slice_starts(text, SLICE("unix:"))) {
        if (path.n > 0 && path.p[0] != '@')
            path = path_from_folder(loading_of(r), path);
        return addr_parse(slice_str(arena_printf(r->arena, "unix:%.*s", SLICE_ARG(path))),
                          &ep->addr);
    }
    if (addr_parse(text, &ep->addr)) {
        ep->port = addr_port(&ep->addr);
        return ep->port != 0 && !is_wildcard(&ep->addr);
    }
    struct slice name;
    struct host host;
    ep->addr.len = 0;
    if (slice_starts(text, SLICE("[")) || !addr_split(text, &name, &ep->port, 0) ||
        !host_parse(name, r->arena, &host) || host.port != 0 || looks_like_v4(host.name))
        return false;
    ep->host = arena_dup(r->arena, host.name);
    return true;
}

/* One spelling of an endpoint: what makes two of them the same. */
static struct slice endpoint_key(struct option_reader *r, const struct endpoint_conf *ep)
{
    if (ep->addr.len == 0)
        return slice_str(arena_printf(r->arena, "%.*s:%u", SLICE_ARG(ep->host), ep->port));
    char text[ADDR_TEXT_MAX];
    return arena_dup(r->arena, slice_of(text, addr_print(&ep->addr, text)));
}

static void endpoints_check(struct option_reader *r, const config_setting_t *s,
                            const struct cluster_conf *cl)
{
    bool weighted = cl->endpoints_n == 0;
    struct map seen;
    map_init(&seen);
    for (size_t i = 0; i < cl->endpoints_n; i++) {
        struct endpoint_conf *ep = &cl->endpoints[i];
        weighted = weighted || ep->weight > 0;
        if (ep->address.n == 0)
            continue;
        const struct endpoint_conf *other = map_set(&seen, endpoint_key(r, ep), ep);
        if (other)
            option_fault(r, config_setting_get_elem(s, (unsigned)i),
                         "%s[%zu] is \"%.*s\"; %s has that endpoint already (for a larger share "
                         "give it a weight)",
                         option_path(r, s), i, SLICE_ARG(ep->address),
                         place_text(r, s, &other->place));
    }
    map_fini(&seen);
    if (cl->endpoints_n == 0 && config_setting_is_aggregate(s) && !config_setting_is_group(s))
        option_fault(r, s, "%s is empty; at least one endpoint", option_path(r, s));
    if (!weighted)
        option_warn(r, s, "%s: no endpoint has a weight above 0, so the cluster serves nothing",
                    option_path(r, s));
}
