/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

/* One loaded configuration: the values of the file, checked, and nothing built from them yet (that
 * is core/generation.c). Everything lies in one arena and is never written again after
 * config_load(); the processes of a generation read it through fork.
 *
 * Each section has a file of its own with its option table and its cross-checks: config_top.c,
 * config_listener.c, config_cluster.c, config_route.c, config_log.c, config_modules.c. */

#include "base/addr.h"
#include "base/arena.h"
#include "base/fault.h"
#include "base/place.h"
#include "config/admin_conf.h"
#include "config/fleet_conf.h"
#include "config/health_conf.h"
#include "config/latency_bounds.h"
#include "config/module_conf.h"
#include "http/forwarded.h"
#include "http/target.h"
#include "io/tls_conf.h"

/* Milliseconds; 0 disables, except for head and drain, which have a minimum of 1 ms. */
struct timeouts {
    uint64_t head;          /* 10s: the whole head of a request, from its first byte */
    uint64_t handshake;     /* 10s: of TLS, from the connection on, PROXY header included */
    uint64_t body_idle;     /* 30s: between two pieces of a body, either direction */
    uint64_t request;       /* 15s: from the complete head to the last byte of the response */
    uint64_t keep_alive;    /* 75s: an idle client connection */
    uint64_t write_idle;    /* 30s: a client that takes nothing of what is queued for it */
    uint64_t connect;       /* 2s: to an endpoint */
    uint64_t response_head; /* 0s (off): from the request sent to the response's head */
    uint64_t tunnel_idle;   /* 1h: a tunnel in which nothing moves */
    uint64_t drain;         /* 30s: how long connections of an old generation may go on */
    uint64_t drain_grace;   /* 1s: how long an idle connection stays open while draining */
};

struct limits {
    int64_t connections;            /* 10000: per listener, over all workers */
    int64_t connections_per_source; /* 0 (none): per client address and listener */
    int64_t handshakes;             /* 1000: TLS handshakes under way, per listener and worker */
    uint64_t head_size;             /* 16k; at most 16k: one block */
    int64_t field_count;            /* 100 */
    uint64_t target_size;           /* 8k */
    uint64_t body_size;             /* 10m; 0: no limit */
    int64_t requests;               /* 10000: per connection */
    uint64_t queue;                 /* 64k: bytes queued per connection and direction */
};

/* HTTP/2 towards clients; docs/http2.md explains. Numbers of frames are per connection and
 * interval, but for continuations. */
struct h2_server_conf {
    int64_t streams;            /* 128: requests under way on one connection */
    uint64_t stream_window;     /* 64k: content of a request that may come unasked */
    uint64_t connection_window; /* 1m */
    uint64_t interval;          /* 10s */
    int64_t resets;             /* 200 */
    int64_t continuations;      /* 8: CONTINUATION frames of one header block */
    int64_t pings;              /* 100 */
    int64_t settings;           /* 50 */
    int64_t empty_frames;       /* 100 */
    int64_t priorities;         /* 500 */
    int64_t window_updates;     /* 1000, beyond two for each DATA frame that was sent */
    uint64_t ping_interval;     /* 0s (off): silence after which a client is asked */
    uint64_t ping_timeout;      /* 10s: for its answer */
};

struct forwarding {
    int style;            /* enum forwarded_style: "none", "x" (default), "standard", "both" */
    struct cidr *trusted; /* trusted_proxies = [ "10.0.0.0/8", "unix" ] */
    size_t trusted_n;
    int client_certificate; /* enum client_certificate: "off" (default), "xfcc", "standard" */
    bool via;          /* true: add Via both ways */
    bool request_id;   /* true: X-Request-Id kept from trusted peers, else made */
    struct slice name; /* "weir": the pseudonym in Via and the Server field of own answers */
};

/* What backends are told about a client's certificate. */
enum client_certificate { CLIENT_CERTIFICATE_OFF, CLIENT_CERTIFICATE_XFCC, CLIENT_CERTIFICATE_STANDARD };

/* HTTP Strict Transport Security (RFC 6797). */
struct hsts_conf {
    uint64_t max_age;        /* 365d; 0s: browsers forget it */
    bool include_subdomains; /* false */
    bool preload;            /* false */
    struct slice value;      /* of the field; empty: the listener has no `hsts` */
};

/* redirect_to_https = true, or the group. */
struct https_redirect_conf {
    bool set;
    int64_t port;        /* 443 */
    int64_t status;      /* 308 */
    struct texts except; /* prefixes of paths that are routed all the same */
};

