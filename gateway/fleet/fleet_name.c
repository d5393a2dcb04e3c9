/* SPDX-License-Identifier: Apache-2.0 */
/* What this instance is called among the others: as configured, or the host's name with six digits
 * behind it, as several instances may run on one host, and containers are called alike. */
#include "fleet/fleet.h"

#include "base/fault.h"
#include "base/random.h"
#include "core/generation.h"
#include "fleet/fleet_decided.h"
#include "io/shm.h"

#include <stdio.h>
#include <unistd.h>

enum { HOST_MAX = 64, DIGITS = 0x1000000 };

struct drawn {
    char name[FLEET_NAME_MAX + 1]; /* empty: not yet */
};

static const struct slice key = SLICE_INIT("fleet/instance");

/* What is no letter, digit, dot or dash would only be trouble in keys, logs and tables. */
static void clean(char *name)
{
    for (char *p = name; *p; p++) {
        const char c = ascii_lower(*p);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-')
            *p = '-';
    }
}

static void draw(struct drawn *d)
{
    char host[HOST_MAX + 1] = "";
    struct random r;
    random_init(&r);
    if (gethostname(host, HOST_MAX) != 0 || !host[0])
        snprintf(host, sizeof host, "weir");
    clean(host);
    snprintf(d->name, sizeof d->name, "%s-%06x", host, (unsigned)random_below(&r, DIGITS));
}

void fleet_at_load(const struct generation *g, struct shm *shm, struct faults *faults)
{
    const struct fleet_conf *conf = &g->config->fleet;
    if (!conf->set)
        return;
    struct drawn *d = shm_cell(shm, key, sizeof *d);
    if (!d || !fleet_decided_at_load(shm))
        faults_add(faults, conf->place.file, conf->place.line,
                   "no room in the shared region for the fleet; raise memory.shared and restart");
    else if (!d->name[0])
        draw(d);
}

struct slice fleet_instance(const struct fleet_conf *conf, const struct shm *shm)
{
    size_t size;
    const struct drawn *d = shm_find(shm, key, &size);
    if (conf->instance.n || !d || size != sizeof *d)
        return conf->instance;
    return slice_str(d->name);
}
