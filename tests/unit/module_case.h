/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_MODULE_CASE_H
#define WEIR_TESTS_MODULE_CASE_H

/* Modules of a test's own, without shared objects: descriptors that are registered in a set, and
 * configurations that are read with it. */

#include <stdio.h>

#include <criterion/criterion.h>

#include "core/generation.h"
#include "core/module/module.h"

static struct module_set modules;
static struct faults module_faults;

static inline void modules_begin(void)
{
    module_set_init(&modules);
    modules.installed.n = 0; /* what this machine has is no matter of a test's */
    modules.folders.n = 0;
    faults_init(&module_faults);
}

static inline void modules_end(void)
{
    faults_fini(&module_faults);
    module_set_fini(&modules);
}

static inline void module_add(const struct weir_module *desc)
{
    static const struct place place = {.file = "test"};
    struct module *m = module_set_add(&modules, desc, "test.so", NULL, &place, &module_faults);
    cr_assert(m, "%s", module_faults.first->text);
}

static inline void print_module_faults(void)
{
    for (struct fault *f = module_faults.first; f; f = f->next)
        fprintf(stderr, "  %s\n", fault_line(f, &module_faults.arena));
}

/* Read without a fault; the test frees it. */
static inline struct config *module_conf(const char *text)
{
    struct config *c = config_parse(text, "t.conf", &modules.source, &module_faults);
    print_module_faults();
    cr_assert(c && module_faults.errors == 0, "refused:\n%s", text);
    return c;
}

/* These and no other lines are said about the text; ended by NULL. */
static inline void module_conf_says(const char *text, const char *const *expected)
{
    struct faults all;
    faults_init(&all);
    struct config *c = config_parse(text, "t.conf", &modules.source, &all);
    const struct fault *f = all.first;
    for (; *expected; expected++, f = f->next) {
        cr_assert(f, "missing: %s", *expected);
        cr_assert_str_eq(fault_line(f, &all.arena), *expected);
    }
    cr_assert(!f, "not expected: %s", f ? fault_line(f, &all.arena) : "");
    config_free(c);
    faults_fini(&all);
}
#define MODULE_CONF_SAYS(text, ...) module_conf_says(text, (const char *const[]){__VA_ARGS__, NULL})

#define MODULE_LISTENERS "listeners = ( { name = \"a\"; bind = \"127.0.0.1:8080\"; } );\n"
#define MODULE_CLUSTERS                                                                            \
    "clusters = { b = { endpoints = [ \"10.0.0.1:80\" ]; };\n c = { endpoints = [ "                \
    "\"10.0.0.2:80\" ]; }; };\n"
/* `part` stands in line 5, in a route that goes to the cluster b. */
#define MODULE_ROUTE(part)                                                                         \
    MODULE_LISTENERS MODULE_CLUSTERS "routes = ( { name = \"r\"; cluster = \"b\";\n" part " } "    \
                                                                                          ");\n"

#define cr_assert_weir(s, literal)                                                                 \
    cr_assert((s).n == sizeof(literal) - 1 && memcmp((s).p, literal, (s).n) == 0,                  \
              "\"%.*s\" is not \"%s\"", (int)(s).n, (s).p, literal)

#endif
