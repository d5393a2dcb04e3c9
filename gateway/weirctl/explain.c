/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl explain: what would become of a request, and what has become of one. */

#include "weirctl/command.h"
#include "weirctl/explain.h"

#include <string.h>

enum {
    OPTION_HEADER,
    OPTION_IDENTITY,
    OPTION_SOURCE,
    OPTION_LISTENER,
    OPTION_REQUEST,
    OPTION_FILE,
    OPTION_SAMPLES,
    OPTION_AGAINST,
};

/* -- asking ------------------------------------------------------------------------------------ */

static json_t *lines_of(const char *text)
{
    json_t *list = json_array();
    struct slice rest = slice_str(text);
    while (rest.n) {
        const struct slice line = slice_cut(&rest, '\n');
        json_array_append_new(list, json_stringn(line.p, line.n));
    }
    return list;
}

static void add_claim(json_t *claims, struct slice name, struct slice value)
{
    char key[256];
    snprintf(key, sizeof key, "%.*s", SLICE_ARG(name));
    json_t *values = json_object_get(claims, key);
    if (!values) {
        values = json_array();
        json_object_set_new(claims, key, values);
    }
    json_array_append_new(values, json_stringn(value.p ? value.p : "", value.n));
}

/* "sub=ann groups=testers": claims between spaces, or on lines of their own. */
static bool read_identity(const char *text, json_t *content, struct text *fault)
{
    json_t *claims = json_object();
    struct slice rest = slice_str(text);
    json_object_set_new(content, "identity", claims);
    while (rest.n) {
        const size_t end = strcspn(rest.p, " \n");
        struct slice value = slice_of(rest.p, end < rest.n ? end : rest.n);
        rest = slice_from(rest, value.n < rest.n ? value.n + 1 : rest.n);
        if (!value.n)
            continue;
        const struct slice name = slice_cut(&value, '=');
        if (!value.p || !name.n) {
            text_printf(fault, "\"%.*s\" is not CLAIM=VALUE", SLICE_ARG(name));
            return false;
        }
        add_claim(claims, name, value);
    }
    return true;
}

static void set_option(const struct command_args *args, int option, const char *key,
                       json_t *content)
{
    if (args->options[option])
        json_object_set_new(content, key, json_string(args->options[option]));
}

static bool ask_of_walk(const struct command_args *args, json_t *content, struct text *fault)
{
    json_object_set_new(content, "method", json_string(args->operands[0]));
    json_object_set_new(content, "url", json_string(args->operands[1]));
    if (args->options[OPTION_HEADER])
        json_object_set_new(content, "headers", lines_of(args->options[OPTION_HEADER]));
    set_option(args, OPTION_SOURCE, "source", content);
    set_option(args, OPTION_LISTENER, "listener", content);
    return !args->options[OPTION_IDENTITY] ||
           read_identity(args->options[OPTION_IDENTITY], content, fault);
}

/* Does an option say what a request is like? */
static bool describes(const struct command_args *args)
{
    for (int i = 0; i < OPTION_REQUEST; i++)
        if (args->options[i])
            return true;
    return false;
}

/* Of a request that was: its id says it all. */
static bool ask_of_request(const struct command_args *args, const char *id, json_t *content,
                           struct text *fault)
{
    if (describes(args)) {
        text_str(fault, "a request that was has its own headers, source and listener");
        return false;
    }
    if (strchr(id, '/')) {
        text_printf(fault, "\"%s\" is no id of a request; METHOD URL?", id);
        return false;
    }
    json_object_set_new(content, "request", json_string(id));
    return true;
}

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    const char *id = args->options[OPTION_REQUEST];
    if (!id && args->operands_n == 1)
        id = args->operands[0];
    if (args->operands_n == 2 && !args->options[OPTION_REQUEST])
        return ask_of_walk(args, content, fault);
    if (id && args->operands_n < 2)
        return ask_of_request(args, id, content, fault);
    text_str(fault, "METHOD URL, or the id of a request");
    return false;
}

