/* SPDX-License-Identifier: Apache-2.0 */
/* Notable events: the three places where one goes, its JSON, and its bounds. */

#include "base/event.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct event_shared shared;
static struct event_cursor cursor;
static char line[8192];
static unsigned lines;

static void sink(enum log_level level, struct slice s)
{
    (void)level;
    snprintf(line, sizeof line, "%.*s", SLICE_ARG(s));
    lines++;
}

static void setup(void)
{
    log_set_sink(sink);
    log_set_process("worker/3");
    event_share(&shared);
}

TestSuite(event, .init = setup);

/* The next one of the ring, as JSON; the caller's. */
static json_t *next(void)
{
    struct event e;
    struct text t;

    cr_assert(event_ring_next(&shared.ring, &cursor, 0, &e));
    text_init(&t);
    event_json(&e, &t);
    json_error_t error;
    json_t *o = json_loadb(t.p, t.n, JSON_REJECT_DUPLICATES, &error);
    cr_assert(o, "%s: %.*s", error.text, (int)t.n, t.p);
    text_fini(&t);
    return o;
}

static const char *word(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "(none)";
}

Test(event, is_a_line_of_the_log_and_an_entry_of_the_ring)
{
    event_warn("endpoint_down", KV("cluster", "reviews"), KV_INT("checks", -3),
               KV_ERRNO(ECONNREFUSED));
    cr_assert(strstr(line, "endpoint_down cluster=reviews checks=-3 error=\"Connection refused\""),
              "%s", line);
    json_t *o = next(), *fields = json_object_get(o, "fields");
    cr_assert_eq(json_integer_value(json_object_get(o, "n")), 1);
    cr_assert_gt(json_integer_value(json_object_get(o, "at_ms")), INT64_C(1700000000000));
    cr_assert_str_eq(word(o, "level"), "warn");
    cr_assert_str_eq(word(o, "process"), "worker/3");
    cr_assert_str_eq(word(o, "event"), "endpoint_down");
    cr_assert_str_eq(word(fields, "cluster"), "reviews");
    cr_assert_eq(json_integer_value(json_object_get(fields, "checks")), -3);
    cr_assert_str_eq(word(fields, "error"), "Connection refused");
    cr_assert(!json_object_get(o, "who"));
    json_decref(o);
}

Test(event, who_and_why_stand_beside_the_fields)
{
    event_info("admin_change", KV("path", "/v1/x"), KV("reason", "a test"), KV("who", "uid 0"));
    json_t *o = next();
    cr_assert_str_eq(word(o, "who"), "uid 0");
    cr_assert_str_eq(word(o, "reason"), "a test");
    cr_assert_eq(json_object_size(json_object_get(o, "fields")), 1);
    json_decref(o);
}

Test(event, a_reason_that_nobody_gave_is_a_field)
{
    event_error("reload_failed", KV("reason", "configuration"));
    json_t *o = next();
    cr_assert(!json_object_get(o, "reason"));
    cr_assert_str_eq(word(json_object_get(o, "fields"), "reason"), "configuration");
    json_decref(o);
}

Test(event, neither_level_nor_rate_limit_keep_it_from_the_ring)
{
    log_set_level(LEVEL_ERROR);
    event_info("quiet");
    cr_assert_eq(lines, 0);
    log_set_level(LEVEL_INFO);
    log_set_burst(1);
    event_info("loud");
    event_info("loud");
    cr_assert_eq(lines, 1);
    cr_assert_eq(atomic_load(&shared.ring.given), 3);
}

Test(event, without_a_ring_it_is_a_line)
{
    event_share(NULL);
    event_info("alone");
    cr_assert_eq(lines, 1);
}

Test(event, told_without_a_line_it_is_in_the_ring_all_the_same)
{
    errno = ENOENT;
    event_tell(LEVEL_INFO, "told", NULL, 0);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(lines, 0);
    json_t *o = next();
    cr_assert_eq(json_object_size(json_object_get(o, "fields")), 0);
    json_decref(o);
}

/* -- JSON and bounds --------------------------------------------------------------------------- */

Test(event, what_is_no_json_is_escaped)
{
    event_info("e", KV("a", "\"\\\n\x01"), KV("b", "\xff\xc3"), KV("c", ""), KV("d", NULL));
    json_t *o = next(), *fields = json_object_get(o, "fields");
    cr_assert_str_eq(word(fields, "a"), "\"\\\n\x01");
    cr_assert_str_eq(word(fields, "b"), "\xef\xbf\xbd\xef\xbf\xbd");
    cr_assert_str_eq(word(fields, "c"), "");
    cr_assert_str_eq(word(fields, "d"), "");
    json_decref(o);
}

