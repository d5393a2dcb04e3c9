/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl, the operator's command: finds the command that is meant, reads its arguments, asks the
 * gateway and shows what it says.
 *
 *     weirctl  [-s SOCKET] [--json]  canary get  [--json] [ROUTE]
 *              └── read_globals ──┘  └─ find ─┘  └─ read_arguments ┘
 *
 * The options of all commands may stand before the command's words and behind them. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/client.h"
#include "weirctl/command.h"
#include "weirctl/follow.h"

struct settings {
    const char *socket; /* NULL: of the environment, or the default */
    const char *token_file, *ca, *cert, *key; /* NULL: of the environment, or none */
    bool json, help;
    bool fleet; /* it is said to all instances */
    const char *reason, *expires; /* NULL: not said */
    bool follow; /* of what comes line by line: until Ctrl-C */
};

enum { LINES_SOME = 10 }; /* are shown of what comes line by line, unless more are wanted */
enum {
    OWN_OPTIONS = 256, /* what getopt gives for those of the command; the first */
    GLOBAL_OPTIONS_N = 7,
    SHOW_TOKEN = 1, /* and for these, which have no letter */
    SHOW_CA,
    SHOW_CERT,
    SHOW_KEY,
    BESIDE, /* and for those of command_beside(); the first */
};

static const char intro[] =
    "Usage: weirctl [-s SOCKET] [--json] COMMAND ...\n"
    "\n"
    "Talks to a running weir over its admin socket.\n"
    "\n"
    "  -s, --socket SOCKET    a path, HOST:PORT or https://HOST:PORT (default:\n"
    "                         $WEIR_SOCKET, else " CLIENT_SOCKET ")\n"
    "      --token-file FILE  show the token in this file ($WEIR_TOKEN_FILE)\n"
    "      --ca FILE          use TLS, believe whom these have signed ($WEIR_CA)\n"
    "      --cert FILE        use TLS, show this certificate ($WEIR_CERT)\n"
    "      --key FILE         its key, when it isn't in the same file ($WEIR_KEY)\n"
    "      --json             print the gateway's JSON as it came\n"
    "  -h, --help             print this, or the help of a command\n"
    "  -v, --version          print the version\n"
    "\n"
    "Commands (weirctl help COMMAND tells more):\n";
static const char outro[] = "\n"
                            "Exit codes: 0 done, 1 refused by the gateway, 2 wrong usage, 3 the "
                            "gateway can't be reached.\n";

/* -- output ------------------------------------------------------------------------------------ */

static int print(const struct text *t)
{
    if (fwrite(t->p, 1, t->n, stdout) == t->n && fflush(stdout) == 0)
        return COMMAND_DONE;
    perror("weirctl: can't write the answer");
    return COMMAND_REFUSED;
}

/* The usage of `c` follows; of weirctl when it is NULL. */
static int wrong(const struct command *c, const char *what)
{
    struct text usage;

    text_init(&usage);
    if (c)
        command_usage(c, &usage);
    else
        text_str(&usage, "weirctl [-s SOCKET] [--json] COMMAND ...\n");
    text_char(&usage, '\0');
    if (what)
        fprintf(stderr, "weirctl: %s\n", what);
    fprintf(stderr, "Usage: %s       weirctl help%s%s tells more.\n", usage.p, c ? " " : "",
            c ? c->name : "");
    text_fini(&usage);
    return COMMAND_USAGE;
}

static int print_help(const struct command *c, const char *group)
{
    struct text t;

    text_init(&t);
    if (c) {
        command_help(c, &t);
    } else if (!group || !command_list(group, &t)) {
        text_str(&t, intro);
        command_list(NULL, &t);
        text_str(&t, outro);
    }
    const int code = print(&t);
    text_fini(&t);
    return code;
}

/* -- the gateway's answer ---------------------------------------------------------------------- */

static int show_refusal(int status, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error"),
                 *field = json_object_get(answer, "field"), *errors = answer_list(answer, "errors"),
                 *e;
    struct text t;
    size_t i;

    text_init(&t);
    if (json_is_string(error))
        answer_plain(&t, json_string_value(error));
    else
        text_printf(&t, "it says %d and no reason: is this the admin socket of a weir?", status);
    if (json_is_string(field)) {
        text_str(&t, " (");
        answer_plain(&t, json_string_value(field));
        text_char(&t, ')');
    }
    json_array_foreach(errors, i, e)
    {
        text_str(&t, "\n  ");
        answer_fault(&t, e);
    }
    fprintf(stderr, "weirctl: refused: %.*s\n", (int)t.n, t.p);
    text_fini(&t);
    return COMMAND_REFUSED;
}

