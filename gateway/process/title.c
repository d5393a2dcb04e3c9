/* SPDX-License-Identifier: Apache-2.0 */
/* The process title: written over the arguments and the environment that the kernel put behind one
 * another on the stack, which is where ps reads it. */
#include "process/title.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

extern char **environ;

static char *room;
static size_t room_n;

void title_init(int argc, char **argv)
{
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++)
        end = argv[i] + strlen(argv[i]) + 1;
    int n = 0;
    for (; environ[n]; n++)
        if (environ[n] == end)
            end = environ[n] + strlen(environ[n]) + 1;
    char **moved = calloc((size_t)n + 1, sizeof *moved);
    if (!moved)
        return;
    for (int i = 0; i < n; i++)
        moved[i] = strdup(environ[i]);
    environ = moved;
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
