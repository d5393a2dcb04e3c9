/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are blocked but while one waits for keys, so they are dealt with in one place, and none
 * comes in the middle of a drawing. */
#include "weirctl/top_term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};

static struct termios before;
static bool taken, handling;
static volatile sig_atomic_t ended, resized, to_stop;
static sigset_t outside; /* the signals that were blocked before */

static void on_signal(int signo)
{
    if (signo == SIGWINCH || signo == SIGCONT)
        resized = 1;
    else if (signo == SIGTSTP)
        to_stop = 1;
    else
        ended = signo;
}

static void handle_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < array_n(caught); i++)
        sigaddset(&blocked, caught[i]);
    sigprocmask(SIG_BLOCK, &blocked, &outside);
    for (size_t i = 0; i < array_n(caught); i++)
        sigaction(caught[i], &a, NULL);
    handling = true;
}

/* What can't be written has no reader any more; the next wait tells. */
static void put(const char *p, size_t n)
{
    while (n) {
        const ssize_t done = write(STDOUT_FILENO, p, n);
        if (done < 0 && errno != EINTR)
            return;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
}

#define PUT(text) put(text, sizeof text - 1)

static bool take(void)
{
    struct termios raw = before;

    /* ISIG stays: Ctrl-C and Ctrl-Z are signals, also of whoever else is in the foreground. */
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
        return false;
    PUT("\033[?1049h\033[?25l\033[?7l\033[2J");
    taken = true;
    return true;
}

static void give_back(void)
{
    if (!taken)
        return;
    taken = false;
    PUT("\033[0m\033[?7h\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

bool top_term_begin(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    handle_signals();
    return take();
}

void top_term_end(void)
{
    give_back();
    if (handling)
        sigprocmask(SIG_SETMASK, &outside, NULL);
    handling = false;
}

int top_term_signal(void)
{
    return ended;
}

void top_term_size(unsigned *columns, unsigned *lines)
{
    struct winsize size = {0};

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *columns = size.ws_col ? size.ws_col : 80;
    *lines = size.ws_row ? size.ws_row : 24;
}

/* -- drawing ----------------------------------------------------------------------------------- */

static const char *const styles[] = {[TOP_PLAIN] = "\033[0m",
                                     [TOP_STRONG] = "\033[0;1m",
                                     [TOP_HEADS] = "\033[0;7m",
                                     [TOP_BAD] = "\033[0;31m"};

void top_term_draw(const struct top_lines *l)
{
    struct slice rest = text_slice(&l->text);
    struct text t;

    text_init(&t);
    text_str(&t, "\033[H");
    for (size_t i = 0; i < l->n; i++) {
        text_printf(&t, "%s%s", i ? "\r\n" : "", styles[l->styles[i]]);
        text_add(&t, slice_cut(&rest, '\n'));
        text_str(&t, "\033[0m\033[K");
    }
    text_str(&t, "\033[J");
    put(t.p, t.n);
    text_fini(&t);
}

/* -- waiting ----------------------------------------------------------------------------------- */

/* As the shell wants it: stopped with the terminal as it was, and taken again when it goes on. */
static void stop_here(void)
{
    to_stop = 0;
    give_back();
    raise(SIGSTOP);
    (void)take();
    resized = 1;
}

static enum top_wake read_keys(struct top_keys *keys)
{
    const ssize_t n = read(STDIN_FILENO, keys->p, sizeof keys->p);

    if (n > 0) {
        keys->n = (size_t)n;
        return TOP_WAKE_KEYS;
    }
    return n < 0 && (errno == EINTR || errno == EAGAIN) ? TOP_WAKE_TIME : TOP_WAKE_END;
}

enum top_wake top_term_wait(unsigned ms, struct top_keys *keys)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    keys->n = 0;
    const int n = ppoll(&in, 1, &t, &outside);
    if (to_stop)
        stop_here();
    if (ended)
        return TOP_WAKE_END;
    if (resized) {
        resized = 0;
        return TOP_WAKE_RESIZE;
    }
    return n > 0 ? read_keys(keys) : TOP_WAKE_TIME;
}
