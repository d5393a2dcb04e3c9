/* SPDX-License-Identifier: Apache-2.0 */
/* The process title: written over the arguments and the environment that the kernel put behind one
 * another on the stack, which is where ps reads it. */
#include "process/title.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

extern char **environ;

static char *room;
static size_t room_n;
static char *moved; /* the texts of the environment; for ever, also of variables that are unset */

/* The same environment in memory of our own. False: there is none. */
static bool move_environment(size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(environ[i]) + 1;
    char **list = calloc(n + 1, sizeof *list), *at = moved = malloc(bytes + 1);
    if (!list || !moved) {
        free(list);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = at;
        at = stpcpy(at, environ[i]) + 1;
    }
    environ = list;
    return true;
}

void title_init(int argc, char **argv)
{
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++)
        end = argv[i] + strlen(argv[i]) + 1;
    size_t n = 0;
    for (; environ[n]; n++)
        if (environ[n] == end)
            end = environ[n] + strlen(environ[n]) + 1;
    if (!move_environment(n))
        return;
    room = argv[0];
    room_n = (size_t)(end - room);
}

void title_set(const char *title)
{
    char text[128];
    snprintf(text, sizeof text, "weir: %s", title);
    prctl(PR_SET_NAME, "weir");
    if (!room_n)
        return;
    memset(room, 0, room_n);
    snprintf(room, room_n, "%s", text);
}
