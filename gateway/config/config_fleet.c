/* SPDX-License-Identifier: Apache-2.0 */
/* The section `fleet`: what instances share, and the Redis through which they do.
 *
 * Passwords are read here, by whoever loads (the master, weir -t), from a file that nobody else has
 * to be able to read. They never stand in the configuration, so nothing that shows settings can
 * show them, and no message has more of one than where it should have been. */
#include "config/sections.h"

#include <stdlib.h>

static void read_redis_address(struct option_reader *r, const config_setting_t *s, void *field);
static void read_sentinels(struct option_reader *r, const config_setting_t *s, void *field);
static void read_prefix(struct option_reader *r, const config_setting_t *s, void *field);
static void redis_check(struct option_reader *r, const config_setting_t *s, void *base);

#define KIB 1024
#define MIB (1024 * KIB)
#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
#define FORM_REDIS                                                                                 \
    "a host or an address, with a port when it isn't the usual one, such as \"redis.internal\", "  \
    "\"10.0.0.5:6379\", \"[2001:db8::5]:6379\" or \"unix:/run/redis/redis.sock\""
#define FORM_PREFIX "1 to 64 printable characters without spaces"
#define FORM_VARIABLE "the name of an environment variable"

static const struct option redis_options[] = {
    OPTION_CUSTOM("address", struct redis_conf, address, read_redis_address, NULL, FORM_REDIS,
                  "the server; its port is 6379 where none is said"),
    OPTION_CUSTOM("sentinels", struct redis_conf, sentinels, read_sentinels, NULL,
                  "one or a list of " FORM_REDIS,
                  "instead of an address: who is asked for it; their port is 26379 where none is "
                  "said"),
    OPTION_TEXT("master", struct redis_conf, master, "", "the name by which sentinels know it"),
    OPTION_TEXT("user", struct redis_conf, account.user, "",
                "who Weir is, in Redis's ACL; empty: the default user"),
    OPTION_CUSTOM("password_file", struct redis_conf, account.password_file, read_path, "",
                  FORM_PATH, "a file that has the password in its only line; read by the master"),
    OPTION_TEXT("password_env", struct redis_conf, account.password_env, "",
                "the environment variable that has it, instead", .form = FORM_VARIABLE),
    OPTION_TEXT("sentinel_user", struct redis_conf, sentinel_account.user, "",
                "who Weir is for sentinels; empty: the default user"),
    OPTION_CUSTOM("sentinel_password_file", struct redis_conf, sentinel_account.password_file,
                  read_path, "", FORM_PATH, "as password_file, for sentinels"),
    OPTION_TEXT("sentinel_password_env", struct redis_conf, sentinel_account.password_env, "",
                "as password_env, for sentinels", .form = FORM_VARIABLE),
    OPTION_INT("database", struct redis_conf, database, "0", 0, 65535, "number of the database"),
    OPTION_GROUP("tls", struct redis_conf, tls, tls_client_options,
                 "speak TLS with Redis and sentinels; absent: in clear", .check = tls_client_check,
                 .optional = true),
    OPTION_MS("timeout", struct redis_conf, timeout, "500ms", 10, MINUTE_MS,
              "for connecting and for each answer: then Redis is taken for gone"),
    OPTION_MS("retry_min", struct redis_conf, retry_min, "100ms", 10, MINUTE_MS,
              "before Redis is tried again; random from here up, and longer each time"),
    OPTION_MS("retry_max", struct redis_conf, retry_max, "10s", 10, 60 * MINUTE_MS,
              "the longest of these times"),
    OPTION_SIZE("reply_size", struct redis_conf, reply_size, "8m", 64 * KIB, 512 * MIB,
                "of one answer at most: with a longer one the connection is given up"),
    OPTION_END,
};

const struct option fleet_options[] = {
    OPTION_CUSTOM("prefix", struct fleet_conf, prefix, read_prefix, "weir:", FORM_PREFIX,
                  "of all keys and channels: instances with the same one are a fleet"),
    OPTION_CUSTOM(
        "instance", struct fleet_conf, instance, read_name, "", FORM_NAME,
        "the name of this one, unlike all others'; empty: of the host's name, and random"),
    OPTION_MS("tick", struct fleet_conf, tick, "100ms", 20, SECOND_MS,
              "how often Redis is talked to"),
    OPTION_MS("hold", struct fleet_conf, hold, "1s", 60, 10 * MINUTE_MS,
              "without an answer for so long this instance is on its own"),
    OPTION_INT("commands", struct fleet_conf, commands, "16384", 100, 50000,
               "with one tick, about; what finds no place goes with the next one"),
    OPTION_INT("instances", struct fleet_conf, instances, "1024", 2, 16384,
               "in the fleet; what more of them say isn't heard"),
    OPTION_GROUP("redis", struct fleet_conf, redis, redis_options, "where it is",
                 .check = redis_check),
    OPTION_END,
};

void fleet_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    enum { TICKS_MIN = 3 }; /* so that one late answer doesn't part it from the fleet */
    struct fleet_conf *f = base;
    f->set = s != NULL;
    if (!s)
        return;
    f->place = option_place(r, s);
    if (!config_setting_get_member(s, "redis"))
        option_fault(r, s, "%s.redis is missing: where the fleet meets", option_path(r, s));
    if (f->hold < TICKS_MIN * f->tick)
        option_fault(
            r, member_or(s, "hold"), "%s.hold is %llu ms; at least %d times tick, which is %llu ms",
            option_path(r, s), (unsigned long long)f->hold, TICKS_MIN, (unsigned long long)f->tick);
}

/* -- values ------------------------------------------------------------------------------------ */