struct listener_conf {
    struct place place;
    struct slice name;        /* required, unique */
    struct addr bind;         /* required */
    int64_t backlog;          /* 4096 */
    struct {
        bool h1, h2;
    } protocols;              /* "http/1.1"; on TLS both. h2 without TLS: by prior knowledge */
    struct tls_server_conf tls;
    bool ipv6_only;           /* false: "[::]" takes IPv4 too */
    int64_t unix_mode;        /* 0666 as text "0666" */
    struct timeouts timeouts; /* the top's, and what the listener says */
    struct limits limits;
    struct forwarding forwarding;
    struct cidr *proxy_from; /* proxy_protocol: peers that begin with a PROXY header; they must */
    size_t proxy_from_n;     /* 0: none */
    struct hsts_conf hsts;
    struct https_redirect_conf to_https;
    struct h2_server_conf h2;
};

struct endpoint_conf {
    struct place place;
    struct slice address; /* as written: the endpoint's name in logs and metrics */
    struct addr addr;     /* len 0 when the host is a name */
    struct slice host;    /* the name, for DNS */
    uint16_t port;
    int64_t weight; /* 1; 0 gets no new requests */
    int64_t priority;  /* 0 is used first */
    struct slice zone; /* empty: none in particular */
};

/* AUTO: what ALPN agrees on; without TLS HTTP/1.1. */
enum cluster_protocol { PROTOCOL_H1, PROTOCOL_H2, PROTOCOL_AUTO };
enum balance {
    BALANCE_ROUND_ROBIN,
    BALANCE_LEAST_REQUEST,
    BALANCE_RANDOM,
    BALANCE_RING_HASH,
    BALANCE_MAGLEV,
    BALANCE_PEAK_EWMA,
};
/* What the key of a hashing balancer is. */
enum hash_by { HASH_BY_NOTHING, HASH_BY_HEADER, HASH_BY_COOKIE, HASH_BY_QUERY, HASH_BY_SOURCE,
               HASH_BY_IDENTITY };
struct hash_conf {
    bool set;
    struct slice header, query; /* names */
    struct {
        bool set;
        struct slice name, path;
        uint64_t ttl;           /* 0s: none is made */
    } cookie;
    bool source, identity;
    int by;                     /* enum hash_by: which of these there is */
    int64_t load_factor;        /* 0 (no bound), or per cent of the average */
    int64_t ring_min, ring_max; /* 1024, 65536: points */
    int64_t places;             /* 65537: of Maglev's table */
};
/* The version of the header that a connection begins with. */
enum proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_V1, PROXY_PROTOCOL_V2 };

/* HTTP/2 towards endpoints. */
struct h2_client_conf {
    uint64_t stream_window;     /* 64k: content of one response that may be under way */
    uint64_t connection_window; /* 1m: of all responses on one connection */
    uint64_t ping_interval;     /* 0s (off): of silence in the middle of requests */
    uint64_t ping_timeout;      /* 10s: then the connection is given up */
    int64_t control_frames;     /* 1000: frames without content that may come per second */
};

/* How many attempts may be retries, or hedges, that modules ask for; core/budget.h. */
struct budget_conf {
    uint32_t percent;       /* 20% (hedges: 2%), in millionths: of the first attempts in the window */
    int64_t min_per_second; /* 10 (hedges: 0): that many always */
    uint64_t window;        /* 10s */
    bool shared;            /* false; not of hedges: by all instances of the fleet */
};

struct cluster_conf {
    struct place place; /* place.name is the cluster's name */
    /* [ "10.0.0.1:80", "api.internal:80" ] or ( { address; weight; } ) */
    struct endpoint_conf *endpoints;
    size_t endpoints_n;
    int protocol;             /* enum cluster_protocol: "http/1.1" (default), "h2", "auto" */
    struct tls_client_conf tls;
    int proxy_protocol;       /* enum proxy_protocol: "off" (default), "v1", "v2"; not with HTTP/2 */
    int balance;              /* enum balance: "round_robin" (default) */
    struct {
        int64_t choices; /* 2 */
        int64_t bias;    /* 100: per cent */
    } least_request;
    struct hash_conf hash;
    uint64_t ewma_decay;      /* 10s */
    uint32_t panic;           /* 50%: millionths */
    int64_t overprovision;    /* 140: per cent */
    struct {
        bool enabled;           /* true */
        int64_t min_endpoints;  /* 6 */
    } zone_aware;
    struct {
        uint64_t window;        /* 0s: none */
        uint32_t min_share;     /* 10%: millionths */
        int64_t aggression;     /* 100: per cent */
    } slow_start;
    struct timeouts timeouts; /* connect, response_head, body_idle and tunnel_idle count here */
    struct limits limits;     /* head_size, field_count and queue count here */
    struct {
        int64_t max_idle;      /* 256: idle connections per endpoint and worker */
        uint64_t idle_timeout; /* 50s */
        int64_t max_requests;  /* 0 (no limit): requests on one connection */
        int64_t streams;       /* 100: requests at a time on one HTTP/2 connection */
        int64_t connections;   /* 8: HTTP/2 connections per endpoint and worker */
        int64_t waiting;       /* 1024: requests that wait for one of these, likewise */
    } pool;
    struct h2_client_conf h2;
    struct budget_conf retry_budget, hedge_budget;
    struct {
        int64_t capacity; /* 64: addresses of all names together, room in the endpoint table */
        uint64_t min_ttl; /* 1s: answers with a smaller TTL are asked again after this */
        uint64_t max_ttl; /* 5m */
        uint64_t retry;   /* 5s: after a failed look-up */
        int family;       /* "any" (default), "ipv4", "ipv6" */
    } dns;
    struct health_conf health;
    struct module_conf *modules; /* in the order of the file */
};

