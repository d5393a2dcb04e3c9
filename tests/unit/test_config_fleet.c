/* SPDX-License-Identifier: Apache-2.0 */
/* The section fleet. */
#include "config_case.h"

#include <stdlib.h>
#include <unistd.h>

#define WITH_REDIS(part) WITH_TOP("fleet = { redis = { " part " }; };")
#define ADDRESS "address = \"10.0.0.5\"; "

/* A file with these bytes; its path until the next call. */
static const char *file_with(const char *bytes, size_t n)
{
    static char path[32];
    strcpy(path, "/tmp/weir-secret-XXXXXX");
    const int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
    return path;
}

/* The configuration with "%s" of its text replaced. */
static const char *with_path(const char *text, const char *path)
{
    static char full[2048];
    const char *at = strstr(text, "%s");
    snprintf(full, sizeof full, "%.*s%s%s", (int)(at - text), text, path, at + 2);
    return full;
}

Test(config_fleet, is_absent_unless_it_is_there)
{
    struct config *c = conf_of(WITH_TOP(""));
    cr_assert(!c->fleet.set);
    config_free(c);
}

Test(config_fleet, defaults)
{
    struct config *c = conf_of(WITH_REDIS("address = \"redis.internal\";"));
    const struct fleet_conf *f = &c->fleet;
    cr_assert(f->set);
    cr_assert_slice(f->prefix, "weir:");
    cr_assert_slice(f->instance, "");
    cr_assert_eq(f->tick, 100);
    cr_assert_eq(f->hold, 1000);
    cr_assert_eq(f->commands, 16384);
    cr_assert_eq(f->instances, 1024);
    cr_assert_slice(f->redis.address, "redis.internal:6379");
    cr_assert_eq(f->redis.sentinels.n, 0);
    cr_assert_eq(f->redis.timeout, 500);
    cr_assert_eq(f->redis.retry_min, 100);
    cr_assert_eq(f->redis.retry_max, 10000);
    cr_assert_eq(f->redis.reply_size, 8 << 20);
    cr_assert_eq(f->redis.database, 0);
    cr_assert(!f->redis.tls.set);
    cr_assert_eq(f->redis.account.user.n + f->redis.account.password.n, 0);
    config_free(c);
}

Test(config_fleet, values)
{
    setenv("FLEET_TEST_SECRET", "s3cret", 1);
    struct config *c = conf_of(WITH_TOP(
        "fleet = { prefix = \"a{b}:\"; instance = \"edge-1\"; tick = \"20ms\"; hold = \"60ms\"; "
        "commands = 100; instances = 16384; redis = { sentinels = [ \"s1\", \"10.0.0.6:1\", "
        "\"2001:db8::5\" ]; master = \"m\"; "
        "user = \"weir\"; sentinel_user = \"s\"; sentinel_password_env = \"FLEET_TEST_SECRET\"; "
        "database = 3; timeout = \"1s\"; retry_min = \"10ms\"; retry_max = \"10ms\"; "
        "reply_size = \"64k\"; tls = { server_name = \"redis.example.com\"; }; }; };"));
    const struct redis_conf *r = &c->fleet.redis;
    cr_assert_slice(c->fleet.prefix, "a{b}:");
    cr_assert_slice(c->fleet.instance, "edge-1");
    cr_assert_eq(c->fleet.commands, 100);
    cr_assert_eq(c->fleet.instances, 16384);
    cr_assert_eq(r->sentinels.n, 3);
    cr_assert_slice(r->sentinels.v[0], "s1:26379");
    cr_assert_slice(r->sentinels.v[1], "10.0.0.6:1");
    cr_assert_slice(r->sentinels.v[2], "[2001:db8::5]:26379");
    cr_assert_slice(r->master, "m");
    cr_assert_slice(r->account.user, "weir");
    cr_assert_slice(r->sentinel_account.user, "s");
    cr_assert_slice(r->sentinel_account.password, "s3cret");
    cr_assert_eq(r->database, 3);
    cr_assert(r->tls.set && r->tls.verify);
    cr_assert_slice(r->tls.server_name, "redis.example.com");
    config_free(c);
}

