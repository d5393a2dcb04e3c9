/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are loaded again from the texts that were read. */
#include "config/texts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

static char folder[] = "/tmp/weir-texts-XXXXXX";
static struct faults faults;

static void enter(void)
{
    faults_init(&faults);
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(mkdir("conf", 0755), 0);
    cr_assert_eq(mkdir("conf/sub", 0755), 0);
}

static void leave(void)
{
    char command[sizeof folder + 16];
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
    faults_fini(&faults);
}

TestSuite(conf_texts, .init = enter, .fini = leave);

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static const char main_text[] =
    "# \xe9 is no UTF-8\n@include \"sub/listeners.conf\"\n"
    "  @include \"sub/clusters.conf\"\nroutes = ( { cluster = \"b\"; } );\n";

/* A configuration of four files, two of which are the same one, and none of which is there any
 * more. */
static struct conf_texts *texts_of_four(void)
{
    put("conf/main.conf", main_text);
    put("conf/sub/listeners.conf", "listeners = ( { name = \"a\"; bind = \"127.0.0.1:80\"; } );\n");
    put("conf/sub/clusters.conf", "clusters = { b = {\n@include \"sub/ends.conf\"\n}; c = {\n"
                                  "@include \"sub/ends.conf\"\n}; };\n");
    put("conf/sub/ends.conf", "endpoints = [ \"10.0.0.1:80\" ];\n");
    struct config *c = config_load("conf/main.conf", NULL, &faults);
    cr_assert(c && !c->recalled);
    struct conf_texts *t = conf_texts_hold(c->texts);
    config_free(c);
    cr_assert_eq(system("rm -r conf"), 0);
    cr_assert_null(config_load("conf/main.conf", NULL, &faults));
    return t;
}

Test(conf_texts, load_without_their_files)
{
    struct conf_texts *t = texts_of_four();
    cr_assert_eq(t->n, 4);
    struct config *c = config_load_texts(t, NULL, &faults);
    cr_assert(c && c->recalled);
    cr_assert_str_eq(c->file.p, "conf/main.conf");
    cr_assert_eq(c->clusters_n, 2);
    cr_assert_str_eq(c->clusters[1].place.file, "conf/sub/clusters.conf");
    cr_assert_eq(c->clusters[1].place.line, 3);
    cr_assert_eq(c->texts, t);
    config_free(c);
    conf_texts_release(t);
}

Test(conf_texts, have_faults_where_they_stood)
{
    struct conf_texts *t = conf_texts_new(slice_str(folder));
    conf_texts_add(t, SLICE("x/main.conf"),
                   SLICE("@include \"part.conf\"\nlisteners = ( { name = \"a\"; bind = "
                         "\"127.0.0.1:1\"; } );\n"));
    conf_texts_add(t, SLICE("x/part.conf"), SLICE("\n\nrotues = ( );\n"));
    cr_assert_null(config_load_texts(t, NULL, &faults));
    const struct fault *f = faults.first;
    while (f && f->warning)
        f = f->next;
    cr_assert(f);
    const char *line = fault_line(f, &faults.arena);
    cr_assert(strstr(line, "x/part.conf:3: error: unknown setting rotues"), "%s", line);
    conf_texts_release(t);
}

Test(conf_texts, that_lack_an_included_file_are_refused)
{
    struct conf_texts *t = conf_texts_new(slice_str(folder));
    conf_texts_add(t, SLICE("main.conf"), SLICE("@include \"gone.conf\"\n"));
    cr_assert_null(config_load_texts(t, NULL, &faults));
    cr_assert_str_eq(fault_line(faults.first, &faults.arena),
                     "main.conf:1: error: cannot include gone.conf: it isn't among the texts that "
                     "are kept");
    conf_texts_release(t);
}

Test(conf_texts, leave_no_descriptor_open)
{
    struct conf_texts *t = texts_of_four();
    const int before = dup(0);
    close(before);
    config_free(config_load_texts(t, NULL, &faults));
    const int after = dup(0);
    close(after);
    cr_assert_eq(before, after);
    conf_texts_release(t);
}

Test(conf_texts, are_the_same_when_names_and_bytes_are)
{
    struct conf_texts *a = texts_of_four(), *b = conf_texts_new(a->folder);
    cr_assert(!conf_texts_same(a, b) && !conf_texts_same(a, NULL) && conf_texts_same(NULL, NULL));
    for (size_t i = 0; i < a->n; i++)
        conf_texts_add(b, a->v[i].shown, a->v[i].text);
    cr_assert(conf_texts_same(a, b));
    ((char *)b->v[3].text.p)[0]++;
    cr_assert(!conf_texts_same(a, b));
    conf_texts_release(a);
    conf_texts_release(b);
}

Test(conf_texts, reach_another_binary_as_they_are_and_broken_ones_do_not)
{
    struct conf_texts *a = texts_of_four();
    struct text written;
    text_init(&written);
    conf_texts_write(a, &written);
    text_str(&written, "rest");
    struct slice from = text_slice(&written);
    struct conf_texts *b = conf_texts_read(&from);
    cr_assert(b && conf_texts_same(a, b) && slice_eq(from, SLICE("rest")));
    cr_assert(slice_eq(b->v[0].text, slice_str(main_text)));
    for (size_t n = 0; n + 4 < written.n; n++) {
        from = slice_of(written.p, n);
        cr_assert_null(conf_texts_read(&from), "%zu", n);
    }
    from = SLICE("18446744073709551615 0\n");
    cr_assert_null(conf_texts_read(&from));
    from = SLICE("1 18446744073709551615\nx");
    cr_assert_null(conf_texts_read(&from));
    conf_texts_release(a);
    conf_texts_release(b);
    text_fini(&written);
}
