/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the loader of configurations, libconfig's parser with it. The input is the text, up to its
 * first NUL. What must hold of every text:
 *
 *   there is a configuration or there are errors, never both and never neither;
 *   every fault has a text of one line, and a line within the file;
 *   what was accepted is complete: references lead somewhere, numbers are within their ranges;
 *   reading the same text again says the same.
 */
#include "fuzz.h"

#include "config/config.h"

/* libconfig 1.5 doesn't free the text that it is at when it meets a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

static void check_faults(const struct faults *faults, struct slice text)
{
    size_t n = 0;
    int lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    for (const struct fault *f = faults->first; f; f = f->next, n++) {
        must(f->line >= 0 && f->line <= lines + 1);
        must(f->text[0] && !strchr(f->text, '\n'));
    }
    must(n == faults->errors + faults->warnings);
}

static void check_route(const struct config *c, const struct route_conf *rt)
{
    must(rt->name.n > 0 && rt->place.line > 0);
    must(rt->match.path_form == PATH_ANY || rt->match.path_form == PATH_REGEX ||
         rt->match.path.p[0] == '/');
    must((rt->action == ACTION_REDIRECT) == rt->redirect.set);
    must((rt->action == ACTION_RESPOND) == rt->respond.set);
    if (rt->action == ACTION_CLUSTER) {
        must(rt->cluster_index >= 0 && (size_t)rt->cluster_index < c->clusters_n);
        must(slice_eq(c->clusters[rt->cluster_index].place.name, rt->cluster));
    }
    must(rt->redirect.status >= 301 && rt->redirect.status <= 308);
    must(rt->respond.status >= 200 && rt->respond.status <= 599);
    for (size_t i = 0; i < rt->match.headers.n; i++)
        must(is_token(rt->match.headers.v[i].name));
    const struct slice sent[] = {rt->redirect.path, rt->redirect.prefix, rt->redirect.host,
                                 rt->rewrite.path,  rt->rewrite.prefix,  rt->rewrite.host,
                                 rt->respond.type};
    for (size_t i = 0; i < array_n(sent); i++)
        must(slice_find(sent[i], '\r') == sent[i].n && slice_find(sent[i], '\n') == sent[i].n);
}

static void check_config(const struct config *c)
{
    must(c->listeners_n > 0);
    must(c->workers >= 0 && c->workers <= 1024);
    for (size_t i = 0; i < c->listeners_n; i++) {
        must(c->listeners[i].name.n > 0 && c->listeners[i].bind.len > 0);
        must(c->listeners[i].limits.head_size >= 1024 && c->listeners[i].limits.head_size <= 16384);
        must(c->listeners[i].timeouts.head > 0 && c->listeners[i].backlog > 0);
    }
    for (size_t i = 0; i < c->clusters_n; i++) {
        must(c->clusters[i].endpoints_n > 0);
        for (size_t k = 0; k < c->clusters[i].endpoints_n; k++) {
            const struct endpoint_conf *ep = &c->clusters[i].endpoints[k];
            must((ep->addr.len > 0) != (ep->host.n > 0) && ep->address.n > 0);
            must(ep->port > 0 || ep->addr.sa.sa_family == AF_UNIX);
        }
    }
    for (size_t i = 0; i < c->routes_n; i++)
        check_route(c, &c->routes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *nul = memchr(data, 0, n);
    struct slice text = slice_of((const char *)data, nul ? (size_t)(nul - data) : n);
    struct faults faults, again;
    struct arena a;
    arena_init(&a, NULL, 0);
    faults_init(&faults);
    faults_init(&again);
    const char *copy = arena_dup(&a, text).p;
    struct config *c = config_parse(copy, "fuzz.conf", NULL, &faults);
    must((c != NULL) == (faults.errors == 0));
    check_faults(&faults, text);
    if (c)
        check_config(c);
    config_free(c);
    config_free(config_parse(copy, "fuzz.conf", NULL, &again));
    must(faults.errors == again.errors && faults.warnings == again.warnings);
    const struct fault *g = again.first;
    for (const struct fault *f = faults.first; f; f = f->next, g = g->next)
        must(f->line == g->line && strcmp(f->text, g->text) == 0);
    faults_fini(&faults);
    faults_fini(&again);
    arena_fini(&a);
    return 0;
}