/* What became of what was said to the fleet. */
static void show_told(const json_t *answer, struct text *out)
{
    const char *fleet = json_string_value(json_object_get(answer, "fleet"));

    if (!fleet)
        return;
    text_str(out, "\nThe fleet: ");
    answer_plain(out, fleet);
    text_str(out, ".\n");
}

static int show(const struct command *c, const struct settings *s, const struct command_args *args,
                const struct client_answer *a, const json_t *json)
{
    struct text t;
    bool shown = true;

    if (a->status != 200)
        return show_refusal(a->status, json);
    if (!json) {
        fprintf(stderr,
                "weirctl: the answer is no JSON object: is this the admin socket of a weir?\n");
        return COMMAND_REFUSED;
    }
    if (s->json && !c->show_beside)
        return print(&a->body);
    text_init(&t);
    if (c->show_beside)
        shown = c->show_beside(args, json, &t);
    else
        c->show(json, &t);
    show_told(json, &t);
    const int code = shown ? print(&t) : COMMAND_REFUSED;
    text_fini(&t);
    return code;
}

static int post(const struct command *c, const struct settings *s, const struct command_args *args,
                const struct client_target *to, const json_t *content)
{
    char *said = json_dumps(content, JSON_COMPACT | JSON_REAL_PRECISION(15));
    struct client_answer a;
    int code = COMMAND_UNREACHED;

    must(said);
    client_post(to, c->path, said, &a);
    if (a.status) {
        json_t *json = json_loads(a.body.p, 0, NULL);
        code = show(c, s, args, &a, json_is_object(json) ? json : NULL);
        json_decref(json);
    } else {
        fprintf(stderr, "weirctl: %s\n", a.fault.p);
    }
    client_answer_fini(&a);
    free(said);
    return code;
}

/* JSON has no place for bytes that are not UTF-8. */
static bool is_utf8(const char *s)
{
    json_t *text = json_string(s);
    const bool ok = text;

    json_decref(text);
    return ok;
}

static bool are_utf8(const struct command_args *args)
{
    for (size_t i = 0; i < args->operands_n; i++)
        if (!is_utf8(args->operands[i]))
            return false;
    for (size_t i = 0; i < COMMAND_OPTIONS; i++)
        if (args->options[i] && !is_utf8(args->options[i]))
            return false;
    return true;
}

static int refused(int status, const char *body)
{
    json_t *answer = json_loads(body, 0, NULL);
    const int code = show_refusal(status, json_is_object(answer) ? answer : NULL);

    json_decref(answer);
    return code;
}

/* What needs no gateway. */
static int run_here(const struct command *c, const struct command_args *args)
{
    struct text out, fault;
    int code;

    text_init(&out);
    text_init(&fault);
    if (c->print(args, &out, &fault)) {
        code = print(&out);
    } else {
        text_char(&fault, '\0');
        code = wrong(c, fault.p);
    }
    text_fini(&out);
    text_fini(&fault);
    return code;
}

/* What the command line says; else the environment, unless that is empty; else NULL. */
static const char *or_env(const char *said, const char *variable)
{
    const char *env = getenv(variable);

    return said || !env || !*env ? said : env;
}

/* False: `fault` says what is wrong with it. */
static bool find_target(const struct settings *s, struct client_target *to, struct text *fault)
{
    static char token[CLIENT_TOKEN_MAX + 1];
    const char *socket = or_env(s->socket, "WEIR_SOCKET");
    const char *token_file = or_env(s->token_file, "WEIR_TOKEN_FILE");

    if (!client_target_parse(socket ? socket : CLIENT_SOCKET, to)) {
        text_printf(fault, "\"%s\" is neither the path of a socket nor HOST:PORT", socket);
        return false;
    }
    to->ca = or_env(s->ca, "WEIR_CA");
    to->certificate = or_env(s->cert, "WEIR_CERT");
    to->key = or_env(s->key, "WEIR_KEY");
    to->tls = !to->unix_path && (to->tls || to->ca || to->certificate);
    if (!token_file)
        return true;
    to->token = token;
    return client_token_read(token_file, token, fault);
}

