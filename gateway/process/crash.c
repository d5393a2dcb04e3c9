/* SPDX-License-Identifier: Apache-2.0 */
/* The crash report. It runs in a signal handler of a process whose memory may be broken: it only
 * uses write(2), formats numbers itself, and looks at as little as possible. */
#include "process/crash.h"

#include "core/module/hooks.h"

#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char process_name[48];
static const struct worker *volatile watched;

static void say(const char *s)
{
    if (write(STDERR_FILENO, s, strlen(s)) < 0)
        return; /* nobody to tell */
}

static void say_number(uint64_t v)
{
    char text[21], *p = text + sizeof text - 1;
    *p = 0;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    say(p);
}

static void say_exchange(const struct exchange *x)
{
    say(" exchange=");
    say_number(x->id);
    say(" step=");
    say(step_name(x->step));
    say(" trail=");
    const unsigned n = x->trail_n < EXCHANGE_TRAIL ? x->trail_n : EXCHANGE_TRAIL;
    for (unsigned i = x->trail_n - n; i < x->trail_n; i++) {
        say(step_name((enum step)(x->trail[i % EXCHANGE_TRAIL] % STEP_N)));
        say(i + 1 < x->trail_n ? "," : "");
    }
    if (!x->hook)
        return;
    say(" module=");
    say(x->hook->module->desc->name);
    say(" hook=");
    say(moment_name((enum moment)x->moment));
}

static void report(const char *what)
{
    void *frames[48];
    say("weir: crash process=");
    say(process_name);
    say(" pid=");
    say_number((uint64_t)getpid());
    say(" reason=\"");
    say(what);
    say("\"");
    if (watched && watched->current)
        say_exchange(watched->current);
    say("\n");
    backtrace_symbols_fd(frames, backtrace(frames, (int)array_n(frames)), STDERR_FILENO);
}

static void on_signal(int signo)
{
    report(signo == SIGSEGV  ? "SIGSEGV"
           : signo == SIGBUS ? "SIGBUS"
           : signo == SIGFPE ? "SIGFPE"
           : signo == SIGILL ? "SIGILL"
                             : "SIGABRT");
    raise(signo); /* the handler was reset: the default action follows */
}

static void on_must(const char *cond, const char *file, int line)
{
    say("weir: must(");
    say(cond);
    say(") failed at ");
    say(file);
    say(":");
    say_number((uint64_t)line);
    say("\n");
}

void crash_install(const char *name)
{
    static const int which[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    snprintf(process_name, sizeof process_name, "%s", name);
    void *first[1];
    backtrace(first, 1); /* loads libgcc now: later is too late */
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_NODEFER};
    for (size_t i = 0; i < array_n(which); i++)
        sigaction(which[i], &sa, NULL);
    must_hook = on_must;
}

void crash_watch(const struct worker *w)
{
    watched = w;
}