Test(config_fleet, an_address_may_have_a_port)
{
    static const char *const pairs[][2] = {
        {"10.0.0.5", "10.0.0.5:6379"}, {"10.0.0.5:7000", "10.0.0.5:7000"},
        {"[::1]:7000", "[::1]:7000"},  {"::1", "[::1]:6379"},
        {"redis:7000", "redis:7000"},  {"unix:/run/r.sock", "unix:/run/r.sock"},
    };
    for (size_t i = 0; i < array_n(pairs); i++) {
        struct config *c = conf_of(with_path(WITH_REDIS("address = \"%s\";"), pairs[i][0]));
        cr_assert(slice_eq(c->fleet.redis.address, slice_str(pairs[i][1])), "%.*s",
                  SLICE_ARG(c->fleet.redis.address));
        config_free(c);
    }
}

Test(config_fleet, the_password_is_the_line_of_its_file)
{
    static const char *const texts[] = {"p ss", "p ss\n", "p ss\r\n"};
    for (size_t i = 0; i < array_n(texts); i++) {
        const char *path = file_with(texts[i], strlen(texts[i]));
        struct config *c = conf_of(with_path(WITH_REDIS(ADDRESS "password_file = \"%s\";"), path));
        unlink(path);
        cr_assert_slice(c->fleet.redis.account.password, "p ss");
        config_free(c);
    }
}

static void file_says(const char *bytes, size_t n, const char *what)
{
    char expected[512];
    const char *path = file_with(bytes, n);
    snprintf(
        expected, sizeof expected,
        "t.conf:1: error: fleet.redis.password_file is \"%s\": %s; a file that has the password "
        "in its only line",
        path, what);
    conf_says(with_path(WITH_REDIS(ADDRESS "password_file = \"%s\";"), path), expected);
    unlink(path);
}

Test(config_fleet, a_password_file_that_is_of_no_use_is_an_error_without_its_text)
{
    static char much[5000];
    memset(much, 'x', sizeof much);
    file_says("", 0, "it is empty");
    file_says("\n", 1, "it is empty");
    file_says("secret\nmore\n", 12, "more than one line");
    file_says("sec\0ret", 7, "more than one line");
    file_says(much, sizeof much, "more than 4096 bytes");
    file_says(much, 4097, "more than 4096 bytes");
    CONF_CASES(
        {WITH_REDIS(ADDRESS "password_file = \"/nonexistent/secret\";"),
         "t.conf:1: error: fleet.redis.password_file is \"/nonexistent/secret\": No such file "
         "or directory; a file that has the password in its only line"},
        {WITH_REDIS(ADDRESS "password_file = \"/tmp\";"),
         "t.conf:1: error: fleet.redis.password_file is \"/tmp\": Is a directory; a file that "
         "has the password in its only line"});
}

Test(config_fleet, a_password_may_come_from_the_environment)
{
    setenv("FLEET_TEST_SECRET", "s3cret", 1);
    struct config *c = conf_of(WITH_REDIS(ADDRESS "password_env = \"FLEET_TEST_SECRET\";"));
    cr_assert_slice(c->fleet.redis.account.password, "s3cret");
    config_free(c);
    unsetenv("FLEET_TEST_SECRET");
    conf_says(
        WITH_REDIS(ADDRESS "password_env = \"FLEET_TEST_SECRET\";"),
        "t.conf:1: error: fleet.redis.password_env is \"FLEET_TEST_SECRET\": there is none, or "
        "an empty one, in the environment");
}