/* One condition on a header, a query parameter, a cookie or a claim. Exactly one of the forms. */
enum match_form {
    MATCH_EXACT,
    MATCH_PREFIX,
    MATCH_SUFFIX,
    MATCH_REGEX,
    MATCH_PRESENT,
    MATCH_ABSENT
};
struct match_conf {
    struct place place;
    struct slice name; /* required; header names are case-insensitive */
    int form;
    struct slice value; /* not for PRESENT and ABSENT (present = true | false) */
};
struct matches_conf {
    struct match_conf *v;
    size_t n;
};

enum path_form { PATH_ANY, PATH_EXACT, PATH_PREFIX, PATH_REGEX };
/* MODULE: one of the route's modules chooses the cluster of every request. */
enum action { ACTION_CLUSTER, ACTION_REDIRECT, ACTION_RESPOND, ACTION_MODULE };

struct route_conf {
    struct place place;
    struct slice name; /* unique; "route-N" (N from 1) when absent */
    struct {
        struct texts hosts;     /* "a.example.com", "*.example.com", "*"; empty: any */
        int path_form;          /* path | path_prefix | path_regex */
        struct slice path;      /* normalised; a prefix has no trailing slash but "/" alone */
        struct texts methods;   /* tokens; empty: any */
        struct texts listeners; /* names; empty: any */
        struct matches_conf headers, query, cookies, identity;
        struct cidr *sources; /* the client's address, after trusted proxies */
        size_t sources_n;
    } match;

    int action;            /* enum action; exactly one of the three stands in a route */
    struct slice cluster;  /* ACTION_CLUSTER; checked to exist */
    int64_t cluster_index; /* into config.clusters; ACTION_MODULE: -1 */
    struct {
        /* Empty: kept. path and prefix exclude each other. */
        struct slice scheme, host, path, prefix;
        int64_t port;   /* 0: the scheme's, or kept */
        int64_t status; /* 302; one of 301, 302, 303, 307, 308 */
        bool set;
    } redirect;
    struct {
        int64_t status; /* 200 */
        struct slice body;
        struct slice type; /* "text/plain; charset=utf-8" */
        bool set;
    } respond;
    struct {
        struct slice host;   /* replaces Host */
        struct slice path;   /* replaces the whole path */
        struct slice prefix; /* replaces the matched prefix (path_prefix only) */
    } rewrite;
    uint64_t timeout;   /* whole request; the listener's when absent (UINT64_MAX) */
    uint64_t body_size; /* the listener's when absent (UINT64_MAX) */
    struct module_conf *modules; /* in the order of the file */
};

enum log_format { FORMAT_JSON, FORMAT_COMMON, FORMAT_CUSTOM };

struct log_conf {
    struct slice access; /* "off" (default), "stdout", "syslog", "journald", or a path */
    struct slice format; /* "json" (default) or a format string, see docs/access-log.md */
    uint64_t buffer;     /* 64k per worker */
    uint64_t flush;      /* 1s */
    struct slice error;  /* "stderr" (default), "syslog", or a path */
    struct slice audit;  /* "off" (default), or a path */
    int level;           /* "error", "warn", "info" (default), "trace" */
    int64_t burst;       /* 10: lines per second and event name */
    int syslog_format;   /* enum syslog_form; "rfc3164" (default), "rfc5424" */
    int64_t recent;      /* 4096: requests that each worker remembers; 0: none */
    struct {
        uint64_t size; /* 0: never; of the files of all three logs */
        int64_t keep;  /* 5 */
    } rotate;
};

