/* SPDX-License-Identifier: Apache-2.0 */
/* Files of modules: what is read at load, by whom it is seen, and what the watch takes over later.
 * The clock is the test's, and so are the times of modification. */

#include "core/module/watched_file.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "core/generation.h"
#include "io/loop.h"
#include "io/shm.h"

enum { CAPACITY = 100, BEGAN_S = 1700000000 };

static struct shm *shm;
static struct loop loop;
static struct faults faults;
static char folder[] = "/tmp/weir-file-XXXXXX", path[64], told[4096];

/* One generation with a file, as a process that was forked from the master sees it. */
struct side {
    struct config config;
    struct module_plan plan;
    struct generation g;
    struct weir_blob *blob;
    struct file_watch *watch;
};
static struct side old, next;

static const struct weir_module auth = {.name = "auth"};
static const struct module auth_module = {.desc = &auth};
static const struct weir_place place = {.file = "weir.conf", .line = 12};

static void on_log(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s\n", SLICE_ARG(line));
}

/* Another mtime with every write, long ago: nothing is young but what a test says is. */
static void set_mtime(int64_t s)
{
    const struct timespec times[2] = {{.tv_sec = s}, {.tv_sec = s}};
    cr_assert(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void write_to(const char *where, const char *text)
{
    FILE *f = fopen(where, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void write_in_place(const char *text)
{
    static int64_t s = BEGAN_S - 1000;
    write_to(path, text);
    set_mtime(s++);
}

static void replace(const char *text)
{
    char other[80];
    snprintf(other, sizeof other, "%s.new", path);
    write_to(other, text);
    cr_assert(rename(other, path) == 0);
    set_mtime(BEGAN_S - 500);
}

static struct weir_blob *load(struct side *s, size_t capacity)
{
    arena_init(&s->g.arena, NULL, 0);
    s->g.config = &s->config;
    s->g.modules = &s->plan;
    struct weir_load l = {.g = &s->g,
                          .shm = shm,
                          .arena = &s->g.arena,
                          .faults = &faults,
                          .module = &auth_module,
                          .key = ""};
    s->blob = weir_file(&l, &place, (struct weir_slice){path, strlen(path)}, capacity);
    return s->blob;
}

static void start(struct side *s)
{
    cr_assert(load(s, CAPACITY));
    s->watch = file_watch_start(&loop, &s->g);
    loop_turn(&loop);
}

static void pass_ms(uint64_t ms)
{
    clock_set(&loop.clock, loop.clock.mono_us + ms * 1000, loop.clock.wall_us + ms * 1000);
    loop_turn(&loop);
}

/* One look of every watch. */
static void pass_look(void)
{
    pass_ms(FILE_LOOK_MS + WHEEL_SLOT_MS);
}

static const char *text_of(const struct side *s)
{
    static char to[CAPACITY + 1];
    uint64_t version;
    to[blob_read(s->blob, to, &version)] = '\0';
    return to;
}

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/keys", folder);
    shm = shm_create(8 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    loop_init(&loop, 0);
    clock_set(&loop.clock, 1000000, UINT64_C(1000000) * BEGAN_S);
    faults_init(&faults);
    log_set_sink(on_log);
    write_in_place("one");
}

static void end(void)
{
    file_watch_stop(old.watch);
    file_watch_stop(next.watch);
    if (old.blob)
        arena_fini(&old.g.arena);
    if (next.blob)
        arena_fini(&next.g.arena);
    faults_fini(&faults);
    loop_fini(&loop);
    shm_detach(shm);
    unlink(path);
    rmdir(path);
    rmdir(folder);
}

TestSuite(watched_file, .init = begin, .fini = end);

#define EQ(a, b) cr_assert_str_eq(a, b)

/* -- loading ----------------------------------------------------------------------------------- */

Test(watched_file, is_read_at_load)
{
    cr_assert(load(&old, CAPACITY));
    EQ(text_of(&old), "one");
    cr_assert(weir_blob_version(old.blob) != 0);
    cr_assert(old.plan.files_n == 1);
}

static bool refused_with(const char *text)
{
    const bool refused = !load(&old, CAPACITY);
    const struct fault *f = faults.first;
    arena_fini(&old.g.arena);
    return refused && f && f->line == 12 && strstr(f->text, text) && strstr(f->text, path);
}

Test(watched_file, is_an_error_at_its_place_when_it_is_not_there)
{
    unlink(path);
    cr_assert(refused_with("No such file"));
}

Test(watched_file, is_an_error_when_it_is_no_file)
{
    unlink(path);
    cr_assert(mkfifo(path, 0600) == 0);
    cr_assert(refused_with("not a regular file"), "and it must not wait for a writer");
}

Test(watched_file, is_an_error_that_says_the_limit_when_it_is_too_large)
{
    char text[CAPACITY + 2];
    memset(text, 'x', sizeof text);
    text[CAPACITY + 1] = '\0';
    write_in_place(text);
    cr_assert(refused_with("more than 100 bytes"));
}

Test(watched_file, may_have_just_the_size_of_the_limit)
{
    char text[CAPACITY + 1];
    memset(text, 'x', sizeof text);
    text[CAPACITY] = '\0';
    write_in_place(text);
    cr_assert(load(&old, CAPACITY));
    EQ(text_of(&old), text);
}

/* The generation that runs notices nothing of one that is loaded, which may yet fail. */
Test(watched_file, is_new_to_a_new_generation_only)
{
    start(&old);
    replace("two");
    cr_assert(load(&next, CAPACITY));
    EQ(text_of(&next), "two");
    EQ(text_of(&old), "one");
}

Test(watched_file, goes_on_from_what_an_older_generation_published)
{
    start(&old);
    replace("two");
    pass_look();
    EQ(text_of(&old), "two");
    replace("three");
    start(&next);
    EQ(text_of(&next), "three");
    const uint64_t version = weir_blob_version(next.blob);
    replace("four");
    pass_look();
    EQ(text_of(&next), "four");
    EQ(text_of(&old), "four");
    cr_assert(weir_blob_version(next.blob) > version);
}

Test(watched_file, may_get_another_limit_from_one_generation_to_the_next)
{
    start(&old);
    cr_assert(load(&next, CAPACITY / 2));
    EQ(text_of(&next), "one");
    next.watch = file_watch_start(&loop, &next.g);
    replace("a text for which a limit of fifty bytes is too small");
    pass_look();
    EQ(text_of(&next), "one");
    cr_assert(strlen(text_of(&old)) == 52);
}

/* -- watching ---------------------------------------------------------------------------------- */

Test(watched_file, is_taken_with_the_next_look_when_it_was_replaced)
{
    start(&old);
    const uint64_t version = weir_blob_version(old.blob);
    replace("two");
    EQ(text_of(&old), "one");
    pass_look();
    EQ(text_of(&old), "two");
    cr_assert(weir_blob_version(old.blob) != version);
    cr_assert(strstr(told, " file_changed module=auth path="));
    cr_assert(file_watch_totals(old.watch).changed == 1);
}

Test(watched_file, is_taken_when_it_stands_still_if_it_was_written_in_place)
{
    start(&old);
    write_in_place("tw");
    pass_look();
    write_in_place("two, and");
    pass_look();
    write_in_place("two, and all of it");
    pass_look();
    EQ(text_of(&old), "one");
    pass_look();
    EQ(text_of(&old), "two, and all of it");
}

Test(watched_file, is_left_alone_while_nothing_changes)
{
    start(&old);
    const uint64_t version = weir_blob_version(old.blob);
    for (int i = 0; i < 5; i++)
        pass_look();
    replace("one"); /* the same again */
    pass_look();
    cr_assert(weir_blob_version(old.blob) == version);
    EQ(told, "");
}

/* A second write within the same tick, and of the same size, leaves the stamp as it was. */
Test(watched_file, is_read_again_when_it_was_young)
{
    start(&old);
    replace("two");
    set_mtime(BEGAN_S);
    pass_look();
    EQ(text_of(&old), "two");
    write_to(path, "TWO");
    set_mtime(BEGAN_S);
    pass_look();
    EQ(text_of(&old), "TWO");
}

Test(watched_file, leaves_what_was_there_while_it_can_not_be_read)
{
    start(&old);
    unlink(path);
    for (int i = 0; i < 3; i++)
        pass_look();
    EQ(text_of(&old), "one");
    cr_assert(strstr(told, " file_failed module=auth path="));
    cr_assert(!strstr(strstr(told, "file_failed") + 1, "file_failed"), "once: %s", told);
    cr_assert(file_watch_totals(old.watch).failed == 1 &&
              file_watch_totals(old.watch).failing == 1);

    mkdir(path, 0700); /* another reason; it may get the same inode */
    pass_look();
    pass_look();
    cr_assert(strstr(told, "not a regular file"));
    cr_assert(file_watch_totals(old.watch).failed == 2 &&
              file_watch_totals(old.watch).failing == 1);

    rmdir(path);
    write_in_place("two");
    pass_look();
    pass_look();
    EQ(text_of(&old), "two");
    cr_assert(strstr(told, "file_recovered") && file_watch_totals(old.watch).failing == 0);
}

Test(watched_file, leaves_what_was_there_when_it_grows_over_the_limit)
{
    char text[CAPACITY + 2];
    memset(text, 'x', sizeof text);
    text[CAPACITY + 1] = '\0';
    start(&old);
    replace(text);
    pass_look();
    EQ(text_of(&old), "one");
    cr_assert(strstr(told, "more than 100 bytes"));
}

Test(watched_file, is_published_once_though_two_generations_watch_it)
{
    start(&old);
    start(&next);
    const uint64_t version = weir_blob_version(old.blob);
    replace("two");
    pass_look();
    cr_assert(file_watch_totals(old.watch).changed + file_watch_totals(next.watch).changed == 1);
    EQ(text_of(&old), "two");
    EQ(text_of(&next), "two");
    cr_assert(weir_blob_version(old.blob) == version + 1);
}

Test(watched_file, is_not_missed_when_it_changed_between_load_and_watch)
{
    cr_assert(load(&old, CAPACITY));
    write_in_place("two");
    old.watch = file_watch_start(&loop, &old.g);
    pass_look();
    pass_look();
    EQ(text_of(&old), "two");
}

Test(watched_file, watches_nothing_where_there_is_nothing)
{
    old.watch = file_watch_start(&loop, &old.g); /* a generation without modules */
    pass_look();
    cr_assert(file_watch_totals(old.watch).files == 0);
}
