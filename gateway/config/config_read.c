/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of values that stand in several sections: names, paths, permission bits, socket
 * addresses and networks; and what their messages need.
 *
 * A relative path means the same whatever folder the gateway was started in: it starts in the
 * folder of the main file, also when it stands in an included one. */
#include "config/sections.h"

static bool addr_read(struct loading *l, struct slice text, struct addr *out);

bool name_ok(struct slice name)
{
    enum { NAME_MAX_LEN = 64 }; /* names are parts of shared cells' keys and of metrics' labels */
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return name.n > 0 && name.n <= NAME_MAX_LEN;
}

void read_name(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice name;
    if (!s || !option_read_text(r, s, FORM_NAME, &name))
        return;
    if (name_ok(name))
        *(struct slice *)field = name;
    else
        option_wrong(r, s, FORM_NAME);
}

struct slice path_from_folder(struct loading *l, struct slice path)
{
    if (l->files->folder.n == 0 || slice_starts(path, SLICE("/")))
        return path;
    return slice_str(
        arena_printf(l->r.arena, "%.*s/%.*s", SLICE_ARG(l->files->folder), SLICE_ARG(path)));
}

void read_path(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice path;
    if (!s || !option_read_text(r, s, FORM_PATH, &path))
        return;
    *(struct slice *)field = path.n ? path_from_folder(loading_of(r), path) : path;
}

void read_mode(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_MODE, &text))
        return;
    int64_t mode = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '7' || text.n > 5) {
            option_wrong(r, s, FORM_MODE);
            return;
        }
        mode = mode * 8 + (text.p[i] - '0');
    }
    if (text.n == 0 || mode > 0777)
        option_wrong(r, s, FORM_MODE);
    else
        *(int64_t *)field = mode;
}

void read_socket(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct slice text;
    if (!s || !option_read_text(r, s, FORM_SOCKET, &text))
        return;
    if (!addr_read(loading_of(r), text, field)) {
        memset(field, 0, sizeof(struct addr));
        bool unix_path = slice_starts(text, SLICE("unix:")) && text.n > 100;
        option_wrong(r, s, "%s%s", FORM_SOCKET,
                     unix_path ? " (the kernel takes at most 107 bytes of path)" : "");
    }
}

static bool addr_read(struct loading *l, struct slice text, struct addr *out)
{
    struct slice path = slice_from(text, strlen("unix:"));
    if (slice_starts(text, SLICE("unix:")) && path.n > 0 && path.p[0] != '@')
        text =
            slice_str(arena_printf(l->r.arena, "unix:%.*s", SLICE_ARG(path_from_folder(l, path))));
    return addr_parse(text, out);
}

void read_cidrs(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts texts;
    if (!s || !option_read_texts(r, s, &texts))
        return;
    struct cidr *list = ARENA_ARRAY(r->arena, struct cidr, texts.n);
    for (size_t i = 0; i < texts.n; i++)
        if (!cidr_parse(texts.v[i], &list[i]))
            option_wrong(r, text_at(s, i),
                         "a network such as \"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or "
                         "\"unix\"");
    const struct groups out = {.v = list, .n = texts.n};
    memcpy(field, &out, sizeof out);
}

const config_setting_t *text_at(const config_setting_t *s, size_t i)
{
    return config_setting_is_aggregate(s) ? config_setting_get_elem(s, (unsigned)i) : s;
}

const config_setting_t *member_or(const config_setting_t *group, const char *name)
{
    const config_setting_t *member = group ? config_setting_get_member(group, name) : NULL;
    return member ? member : group;
}

const char *place_text(struct option_reader *r, const config_setting_t *s,
                       const struct place *place)
{
    if (strcmp(option_place(r, s).file, place->file) == 0)
        return arena_printf(&r->faults->arena, "line %d", place->line);
    return arena_printf(&r->faults->arena, "%s:%d", place->file, place->line);
}

/* -- names for hints ------------------------------------------------------------------------- */

static const char *const *names_of(struct loading *l, size_t which, const struct map *m)
{
    if (l->names[which])
        return l->names[which];
    const char **names = ARENA_ARRAY(&l->r.faults->arena, const char *, m->n + 1);
    const struct map_entry *e;
    for (size_t at = 0, n = 0; (e = map_next(m, &at));)
        names[n++] = e->key.p; /* every name is NUL-terminated in the arena */
    l->names[which] = names;
    return names;
}

const char *const *listener_names(struct loading *l)
{
    return names_of(l, 0, &l->listeners);
}

/* Those of the file, as settings of a cluster may name one that is read later. */
const char *const *cluster_names(struct loading *l)
{
    const config_setting_t *group = config_setting_get_member(l->root, "clusters");
    if (l->names[1] || !group || !config_setting_is_group(group))
        return names_of(l, 1, &l->clusters);
    const int n = config_setting_length(group);
    l->names[1] = ARENA_ARRAY(&l->r.faults->arena, const char *, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        l->names[1][i] = config_setting_name(config_setting_get_elem(group, (unsigned)i));
    return l->names[1];
}
