/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "base/text.h"
#include "config/config.h"
#include "core/access_log.h"
#include "process/master.h"
#include "process/title.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: weir [-t] -c FILE\n"
    "\n"
    "  -c, --config FILE   the configuration (default: " WEIR_SYSCONFDIR "/weir.conf)\n"
    "  -t, --test          check the configuration and exit: 0 when it can be used\n"
    "      --help-config   print the reference of all settings (Markdown)\n"
    "      --help-log      print the fields of the access log (Markdown)\n"
    "  -v, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Runs in the foreground. Signals to the master: HUP reload, USR1 reopen logs,\n"
    "QUIT graceful stop, TERM or INT stop at once.\n";

static int print_reference(void (*reference)(struct text *out))
{
    struct text t;
    text_init(&t);
    reference(&t);
    const bool ok = fwrite(t.p, 1, t.n, stdout) == t.n && fflush(stdout) == 0;
    text_fini(&t);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    enum { HELP_CONFIG = 256, HELP_LOG };
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
        {"version", no_argument, NULL, 'v'},      {"help", no_argument, NULL, 'h'},
        {"help-config", no_argument, NULL, HELP_CONFIG},
        {"help-log", no_argument, NULL, HELP_LOG}, {0}};
    static const char *file = WEIR_SYSCONFDIR "/weir.conf";
    bool test = false;
    for (int c; (c = getopt_long(argc, argv, "c:tvh", longs, NULL)) != -1;) {
        switch (c) {
        case 'c':
            file = strdup(optarg); /* the title is written over the arguments */
            break;
        case 't':
            test = true;
            break;
        case 'v':
            puts("weir " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case HELP_CONFIG:
            return print_reference(config_reference);
        case HELP_LOG:
            return print_reference(access_log_reference);
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "weir: what is \"%s\"?\n%s", argv[optind], usage);
        return 2;
    }
    if (test)
        return master_check(file);
    title_init(argc, argv);
    return master_run(file);
}
