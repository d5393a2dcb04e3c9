/* SPDX-License-Identifier: Apache-2.0 */
/* The main() of a fuzz target where there is no libFuzzer: feeds it every file of the folders
 * given, in the order of their names, so that what was once found stays found with any compiler.
 * A folder without files is an error: it would be a test that can't fail. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The file's bytes in memory of exactly their number, so that a sanitizer sees a read beyond. */
static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        exit(1);
    }
    size_t n = (size_t)st.st_size;
    uint8_t *data = malloc(n ? n : 1);
    if (!data || fread(data, 1, n, f) != n) {
        perror(path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int replay_folder(const char *folder)
{
    struct dirent **v;
    int n = scandir(folder, &v, is_visible, alphasort);
    if (n < 0)
        perror(folder);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, v[i]->d_name);
        replay_file(path);
        free(v[i]);
    }
    if (n >= 0)
        free(v);
    return n;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue; /* a flag of libFuzzer's */
        int n = replay_folder(argv[i]);
        if (n <= 0) {
            fprintf(stderr, "%s: no inputs\n", argv[i]);
            return 1;
        }
        total += n;
    }
    printf("%d inputs replayed\n", total);
    return total == 0;
}
