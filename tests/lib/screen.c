/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/screen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/lib/wait.h"

enum { COLUMNS = 256, LINES = 128, SEQUENCE = 32 };

static int master = -1, slave = -1;
static pid_t child;
static unsigned columns, lines, x, y, clears;
static size_t widest;
static char cells[LINES][COLUMNS + 1];
static char sequence[SEQUENCE]; /* that has begun: ESC is its first byte */
static size_t sequence_n;
static bool hidden, other, wraps;
static struct termios usual;

/* -- what is written --------------------------------------------------------------------------- */

static void clear_from(unsigned line, unsigned column)
{
    for (; line < LINES; line++, column = 0)
        memset(cells[line] + column, ' ', COLUMNS - column);
}

static void put(char c)
{
    if (c == '\r') {
        x = 0;
    } else if (c == '\n') {
        cr_assert_lt(y + 1, lines, "it writes below the last line, so all moves up");
        y++;
    } else {
        cr_assert(c >= 0x20 && c < 0x7f, "%x is written", (unsigned char)c);
        if (x < COLUMNS)
            cells[y][x] = c;
        x++;
        widest = x > widest ? x : widest;
    }
}

static bool is(const char *text)
{
    return !strcmp(sequence + 1, text);
}

static void obey(void)
{
    const char last = sequence[sequence_n - 1];

    sequence[sequence_n] = '\0';
    if (is("[H")) {
        x = y = 0;
    } else if (is("[K")) {
        memset(cells[y] + (x < COLUMNS ? x : COLUMNS), ' ', x < COLUMNS ? COLUMNS - x : 0);
    } else if (is("[J")) {
        clear_from(y + 1, 0);
    } else if (is("[2J")) {
        clears++;
        clear_from(0, 0);
    } else if (is("[?25l") || is("[?25h")) {
        hidden = last == 'l';
    } else if (is("[?1049h") || is("[?1049l")) {
        other = last == 'h';
    } else if (is("[?7l") || is("[?7h")) {
        wraps = last == 'h';
    } else {
        cr_assert(last == 'm', "an unknown sequence: ESC %s", sequence + 1);
    }
    sequence_n = 0;
}

static void take(char c)
{
    if (!sequence_n && c != 27) {
        put(c);
        return;
    }
    cr_assert_lt(sequence_n + 1, SEQUENCE);
    sequence[sequence_n++] = c;
    if (sequence_n > 2 && c >= 0x40 && c <= 0x7e)
        obey();
}

/* What has come by now. */
static void pull(void)
{
    char buffer[4096];
    struct pollfd p = {.fd = master, .events = POLLIN};

    while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
        const ssize_t n = read(master, buffer, sizeof buffer);
        if (n <= 0)
            return;
        for (ssize_t i = 0; i < n; i++)
            take(buffer[i]);
    }
}

/* -- its life ---------------------------------------------------------------------------------- */

static void set_size(unsigned c, unsigned l)
{
    const struct winsize size = {.ws_col = (unsigned short)c, .ws_row = (unsigned short)l};

    cr_assert(c < COLUMNS && l < LINES);
    columns = c;
    lines = l;
    cr_assert_eq(ioctl(master, TIOCSWINSZ, &size), 0);
}

static _Noreturn void become(const char *command)
{
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; fd++)
        dup2(slave, fd);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

void screen_start(const char *command, unsigned c, unsigned l)
{
    char exec[1024];

    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(slave >= 0 && tcgetattr(slave, &usual) == 0);
    clear_from(0, 0);
    x = y = clears = 0;
    widest = sequence_n = 0;
    hidden = other = false;
    wraps = true;
    set_size(c, l);
    snprintf(exec, sizeof exec, "exec %s", command);
    child = fork();
    cr_assert(child >= 0);
    if (child == 0)
        become(exec);
}

void screen_type(const char *keys)
{
    const size_t n = strlen(keys);

    cr_assert_eq(write(master, keys, n), (ssize_t)n);
}

void screen_resize(unsigned c, unsigned l)
{
    pull();
    set_size(c, l); /* the kernel tells the program */
}

void screen_signal(int signo)
{
    cr_assert_eq(kill(child, signo), 0);
}

int screen_await_exit(void)
{
    int status = 0;

    AWAIT((pull(), waitpid(child, &status, WNOHANG)) == child);
    pull();
    child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void screen_end(void)
{
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    if (master >= 0) {
        close(master);
        close(slave);
    }
    child = 0;
    master = slave = -1;
}

/* -- looking ----------------------------------------------------------------------------------- */

const char *screen_line(const char *text)
{
    static char line[COLUMNS + 1];

    pull();
    for (unsigned i = 0; i < lines; i++) {
        size_t n = columns;
        memcpy(line, cells[i], n);
        while (n && line[n - 1] == ' ')
            n--;
        line[n] = '\0';
        if (strstr(line, text))
            return line;
    }
    return NULL;
}

bool screen_shows(const char *text)
{
    return screen_line(text) != NULL;
}

const char *screen_text(void)
{
    static char all[LINES * (COLUMNS + 1) + 1];
    size_t n = 0;

    pull();
    for (unsigned i = 0; i < lines; i++) {
        memcpy(all + n, cells[i], columns);
        n += columns;
        all[n++] = '\n';
    }
    all[n] = '\0';
    return all;
}

size_t screen_widest(void)
{
    pull();
    return widest;
}

unsigned screen_clears(void)
{
    pull();
    return clears;
}

bool screen_is_usual(void)
{
    struct termios now;

    pull();
    cr_assert_eq(tcgetattr(slave, &now), 0);
    return now.c_lflag == usual.c_lflag && now.c_iflag == usual.c_iflag && !hidden && !other &&
           wraps;
}
