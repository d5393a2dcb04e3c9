/* SPDX-License-Identifier: Apache-2.0 */
/* The top of a configuration: what is said once for the whole gateway, and the table that holds
 * the other sections. The order of the rows matters where one section inherits from another or
 * refers to it: timeouts, limits, forwarding and h2 come before listeners and clusters, both of
 * these before routes, in whatever order the file has them. The folders of modules come before all,
 * as any section may have settings of modules. */
#include "config/sections.h"

static void read_workers(struct option_reader *r, const config_setting_t *s, void *field);
static void read_servers(struct option_reader *r, const config_setting_t *s, void *field);

/* In the order of enum slash_rule. */
static const char *const slash_rules[] = {"merge", "keep", "refuse", NULL};
_Static_assert(SLASH_MERGE == 0 && SLASH_KEEP == 1 && SLASH_REFUSE == 2,
               "slash_rules[] follows enum slash_rule");

#define MIB (INT64_C(1024) * 1024)
#define TIB (MIB * 1024 * 1024)
enum { WORKERS_MAX = 1024 };
#define FORM_WORKERS "\"auto\" or a whole number from 1 to 1024"
#define FORM_SERVER                                                                                \
    "an address, with a port unless it is 53, such as \"10.0.0.2\" or \"[::1]:5353\""

static const struct option path_options[] = {
    OPTION_CHOICE("duplicate_slashes", struct config, paths.duplicate_slashes, "merge", slash_rules,
                  "what becomes of \"//\" in a path; refuse answers 400"),
    OPTION_BOOL("keep_encoded_slashes", struct config, paths.keep_encoded_slashes, "false",
                "pass %2F and %5C on as they are; else they are refused with 400"),
    OPTION_END,
};

static const struct option memory_options[] = {
    OPTION_SIZE("blocks", struct config, memory.blocks, "256m", MIB, TIB,
                "memory per worker for bytes in transit; reading pauses at the limit"),
    OPTION_SIZE("shared", struct config, memory.shared, "1g", 16 * MIB, TIB,
                "virtual size of the shared region; only read at start"),
    OPTION_INT("descriptors", struct config, memory.descriptors, "0", 0, 1 << 30,
               "limit of descriptors per process; 0: as many as the hard limit allows"),
    OPTION_END,
};

static const struct option offload_options[] = {
    OPTION_INT("threads", struct config, offload.threads, "2", 1, 64,
               "helper threads per process for what takes long, such as password hashes"),
    OPTION_INT("queue", struct config, offload.queue, "64", 0, 65536,
               "jobs that may wait for one; further ones are refused"),
    OPTION_END,
};

static const struct option resolver_options[] = {
    OPTION_CUSTOM("servers", struct config, resolver.servers, read_servers, "[ ]",
                  "one or a list of addresses, with a port unless it is 53",
                  "DNS servers to ask; none: those of /etc/resolv.conf"),
    OPTION_MS("timeout", struct config, resolver.timeout, "2s", 1, 60 * 1000,
              "how long to wait for an answer"),
    OPTION_INT("tries", struct config, resolver.tries, "3", 1, 10, "how often to ask"),
    OPTION_END,
};

static const struct option health_top_options[] = {
    OPTION_INT("concurrency", struct config, health.concurrency, "64", 1, 65535,
               "checks under way at a time, of all clusters; what is more waits"),
    OPTION_END,
};