Test(event, a_long_value_is_cut_between_two_characters)
{
    char value[4001];

    for (unsigned i = 0; i < 2000; i++)
        memcpy(value + (size_t)2 * i, "\xc3\xa4", 2);
    value[4000] = '\0';
    event_info("e", KV("x", "x"), KV("long", value), KV("behind", "y"));
    json_t *o = next(), *fields = json_object_get(o, "fields");
    const char *cut = word(fields, "long");
    cr_assert_eq(strlen(cut), 256 + 3);
    cr_assert_str_eq(cut + 254, "\xc3\xa4...");
    cr_assert_str_eq(word(fields, "behind"), "y");
    cr_assert(json_is_true(json_object_get(fields, "cut")));
    json_decref(o);
}

Test(event, members_without_room_are_left_out_whole)
{
    char value[200], names[100][8];
    struct kv kvs[100];

    memset(value, '\x01', sizeof value); /* six bytes each */
    for (unsigned i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "k%u", i);
        kvs[i] = KV_SLICE(names[i], slice_of(value, sizeof value));
    }
    kvs[99] = KV("last", "fits");
    event_tell(LEVEL_INFO, "e", kvs, 100);
    json_t *o = next(), *fields = json_object_get(o, "fields");
    cr_assert(json_is_true(json_object_get(fields, "cut")));
    cr_assert_str_eq(word(fields, "last"), "fits");
    json_decref(o);
}

Test(event, neither_who_nor_why_take_all_the_room)
{
    char value[300];

    memset(value, '\x01', sizeof value);
    for (size_t n = 0; n < sizeof value; n++) {
        const struct slice s = slice_of(value, n);
        event_info("e", KV_SLICE("who", s), KV_SLICE("reason", s), KV_SLICE("f", s));
        json_decref(next());
    }
}

Test(event, long_names_are_cut)
{
    event_info("a_name_that_is_longer_than_any_of_ours_and_longer_than_the_room");
    json_t *o = next();
    cr_assert_eq(strlen(word(o, "event")), EVENT_NAME_MAX - 1);
    json_decref(o);
}

/* -- the audit log ----------------------------------------------------------------------------- */

static char path[] = "/tmp/weir-test-event-XXXXXX";

static void open_audit(void)
{
    setup();
    close(mkstemp(path));
    cr_assert(audit_open(path));
}

static void close_audit(void)
{
    cr_assert(audit_open("off"));
    unlink(path);
}

TestSuite(event_audit, .init = open_audit, .fini = close_audit);

static json_t *last_line(void)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    json_t *o = NULL;

    while (f && fgets(text, sizeof text, f)) {
        json_decref(o);
        o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        cr_assert(o, "%s", text);
    }
    fclose(f);
    return o;
}

Test(event_audit, has_a_line_for_each_with_the_time_for_people)
{
    event_info("first");
    event_info("second", KV("a", "b"));
    json_t *o = last_line();
    cr_assert_eq(json_integer_value(json_object_get(o, "n")), 2);
    cr_assert_eq(strlen(word(o, "at")), strlen("2026-11-24T10:00:00.123456Z"));
    cr_assert_str_eq(word(o, "event"), "second");
    cr_assert_str_eq(word(json_object_get(o, "fields"), "a"), "b");
    cr_assert_eq(atomic_load(&shared.audit.written), 2);
    json_decref(o);
}

Test(event_audit, holds_more_than_the_ring)
{
    char value[3001];

    memset(value, 'v', sizeof value - 1);
    value[3000] = '\0';
    event_info("e", KV("long", value));
    json_t *o = last_line();
    cr_assert_str_eq(word(json_object_get(o, "fields"), "long"), value);
    json_decref(o);
}

Test(event_audit, is_bounded_too)
{
    static char value[30000];
    struct kv kvs[20];

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)(i % 31 + 1);
    for (size_t i = 0; i < 20; i++)
        kvs[i] = KV_SLICE("name", slice_of(value, sizeof value));
    event_tell(LEVEL_ERROR, "e", kvs, 1);
    json_t *o = last_line();
    cr_assert(json_is_true(json_object_get(json_object_get(o, "fields"), "cut")));
    json_decref(o);
    event_tell(LEVEL_ERROR, "e", kvs, 20);
    cr_assert_eq(atomic_load(&shared.audit.written), 2);
    cr_assert_eq(atomic_load(&shared.audit.lost), 0);
}