static void read_prefix(struct option_reader *r, const config_setting_t *s, void *field)
{
    enum { PREFIX_MAX = 64 };
    struct slice text, *prefix = field;
    *prefix = SLICE("weir:");
    if (!s || !option_read_text(r, s, FORM_PREFIX, &text))
        return;
    bool ok = text.n > 0 && text.n <= PREFIX_MAX;
    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] > ' ' && text.p[i] <= '~';
    if (ok)
        *prefix = text;
    else
        option_wrong(r, s, FORM_PREFIX);
}

/* With its port, and a path from the folder of the main file; empty when it is no address. */
static struct slice server_address(struct option_reader *r, struct slice text, unsigned port)
{
    struct endpoint_conf ep;
    struct addr a;
    const char *full = NULL;
    if (slice_starts(text, SLICE("unix:"))) {
        struct slice path = slice_from(text, strlen("unix:"));
        if (path.n > 0 && path.p[0] != '@')
            path = path_from_folder(loading_of(r), path);
        full = arena_printf(r->arena, "unix:%.*s", SLICE_ARG(path));
        return addr_parse(slice_str(full), &a) ? slice_str(full) : slice_of(NULL, 0);
    }
    if (endpoint_parse(r, text, &ep))
        return text;
    if (addr_from_ip(text, 1, &a) && a.sa.sa_family == AF_INET6)
        full = arena_printf(r->arena, "[%.*s]:%u", SLICE_ARG(text), port);
    else
        full = arena_printf(r->arena, "%.*s:%u", SLICE_ARG(text), port);
    return endpoint_parse(r, slice_str(full), &ep) ? slice_str(full) : slice_of(NULL, 0);
}

static void read_redis_address(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_REDIS, &text))
        return;
    *(struct slice *)field = server_address(r, text, REDIS_PORT);
    if (!((struct slice *)field)->n)
        option_wrong(r, s, FORM_REDIS);
}

static void read_sentinels(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    for (size_t i = 0; i < texts.n; i++) {
        texts.v[i] = server_address(r, texts.v[i], REDIS_SENTINEL_PORT);
        if (!texts.v[i].n)
            option_wrong(r, text_at(s, i), FORM_REDIS);
    }
    if (texts.n == 0)
        option_fault(r, s, "%s is empty; at least one", option_path(r, s));
    *(struct texts *)field = texts;
}

/* -- passwords --------------------------------------------------------------------------------- */

/* `of` is "" or "sentinel_": which settings. */
static void password_read(struct option_reader *r, const config_setting_t *s, const char *of,
                          struct redis_account *a)
{
    const char *path = option_path(r, s), *wrong;
    struct secret_line line;
    if (a->password_file.n && a->password_env.n) {
        option_fault(r, member_or(s, arena_printf(r->arena, "%spassword_env", of)),
                     "%s.%spassword_file and %spassword_env are both set; the password comes from "
                     "one of them",
                     path, of, of);
    } else if (a->password_file.n) {
        wrong = secret_line_read(a->password_file.p, &line);
        a->password = arena_dup(r->arena, line.text);
        secret_line_wipe(&line);
        if (wrong)
            option_fault(r, member_or(s, arena_printf(r->arena, "%spassword_file", of)),
                         "%s.%spassword_file is \"%.*s\": %s; a file that has the password in its "
                         "only line",
                         path, of, SLICE_ARG(a->password_file), wrong);
    } else if (a->password_env.n) {
        a->password = arena_dup(r->arena, slice_str(getenv(a->password_env.p)));
        if (!a->password.n || a->password.n > SECRET_MAX)
            option_fault(r, member_or(s, arena_printf(r->arena, "%spassword_env", of)),
                         "%s.%spassword_env is \"%.*s\": %s in the environment", path, of,
                         SLICE_ARG(a->password_env),
                         a->password.n ? "more than 4096 bytes"
                                       : "there is none, or an empty one,");
    }
}

/* -- settings that go together ----------------------------------------------------------------- */

static void where_check(struct option_reader *r, const config_setting_t *s,
                        const struct redis_conf *c)
{
    const config_setting_t *address = config_setting_get_member(s, "address");
    const config_setting_t *sentinels = config_setting_get_member(s, "sentinels");
    const char *path = option_path(r, s);
    if (address && sentinels)
        option_fault(r, sentinels, "%s.address and sentinels are both set; one of them", path);
    if (!address && !sentinels)
        option_fault(r, s, "%s needs one of address and sentinels", path);
    if (sentinels && !c->master.n)
        option_fault(r, s, "%s.master is missing: the name by which the sentinels know it", path);
    if (!sentinels && c->master.n)
        option_fault(r, member_or(s, "master"), "%s.master is for sentinels, and there are none",
                     path);
    const struct redis_account *a = &c->sentinel_account;
    if (!sentinels && (a->user.n || a->password_file.n || a->password_env.n))
        option_fault(r, s,
                     "%s.sentinel_user and sentinel_password are for sentinels, and there are "
                     "none",
                     path);
}

static void redis_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct redis_conf *c = base;
    if (!s)
        return;
    where_check(r, s, c);
    password_read(r, s, "", &c->account);
    password_read(r, s, "sentinel_", &c->sentinel_account);
    if (c->retry_max < c->retry_min)
        option_fault(r, member_or(s, "retry_max"),
                     "%s.retry_max is %llu ms, less than retry_min, which is %llu ms",
                     option_path(r, s), (unsigned long long)c->retry_max,
                     (unsigned long long)c->retry_min);
    if (c->tls.set && !c->tls.server_name.n && slice_starts(c->address, SLICE("unix:")))
        option_fault(r, member_or(s, "tls"),
                     "%s.tls.server_name is missing: a unix socket has no host name",
                     option_path(r, s));
}
