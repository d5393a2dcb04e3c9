/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_SECTIONS_H
#define WEIR_CONFIG_SECTIONS_H

/* Private to the folder: what the sections share while a configuration is read. Each section owns
 * its table; readers of values that stand in several sections (names, paths, addresses, networks)
 * are in config_read.c, the tables of timeouts, limits and forwarding in config_common.c. */

#include "base/map.h"
#include "config/config.h"
#include "config/option.h"
#include "config/files.h"

/* The reader and what only lives during the reading. */
struct loading {
    struct option_reader r; /* r.root is c */
    struct config *c;
    struct conf_files *files;
    const config_setting_t *root;
    struct map listeners;  /* name -> struct listener_conf */
    struct map binds;      /* printed address -> struct listener_conf */
    struct map clusters;   /* name -> struct cluster_conf */
    struct map routes;     /* name -> struct route_conf */
    const char **names[2]; /* of listeners and clusters, made when a hint needs them */
    struct module_source *modules; /* borrowed; NULL: there are none */
    struct module_conf *use;       /* whose settings are being read; NULL */
    const void *failed;            /* the list that a module was last refused in */
    struct map urls;               /* name -> struct url_cluster, numbered as they came */
};

static inline struct loading *loading_of(struct option_reader *r)
{
    return container_of(r, struct loading, r);
}

extern const struct option top_options[];
extern const struct option listener_options[];
extern const struct option cluster_options[];
extern const struct option route_options[];
extern const struct option match_options[]; /* of a route's match: rows count from route_conf */
extern const struct option log_options[];
extern const struct option metrics_options[]; /* config_metrics.c */
extern const struct option fleet_options[]; /* config_fleet.c */
void fleet_check(struct option_reader *r, const config_setting_t *s, void *base);
extern const struct option admin_options[]; /* config_admin.c */
void admin_prepare(struct admin_listener_conf *lc);
void admin_check(struct option_reader *r, const config_setting_t *s, void *base);

/* At the top with defaults; elsewhere without, and only the rows that count there. */
extern const struct option top_timeouts[], listener_timeouts[], cluster_timeouts[];
extern const struct option top_limits[], listener_limits[], cluster_limits[];
extern const struct option top_h2[], listener_h2[]; /* config_h2.c */
extern const struct option top_forwarding[], listener_forwarding[];
extern const struct option hsts_options[], https_redirect_options[]; /* config_https.c */
void hsts_check(struct option_reader *r, const config_setting_t *s, void *base);
void read_https_redirect(struct option_reader *r, const config_setting_t *s, void *field);
#define FORM_HTTPS_REDIRECT "true, false or a group, such as { port = 8443; }"
/* Of a whole listener: what stands beside settings that need it. */
void https_check(struct option_reader *r, const config_setting_t *s, const struct listener_conf *lc);
void forwarding_check(struct option_reader *r, const config_setting_t *s, void *base);

void listener_prepare(struct option_reader *r, void *element);
void listener_check(struct option_reader *r, const config_setting_t *s, void *element);
void cluster_prepare(struct option_reader *r, void *element);
void cluster_check(struct option_reader *r, const config_setting_t *s, void *element);
void route_prepare(struct option_reader *r, void *element);
void route_check(struct option_reader *r, const config_setting_t *s, void *element);

/* config_modules.c */
extern const struct option module_options[]; /* of the group `modules` */
bool take_route_module(struct option_reader *r, const config_setting_t *s, void *field);
bool take_cluster_module(struct option_reader *r, const config_setting_t *s, void *field);
void read_module_folders(struct option_reader *r, const config_setting_t *s, void *field); /* texts */
void read_default_modules(struct option_reader *r, const config_setting_t *s, void *field); /* texts */
#define DEFAULT_MODULES "[ \"outlier\", \"retry\" ]"
/* After everything was read: global settings of modules that `modules` doesn't name, and the
 * clusters of URLs. */
