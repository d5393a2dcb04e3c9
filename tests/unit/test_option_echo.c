/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration: what the file says, with the defaults of what it doesn't, and no
 * secrets. */
#include "config/config.h"
#include "config/option.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"

struct thing {
    struct place place;
    bool on;
    int64_t count;
    uint64_t wait, room;
    uint32_t share;
    struct slice text, key;
    int color, custom;
    struct texts words;
    int64_t depth;
    struct thing *list;
    size_t list_n;
};

static void read_custom(struct option_reader *r, const config_setting_t *s, void *field)
{
    (void)r;
    *(int *)field = s != NULL;
}

static const char *const colors[] = {"red", "green", NULL};
static const struct option inner_rows[] = {
    OPTION_INT("depth", struct thing, depth, "7", 1, 9, "how deep"),
    OPTION_END,
};
static const struct option custom_rows[] = {
    OPTION_TEXT("token", struct thing, key, NULL, "a secret", .secret = true),
    OPTION_TEXT("user", struct thing, text, NULL, "no secret"),
    OPTION_END,
};
static const struct option leaf_rows[] = {
    OPTION_INT("count", struct thing, count, "3", 0, 9, "how many"),
    OPTION_END,
};
static const struct option rows[] = {
    OPTION_BOOL("on", struct thing, on, "true", "on or off"),
    OPTION_INT("count", struct thing, count, "3", 0, 9, "how many"),
    OPTION_MS("wait", struct thing, wait, "90s", 0, INT64_MAX, "how long"),
    OPTION_SIZE("room", struct thing, room, "64k", 0, INT64_MAX, "how large"),
    OPTION_PERCENT("share", struct thing, share, "2.5%", "which part"),
    OPTION_TEXT("text", struct thing, text, NULL, "a text"),
    OPTION_TEXT("key", struct thing, key, "hidden", "a secret", .secret = true),
    OPTION_CHOICE("color", struct thing, color, "green", colors, "a color"),
    OPTION_TEXTS("words", struct thing, words, "words"),
    OPTION_SUB("inner", inner_rows, "a group"),
    OPTION_SUB("maybe", inner_rows, "a group that may be absent", .optional = true),
    OPTION_CUSTOM("custom", struct thing, custom, read_custom, "[ \"a\" ]", "anything", "whatever",
                  .rows = custom_rows),
    OPTION_LIST("list", struct thing, list, leaf_rows, struct thing, NULL, "a list"),
    OPTION_END,
};

static void check(const char *text, const char *expected)
{
    struct arena a;
    struct faults faults;
    struct text echo;
    struct thing t = {0};
    config_t tree;
    arena_init(&a, NULL, 0);
    faults_init(&faults);
    text_init(&echo);
    config_init(&tree);
    cr_assert(config_read_string(&tree, text));
    struct option_reader r = {
        .arena = &a, .faults = &faults, .root = &t, .file = "t.conf", .echo = &echo};
    option_read(&r, config_root_setting(&tree), rows, &t);
    json_t *got = json_loadb(echo.p, echo.n, 0, NULL), *want = json_loads(expected, 0, NULL);
    cr_assert(want, "the test is wrong");
    cr_assert(json_equal(got, want), "%.*s", (int)echo.n, echo.p);
    json_decref(got);
    json_decref(want);
    config_destroy(&tree);
    text_fini(&echo);
    faults_fini(&faults);
    arena_fini(&a);
}

Test(option_echo, shows_defaults_where_nothing_is_said)
{
    check("", "{\"on\":true,\"count\":3,\"wait\":\"90s\",\"room\":\"64k\",\"share\":\"2.5%\","
              "\"text\":null,\"key\":\"***\",\"color\":\"green\",\"words\":[],"
              "\"inner\":{\"depth\":7},\"custom\":[\"a\"],\"list\":[]}");
}

Test(option_echo, shows_what_the_file_says_but_no_secret)
{
    check(
        "on = false; count = 4; wait = \"1500ms\"; room = 1000; share = \"0.01%\"; text = "
        "\"x\\\"y\"; key = \"topsecret\"; color = \"red\"; words = [ \"a\", \"b\" ]; maybe = { }; "
        "custom = ( { token = \"topsecret\"; user = \"ann\"; }, \"text\", 5, true ); "
        "list = ( { }, { count = 5; } );",
        "{\"on\":false,\"count\":4,\"wait\":\"1500ms\",\"room\":\"1000\",\"share\":\"0.01%\","
        "\"text\":\"x\\\"y\",\"key\":\"***\",\"color\":\"red\",\"words\":[\"a\",\"b\"],"
        "\"inner\":{\"depth\":7},\"maybe\":{\"depth\":7},"
        "\"custom\":[{\"token\":\"***\",\"user\":\"ann\"},\"text\",5,true],"
        "\"list\":[{\"count\":3},{\"count\":5}]}");
}

/* Read by the whole configuration: what it shows is JSON. */
Test(option_echo, of_a_whole_configuration_is_json)
{
    struct faults faults;
    faults_init(&faults);
    struct config *c = config_parse(
        "listeners = ( { name = \"a\"; bind = \"127.0.0.1:80\"; redirect_to_https = { port = 8443; "
        "}; } ); clusters = { c = { endpoints = ( { address = \"127.0.0.1:9\"; weight = 3; } ); }; "
        "};"
        "routes = ( { match = { headers = ( { name = \"x\"; present = false; } ); }; cluster = "
        "\"c\"; } );",
        "t.conf", NULL, &faults);
    cr_assert(c, "%s", faults.first ? faults.first->text : "");
    json_t *o = json_loadb(c->effective.p, c->effective.n, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_object(o), "%.*s", (int)c->effective.n, c->effective.p);
    const json_t *route = json_array_get(json_object_get(o, "routes"), 0);
    cr_assert(json_object_get(route, "match") && !json_object_get(route, "redirect"));
    cr_assert(json_is_null(json_object_get(json_object_get(o, "admin"), "role")),
              "a choice that is made later has none of the words");
    json_decref(o);
    config_free(c);
    faults_fini(&faults);
}
