/* SPDX-License-Identifier: Apache-2.0 */
/* The option-table engine by a table of the test's own, and the value parsers. */
#include "config/option.h"

#include <criterion/criterion.h>

#include "base/text.h"

struct leaf {
    struct place place;
    struct slice name;
    int64_t size;
};

struct tree {
    bool on;
    int64_t count;
    uint64_t wait, room;
    uint32_t share;
    struct slice text;
    int color;
    struct texts words;
    struct {
        int64_t depth;
    } inner;
    struct leaf *leaves;
    size_t leaves_n;
    struct leaf *named;
    size_t named_n;
    int custom;
    int checked;
};

static void leaf_prepare(struct option_reader *r, void *element)
{
    const struct tree *t = r->root;
    ((struct leaf *)element)->size = t->count;
}

static void leaf_check(struct option_reader *r, const config_setting_t *s, void *element)
{
    cr_assert(config_setting_is_group(s));
    ((struct tree *)r->root)->checked += (int)((struct leaf *)element)->size;
}

static void read_custom(struct option_reader *r, const config_setting_t *s, void *field)
{
    (void)r;
    *(int *)field = s ? 1 : -1;
}

static const char *const colors[] = {"red", "green", "blue", NULL};
static const struct option leaf_options[] = {
    OPTION_TEXT("name", struct leaf, name, NULL, "its name", .required = true),
    OPTION_INT("size", struct leaf, size, NULL, 0, 99, "its size"),
    OPTION_END,
};
static const struct option inner_options[] = {
    OPTION_INT("depth", struct tree, inner.depth, "7", 1, 9, "how deep"),
    OPTION_END,
};
static const struct option tree_options[] = {
    OPTION_BOOL("on", struct tree, on, "true", "whether"),
    OPTION_INT("count", struct tree, count, "3", -5, 10, "how many"),
    OPTION_MS("wait", struct tree, wait, "2s", 1, 60000, "how long"),
    OPTION_SIZE("room", struct tree, room, "64k", 1024, 1 << 20, "how large"),
    OPTION_PERCENT("share", struct tree, share, "2.5%", "how much"),
    OPTION_TEXT("text", struct tree, text, "plain", "which words"),
    OPTION_CHOICE("color", struct tree, color, "green", colors, "which color"),
    OPTION_TEXTS("words", struct tree, words, "some words"),
    OPTION_SUB("inner", inner_options, "what is inside"),
    OPTION_LIST("leaves", struct tree, leaves, leaf_options, struct leaf, leaf_prepare, "in a list",
                .check = leaf_check),
    OPTION_MAP("named", struct tree, named, leaf_options, struct leaf, leaf_prepare, "by name"),
    OPTION_CUSTOM("custom", struct tree, custom, read_custom, "none", "anything", "as it likes"),
    OPTION_END,
};

struct reading {
    struct arena arena;
    struct faults faults;
    struct option_reader r;
    struct tree t;
};

static void reading_run(struct reading *rd, const char *text)
{
    config_t tree;
    arena_init(&rd->arena, NULL, 0);
    faults_init(&rd->faults);
    rd->t = (struct tree){.checked = 0};
    rd->r = (struct option_reader){
        .arena = &rd->arena, .faults = &rd->faults, .root = &rd->t, .file = "f"};
    config_init(&tree);
    cr_assert(config_read_string(&tree, text), "%s", config_error_text(&tree));
    option_read(&rd->r, config_root_setting(&tree), tree_options, &rd->t);
    config_destroy(&tree);
}

static void reading_fini(struct reading *rd)
{
    arena_fini(&rd->arena);
    faults_fini(&rd->faults);
}

/* The text gives just this line, and every field has its default all the same. */
static void expect(const char *text, const char *line)
{
    struct reading rd;
    reading_run(&rd, text);
    cr_assert_eq(rd.faults.errors, 1, "%s", text);
    cr_assert_str_eq(fault_line(rd.faults.first, &rd.faults.arena), line);
    cr_assert_eq(rd.t.count, 3);
    cr_assert_eq(rd.t.wait, 2000);
    cr_assert_eq(rd.t.room, 65536);
    cr_assert_eq(rd.t.share, 25000);
    cr_assert_eq(rd.t.color, 1);
    cr_assert_eq(rd.t.inner.depth, 7);
    reading_fini(&rd);
}

