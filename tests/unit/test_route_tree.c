/* SPDX-License-Identifier: Apache-2.0 */
/* The radix tree against what it must say, and against a naive search over random paths. */

#include "core/route/route_tree.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct route_tree_draft draft;

/* Leaves are told apart by n alone. */
static void add_exact(const char *path, uint32_t n)
{
    route_tree_draft_exact(&draft, arena_dup(&arena, slice_str(path)))->n = n;
}

static void add_prefix(const char *path, uint32_t n)
{
    route_tree_draft_prefix(&draft, arena_dup(&arena, slice_str(path)))->n = n;
}

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
    route_tree_draft_init(&draft);
}

static void tear_down(void)
{
    route_tree_draft_fini(&draft);
    arena_fini(&arena);
}

TestSuite(route_tree, .init = set_up, .fini = tear_down);

/* The exact leaf, then the prefixes from long to short: "7 3 1"; "0" for no exact one. */
static const char *found_in(const struct route_tree *tree, const char *path)
{
    static char out[256];
    const struct tree_hit hit = route_tree_find(tree, slice_str(path));
    int n = snprintf(out, sizeof out, "%u", hit.exact ? hit.exact->n : 0);
    for (const struct tree_node *p = hit.prefix; p; p = route_tree_shorter(p, slice_str(path)))
        n += snprintf(out + n, sizeof out - (size_t)n, " %u", p->prefix.n);
    return out;
}

/* As the draft stands now. */
static const char *found(const char *path)
{
    const struct route_tree tree = route_tree_pack(&draft, &arena);
    return found_in(&tree, path);
}

Test(route_tree, finds_nothing_when_empty)
{
    cr_assert_str_eq(found("/"), "0");
    cr_assert_str_eq(found(""), "0");
    cr_assert_str_eq(found("/a/b"), "0");
}

Test(route_tree, ends_prefixes_on_segment_boundaries)
{
    add_prefix("/a", 1);
    cr_assert_str_eq(found("/a"), "0 1");
    cr_assert_str_eq(found("/a/"), "0 1");
    cr_assert_str_eq(found("/a/b"), "0 1");
    cr_assert_str_eq(found("/ab"), "0");
    cr_assert_str_eq(found("/"), "0");
    cr_assert_str_eq(found("/b"), "0");
}

Test(route_tree, gives_prefixes_from_long_to_short)
{
    add_prefix("/a/b/c", 4);
    add_prefix("/a", 2);
    add_prefix("/a/b", 3);
    cr_assert_str_eq(found("/a/b/c/d"), "0 4 3 2");
    cr_assert_str_eq(found("/a/b/c"), "0 4 3 2");
    cr_assert_str_eq(found("/a/b/cc"), "0 3 2");
    cr_assert_str_eq(found("/a/bb/c"), "0 2");
    cr_assert_str_eq(found("/aa"), "0");
}

Test(route_tree, tells_exact_paths_from_prefixes)
{
    add_exact("/a", 7);
    add_prefix("/a", 1);
    add_exact("/a/", 8);
    cr_assert_str_eq(found("/a"), "7 1");
    cr_assert_str_eq(found("/a/"), "8 1");
    cr_assert_str_eq(found("/a/b"), "0 1");
}

Test(route_tree, finds_no_route_where_two_paths_part)
{
    add_exact("/abc", 1);
    add_exact("/abd", 2);
    add_exact("/ab", 3);
    cr_assert_str_eq(found("/abc"), "1");
    cr_assert_str_eq(found("/abd"), "2");
    cr_assert_str_eq(found("/ab"), "3");
    cr_assert_str_eq(found("/a"), "0");
    cr_assert_str_eq(found("/abe"), "0");
    cr_assert_str_eq(found("/abcd"), "0");
}

