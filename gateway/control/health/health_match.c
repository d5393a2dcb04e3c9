/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and content of checks. */
#include "control/health/health_match.h"

#include <string.h>

/* Far above that of routes: content is longer than a path, and a check has the time. */
enum { STEPS = 10000000 };

const char *health_result_word(enum health_result r)
{
    static const char *const words[] = {
#define R(id, word) word,
        HEALTH_RESULTS(R)
#undef R
    };
    return words[r];
}

bool health_status_ok(const struct health_conf *conf, int status)
{
    for (size_t i = 0; i < conf->expect.n; i++)
        if (status >= conf->expect.v[i].from && status <= conf->expect.v[i].to)
            return true;
    return false;
}

bool health_contains(struct slice content, struct slice text)
{
    return !text.n || (content.n && memmem(content.p, content.n, text.p, text.n));
}

void health_matcher_init(struct health_matcher *m, const struct health_conf *conf)
{
    const struct place nowhere = {.file = ""};
    struct faults faults;
    *m = (struct health_matcher){0};
    regex_set_init(&m->set);
    if (!conf->body_regex.n)
        return;
    arena_init(&m->arena, NULL, 0);
    faults_init(&faults);
    m->regex = regex_get(&m->set, conf->body_regex, "body_regex", &nowhere, &m->arena, &faults);
    must(m->regex);
    faults_fini(&faults);
    regex_scratch_init(&m->scratch, STEPS);
}

void health_matcher_fini(struct health_matcher *m)
{
    if (m->regex) {
        regex_scratch_fini(&m->scratch);
        regex_set_fini(&m->set);
        arena_fini(&m->arena);
    }
    m->regex = NULL;
}

bool health_body_ok(struct health_matcher *m, const struct health_conf *conf, struct slice content)
{
    if (m->regex && !regex_match(m->regex, &m->scratch, content))
        return false;
    return health_contains(content, conf->body);
}