Test(option, absent_settings_have_their_defaults)
{
    struct reading rd;
    reading_run(&rd, "");
    cr_assert_eq(rd.faults.errors, 0);
    cr_assert(rd.t.on);
    cr_assert_eq(rd.t.count, 3);
    cr_assert_eq(rd.t.wait, 2000);
    cr_assert_eq(rd.t.room, 65536);
    cr_assert_eq(rd.t.share, 25000);
    cr_assert(slice_eq(rd.t.text, SLICE("plain")));
    cr_assert_eq(rd.t.color, 1);
    cr_assert_eq(rd.t.words.n, 0);
    cr_assert_eq(rd.t.inner.depth, 7);
    cr_assert_eq(rd.t.leaves_n, 0);
    cr_assert_eq(rd.t.named_n, 0);
    cr_assert_eq(rd.t.custom, -1);
    reading_fini(&rd);
}

Test(option, values_of_every_kind_are_stored)
{
    struct reading rd;
    reading_run(&rd, "on = false; count = -5; wait = \"1m\"; room = 2048; share = \"100%\";"
                     "text = \"a\" \"b\"; color = \"blue\"; words = [ \"x\", \"y\" ];"
                     "inner = { depth = 9; }; custom = ( 1 );");
    cr_assert_eq(rd.faults.errors, 0);
    cr_assert(!rd.t.on);
    cr_assert_eq(rd.t.count, -5);
    cr_assert_eq(rd.t.wait, 60000);
    cr_assert_eq(rd.t.room, 2048);
    cr_assert_eq(rd.t.share, 1000000);
    cr_assert_str_eq(rd.t.text.p, "ab");
    cr_assert_eq(rd.t.color, 2);
    cr_assert_eq(rd.t.words.n, 2);
    cr_assert_str_eq(rd.t.words.v[1].p, "y");
    cr_assert_eq(rd.t.inner.depth, 9);
    cr_assert_eq(rd.t.custom, 1);
    reading_fini(&rd);
}

Test(option, a_long_integer_is_a_number_too)
{
    struct reading rd;
    reading_run(&rd, "count = 10L; room = 1048576L;");
    cr_assert_eq(rd.faults.errors, 0);
    cr_assert_eq(rd.t.count, 10);
    cr_assert_eq(rd.t.room, 1048576);
    reading_fini(&rd);
}

Test(option, elements_have_their_place_and_inherit)
{
    struct reading rd;
    reading_run(&rd, "named = { a = { name = \"x\"; };\n b = { name = \"y\"; size = 4; }; };\n"
                     "leaves = ( { name = \"p\"; },\n { name = \"q\"; size = 1; } );\n"
                     "count = 5;");
    cr_assert_eq(rd.faults.errors, 0);
    cr_assert_eq(rd.t.leaves_n, 2);
    cr_assert_eq(rd.t.leaves[0].size, 5, "the order of the table counts, not that of the file");
    cr_assert_eq(rd.t.leaves[1].size, 1);
    cr_assert_eq(rd.t.leaves[1].place.index, 1);
    cr_assert_eq(rd.t.leaves[1].place.line, 4);
    cr_assert_str_eq(rd.t.leaves[1].place.file, "f");
    cr_assert_eq(rd.t.leaves[1].place.name.n, 0);
    cr_assert_eq(rd.t.checked, 6);
    cr_assert_eq(rd.t.named_n, 2);
    cr_assert_str_eq(rd.t.named[1].place.name.p, "b");
    cr_assert_eq(rd.t.named[0].size, 5);
    cr_assert_eq(rd.t.named[1].size, 4);
    reading_fini(&rd);
}

Test(option, empty_lists_are_lists)
{
    struct reading rd;
    reading_run(&rd, "leaves = ( ); named = { }; words = [ ];");
    cr_assert_eq(rd.faults.errors, 0);
    reading_fini(&rd);
    reading_run(&rd, "leaves = [ ]; words = ( );");
    cr_assert_eq(rd.faults.errors, 0);
    reading_fini(&rd);
}

