/* SPDX-License-Identifier: Apache-2.0 */
/* Which configurations the master remembers. */
#include "process/history.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct conf_texts *text(const char *s)
{
    struct conf_texts *t = conf_texts_new(SLICE("/etc"));
    conf_texts_add(t, SLICE("weir.conf"), slice_str(s));
    return t;
}

static const char *said(const struct conf_texts *t)
{
    return t ? t->v[0].text.p : "";
}

static void note(struct history *h, const char *s, bool rolled_back)
{
    struct conf_texts *t = text(s);
    history_note(h, t, rolled_back);
    conf_texts_release(t);
}

Test(history, remembers_the_last_one_that_was_another)
{
    struct history h = {0};
    note(&h, "a", false);
    cr_assert(!h.previous);
    note(&h, "a", false);
    cr_assert(!h.previous);
    note(&h, "b", false);
    cr_assert_str_eq(said(h.previous), "a");
    note(&h, "b", false);
    cr_assert_str_eq(said(h.previous), "a");
    cr_assert_str_eq(said(h.in_force), "b");
    history_fini(&h);
}

Test(history, goes_back_and_forth)
{
    struct history h = {0};
    note(&h, "a", false);
    note(&h, "b", false);
    history_note(&h, h.previous, true);
    cr_assert_str_eq(said(h.in_force), "a");
    cr_assert_str_eq(said(h.previous), "b");
    cr_assert(h.rolled_back);
    history_note(&h, h.previous, true);
    cr_assert_str_eq(said(h.in_force), "b");
    cr_assert_str_eq(said(h.previous), "a");
    note(&h, "c", false);
    cr_assert_str_eq(said(h.previous), "b");
    cr_assert(!h.rolled_back);
    history_fini(&h);
}

Test(history, is_handed_over)
{
    struct history h = {0}, other;
    cr_assert(history_read(&other, history_write(&h)));
    cr_assert(!other.in_force && !other.previous);
    note(&h, "a", false);
    note(&h, "b", true);
    cr_assert(history_read(&other, history_write(&h)));
    cr_assert_str_eq(said(other.in_force), "b");
    cr_assert_str_eq(said(other.previous), "a");
    cr_assert(other.rolled_back);
    history_fini(&h);
    history_fini(&other);
}

Test(history, that_can_not_be_read_is_none)
{
    struct history h;
    int pipes[2];
    static const char *const wrong[] = {"", "weir-history 2 file 0\n", "weir-history 1 file 3\n",
                                        "weir-history 1 file 1\n", "weir-history 1 file x\n"};
    for (size_t i = 0; i < array_n(wrong); i++) {
        cr_assert_eq(pipe(pipes), 0);
        cr_assert_eq(write(pipes[1], wrong[i], strlen(wrong[i])), (ssize_t)strlen(wrong[i]));
        close(pipes[1]);
        cr_assert(!history_read(&h, pipes[0]), "%s", wrong[i]);
        cr_assert(!h.in_force && !h.previous);
    }
}
