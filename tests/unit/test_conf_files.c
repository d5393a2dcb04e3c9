/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a configuration: what is read, what is refused, and where the refusal stands. */
#include "config/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "config/config.h"

static char folder[] = "/tmp/weir-test-XXXXXX";

static void enter(void)
{
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    cr_assert_eq(mkdir("sub", 0755), 0);
}

static void leave(void)
{
    cr_assert_eq(chdir("/"), 0);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(conf_files, .init = enter, .fini = leave);

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static void expect(const char *path, const char *line)
{
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(config_load(path, NULL, &faults));
    cr_assert_eq(faults.errors, 1);
    cr_assert_str_eq(fault_line(faults.first, &faults.arena), line);
    faults_fini(&faults);
}

static const char listeners[] = "listeners = ( { name = \"a\"; bind = \"127.0.0.1:80\"; } );\n";
static const char clusters[] = "b = { endpoints = [ \"10.0.0.1:80\" ]; };\n";
static const char routes[] = "routes = (\n { cluster = \"b\"; } );\n";

Test(conf_files, included_files_are_part_of_the_configuration)
{
    put("listeners.conf", listeners);
    put("sub/clusters.conf", clusters);
    put("sub/routes.conf", routes);
    put("main.conf", "@include \"listeners.conf\"\nclusters = {\n@include \"sub/clusters.conf\"\n"
                     "};\n@include \"sub/routes.conf\"\n");
    const char *const ways[] = {"main.conf", "./main.conf", "sub/../main.conf"};
    for (size_t i = 0; i < array_n(ways); i++) {
        struct faults faults;
        faults_init(&faults);
        struct config *c = config_load(ways[i], NULL, &faults);
        cr_assert(c);
        cr_assert_eq(c->routes_n, 1);
        cr_assert_eq(c->routes[0].place.line, 2);
        cr_assert_str_eq(strrchr(c->routes[0].place.file, '/'), "/routes.conf");
        config_free(c);
        faults_fini(&faults);
    }
}

Test(conf_files, a_fault_in_an_included_file_has_its_name_as_an_operator_finds_it)
{
    put("sub/main.conf", "@include \"listeners.conf\"\nclusters = {\n@include \"clusters.conf\"\n"
                         "};\nroutes = ( { cluster = \"b\"; } );\n");
    put("sub/clusters.conf", clusters);
    put("sub/listeners.conf", "listeners = (\n{ nam = 1; name = \"a\"; bind = \"[::]:1\"; } );");
    const char *const rest =
        "listeners.conf:2: error: unknown setting listeners[0].nam; did you mean \"name\"?";
    char path[256], line[512];
    snprintf(line, sizeof line, "sub/%s", rest);
    expect("sub/main.conf", line);
    snprintf(path, sizeof path, "%s/sub/main.conf", folder);
    snprintf(line, sizeof line, "%s/sub/%s", folder, rest);
    expect(path, line);
    cr_assert_eq(chdir("sub"), 0);
    expect("main.conf", rest);
}

Test(conf_files, syntax_errors_in_an_included_file_stand_there)
{
    put("main.conf", "a = 1;\n@include \"sub/x.conf\"\n");
    put("sub/x.conf", "b = 1;\nc = = 2;\n");
    expect("main.conf", "sub/x.conf:2: error: syntax error; the line reads: c = = 2;");
    put("sub/x.conf", "b = 1;\nc = (\n");
    expect("main.conf", "sub/x.conf:2: error: the bracket that opens here is never closed: \")\" "
                        "is missing");
    put("sub/x.conf", "b = 1;\nc = 3;\nb = 2;");
    expect("main.conf", "sub/x.conf:3: error: b is set twice in its group; first in line 1");
}

Test(conf_files, what_cannot_be_included_is_refused_at_the_include)
{
    put("main.conf", "\n@include \"none.conf\"\n");
    expect("main.conf", "main.conf:2: error: cannot include none.conf: No such file or directory");
    put("main.conf", "@include \"sub\"\n");
    expect("main.conf", "main.conf:1: error: cannot include sub: Is a directory");
    put("main.conf", "@include \"main.conf\"\n");
    expect("main.conf", "main.conf:1: error: main.conf includes itself");
    put("main.conf", "@include \"sub/x.conf\"\n");
    put("sub/x.conf", "\n\n@include \"main.conf\"\n");
    expect("main.conf", "sub/x.conf:3: error: main.conf includes itself");
    put("main.conf", "@include \"/etc/hosts\"\n");
    expect("main.conf", "main.conf:1: error: cannot include \"/etc/hosts\": the path starts in the "
                        "folder of the main file");
    cr_assert_eq(mkfifo("pipe", 0600), 0);
    put("main.conf", "@include \"pipe\"\n");
    expect("main.conf", "main.conf:1: error: cannot include pipe: it isn't a regular file");
}

Test(conf_files, files_include_files_to_a_depth)
{
    char name[32], text[64];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d.conf", i);
        snprintf(text, sizeof text, "@include \"%d.conf\"\n", i + 1);
        put(name, text);
    }
    put("9.conf", "bogus = 1;\n");
    expect("0.conf", "8.conf:1: error: files include files more than 8 deep");
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(config_load("1.conf", NULL, &faults));
    bool read = false;
    for (struct fault *f = faults.first; f; f = f->next)
        read = read || strstr(f->text, "unknown setting bogus");
    cr_assert(read, "eight deep is read");
    faults_fini(&faults);
}

