/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_CONFIG_CASE_H
#define WEIR_TESTS_CONFIG_CASE_H

/* What the tests of the sections share: texts that are right but for what a test puts in, and
 * checks of the messages word for word, since they are what an operator gets. */

#include <stdio.h>

#include <criterion/criterion.h>

#include "config/config.h"

#define LISTENERS "listeners = ( { name = \"a\"; bind = \"127.0.0.1:8080\"; } );\n"
#define CLUSTERS "clusters = { b = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
#define ROUTES "routes = ( { cluster = \"b\"; } );\n"

/* The test's part stands in line 1, or in the line that the macro's name says. */
#define WITH_TOP(part) part "\n" LISTENERS CLUSTERS ROUTES
#define WITH_LISTENER(part)                                                                        \
    "listeners = (\n{ name = \"a\"; bind = \"127.0.0.1:8080\"; " part " } );\n" CLUSTERS ROUTES
#define WITH_CLUSTER(part) "clusters = {\nb = { " part " }; };\n" LISTENERS ROUTES
#define WITH_ROUTE(part) LISTENERS CLUSTERS "routes = (\n{ " part " } );\n"

static inline void print_faults(struct faults *faults)
{
    for (struct fault *f = faults->first; f; f = f->next)
        fprintf(stderr, "  %s\n", fault_line(f, &faults->arena));
}

/* A configuration without error or warning; the test frees it. */
static inline struct config *conf_of(const char *text)
{
    struct faults faults;
    faults_init(&faults);
    struct config *c = config_parse(text, "t.conf", NULL, &faults);
    if (!c || faults.warnings > 0)
        print_faults(&faults);
    cr_assert(c, "refused:\n%s", text);
    cr_assert_eq(faults.warnings, 0);
    faults_fini(&faults);
    return c;
}

/* The text gives just this one line. */
static inline void conf_says(const char *text, const char *expected)
{
    struct faults faults;
    faults_init(&faults);
    struct config *c = config_parse(text, "t.conf", NULL, &faults);
    if (faults.errors + faults.warnings != 1)
        print_faults(&faults);
    cr_assert_eq(faults.errors + faults.warnings, 1, "not one fault:\n%s", text);
    cr_assert_str_eq(fault_line(faults.first, &faults.arena), expected);
    cr_assert_eq(c == NULL, faults.errors > 0);
    config_free(c);
    faults_fini(&faults);
}

struct conf_case {
    const char *text, *expected;
};
#define CONF_CASES(...)                                                                            \
    do {                                                                                           \
        const struct conf_case cases_[] = {__VA_ARGS__};                                           \
        for (size_t i_ = 0; i_ < sizeof cases_ / sizeof *cases_; i_++)                             \
            conf_says(cases_[i_].text, cases_[i_].expected);                                       \
    } while (0)

#define cr_assert_slice(s, literal)                                                                \
    cr_assert(slice_eq((s), SLICE(literal)), "\"%.*s\" is not \"%s\"", SLICE_ARG(s), literal)

#endif
