/* SPDX-License-Identifier: Apache-2.0 */
/* Goes down both values at once, a step of `way` for each level. Recursion is bounded by
 * JSON_DEPTH. */
#include "mirror/json_diff.h"

struct walk {
    const struct json_diff *d;
    struct json_way way;
    unsigned found;
};

static void compare(struct walk *w, const json_t *a, const json_t *b);

static bool is_full(const struct walk *w)
{
    return w->found >= JSON_DIFFERENCES;
}

/* One level down. */
static void compare_at(struct walk *w, struct json_step step, const json_t *a, const json_t *b)
{
    if (is_full(w))
        return;
    w->way.steps[w->way.n++] = step;
    if (!json_patterns_match(w->d->ignored, w->d->ignored_n, &w->way))
        compare(w, a, b);
    w->way.n--;
}

static void compare_objects(struct walk *w, json_t *a, json_t *b)
{
    const char *name;
    json_t *value;
    json_object_foreach(a, name, value)
        compare_at(w, (struct json_step){.name = name}, value, json_object_get(b, name));
    json_object_foreach(b, name, value) if (!json_object_get(a, name))
        compare_at(w, (struct json_step){.name = name}, NULL, value);
}

static void compare_arrays(struct walk *w, const json_t *a, const json_t *b)
{
    const size_t a_n = json_array_size(a), b_n = json_array_size(b);
    for (size_t i = 0; i < a_n || i < b_n; i++) {
        if (is_full(w))
            return;
        compare_at(w, (struct json_step){.index = i}, json_array_get(a, i), json_array_get(b, i));
    }
}

static bool same_leaf(const json_t *a, const json_t *b)
{
    if (!a || !b)
        return false;
    if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static void compare(struct walk *w, const json_t *a, const json_t *b)
{
    const bool deeper = w->way.n < JSON_DEPTH;
    if (deeper && json_is_object(a) && json_is_object(b)) {
        /* Iterating takes a pointer to non-const, and changes nothing. */
        compare_objects(w, (json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b);
    } else if (deeper && json_is_array(a) && json_is_array(b)) {
        compare_arrays(w, a, b);
    } else if (!same_leaf(a, b)) {
        w->found++;
        w->d->fn(w->d->ctx, &w->way, a, b);
    }
}

unsigned json_diff(const struct json_diff *d, const json_t *a, const json_t *b)
{
    struct walk w = {.d = d};
    compare(&w, a, b);
    return w.found;
}
