/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the loader doesn't survive, under the name of a module that is fine. */
#include "core/module/module_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module_case.h"

#define GOOD TEST_BUILDDIR "/tests/unit/modules/plain.so"

static char folder[64], path[80];

static void begin(void)
{
    modules_begin();
    snprintf(folder, sizeof folder, "/tmp/weir-module.XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/plain.so", folder);
}

static void end(void)
{
    remove(path);
    rmdir(folder);
    modules_end();
}

TestSuite(module_file, .init = begin, .fini = end);

static long copy_of_good(char **to)
{
    FILE *f = fopen(GOOD, "re");
    cr_assert(f);
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    *to = malloc((size_t)size);
    cr_assert_eq(fread(*to, 1, (size_t)size, f), (size_t)size);
    fclose(f);
    return size;
}

static void write_file(const char *bytes, long n)
{
    FILE *f = fopen(path, "we");
    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, (size_t)n, f), (size_t)n);
    fclose(f);
}

/* The configuration that names the module is refused, and the process is there to say so. */
static void refused_for(const char *what)
{
    char text[512];
    struct faults faults;
    faults_init(&faults);
    snprintf(text, sizeof text, "module_folders = \"%s\"; %s", folder,
             MODULE_ROUTE("plain = { };"));
    cr_assert_null(config_parse(text, "t.conf", &modules.source, &faults));
    cr_assert_eq(faults.errors, 1);
    cr_assert(strstr(faults.first->text, "module plain can't be loaded: "), "%s",
              faults.first->text);
    cr_assert(strstr(faults.first->text, what), "%s", faults.first->text);
    faults_fini(&faults);
}

Test(module_file, that_is_cut_off_is_refused_wherever_the_cut_is)
{
    char *good;
    const long size = copy_of_good(&good);
    for (long n = 4096; n < size; n += 509) {
        write_file(good, n);
        cr_assert_not_null(module_file_fault(path), "cut after %ld of %ld bytes", n, size);
    }
    write_file(good, 5000);
    refused_for("plain.so is cut off: it is shorter than its head says");
    write_file(good, size);
    cr_assert_null(module_file_fault(path));
    free(good);
}

Test(module_file, with_numbers_that_wrap_is_refused)
{
    char *good;
    const long size = copy_of_good(&good);
    memset(good + 32, 0xff, 8); /* e_phoff */
    write_file(good, size);
    cr_assert_not_null(module_file_fault(path));
    free(good);
}

Test(module_file, that_is_no_file_is_not_waited_for)
{
    cr_assert_eq(mkfifo(path, 0600), 0);
    refused_for("plain.so is not a regular file");
}

Test(module_file, that_is_a_link_to_nowhere_is_said_to_be_one)
{
    cr_assert_eq(symlink("nowhere.so", path), 0);
    refused_for("No such file");
}

Test(module_file, without_an_elf_head_is_left_to_the_loader)
{
    write_file("junk", 4);
    cr_assert_null(module_file_fault(path));
    refused_for("file too short");
}
