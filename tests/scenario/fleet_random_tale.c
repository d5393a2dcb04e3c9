/* SPDX-License-Identifier: Apache-2.0 */
/* What has happened, as lines with times. They come from several sources that are read one after
 * the other, so they are sorted when they are told. WEIR_TALE=1 tells a test that passes, too. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE = 240 };

static struct line {
    uint64_t us;
    size_t order;
    char text[LINE];
} * lines;
static size_t lines_n, lines_cap;
static uint64_t began_us, seed_told;

static const char *const state_words[] = {"closed", "open", "half_open"};

const char *state_word(enum state s)
{
    return s < STATES ? state_words[s] : "?";
}

enum state state_of(const char *word)
{
    unsigned s = 0;
    while (s < STATES && strcmp(word, state_words[s]) != 0)
        s++;
    cr_assert_lt(s, STATES, "\"%s\" is no state", word);
    return s;
}

uint64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void tale_begin(uint64_t seed)
{
    seed_told = seed;
    began_us = wall_us();
    lines_n = 0;
}

void tale_add(uint64_t us, const char *fmt, ...)
{
    va_list ap;
    if (lines_n == lines_cap) {
        lines_cap = lines_cap ? 2 * lines_cap : 1024;
        lines = realloc(lines, lines_cap * sizeof *lines);
        cr_assert(lines);
    }
    struct line *l = &lines[lines_n];
    l->us = us;
    l->order = lines_n++;
    va_start(ap, fmt);
    vsnprintf(l->text, sizeof l->text, fmt, ap);
    va_end(ap);
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void tell(void)
{
    if (lines_n)
        qsort(lines, lines_n, sizeof *lines, by_time);
    for (size_t i = 0; i < lines_n; i++)
        fprintf(stderr, "%+9.3f ms  %s\n", ((double)lines[i].us - (double)began_us) / 1000,
                lines[i].text);
}

void tale_end(void)
{
    if (getenv("WEIR_TALE"))
        tell();
    free(lines);
    lines = NULL;
    lines_n = lines_cap = 0;
}

void tale_broken(const char *rule, const char *fmt, ...)
{
    char why[LINE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    edges_read();
    tell();
    cr_assert_fail("WEIR_SEED=%llu: broken: %s: %s", (unsigned long long)seed_told, rule, why);
}
