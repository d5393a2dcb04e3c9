/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of references and modules. A configuration is read here for its module_folders alone: it
 * may be wrong otherwise, as long as it was read that far. */
#include "process/show.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/module/module.h"
#include "process/load.h"

static int print(struct text *t)
{
    const bool ok = fwrite(t->p, 1, t->n, stdout) == t->n && fflush(stdout) == 0;
    text_fini(t);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int show_text(void (*write)(struct text *out))
{
    struct text t;
    text_init(&t);
    write(&t);
    return print(&t);
}

/* False, with the faults printed, when the file could not be read. */
static bool open_set(struct module_set *s, const char *file, bool installed)
{
    struct faults faults;
    module_set_init(s);
    if (!installed)
        s->installed.n = 0;
    if (!file)
        return true;
    faults_init(&faults);
    struct config *c = config_load(file, &s->source, &faults);
    if (c)
        modules_forget(c);
    config_free(c);
    if (!s->began)
        faults_print(&faults, stderr);
    faults_fini(&faults);
    return s->began;
}

/* Ends with the set: what was written may lie in a module. */
static int show(const char *file, bool installed,
                bool (*write)(struct text *out, struct module_set *s, const char *arg),
                const char *arg)
{
    struct module_set s;
    struct text t;
    int status = EXIT_FAILURE;
    text_init(&t);
    if (open_set(&s, file, installed) && write(&t, &s, arg))
        status = print(&t);
    else
        text_fini(&t);
    module_set_fini(&s);
    return status;
}

static bool write_settings(struct text *out, struct module_set *s, const char *name)
{
    (void)name;
    config_reference(out);
    modules_reference(out, s);
    return true;
}

static bool write_modules(struct text *out, struct module_set *s, const char *name)
{
    (void)name;
    module_list(out, s);
    return true;
}

static bool write_module(struct text *out, struct module_set *s, const char *name)
{
    static const struct place nowhere;
    struct faults faults;
    faults_init(&faults);
    const struct module *m = module_set_find(s, slice_str(name), &nowhere, &faults);
    const char *near = m ? NULL : nearest_name(slice_str(name), module_set_names(s));
    if (m)
        module_help(out, m);
    else if (faults.errors)
        faults_print(&faults, stderr);
    else if (near)
        fprintf(stderr, "weir: there is no module \"%s\"; did you mean \"%s\"?\n", name, near);
    else
        fprintf(stderr, "weir: there is no module \"%s\"; `weir -m` lists those that there are\n",
                name);
    faults_fini(&faults);
    return m != NULL;
}

/* What a start would refuse is refused here, but for what only shows when it is built: certificates,
 * addresses, files. */
int show_effective(const char *file)
{
    struct module_set s;
    struct faults faults;
    struct text t;
    int status = EXIT_FAILURE;
    module_set_init(&s);
    faults_init(&faults);
    text_init(&t);
    struct config *c = config_load(file, &s.source, &faults);
    if (c) {
        text_add(&t, c->effective);
        text_char(&t, '\n');
        modules_forget(c);
    }
    faults_print(&faults, stderr);
    config_free(c);
    if (t.n)
        status = print(&t);
    else
        text_fini(&t);
    faults_fini(&faults);
    module_set_fini(&s);
    return status;
}

/* With a configuration, what is installed doesn't count: the reference of a source tree is the same
 * on every machine. */
int show_settings(const char *file)
{
    return show(file, file == NULL, write_settings, NULL);
}

static bool write_metrics(struct text *out, struct module_set *s, const char *name)
{
    (void)name;
    metrics_manual(out, s);
    return true;
}

int show_metrics(const char *file)
{
    return show(file, file == NULL, write_metrics, NULL);
}

int show_modules(const char *file)
{
    return show(file, true, write_modules, NULL);
}

int show_module(const char *file, const char *name)
{
    return show(file, true, write_module, name);
}
