/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/grants_file.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/slice.h"

static bool fail(char why[GRANTS_FILE_WHY], const char *what)
{
    snprintf(why, GRANTS_FILE_WHY, "%s", what);
    return false;
}

/* -- text -------------------------------------------------------------------------------------- */

static bool time_of(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(object, key);
    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool grant_of(const json_t *j, struct grant *g)
{
    const char *id = json_string_value(json_object_get(j, "id"));
    const char *name = json_string_value(json_object_get(j, "name"));
    *g = (struct grant){.name_n = name ? strlen(name) : 0};
    if (!id || !grant_id_parse((struct weir_slice){id, strlen(id)}, &g->id) ||
        !grant_name_ok((struct weir_slice){name, g->name_n}))
        return false;
    memcpy(g->name, name, g->name_n);
    return time_of(j, "created", &g->created) && time_of(j, "expires", &g->expires) &&
           time_of(j, "revoked", &g->revoked) && time_of(j, "uses", &g->uses) &&
           time_of(j, "last_used", &g->last_used);
}

static bool add_all(struct grants *t, const json_t *list, uint64_t now, char why[GRANTS_FILE_WHY])
{
    size_t i;
    const json_t *j;
    json_array_foreach(list, i, j)
    {
        struct grant g;
        if (!grant_of(j, &g)) {
            snprintf(why, GRANTS_FILE_WHY,
                     "grant %zu in it lacks a valid id, name, created, expires, revoked, uses or "
                     "last_used",
                     i + 1);
            return false;
        }
        if (now < g.expires && !grants_add(t, &g, now)) {
            snprintf(why, GRANTS_FILE_WHY,
                     "it has more grants in force than the %u that modules.dark_launch.grants "
                     "allows",
                     grants_capacity(t));
            return false;
        }
    }
    return true;
}

bool grants_file_parse(struct grants *t, struct weir_slice text, uint64_t now,
                       char why[GRANTS_FILE_WHY])
{
    json_error_t error;
    json_t *j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    const json_t *list = json_object_get(j, "grants");
    bool good = false;
    if (!j)
        snprintf(why, GRANTS_FILE_WHY, "line %d: %.120s", error.line, error.text);
    else if (json_integer_value(json_object_get(j, "version")) != 1 || !json_is_array(list))
        fail(why, "it is no {\"version\": 1, \"grants\": [...]}");
    else
        good = add_all(t, list, now, why);
    json_decref(j);
    return good;
}

static json_t *json_of(const struct grant *g)
{
    char id[GRANT_ID_TEXT + 1];
    grant_id_text(g->id, id);
    return json_pack("{s:s, s:s%, s:I, s:I, s:I, s:I, s:I}", "id", id, "name", g->name, g->name_n,
                     "created", (json_int_t)g->created, "expires", (json_int_t)g->expires,
                     "revoked", (json_int_t)g->revoked, "uses", (json_int_t)g->uses, "last_used",
                     (json_int_t)g->last_used);
}

char *grants_file_text(const struct grants *t)
{
    json_t *list = json_array();
    struct grant g;
    for (unsigned i = 0; i < grants_capacity(t); i++)
        if (grants_at(t, i, &g))
            json_array_append_new(list, json_of(&g));
    json_t *j = json_pack("{s:i, s:o}", "version", 1, "grants", list);
    char *text = json_dumps(j, JSON_INDENT(1));
    json_decref(j);
    return text;
}

/* -- files ------------------------------------------------------------------------------------- */

bool grants_file_read(struct grants *t, const char *path, uint64_t now, char why[GRANTS_FILE_WHY])
{
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT || fail(why, strerror(errno));
    char *text = malloc(GRANTS_FILE_MAX + 1);
    const size_t n = text ? fread(text, 1, GRANTS_FILE_MAX + 1, f) : 0;
    bool good = text && !ferror(f);
    if (!good)
        fail(why, text ? strerror(errno) : "no memory");
    else if (n > GRANTS_FILE_MAX)
        good = fail(why, "it is longer than 8 MiB");
    else
        good = grants_file_parse(t, (struct weir_slice){text, n}, now, why);
    fclose(f);
    free(text);
    return good;
}

static bool write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        const ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return false;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Beside the file, so that rename(2) can put it in its place. */
static bool write_beside(const char *path, const char *beside, const char *text)
{
    unlink(beside); /* of a process that died */
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    const bool written = fchmod(fd, 0600) == 0 && write_all(fd, text) && fsync(fd) == 0;
    const bool good = close(fd) == 0 && written && rename(beside, path) == 0;
    if (!good) {
        const int error = errno;
        unlink(beside);
        errno = error;
    }
    return good;
}

bool grants_file_write(const struct grants *t, const char *path, char why[GRANTS_FILE_WHY])
{
    char beside[4096];
    char *text = grants_file_text(t);
    const int n = snprintf(beside, sizeof beside, "%s.new", path);
    bool good = text && (size_t)n < sizeof beside;
    if (!good)
        fail(why, text ? "its path is too long" : "no memory");
    else if (!write_beside(path, beside, text))
        good = fail(why, strerror(errno));
    free(text);
    return good;
}