Test(option, a_value_that_is_wrong_is_shown_with_what_is_right)
{
    expect("\ncount = 11;", "f:2: error: count is 11; a whole number from -5 to 10");
    expect("count = \"3\";", "f:1: error: count is \"3\"; a whole number from -5 to 10");
    expect("count = 1.5;", "f:1: error: count is 1.5; a whole number from -5 to 10");
    expect("on = 1;", "f:1: error: on is 1; true or false");
    expect("wait = \"3\";", "f:1: error: wait is \"3\"; a duration such as \"250ms\", \"3s\" or "
                            "\"5m\", from 1ms to 1m");
    expect("wait = \"61s\";",
           "f:1: error: wait is \"61s\"; a duration such as \"250ms\", \"3s\" or "
           "\"5m\", from 1ms to 1m");
    expect("wait = 3;", "f:1: error: wait is 3; a duration such as \"250ms\", \"3s\" or \"5m\", "
                        "from 1ms to 1m (a number alone has no unit)");
    expect("room = \"20x\";", "f:1: error: room is \"20x\"; a size such as 8192, \"64k\" or "
                              "\"1m\", from 1k to 1m");
    expect("room = -1;", "f:1: error: room is -1; a size such as 8192, \"64k\" or \"1m\", from 1k "
                         "to 1m");
    expect("share = \"101%\";", "f:1: error: share is \"101%\"; a percentage from \"0%\" to "
                                "\"100%\", such as \"2.5%\"");
    expect("text = true;", "f:1: error: text is true; a text in quotes");
    expect("color = \"yellow\";",
           "f:1: error: color is \"yellow\"; one of \"red\", \"green\" or \"blue\"");
    expect("color = \"gren\";", "f:1: error: color is \"gren\"; one of \"red\", \"green\" or "
                                "\"blue\"; did you mean \"green\"?");
    expect("words = 3;", "f:1: error: words is 3; a text or a list of texts: [ \"a\", \"b\" ]");
    expect("words = ( \"a\", 3 );", "f:1: error: words[1] is 3; a text in quotes");
    expect("inner = 3;", "f:1: error: inner is 3; a group: { ... }");
    expect("inner = { depth = 0; };", "f:1: error: inner.depth is 0; a whole number from 1 to 9");
    expect("leaves = { };",
           "f:1: error: leaves is a group; a list of groups: ( { ... }, { ... } )");
    expect("leaves = ( 3 );", "f:1: error: leaves[0] is 3; a group: { ... }");
    expect("named = ( );",
           "f:1: error: named is an empty list; a group of named groups: { name = { ... }; }");
    expect("named = { a = [ 1 ]; };", "f:1: error: named.a is a list; a group: { ... }");
}

Test(option, long_and_binary_texts_are_shown_safely)
{
    expect("count = \"a\\x1b[1m\\x7f\";",
           "f:1: error: count is \"a\\x1b[1m\\x7f\"; a whole number from -5 to 10");
    expect("count = \"0123456789012345678901234567890123456789012345678901234567890123456789"
           "01234567890123456789\";",
           "f:1: error: count is \"01234567890123456789012345678901234567890123456789012345678901"
           "234567890123456789...\"; a whole number from -5 to 10");
}

Test(option, an_unknown_setting_gets_the_nearest_name_or_all)
{
    expect("cuont = 3;", "f:1: error: unknown setting cuont; did you mean \"count\"?");
    expect("inner = {\n dpth = 3; };",
           "f:2: error: unknown setting inner.dpth; did you mean \"depth\"?");
    expect("leaves = ( { name = \"a\"; zzzzzz = 1; } );",
           "f:1: error: unknown setting leaves[0].zzzzzz; known here: name, size");
    expect("x = 1;", "f:1: error: unknown setting x; known here: on, count, wait, room, share, "
                     "text, color, words, inner, leaves, named, custom");
}

Test(option, a_required_setting_that_is_absent_is_named)
{
    expect("leaves = ( { name = \"a\"; },\n { size = 3; } );",
           "f:2: error: leaves[1].name is missing: its name");
    expect("named = { x = { }; };", "f:1: error: named.x.name is missing: its name");
}

Test(option, every_mistake_is_found)
{
    struct reading rd;
    reading_run(&rd, "on = 1; count = 99; foo = 1; leaves = ( 1, { }, { name = 2; bar = 3; } );");
    cr_assert_eq(rd.faults.errors, 7);
    reading_fini(&rd);
}

Test(option, hints_are_searched_for_so_many_mistakes_only)
{
    struct text t;
    struct reading rd;
    text_init(&t);
    text_str(&t, "leaves = ( ");
    for (int i = 0; i < HINTS_MAX + 1; i++)
        text_printf(&t, "%s{ name = \"a\"; sise = 1; }", i ? ", " : "");
    text_str(&t, " );");
    text_char(&t, 0);
    reading_run(&rd, t.p);
    size_t hints = 0;
    for (struct fault *f = rd.faults.first; f; f = f->next)
        hints += strstr(f->text, "did you mean \"size\"?") != NULL;
    cr_assert_eq(rd.faults.errors, HINTS_MAX + 1);
    cr_assert_eq(hints, HINTS_MAX);
    text_fini(&t);
    reading_fini(&rd);
}