Test(config_fleet, settings_that_need_each_other)
{
    CONF_CASES(
        {WITH_TOP("fleet = { };"),
         "t.conf:1: error: fleet.redis is missing: where the fleet meets"},
        {WITH_REDIS(""), "t.conf:1: error: fleet.redis needs one of address and sentinels"},
        {WITH_REDIS(ADDRESS "sentinels = [ \"a\" ]; master = \"m\";"),
         "t.conf:1: error: fleet.redis.address and sentinels are both set; one of them"},
        {WITH_REDIS("sentinels = [ \"a\" ];"),
         "t.conf:1: error: fleet.redis.master is missing: the name by which the sentinels know it"},
        {WITH_REDIS(ADDRESS "master = \"m\";"),
         "t.conf:1: error: fleet.redis.master is for sentinels, and there are none"},
        {WITH_REDIS(ADDRESS "sentinel_user = \"m\";"),
         "t.conf:1: error: fleet.redis.sentinel_user and sentinel_password are for sentinels, and "
         "there are none"},
        {WITH_REDIS(ADDRESS "password_file = \"/etc/a\"; password_env = \"A\";"),
         "t.conf:1: error: fleet.redis.password_file and password_env are both set; the password "
         "comes from one of them"},
        {WITH_REDIS(ADDRESS "retry_min = \"2s\"; retry_max = \"1s\";"),
         "t.conf:1: error: fleet.redis.retry_max is 1000 ms, less than retry_min, which is 2000 "
         "ms"},
        {WITH_REDIS("address = \"unix:/run/r.sock\"; tls = { };"),
         "t.conf:1: error: fleet.redis.tls.server_name is missing: a unix socket has no host name"},
        {WITH_TOP("fleet = { tick = \"100ms\"; hold = \"299ms\"; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.hold is 299 ms; at least 3 times tick, which is 100 ms"},
        {WITH_TOP("fleet = { commands = 99; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.commands is 99; a whole number from 100 to 50000"},
        {WITH_TOP("fleet = { instances = 16385; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.instances is 16385; a whole number from 2 to 16384"});
}

#define FORM                                                                                       \
    "a host or an address, with a port when it isn't the usual one, such as \"redis.internal\", "  \
    "\"10.0.0.5:6379\", \"[2001:db8::5]:6379\" or \"unix:/run/redis/redis.sock\""

Test(config_fleet, values_are_checked)
{
    CONF_CASES(
        {WITH_REDIS("address = \"a b\";"),
         "t.conf:1: error: fleet.redis.address is \"a b\"; " FORM},
        {WITH_REDIS("address = \"10.0.0.5:0\";"),
         "t.conf:1: error: fleet.redis.address is \"10.0.0.5:0\"; " FORM},
        {WITH_REDIS("sentinels = [ \"a\", \"10.0.0.256\" ]; master = \"m\";"),
         "t.conf:1: error: fleet.redis.sentinels[1] is \"10.0.0.256\"; " FORM},
        {WITH_REDIS("sentinels = [ ]; master = \"m\";"),
         "t.conf:1: error: fleet.redis.sentinels is empty; at least one"},
        {WITH_TOP("fleet = { prefix = \"\"; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.prefix is \"\"; 1 to 64 printable characters without spaces"},
        {WITH_TOP("fleet = { prefix = \"a b\"; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.prefix is \"a b\"; 1 to 64 printable characters without spaces"},
        {WITH_TOP("fleet = { instance = \"a b\"; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.instance is \"a b\"; 1 to 64 letters, digits, \".\", \"_\" and "
         "\"-\""},
        {WITH_TOP("fleet = { tick = \"19ms\"; redis = { " ADDRESS "}; };"),
         "t.conf:1: error: fleet.tick is \"19ms\"; a duration such as \"250ms\", \"3s\" or \"5m\", "
         "from 20ms to 1s"});
}

Test(config_fleet, the_example_loads)
{
    struct faults faults;
    faults_init(&faults);
    setenv("WEIR_REDIS_PASSWORD", "s3cret", 1);
    struct config *c = config_load(TEST_SRCDIR "/conf/examples/fleet.conf", NULL, &faults);
    print_faults(&faults);
    cr_assert(c);
    cr_assert_eq(faults.warnings, 0);
    cr_assert_eq(c->fleet.redis.sentinels.n, 3);
    config_free(c);
    faults_fini(&faults);
}