static void show(const json_t *answer, struct text *out)
{
    if (json_object_get(answer, "request"))
        explain_show_recent(answer, out);
    else
        explain_show_walk(answer, out);
}

/* -- files that aren't in force ---------------------------------------------------------------- */

static bool is_wrong(const struct command_args *args, struct text *fault)
{
    const bool samples = args->options[OPTION_SAMPLES];
    if (!args->options[OPTION_FILE])
        text_str(fault, "--samples and --against need --file");
    else if (!samples && args->options[OPTION_AGAINST])
        text_str(fault, "--against is for --samples");
    else if (samples ? args->operands_n > 0 : args->operands_n != 2)
        text_str(fault, samples ? "with --samples there is no METHOD URL"
                                : "--file needs METHOD URL, or --samples");
    else if (samples && describes(args))
        text_str(fault, "requests of --samples have the headers, source and listener of the log");
    else if (args->options[OPTION_REQUEST])
        text_str(fault, "what has become of a request doesn't depend on a file");
    return fault->n;
}

static int act(const struct command_args *args, const struct client_target *to, bool json,
               struct text *fault)
{
    const char *const *o = args->options;
    if (!o[OPTION_FILE] && !o[OPTION_SAMPLES] && !o[OPTION_AGAINST])
        return COMMAND_AS_USUAL;
    if (is_wrong(args, fault))
        return COMMAND_USAGE;
    if (o[OPTION_SAMPLES])
        return explain_samples(&(struct explain_sampling){.candidate = o[OPTION_FILE],
                                                          .samples = o[OPTION_SAMPLES],
                                                          .against = o[OPTION_AGAINST],
                                                          .to = to,
                                                          .json = json});
    json_t *content = json_object();
    int code = COMMAND_USAGE;
    if (ask_of_walk(args, content, fault))
        code = explain_file(o[OPTION_FILE], content, json);
    json_decref(content);
    return code;
}

extern const struct command explain;
const struct command explain = {
    .name = "explain",
    .operands = "[METHOD URL | ID]",
    .summary = "tell what would become of a request, or what has become of one",
    .help =
        "METHOD URL walks the router and the modules of the configuration in force; sends and\n"
        "counts nothing. URL is \"https://host/path\", or \"/path\" with a Host header.\n"
        "  weirctl explain GET https://api.example.com/reviews -H 'X-Version: 2' \\\n"
        "      --identity 'sub=ann groups=testers'\n"
        "ID is that of one of the last requests (request_id in the access log, X-Request-Id of\n"
        "backends), or of its trace. log.recent says how many each worker remembers.\n"
        "With --file a file is walked that isn't in force, by the weir that is installed\n"
        "($WEIR names another), and with --samples all requests of an access log, to list those\n"
        "whose way it would change.\n"
        "  weirctl explain --file new.conf --samples /var/log/weir/access.log\n",
    .options =
        {[OPTION_HEADER] = {"header", "LINE", "a header, \"Name: value\"; also -H, and often",
                            .letter = 'H', .many = true},
         [OPTION_IDENTITY] = {"identity", "CLAIMS", "who asks, as CLAIM=VALUE between spaces"},
         [OPTION_SOURCE] = {"source", "ADDRESS", "the client's IP address (127.0.0.1)"},
         [OPTION_LISTENER] = {"listener", "NAME", "by which it comes (the one at the URL's port)"},
         [OPTION_REQUEST] = {"request", "ID", "the same as ID"},
         [OPTION_FILE] = {"file", "FILE", "a configuration that isn't in force"},
         [OPTION_SAMPLES] = {"samples", "LOG", "an access log in JSON; -: standard input"},
         [OPTION_AGAINST] = {"against", "FILE", "compares with this, not with what is in force"}},
    .operands_max = 2,
    .path = "/v1/explain",
    .ask = ask,
    .show = show,
    .act = act,
};