/* -- rows for the rest, secrets, tables from elsewhere ----------------------------------------- */

struct bag {
    bool on;
    struct texts rest;
};

/* Names that begin with "x" are known; the order is that of the file. */
static bool take_x(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts *t = field;
    const struct slice name = slice_str(config_setting_name(s));
    cr_assert_str_eq(r->row->name, "");
    if (!slice_starts(name, SLICE("x")))
        return false;
    t->v = t->v ? t->v : ARENA_ARRAY(r->arena, struct slice, 8);
    t->v[t->n++] = arena_dup(r->arena, name);
    return true;
}

static const char *const *others(struct option_reader *r)
{
    static const char *const names[] = {"xylophone", NULL};
    (void)r;
    return names;
}

static const struct option bag_options[] = {
    OPTION_BOOL("on", struct bag, on, "true", "whether"),
    OPTION_REST(offsetof(struct bag, rest), take_x, others, "what begins with x"),
    OPTION_END,
};

static void read_bag(const char *text, struct bag *b, struct reading *rd)
{
    config_t tree;
    reading_run(rd, "");
    *b = (struct bag){0};
    config_init(&tree);
    cr_assert(config_read_string(&tree, text));
    option_read(&rd->r, config_root_setting(&tree), bag_options, b);
    config_destroy(&tree);
}

Test(option, a_row_takes_the_rest)
{
    struct reading rd;
    struct bag b;
    read_bag("x2 = 1; on = false; x1 = { on = 3; };", &b, &rd);
    cr_assert_eq(rd.faults.errors, 0);
    cr_assert(!b.on && b.rest.n == 2);
    cr_assert(slice_eq(b.rest.v[0], SLICE("x2")) && slice_eq(b.rest.v[1], SLICE("x1")));
    cr_assert_null(rd.r.row);
    reading_fini(&rd);
}

Test(option, what_the_rest_does_not_take_is_unknown)
{
    struct reading rd;
    struct bag b;
    read_bag("yylophone = 1;\nonn = true;\nquestion = 1;", &b, &rd);
    const struct fault *f = rd.faults.first;
    cr_assert_str_eq(f->text, "unknown setting yylophone; did you mean \"xylophone\"?");
    cr_assert_str_eq(f->next->text, "unknown setting onn; did you mean \"on\"?");
    cr_assert_str_eq(f->next->next->text, "unknown setting question; known here: on, xylophone, and what begins with x");
    reading_fini(&rd);
}

Test(option, secrets_are_not_shown)
{
    static const char *const suits[] = {"hearts", "spades", NULL};
    static const struct option rows[] = {
        OPTION_CHOICE("suit", struct tree, color, "spades", suits, "which suit", .secret = true),
        OPTION_TEXTS("words", struct tree, words, "which words", .secret = true),
        OPTION_INT("count", struct tree, count, "3", 1, 5, "how many"),
        OPTION_END,
    };
    struct reading rd;
    config_t tree;
    reading_run(&rd, "");
    config_init(&tree);
    cr_assert(config_read_string(&tree, "suit = \"spadse\"; words = ( \"a\", 4711 ); count = 9;"));
    option_read(&rd.r, config_root_setting(&tree), rows, &rd.t);
    const struct fault *f = rd.faults.first;
    cr_assert_str_eq(f->text, "suit is wrong (it is secret and not shown); one of \"hearts\" or "
                              "\"spades\"");
    cr_assert_str_eq(f->next->text,
                     "words[1] is wrong (it is secret and not shown); a text in quotes");
    cr_assert_str_eq(f->next->next->text, "count is 9; a whole number from 1 to 5");
    config_destroy(&tree);
    reading_fini(&rd);
}