static void add_beside(const struct command *c, const struct settings *s,
                       const struct command_args *args, json_t *content)
{
    if (s->expires && c->lasts && !args->options[0])
        json_object_del(content, c->lasts);
    if (s->fleet)
        json_object_set_new(content, "fleet", json_true());
    if (s->reason)
        json_object_set_new(content, "reason", json_string(s->reason));
    if (s->expires)
        json_object_set_new(content, "expires", json_string(s->expires));
}

/* Once, or on and on. */
static int ask(const struct command *c, const struct settings *s, const struct command_args *args,
               const struct client_target *to, json_t *content)
{
    if (c->added)
        return s->follow ? follow_added(c, to, content, s->json, refused)
                         : post(c, s, args, to, content);
    if (!c->show_line)
        return post(c, s, args, to, content);
    if (!s->follow && !json_object_get(content, "lines"))
        json_object_set_new(content, "lines", json_integer(LINES_SOME));
    return follow(c, to, content, s->json, refused);
}

static int wrong_arguments(const struct command *c, struct text *fault)
{
    text_char(fault, '\0');
    return wrong(c, fault->p);
}

/* COMMAND_AS_USUAL: it isn't done by the command itself. */
static int act(const struct command *c, const struct settings *s, const struct command_args *args,
               const struct client_target *to, struct text *fault)
{
    const int code = c->act ? c->act(args, to, s->json, fault) : COMMAND_AS_USUAL;

    return code == COMMAND_USAGE ? wrong_arguments(c, fault) : code;
}

static int run(const struct command *c, const struct settings *s, const struct command_args *args)
{
    json_t *content = json_object();
    struct client_target to;
    struct text fault;
    int code;

    text_init(&fault);
    if (!find_target(s, &to, &fault)) {
        code = wrong_arguments(c, &fault);
    } else if ((code = act(c, s, args, &to, &fault)) != COMMAND_AS_USUAL) {
        ; /* that was it */
    } else if (c->ask && !c->ask(args, content, &fault)) {
        code = wrong_arguments(c, &fault);
    } else {
        if (c->wait_ms)
            to.timeout_ms = c->wait_ms;
        add_beside(c, s, args, content);
        code = ask(c, s, args, &to, content);
    }
    text_fini(&fault);
    json_decref(content);
    return code;
}

/* -- the command line -------------------------------------------------------------------------- */

/* What all commands take; false for anything else. */
static bool take_global(int option, struct settings *s)
{
    switch (option) {
    case 's':
        s->socket = optarg;
        return true;
    case SHOW_TOKEN:
        s->token_file = optarg;
        return true;
    case SHOW_CA:
        s->ca = optarg;
        return true;
    case SHOW_CERT:
        s->cert = optarg;
        return true;
    case SHOW_KEY:
        s->key = optarg;
        return true;
    case 'j':
        s->json = true;
        return true;
    case 'h':
        s->help = true;
        return true;
    case BESIDE + BESIDE_REASON:
        s->reason = optarg;
        return true;
    case BESIDE + BESIDE_EXPIRES:
        s->expires = optarg;
        return true;
    case BESIDE + BESIDE_FLEET:
        s->fleet = true;
        return true;
    case 'f':
        s->follow = true;
        return true;
    default:
        return false;
    }
}

