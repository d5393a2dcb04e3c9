/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_RIG_H
#define WEIR_TESTS_LIB_RIG_H

/* The rig of a scenario: a real weir in a folder of its own, on free ports, with a configuration
 * that the test only writes the interesting part of; and everything to look at it from outside:
 * its log, its access log, its metrics, its processes.
 *
 *     SCENARIO_SUITE(proxying);
 *     Test(proxying, passes_a_response_on)
 *     {
 *         struct origin *app = origin_start("app");
 *         rig_start(.listener = "limits = { requests = 2; };");
 *         cr_assert_eq(get("/")->status, 200);
 *     }
 *
 * Names in configurations: $dir is the folder, $port and every name that begins with "port" a free
 * port (of which the rig keeps hold, so that tests beside each other never get the same), $app the
 * address of the origin that was started as "app".
 *
 * When the test ends, however it ends, weir is stopped and must have ended well: no crash, no
 * process left behind. Should the test itself die, the master dies with it. RIG_VERBOSE=1 shows
 * what weir said, RIG_KEEP=1 leaves the folder there. */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/lib/wait.h"

struct rig_conf {
    unsigned workers;      /* 1 */
    const char *top;       /* settings at the top */
    const char *log;       /* in log = { }; flush is 5 ms and burst 0 */
    const char *listener;  /* in the listener "public" on 127.0.0.1:$port */
    const char *listeners; /* more listeners; each begins with a comma */
    const char *cluster;   /* in the cluster "app", whose endpoint is $app */
    const char *endpoints; /* that cluster's, instead of [ "$app" ] */
    const char *clusters;  /* more clusters */
    const char *routes;    /* instead of ( { name = "all"; cluster = "app"; } ) */
    const char *whole;     /* the whole file, instead of all of that */
};

#define SCENARIO_SUITE(name) TestSuite(name, .init = rig_begin, .fini = rig_end, .timeout = 120)
void rig_begin(void);
/* From now on configurations have this list of default_modules, "[ ]", instead of the usual one: so
 * that a test of one module sees nothing of the others'. Borrowed. */
void rig_default_modules(const char *list);
void rig_end(void);
/* A skipped test doesn't reach its .fini. */
#define RIG_SKIP(why)                                                                              \
    do {                                                                                           \
        rig_end();                                                                                 \
        cr_skip_test(why);                                                                         \
    } while (0)

/* AddressSanitizer keeps what is freed: figures of memory mean nothing there. */
#ifdef __SANITIZE_ADDRESS__
enum { RIG_FIGURES = 0 };
#else
enum { RIG_FIGURES = 1 };
#endif

/* -- configurations ---------------------------------------------------------------------------- */

/* What "$name" stands for. */
void rig_name(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint16_t rig_port(const char *name);
/* A path in the folder; up to four stay valid. */
const char *rig_path(const char *file);
void rig_write_conf(struct rig_conf c);
void rig_write_file(const char *file, const char *content);

/* -- life -------------------------------------------------------------------------------------- */

/* Writes the configuration, starts weir and waits until it serves. */
#define rig_start(...) rig_start_with((struct rig_conf){__VA_ARGS__})
void rig_start_with(struct rig_conf c);
/* Only starts it; or runs it with other arguments to its end and gives its exit status. */
void rig_launch(void);
int rig_run(const char *const *args);
/* Writes the configuration, sends SIGHUP and waits. True: the new generation has taken over. */
#define rig_reload(...) rig_reload_with((struct rig_conf){__VA_ARGS__})
bool rig_reload_with(struct rig_conf c);
/* The same, asserts that it is taken, and waits until the generation before is gone, which may
 * serve a connection or two until then. For tests without connections that would keep it. */
#define rig_renew(...) rig_renew_with((struct rig_conf){__VA_ARGS__})
void rig_renew_with(struct rig_conf c);
/* Starts the binary that lies where it was started from beside it, by SIGUSR2. True: that one is in
 * charge; from now on rig_master() is its master. */
bool rig_upgrade(void);
/* From now on weir is started by this name in the folder, a link to the real one, or to another
 * program. */
void rig_link_weir(const char *to);
void rig_signal(int signo);
pid_t rig_master(void);
/* Waits for the master's end: its exit status, or minus the signal. */
int rig_await_exit(void);
/* SIGTERM, and everything must end well. */
void rig_stop(void);
/* It has ended by another way than the rig's, which doesn't look for it any more. */
void rig_forget(void);
/* For tests that kill: such an end of a process is no fault. */
void rig_expect_deaths(void);

/* Several instances beside each other: from now on everything here, and every request, is about
 * this one, from 0, which is the one that a test begins with; each has a folder, a $port and a name, $instance
 * ("edge-0"), of its own. Processes are looked for among those of all. rig_end() ends all. */
enum { RIG_INSTANCES = 4 };
void rig_instance(unsigned n);

/* -- looking at it ----------------------------------------------------------------------------- */

/* The processes of weir whose title begins so ("worker/", "worker/1 ", "control", "master"). */
size_t rig_processes(const char *title, pid_t *pids, size_t max);
size_t rig_count(const char *title);
pid_t rig_worker(unsigned index);
/* Of a process: a line of /proc/PID/status in its unit (kB, ids); CPU time in ms. */
long rig_status(pid_t pid, const char *key);
long rig_private_kb(pid_t pid);
long rig_cpu_ms(pid_t pid);
size_t rig_descriptors(pid_t pid);

/* Waits for a line of the log (stderr) behind the one that was found last, and returns it. */
const char *rig_await_log(const char *needle);
bool rig_logged(const char *needle);
unsigned rig_log_count(const char *needle);
/* A line of the access log that contains it; waits. */
const char *rig_await_access(const char *needle);
unsigned rig_access_lines(void);
/* A member of such a line (JSON): text without quotes, or the number; "" when there is none. */
const char *json_of(const char *line, const char *key);
/* The content of a file in the folder; "" when there is none. The caller frees it. */
char *rig_read(const char *file);

/* GET /metrics; the value of one line ("weir_x_total{a=\"b\"}"); -1: it isn't there. */
char *rig_metrics(void);
double rig_metric(const char *series);

#endif