Test(option, defaults_can_be_tried)
{
    static const struct option good[] = {
        OPTION_BOOL("b", struct tree, on, "false", "h"),
        OPTION_INT("i", struct tree, count, "5", 5, 5, "h"),
        OPTION_MS("m", struct tree, wait, "1s", 0, 1000, "h"),
        OPTION_PERCENT("p", struct tree, share, "100%", "h"),
        OPTION_TEXT("t", struct tree, text, "", "h"),
        OPTION_CHOICE("c", struct tree, color, "blue", colors, "h"),
        OPTION_TEXT("n", struct tree, text, NULL, "h"),
    };
    static const struct option bad[] = {
        OPTION_BOOL("b", struct tree, on, "yes", "h"),
        OPTION_INT("i", struct tree, count, "6", 5, 5, "h"),
        OPTION_INT("i", struct tree, count, "-1", -5, 5, "h"),
        OPTION_INT("i", struct tree, count, "99999999999999999999", -5, 5, "h"),
        OPTION_MS("m", struct tree, wait, "2s", 0, 1000, "h"),
        OPTION_SIZE("s", struct tree, room, "k", 0, 1000, "h"),
        OPTION_PERCENT("p", struct tree, share, "101%", "h"),
        OPTION_CHOICE("c", struct tree, color, "pink", colors, "h"),
    };
    for (size_t i = 0; i < array_n(good); i++)
        cr_assert(option_preset_ok(&good[i]), "%zu", i);
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert_not(option_preset_ok(&bad[i]), "%zu", i);
}

Test(option, durations_have_a_unit)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"0s", 0},      {"0ms", 0},      {"250ms", 250},   {"3s", 3000},
                {"5m", 300000}, {"2h", 7200000}, {"1d", 86400000}, {"007s", 7000}};
    for (size_t i = 0; i < array_n(good); i++) {
        uint64_t ms = 1;
        cr_assert(option_parse_ms(slice_str(good[i].text), &ms), "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms);
    }
    const char *const bad[] = {"",
                               "s",
                               "3",
                               "3 s",
                               " 3s",
                               "3S",
                               "3sec",
                               "-3s",
                               "+3s",
                               "1.5s",
                               "1h30m",
                               "213503982335d",
                               "18446744073709551616ms"};
    for (size_t i = 0; i < array_n(bad); i++) {
        uint64_t ms;
        cr_assert(!option_parse_ms(slice_str(bad[i]), &ms), "%s", bad[i]);
    }
}

Test(option, sizes_are_powers_of_1024)
{
    uint64_t n;
    cr_assert(option_parse_size(SLICE("512"), &n) && n == 512);
    cr_assert(option_parse_size(SLICE("64k"), &n) && n == 65536);
    cr_assert(option_parse_size(SLICE("16m"), &n) && n == 16777216);
    cr_assert(option_parse_size(SLICE("2g"), &n) && n == 2147483648);
    const char *const bad[] = {"", "k", "64 k", "64kb", "64K", "-1k", "1.5k", "17179869184g"};
    for (size_t i = 0; i < array_n(bad); i++)
        cr_assert(!option_parse_size(slice_str(bad[i]), &n), "%s", bad[i]);
}

Test(option, percentages_are_exact_to_a_millionth)
{
    static const struct {
        const char *text;
        uint32_t millionths;
    } good[] = {{"0%", 0},      {"100%", 1000000},    {"2.5%", 25000},
                {"0.0001%", 1}, {"99.9999%", 999999}, {"100.0%", 1000000}};
    for (size_t i = 0; i < array_n(good); i++) {
        uint32_t v = 7;
        cr_assert(option_parse_percent(slice_str(good[i].text), &v), "%s", good[i].text);
        cr_assert_eq(v, good[i].millionths);
    }
    const char *const bad[] = {"",    "%",         "5",    "5 %",      ".5%",  "5.%",
                               "-1%", "100.0001%", "101%", "0.00001%", "1e1%", "5%%"};
    for (size_t i = 0; i < array_n(bad); i++) {
        uint32_t v;
        cr_assert(!option_parse_percent(slice_str(bad[i]), &v), "%s", bad[i]);
    }
}

static void expect_print(void (*print)(struct text *t, uint64_t v), uint64_t v, const char *text)
{
    struct text t;
    text_init(&t);
    print(&t, v);
    cr_assert(slice_eq(text_slice(&t), slice_str(text)), "%.*s is not %s", (int)t.n, t.p, text);
    text_fini(&t);
}

Test(option, values_are_printed_in_the_largest_unit_that_divides)
{
    expect_print(option_print_ms, 0, "0s");
    expect_print(option_print_ms, 1, "1ms");
    expect_print(option_print_ms, 1500, "1500ms");
    expect_print(option_print_ms, 90000, "90s");
    expect_print(option_print_ms, 3600000, "1h");
    expect_print(option_print_ms, 2592000000, "30d");
    expect_print(option_print_size, 0, "0");
    expect_print(option_print_size, 1000, "1000");
    expect_print(option_print_size, 1024, "1k");
    expect_print(option_print_size, 1536 * 1024, "1536k");
    expect_print(option_print_size, UINT64_C(1) << 40, "1024g");
}