#define GLOBAL_OPTIONS                                                                             \
    {"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},                    \
        {"token-file", required_argument, NULL, SHOW_TOKEN}, {"ca", required_argument, NULL, SHOW_CA},        \
        {"cert", required_argument, NULL, SHOW_CERT}, {"key", required_argument, NULL, SHOW_KEY},             \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }

/* How the options of a command may be written. */
struct spelling {
    struct option longs[GLOBAL_OPTIONS_N + COMMAND_OPTIONS + COMMAND_BESIDE + 1];
    char shorts[4 + 2 * COMMAND_OPTIONS + 1];
};

static void spell(const struct command *c, struct spelling *s)
{
    *s = (struct spelling){.longs = {GLOBAL_OPTIONS}, .shorts = "s:h"};
    if (c->show_line)
        strcat(s->shorts, "f");
    int n = GLOBAL_OPTIONS_N;
    size_t end = strlen(s->shorts);
    struct command_beside beside[COMMAND_BESIDE + 1];
    command_beside(c, beside);
    for (const struct command_beside *b = beside; b->name; b++)
        s->longs[n++] = (struct option){b->name, b->value ? required_argument : no_argument, NULL,
                                        BESIDE + (int)b->kind};
    for (int i = 0; i < COMMAND_OPTIONS && c->options[i].name; i++) {
        const struct command_option *o = &c->options[i];
        s->longs[n++] = (struct option){o->name, o->value ? required_argument : no_argument, NULL,
                                        OWN_OPTIONS + i};
        if (!o->letter)
            continue;
        s->shorts[end++] = o->letter;
        s->shorts[end++] = ':';
    }
}

/* The number of the command's option that getopt gave; -1: it is none. */
static int own_option(const struct command *c, int given)
{
    if (given >= OWN_OPTIONS)
        return given - OWN_OPTIONS;
    for (int i = 0; i < COMMAND_OPTIONS && c->options[i].name; i++)
        if (given && c->options[i].letter == given)
            return i;
    return -1;
}

/* Given again, it replaces what was given, or is a further line. */
static void take_own(const struct command *c, int option, struct command_args *args)
{
    static struct text lines[COMMAND_OPTIONS]; /* for ever */
    struct text *t = &lines[option];
    if (!args->options[option] || !c->options[option].many) {
        args->options[option] = optarg ? optarg : "";
        return;
    }
    if (!t->n) {
        text_init(t);
        text_str(t, args->options[option]);
    } else {
        t->n--; /* the NUL */
    }
    text_printf(t, "\n%s", optarg);
    text_char(t, '\0');
    args->options[option] = t->p;
}

/* argv[0] is the last word of the command, argv[1] what follows it. */
static int read_arguments(const struct command *c, struct settings *s, int argc, char **argv)
{
    static char name[] = "weirctl"; /* in what getopt complains about */
    struct command_args args = {0};
    struct spelling spelling;

    spell(c, &spelling);
    argv[0] = name;
    optind = 0; /* begins anew */
    for (int o; (o = getopt_long(argc, argv, spelling.shorts, spelling.longs, NULL)) != -1;) {
        const int own = own_option(c, o);
        if (own >= 0)
            take_own(c, own, &args);
        else if (!take_global(o, s))
            return wrong(c, NULL);
    }
    if (s->help)
        return print_help(c, NULL);
    args.operands = argv + optind;
    args.operands_n = (size_t)(argc - optind);
    if (args.operands_n < c->operands_min)
        return wrong(c, "something is missing");
    if (args.operands_n > c->operands_max)
        return wrong(c, "that is too much");
    if (!are_utf8(&args) || !is_utf8(s->reason ? s->reason : "") ||
        !is_utf8(s->expires ? s->expires : ""))
        return wrong(c, "an argument is not UTF-8");
    return c->path || c->act ? run(c, s, &args) : run_here(c, &args);
}

static int unknown(char **argv, size_t argc)
{
    struct text t;

    text_init(&t);
    command_guess(argv, argc, &t);
    fprintf(stderr, "weirctl: there is no command \"%s%s%s\"", argv[0], argc > 1 ? " " : "",
            argc > 1 ? argv[1] : "");
    if (t.n)
        fprintf(stderr, "; did you mean \"%.*s\"?\n", (int)t.n, t.p);
    else if (command_list(argv[0], &t))
        fprintf(stderr, "; there are:\n%.*s", (int)t.n, t.p);
    else
        fprintf(stderr, "; \"weirctl help\" lists all\n");
    text_fini(&t);
    return COMMAND_USAGE;
}

static int dispatch(struct settings *s, int argc, char **argv)
{
    size_t words;

    if (argc && !strcmp(argv[0], "help")) {
        s->help = true;
        argc--;
        argv++;
    }
    if (!argc)
        return s->help ? print_help(NULL, NULL) : wrong(NULL, "which command?");
    const struct command *c = command_find(argv, (size_t)argc, &words);
    if (c)
        return read_arguments(c, s, argc - (int)words + 1, argv + words - 1);
    const bool helped = s->help || (argc > 1 && !strcmp(argv[1], "--help"));
    struct text t;
    text_init(&t);
    const bool group = command_list(argv[0], &t);
    text_fini(&t);
    return group && helped ? print_help(NULL, argv[0]) : unknown(argv, (size_t)argc);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {GLOBAL_OPTIONS, {"version", no_argument, NULL, 'v'}, {0}};
    struct settings s = {0};

    for (int o; (o = getopt_long(argc, argv, "+s:hv", longs, NULL)) != -1;) {
        if (o == 'v') {
            puts("weirctl " PACKAGE_VERSION);
            return COMMAND_DONE;
        }
        if (!take_global(o, &s))
            return wrong(NULL, NULL);
    }
    return dispatch(&s, argc - optind, argv + optind);
}
