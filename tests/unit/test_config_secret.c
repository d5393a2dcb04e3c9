/* SPDX-License-Identifier: Apache-2.0 */
#include "config/sections.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/weir-secret-XXXXXX";

static void begin(void)
{
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
}

static void end(void)
{
    unlink(path);
}

TestSuite(config_secret, .init = begin, .fini = end);

static const char *read_of(const char *content, size_t n, struct secret_line *out)
{
    FILE *f = fopen(path, "we");
    cr_assert(f && fwrite(content, 1, n, f) == n && fclose(f) == 0);
    return secret_line_read(path, out);
}

Test(config_secret, is_the_only_line_without_its_end)
{
    static const char *const files[] = {"secret", "secret\n", "secret\r\n"};
    struct secret_line l;
    for (size_t i = 0; i < array_n(files); i++) {
        cr_assert_null(read_of(files[i], strlen(files[i]), &l), "%zu", i);
        cr_assert(slice_eq(l.text, SLICE("secret")), "%zu", i);
    }
    secret_line_wipe(&l);
    cr_assert(l.text.n == 0 && memchr(l.room, 's', sizeof l.room) == NULL);
}

Test(config_secret, says_what_is_wrong_with_a_file)
{
    static char large[SECRET_MAX + 2];
    struct secret_line l;
    memset(large, 'x', sizeof large);
    cr_assert_null(read_of(large, SECRET_MAX, &l));
    cr_assert_eq(l.text.n, SECRET_MAX);
    cr_assert_str_eq(read_of(large, SECRET_MAX + 1, &l), "more than 4096 bytes");
    cr_assert_eq(l.text.n, 0);
    cr_assert_str_eq(read_of("", 0, &l), "it is empty");
    cr_assert_str_eq(read_of("a\nb\n", 4, &l), "more than one line");
    cr_assert_str_eq(read_of("a\0b\n", 4, &l), "more than one line");
    cr_assert_str_eq(secret_line_read("/nonexistent/x", &l), "No such file or directory");
    cr_assert_eq(l.text.n, 0);
}