Test(conf_files, a_main_file_that_cannot_be_read_says_why)
{
    expect("none.conf",
           "none.conf: error: cannot read the configuration: No such file or directory");
    expect("sub", "sub: error: cannot read the configuration: Is a directory");
    FILE *f = fopen("binary", "w");
    cr_assert(f);
    fwrite("a = 1;\0b", 1, 8, f);
    fclose(f);
    expect("binary", "binary: error: cannot read the configuration: it isn't a text: it has a NUL "
                     "byte");
    put("closed.conf", listeners);
    cr_assert_eq(chmod("closed.conf", 0), 0);
    if (geteuid() != 0)
        expect("closed.conf",
               "closed.conf: error: cannot read the configuration: Permission denied");
}

Test(conf_files, relative_paths_start_in_the_folder_of_the_main_file)
{
    put("sub/main.conf", "pid_file = \"weir.pid\"; log = { access = \"logs/a.log\"; error = "
                         "\"/var/log/e\"; }; admin = { bind = \"unix:admin.sock\"; };\n"
                         "@include \"rest.conf\"\n");
    put("sub/rest.conf",
        "listeners = ( { name = \"a\"; bind = \"unix:in.sock\"; }, { name = \"b\"; bind = "
        "\"unix:@in\"; } ); clusters = { b = { endpoints = [ \"unix:out.sock\" ]; }; };\n"
        "routes = ( { cluster = \"b\"; } );\n");
    struct faults faults;
    faults_init(&faults);
    struct config *c = config_load("sub/main.conf", NULL, &faults);
    cr_assert(c);
    char path[256], text[ADDR_TEXT_MAX];
    snprintf(path, sizeof path, "%s/sub/weir.pid", folder);
    cr_assert_str_eq(c->pid_file.p, path);
    snprintf(path, sizeof path, "%s/sub/logs/a.log", folder);
    cr_assert_str_eq(c->log.access.p, path);
    cr_assert_str_eq(c->log.error.p, "/var/log/e");
    snprintf(path, sizeof path, "unix:%s/sub/in.sock", folder);
    addr_print(&c->listeners[0].bind, text);
    cr_assert_str_eq(text, path);
    addr_print(&c->listeners[1].bind, text);
    cr_assert_str_eq(text, "unix:@in");
    snprintf(path, sizeof path, "unix:%s/sub/admin.sock", folder);
    addr_print(&c->admin.listeners[0]->bind, text);
    cr_assert_str_eq(text, path);
    snprintf(path, sizeof path, "unix:%s/sub/out.sock", folder);
    addr_print(&c->clusters[0].endpoints[0].addr, text);
    cr_assert_str_eq(text, path);
    cr_assert_str_eq(c->clusters[0].endpoints[0].address.p, "unix:out.sock");
    config_free(c);
    faults_fini(&faults);
}

Test(conf_files, faults_of_included_files_follow_those_of_the_main_file)
{
    put("m.conf", "@include \"a.conf\"\n@include \"z.conf\"\nm = 1;\n");
    put("a.conf", "listeners = ( { name = \"a\"; bind = \"[::]:1\"; },\n@include \"b.conf\"\n );");
    put("b.conf", "\n{ name = \"a\"; bind = \"[::]:2\"; }\n");
    put("z.conf", "z = 1;\ny = 2;\n");
    struct faults faults;
    faults_init(&faults);
    cr_assert_null(config_load("m.conf", NULL, &faults));
    const char *const expected[] = {
        "m.conf: warning: there is no route: every request will be answered with 404",
        "m.conf:3: error: unknown setting m; known here: ",
        "b.conf:2: error: listeners[1].name is \"a\"; the listener of a.conf:1 has that name",
        "z.conf:1: error: unknown setting z; known here: ",
        "z.conf:2: error: unknown setting y; known here: ",
    };
    const struct fault *f = faults.first;
    for (size_t i = 0; i < array_n(expected); i++, f = f->next) {
        cr_assert(f);
        const char *line = fault_line(f, &faults.arena);
        cr_assert(strncmp(line, expected[i], strlen(expected[i])) == 0, "%s", line);
    }
    cr_assert_null(f);
    faults_fini(&faults);
}

/* Libconfig 1.5 names an included file as it is written, 1.7 and later with the folder. */
Test(conf_files, every_libconfigs_names_are_understood)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct conf_file main_file = {.shown = "conf/main.conf"};
    const struct conf_files cf = {
        .first = &main_file, .folder = SLICE_INIT("/etc/weir/conf"), .prefix = SLICE_INIT("conf/")};
    cr_assert_str_eq(conf_file_shown(&cf, NULL, &a), "conf/main.conf");
    cr_assert_str_eq(conf_file_shown(&cf, "sub/x.conf", &a), "conf/sub/x.conf");
    cr_assert_str_eq(conf_file_shown(&cf, "/etc/weir/conf/sub/x.conf", &a), "conf/sub/x.conf");
    cr_assert_str_eq(conf_file_shown(&cf, "/etc/weir/conf2/x.conf", &a), "/etc/weir/conf2/x.conf");
    arena_fini(&a);
}