#define GROUPS_AT(list)                                                                            \
    _Static_assert(offsetof(struct config, list##_n) ==                                            \
                       offsetof(struct config, list) + offsetof(struct groups, n),                 \
                   "a LIST or MAP fills pointer and count")
GROUPS_AT(listeners);
GROUPS_AT(clusters);
GROUPS_AT(routes);

const struct option top_options[] = {
    OPTION_CUSTOM("module_folders", struct config, module_folders, read_module_folders, "[ ]",
                  "one or a list of folders; a relative one starts in the folder of the main file",
                  "where modules lie, searched in this order and before the folder of the "
                  "installation"),
    OPTION_CUSTOM(
        "default_modules", struct config, default_modules, read_default_modules, DEFAULT_MODULES,
        "one or a list of names of modules",
        "modules that are in force, with the defaults of their settings, on every route and "
        "cluster that doesn't name them; those of the default as far as they are installed"),
    OPTION_CUSTOM("workers", struct config, workers, read_workers, "auto", FORM_WORKERS,
                  "worker processes; auto: one per processor"),
    OPTION_BOOL("affinity", struct config, affinity, "false", "pin each worker to one processor"),
    OPTION_TEXT("zone", struct config, zone, "",
                "where this gateway is; clusters prefer endpoints of the same zone"),
    OPTION_TEXT("user", struct config, user, "", "user that workers run as; empty: stay"),
    OPTION_TEXT("group", struct config, group, "", "group that workers run as; empty: the user's"),
    OPTION_CUSTOM("pid_file", struct config, pid_file, read_path, "", FORM_PATH,
                  "file for the master's process id; empty: none"),
    OPTION_GROUP("timeouts", struct config, timeouts, top_timeouts, "how long things may take"),
    OPTION_GROUP("limits", struct config, limits, top_limits, "how large things may get"),
    OPTION_GROUP("forwarding", struct config, forwarding, top_forwarding,
                 "what backends are told about the client, and who is believed",
                 .check = forwarding_check),
    OPTION_GROUP("h2", struct config, h2, top_h2, "HTTP/2 towards clients"),
    OPTION_SUB("paths", path_options, "how paths are normalised before they are matched"),
    OPTION_INT(
        "regex_steps", struct config, regex_steps, "100000", 100, 100000000,
        "steps after which a regular expression of a route is given up: it doesn't match then"),
    OPTION_SUB("memory", memory_options, "what a process may use"),
    OPTION_SUB("offload", offload_options, "work that a process gives to helper threads"),
    OPTION_SUB("resolver", resolver_options, "how names of endpoints are looked up"),
    OPTION_SUB("health", health_top_options, "checks of endpoints; which is said by each cluster"),
    OPTION_GROUP("admin", struct config, admin, admin_options,
                 "the operators' sockets: the admin API, and the metrics", .check = admin_check),
    OPTION_GROUP("log", struct config, log, log_options, "access log, error log and audit log"),
    OPTION_GROUP("metrics", struct config, metrics, metrics_options, "what /metrics shows, and how"),
    OPTION_GROUP("fleet", struct config, fleet, fleet_options,
                 "what several instances share, through Redis", .check = fleet_check,
                 .optional = true),
    OPTION_LIST("listeners", struct config, listeners, listener_options, struct listener_conf,
                listener_prepare, "where clients connect", .check = listener_check),
    OPTION_MAP("clusters", struct config, clusters, cluster_options, struct cluster_conf,
               cluster_prepare, "where requests can go, by name", .check = cluster_check),
    OPTION_SUB("modules", module_options,
               "settings of modules that count everywhere, by their names"),
    OPTION_LIST("routes", struct config, routes, route_options, struct route_conf, route_prepare,
                "which request goes where", .check = route_check),
    OPTION_END,
};

static void read_workers(struct option_reader *r, const config_setting_t *s, void *field)
{
    int64_t *workers = field;
    *workers = 0;
    if (!s)
        return;
    if (config_setting_type(s) == CONFIG_TYPE_INT) {
        *workers = config_setting_get_int(s);
        if (*workers < 1 || *workers > WORKERS_MAX)
            option_wrong(r, s, FORM_WORKERS);
    } else if (config_setting_type(s) != CONFIG_TYPE_STRING ||
               strcmp(config_setting_get_string(s), "auto") != 0) {
        option_wrong(r, s, FORM_WORKERS);
    }
}

static void read_servers(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++) {
        struct addr a;
        bool plain = addr_from_ip(texts.v[i], 53, &a);
        if (!plain && (!addr_parse(texts.v[i], &a) || addr_port(&a) == 0))
            option_wrong(r, text_at(s, i), FORM_SERVER);
    }
    *(struct texts *)field = texts;
}
