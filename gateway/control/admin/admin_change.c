/* SPDX-License-Identifier: Apache-2.0 */
/* Today no request carries a secret: grants are answers. What a module's may carry one day is known
 * by the names of its members. */
#include "control/admin/admin_change.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/event.h"

#define MASK "***"

/* -- what was asked ---------------------------------------------------------------------------- */

static bool is_secret(const char *name)
{
    static const char *const words[] = {"token",  "password", "passwd",     "secret",
                                        "cookie", "private",  "credential", "authorization"};
    for (size_t i = 0; i < array_n(words); i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

/* Not deeper than jansson reads. */
static void mask(json_t *v)
{
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach(v, name, member)
    {
        if (is_secret(name))
            json_object_set_new(v, name, json_string(MASK));
        else
            mask(member);
    }
    json_array_foreach(v, i, member) mask(member);
}

static char *copy_of(const char *s)
{
    char *copy = strdup(s);
    must(copy);
    return copy;
}

char *admin_change_asked(struct slice content, char **reason)
{
    json_t *o = content.n ? json_loadb(content.p, content.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *said = json_string_value(json_object_get(o, "reason"));
    char *text = NULL;
    *reason = said ? copy_of(said) : NULL;
    if (said)
        json_object_del(o, "reason");
    if (json_is_object(o) && json_object_size(o)) {
        mask(o);
        text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
    }
    json_decref(o);
    return text;
}

/* -- one request ------------------------------------------------------------------------------- */

void admin_change_note(struct admin_change *c, struct slice path, struct slice content, bool later)
{
    if (!c->begun)
        return;
    c->later = later;
    c->path = strndup(path.p, path.n);
    must(c->path);
    c->asked = admin_change_asked(content, &c->reason);
}

static void tell(const struct admin_change *c, const char *who, uint16_t status)
{
    struct kv kvs[5];
    size_t n = 0;
    kvs[n++] = KV("who", who);
    kvs[n++] = KV("path", c->path);
    kvs[n++] = KV_INT("status", status);
    if (c->asked)
        kvs[n++] = KV("asked", c->asked);
    if (c->reason)
        kvs[n++] = KV("reason", c->reason);
    event_note(status >= 200 && status < 300 ? LEVEL_INFO : LEVEL_WARN, "admin_change", kvs, n);
}

void admin_change_end(struct admin_change *c, const char *who, uint16_t status)
{
    const bool refused = status >= 300 && status < 500 && !c->later;
    if (c->path && !refused)
        tell(c, who, status);
    free(c->path);
    free(c->asked);
    free(c->reason);
    *c = (struct admin_change){0};
}
