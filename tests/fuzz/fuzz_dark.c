/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what clients, backends and files give to the module dark_launch. The first byte says what
 * the rest is:
 *
 *   t  a token. The only one that opens is that of the one grant in the table;
 *   c  a Cookie line. What is left without the cookie "g" has none, and nothing is added;
 *   r  a Cache-Control line. Made private twice it is what it was when made once;
 *   l  a list. Each subject that it has is found in it;
 *   f  a file of grants. What was read is written, and read again. */
#include "dark_launch/cache_control.h"
#include "dark_launch/cookies.h"
#include "dark_launch/grants_file.h"
#include "dark_launch/list.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { NOW = 1764000000, CAPACITY = 4 };

static const struct grant_key key = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};

static struct grants *table_new(void)
{
    struct grants *t = calloc(1, grants_size(CAPACITY));
    must(t && grants_init(t, CAPACITY));
    return t;
}

static void fuzz_token(struct weir_slice in)
{
    static struct grants *t;
    static char token[GRANT_TOKEN_MAX];
    const struct grant alice = {.id = 7, .expires = NOW + 60, .name_n = 5, .name = "alice"};
    struct grant got;
    if (!t) {
        t = table_new();
        must(grants_add(t, &alice, NOW) && grant_token(key, &alice, token));
    }
    const bool right = in.n == strlen(token) && memcmp(in.p, token, in.n) == 0;
    must(grants_verify(t, key, in, NOW, &got) == right);
}

static void fuzz_cookies(struct weir_slice in)
{
    const struct weir_slice name = {"g", 1};
    struct weir_slice value;
    char *to = malloc(in.n + 1);
    const size_t n = cookies_without(in, &name, 1, to);
    must(n <= in.n);
    must(cookies_find((struct weir_slice){to, n}, name, &value) == 0);
    free(to);
}

static void fuzz_cache_control(struct weir_slice in)
{
    char *once = malloc(CACHE_CONTROL_ROOM(in.n));
    const size_t n = cache_control_private(in, once);
    must(n <= CACHE_CONTROL_ROOM(in.n));
    char *twice = malloc(CACHE_CONTROL_ROOM(n));
    const size_t again = cache_control_private((struct weir_slice){once, n}, twice);
    const bool gave_up = n == 8 && memcmp(once, "no-store", n) == 0;
    must(gave_up || (again == n && memcmp(once, twice, n) == 0));
    free(once);
    free(twice);
}

static void fuzz_list(struct weir_slice in)
{
    struct tester_list list;
    must(tester_list_parse(in, &list));
    for (size_t i = 0; i < list.n; i++)
        must(list.v[i].n && list.v[i].n <= LIST_SUBJECT_MAX && tester_list_has(&list, list.v[i]));
    must((list.wrong > 0) == (list.what != NULL));
    tester_list_free(&list);
}

static void fuzz_file(struct weir_slice in)
{
    struct grants *first = table_new(), *second = table_new();
    char why[GRANTS_FILE_WHY];
    if (grants_file_parse(first, in, NOW, why)) {
        char *text = grants_file_text(first);
        must(text && grants_file_parse(second, (struct weir_slice){text, strlen(text)}, NOW, why));
        free(text);
    }
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    /* A copy of its own length, so that reading behind it shows. */
    char *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    const struct weir_slice in = {copy, size - 1};
    switch (data[0]) {
    case 't':
        fuzz_token(in);
        break;
    case 'c':
        fuzz_cookies(in);
        break;
    case 'r':
        fuzz_cache_control(in);
        break;
    case 'l':
        fuzz_list(in);
        break;
    case 'f':
        fuzz_file(in);
        break;
    default:
        break;
    }
    free(copy);
    return 0;
}