struct metrics_conf {
    struct latency_bounds buckets;
    int64_t endpoints; /* 256: the largest table of endpoints that are shown one by one */
    int64_t flows;     /* 4096: the most pairs of a listener and a route that are counted */
};

struct config {
    struct arena arena; /* owned: everything below lies in it */
    struct slice file;
    struct slice effective;   /* all settings with their defaults, as JSON; secrets are masked */
    uint64_t digest;          /* of the texts that it was read from: are two the same? No secret */
    struct conf_texts *texts; /* those; held */
    bool recalled;            /* it was loaded from texts that were kept, not from the files */
    struct texts module_folders; /* searched before the one of the installation */
    struct slice zone;        /* where this gateway is; empty: nowhere in particular */
    struct texts default_modules; /* in force where a route or cluster doesn't name them */
    int64_t workers;          /* "auto" is 0: one per processor this process may run on */
    bool affinity;            /* false: pin worker i to processor i */
    struct slice user, group; /* empty: stay */
    struct slice pid_file;    /* empty: none */
    struct timeouts timeouts;
    struct limits limits;
    struct forwarding forwarding;
    struct h2_server_conf h2;
    struct {
        int duplicate_slashes;     /* enum slash_rule: "merge" (default), "keep", "refuse" */
        bool keep_encoded_slashes; /* false */
    } paths;
    int64_t regex_steps;          /* 100000: then an expression is given up; core/route/route_regex.h */
    struct {
        uint64_t blocks;     /* 256m: memory per worker for bytes in transit */
        uint64_t shared;     /* 1g: virtual size of the shared region; only read at start */
        int64_t descriptors; /* 0: as many as the hard limit allows */
    } memory;
    struct {
        int64_t threads; /* 2: per process, made when the first job comes */
        int64_t queue;   /* 64: jobs that wait for one */
    } offload;
    struct {
        struct texts servers; /* "10.0.0.2", "10.0.0.2:5353"; empty: /etc/resolv.conf */
        uint64_t timeout;     /* 2s */
        int64_t tries;        /* 3 */
    } resolver;
    struct {
        int64_t concurrency; /* 64: checks under way at a time */
    } health;
    struct admin_conf admin;
    struct log_conf log;
    struct metrics_conf metrics;
    struct fleet_conf fleet;
    struct listener_conf *listeners;
    size_t listeners_n;
    struct cluster_conf *clusters; /* those of the file, then those that URLs of modules made */
    size_t clusters_n;
    struct route_conf *routes;
    size_t routes_n;
    struct module_conf *modules;      /* global settings of every module that is named anywhere and
                                         has some, at their defaults where nothing is said */
    struct cluster_ref *cluster_refs; /* what settings of modules name */
};

/* Does the listener send a request for this scheme and path to https, whatever routes there are? */
static inline bool listener_to_https(const struct listener_conf *lc, struct slice scheme,
                                     struct slice path)
{
    if (!lc->to_https.set || slice_eq(scheme, SLICE("https")))
        return false;
    for (size_t i = 0; i < lc->to_https.except.n; i++)
        if (slice_starts(path, lc->to_https.except.v[i]))
            return false;
    return true;
}

/* In what a route ends: "cluster", "redirect", "respond", "module". */
const char *action_word(const struct route_conf *rc);

/* Reads and checks `path`; every problem is in `faults`. `modules` knows the modules whose settings
 * may stand there; NULL: there are none. NULL when there was an error (warnings alone give a
 * config). The caller owns it. */
struct config *config_load(const char *path, struct module_source *modules,
                           struct faults *faults) nodiscard;
/* The same from texts that were read before (config/texts.h), whatever the files are now. */
struct conf_texts;
struct config *config_load_texts(struct conf_texts *texts, struct module_source *modules,
                                 struct faults *faults) nodiscard;
/* The same from a string, for tests and fuzzing; `name` stands in messages. @include is refused. */
struct config *config_parse(const char *text, const char *name, struct module_source *modules,
                            struct faults *faults) nodiscard;
void config_free(struct config *c);

/* Has the gateway itself a setting of this name where modules of this scope have theirs? */
bool config_has_setting(enum module_scope scope, struct slice name);

/* Writes the reference of all settings as Markdown, from the option tables. */
struct text;
void config_reference(struct text *out);
/* The same of one table, under a heading of this level that names it: that of a module. */
struct option;
void config_reference_row(struct text *out, const char *path, const struct option *row, int level);

#endif