Test(route_tree, gives_the_same_leaf_for_the_same_path)
{
    struct path_routes *a = route_tree_draft_prefix(&draft, SLICE("/x"));
    cr_assert_eq(route_tree_draft_prefix(&draft, SLICE("/x")), a);
    cr_assert_neq(route_tree_draft_exact(&draft, SLICE("/x")), a);
    route_tree_draft_prefix(&draft, SLICE("/xyz"));
    route_tree_draft_prefix(&draft, SLICE("/"));
    cr_assert_eq(route_tree_draft_prefix(&draft, SLICE("/x")), a);
}

Test(route_tree, finds_the_empty_path)
{
    add_exact("", 3);
    add_exact("/", 4);
    cr_assert_str_eq(found(""), "3");
    cr_assert_str_eq(found("/"), "4");
    cr_assert_str_eq(found("*"), "0");
}

Test(route_tree, does_not_read_beyond_a_path)
{
    add_prefix("/abc", 1);
    add_exact("/abcdef", 2);
    for (size_t n = 0; n <= 7; n++) {
        char *path = malloc(n ? n : 1); /* so that a sanitizer sees it */
        memcpy(path, "/abcdef", n);
        const struct route_tree tree = route_tree_pack(&draft, &arena);
        const struct tree_hit hit = route_tree_find(&tree, slice_of(path, n));
        cr_assert_eq(hit.exact != NULL, n == 7);
        cr_assert_eq(hit.prefix != NULL, n == 4);
        free(path);
    }
}

Test(route_tree, has_room_for_every_first_byte)
{
    for (int c = 1; c < 256; c++) {
        const char path[] = {'/', (char)c, '\0'};
        add_exact(path, (uint32_t)c);
    }
    for (int c = 1; c < 256; c++) {
        const char path[] = {'/', (char)c, '\0'};
        cr_assert_eq(atoi(found(path)), c);
    }
}

/* -- against a naive search -------------------------------------------------------------------- */

enum { PATHS = 300, QUESTIONS = 3000 };

static struct {
    char text[32];
    bool exact, prefix;
} paths[PATHS];

/* Short segments over two letters, so that paths share much. */
static void random_path(char out[32])
{
    int n = 0;
    const int segments = rand() % 5;
    for (int i = 0; i < segments; i++) {
        out[n++] = '/';
        for (int k = rand() % 3 + 1; k > 0; k--)
            out[n++] = "ab"[rand() % 2];
    }
    if (n == 0)
        n = sprintf(out, "/a"); /* the prefix "/" isn't the tree's */
    out[n] = '\0';
}

static bool is_prefix_of(const char *prefix, const char *path)
{
    const size_t n = strlen(prefix);
    return strncmp(prefix, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* What found() must say: leaf i has the number i + 1. */
static void naive(const char *path, char *out, size_t size)
{
    int n = 0, exact = 0;
    for (int i = 0; i < PATHS; i++)
        if (paths[i].exact && strcmp(paths[i].text, path) == 0)
            exact = i + 1;
    n = snprintf(out, size, "%d", exact);
    for (size_t len = strlen(path); len > 0; len--)
        for (int i = 0; i < PATHS; i++)
            if (paths[i].prefix && strlen(paths[i].text) == len &&
                is_prefix_of(paths[i].text, path))
                n += snprintf(out + n, size - (size_t)n, " %d", i + 1);
}

Test(route_tree, agrees_with_a_naive_search)
{
    srand(1);
    for (int i = 0; i < PATHS; i++) {
        random_path(paths[i].text);
        paths[i].exact = rand() % 2;
        paths[i].prefix = rand() % 2;
        for (int k = 0; k < i; k++) /* each path once */
            if (strcmp(paths[k].text, paths[i].text) == 0)
                paths[i].exact = paths[i].prefix = false;
        if (paths[i].exact)
            add_exact(paths[i].text, (uint32_t)i + 1);
        if (paths[i].prefix)
            add_prefix(paths[i].text, (uint32_t)i + 1);
    }
    for (int i = 0; i < QUESTIONS; i++) {
        char path[32], expected[256];
        random_path(path);
        naive(path, expected, sizeof expected);
        cr_assert_str_eq(found(path), expected, "%s: %s instead of %s", path, found(path),
                         expected);
    }
}
