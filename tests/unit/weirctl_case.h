/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_WEIRCTL_CASE_H
#define WEIR_TESTS_WEIRCTL_CASE_H

/* What tests of weirctl's commands begin with: a text to write to, and commands by their names. */

#include "weirctl/command.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

static struct text t;

static void begin(void)
{
    text_init(&t);
}

static void end(void)
{
    text_fini(&t);
}

static inline const char *said(void)
{
    text_char(&t, '\0');
    t.n = 0;
    return t.p;
}

static inline const struct command *command_named(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    cr_assert_fail("no command %s", name);
    return NULL;
}

/* The JSON that is sent, with sorted members; or, behind a '!', what is wrong. */
static inline const char *ask(const char *name, const char *option, char *const *operands, size_t n)
{
    const struct command *c = command_named(name);
    const struct command_args args = {operands, n, {option}};
    json_t *content = json_object();
    text_char(&t, '!');
    if (!c->ask || c->ask(&args, content, &t)) {
        char *json = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
        t.n = 0;
        text_str(&t, json);
        free(json);
    }
    json_decref(content);
    return said();
}

#define WORDS(...) (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)

#endif
