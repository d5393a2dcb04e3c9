/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. */
#include "core/log/access_log.h"
#include "process/master.h"
#include "process/show.h"
#include "process/title.h"
#include "process/upgrade.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_file[] = WEIR_SYSCONFDIR "/weir.conf";

static const char usage[] =
    "Usage: weir [-t | -m] -c FILE\n"
    "\n"
    "  -c, --config FILE   the configuration (default: " WEIR_SYSCONFDIR "/weir.conf)\n"
    "  -t, --test          check the configuration and exit: 0 when it can be used\n"
    "      --dump          print the effective configuration, defaults included, as JSON\n"
    "      --explain       tell what it would do with requests, which are read as lines of JSON\n"
    "  -m, --modules       list the modules that there are; with -c, those of its folders, too\n"
    "      --help-module NAME  print what can be set for a module (Markdown); -c as for -m\n"
    "      --help-config   print the reference of all settings (Markdown), also of the modules\n"
    "                      that are installed; with -c, of those in its folders instead\n"
    "      --help-log      print the fields of the access log (Markdown)\n"
    "      --help-metrics  print what /metrics shows (Markdown); -c as for --help-config\n"
    "  -v, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Runs in the foreground. Signals to the master: HUP reload, USR1 reopen logs,\n"
    "USR2 upgrade to the binary that lies there now, QUIT graceful stop, TERM or INT\n"
    "stop at once.\n";

enum { RUN, HELP_CONFIG = 256, HELP_LOG, HELP_METRICS, HELP_MODULE, DUMP, EXPLAIN };

/* Prints or checks, and returns the exit status. */
static int look(int what, const char *file, const char *module)
{
    switch (what) {
    case 't':
        return master_check(file ? file : default_file);
    case DUMP:
        return show_effective(file ? file : default_file);
    case EXPLAIN:
        return show_explained(file ? file : default_file);
    case 'm':
        return show_modules(file);
    case HELP_MODULE:
        return show_module(file, module);
    case HELP_CONFIG:
        return show_settings(file);
    case HELP_METRICS:
        return show_metrics(file);
    default:
        return show_text(access_log_reference);
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"test", no_argument, NULL, 't'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"modules", no_argument, NULL, 'm'},
                                          {"help-module", required_argument, NULL, HELP_MODULE},
                                          {"help-config", no_argument, NULL, HELP_CONFIG},
                                          {"help-log", no_argument, NULL, HELP_LOG},
                                          {"help-metrics", no_argument, NULL, HELP_METRICS},
                                          {"dump", no_argument, NULL, DUMP},
                                          {"explain", no_argument, NULL, EXPLAIN},
                                          {0}};
    static const char *file;
    const char *module = NULL;
    int what = RUN; /* the last one that was asked for */
    for (int c; (c = getopt_long(argc, argv, "c:tmvh", longs, NULL)) != -1;) {
        switch (c) {
        case 'c':
            file = strdup(optarg); /* the title is written over the arguments */
            break;
        case HELP_MODULE:
            module = optarg;
            __attribute__((fallthrough));
        case 't':
        case 'm':
        case HELP_CONFIG:
        case HELP_LOG:
        case HELP_METRICS:
        case DUMP:
        case EXPLAIN:
            what = c;
            break;
        case 'v':
            puts("weir " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "weir: what is \"%s\"?\n%s", argv[optind], usage);
        return 2;
    }
    if (what != RUN)
        return look(what, file, module);
    upgrade_remember(argc, argv);
    title_init(argc, argv);
    return master_run(file ? file : default_file);
}