void modules_complete(struct loading *l);
/* The number that a cluster has or will have, also before it was read. */
bool cluster_number(struct loading *l, struct slice name, uint32_t *number);

/* Readers for CUSTOM rows; an absent setting leaves the field alone. */
void read_name(struct option_reader *r, const config_setting_t *s, void *field);   /* slice */
void read_path(struct option_reader *r, const config_setting_t *s, void *field);   /* slice */
void read_mode(struct option_reader *r, const config_setting_t *s, void *field);   /* int64_t */
void read_socket(struct option_reader *r, const config_setting_t *s, void *field); /* addr */
void read_cidrs(struct option_reader *r, const config_setting_t *s, void *field);  /* groups */
void read_redirect_status(struct option_reader *r, const config_setting_t *s,
                          void *field); /* int64_t; config_route.c */
#define FORM_REDIRECT_STATUS "one of 301, 302, 303, 307 and 308"
#define FORM_NAME "1 to 64 letters, digits, \".\", \"_\" and \"-\""
#define FORM_PATH "a path; a relative one starts in the folder of the main file"
#define FORM_MODE "octal permission bits such as \"0660\""
#define FORM_SOCKET                                                                                \
    "an address with a port, such as \"0.0.0.0:8080\", \"[::]:8080\" or \"unix:/run/weir.sock\""
#define FORM_CIDRS                                                                                 \
    "one or a list of networks, such as \"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or "      \
    "\"unix\""

/* config_secret.c */
enum { SECRET_MAX = 4096 };
struct secret_line {
    char room[SECRET_MAX + 3]; /* an end of line of two bytes, and one to see that there is more */
    struct slice text;         /* in `room`; not NUL-terminated. Empty when something is wrong */
};
/* The only line of the file. NULL, or what is wrong with it. Whoever calls wipes it. */
const char *secret_line_read(const char *path, struct secret_line *out) nodiscard;
void secret_line_wipe(struct secret_line *l);

/* config_balance.c */
extern const char *const balances[];
extern const struct option least_request_options[], hash_options[], zone_aware_options[],
    slow_start_options[]; /* rows count from cluster_conf */
void balance_check(struct option_reader *r, const config_setting_t *s, struct cluster_conf *cl);

/* config_tls.c */
extern const struct option tls_server_options[], tls_client_options[];
extern const char *const cluster_protocols[];
void read_protocols(struct option_reader *r, const config_setting_t *s, void *field);
void tls_server_check(struct option_reader *r, const config_setting_t *s, void *base);
void tls_client_check(struct option_reader *r, const config_setting_t *s, void *base);
void tls_cluster_check(struct option_reader *r, const config_setting_t *s,
                       const struct cluster_conf *cl);

/* config_health.c */
extern const struct option health_options[];
void health_check(struct option_reader *r, const config_setting_t *s, void *base);
/* Of a whole cluster: what stands beside settings that need it. */
void health_cluster_check(struct option_reader *r, const config_setting_t *s,
                          const struct cluster_conf *cl);

/* The address of an endpoint, or its name and port; false when it is none. config_cluster.c */
bool endpoint_parse(struct option_reader *r, struct slice text, struct endpoint_conf *ep);
void match_check(struct option_reader *r, const config_setting_t *s, void *base);
bool name_ok(struct slice name);
/* NULL-terminated, for hints. */
const char *const *cluster_names(struct loading *l);
const char *const *listener_names(struct loading *l);
/* `path` itself when it is absolute, else in the folder of the main file. */
struct slice path_from_folder(struct loading *l, struct slice path);
/* Where a text of a TEXTS setting stands: the element, or the setting when it is one text. */
const config_setting_t *text_at(const config_setting_t *s, size_t i);
/* The member of a group, or the group itself: where to point in a message. */
const config_setting_t *member_or(const config_setting_t *group, const char *name);
/* "line 12", or "other.conf:12" when that is another file than that of `s`. */
const char *place_text(struct option_reader *r, const config_setting_t *s,
                       const struct place *place);

#endif
