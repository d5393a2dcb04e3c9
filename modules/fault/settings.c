/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/settings.h"

#include "fault/rfc3339.h"
#include "common/slice.h"
#include "fault/ticket.h"

enum { LONGEST_MS = 3600000, MATCHES_MAX = 16 };
#define FASTEST ((int64_t)1 << 32)

const struct weir_counter fault_counters[COUNT_N + 1] = {
    [COUNT_INJECTED] = {"injected",
                        "attempts (at the edge: requests) that a fault was injected into"},
    [COUNT_DELAYED] = {"delayed", "of these, that were delayed"},
    [COUNT_ABORTED] = {"aborted", "of these, that got a status or a reset"},
    [COUNT_TRUNCATED] = {"truncated", "of these, whose response was to be cut off"},
    [COUNT_SLOWED] = {"slowed", "of these, whose response was slowed down"},
    [COUNT_DROPPED] = {"dropped", "faults not injected because max_active requests had one"},
    [COUNT_BAD_WISHES] = {"bad_wishes", "requests of testers whose header field couldn't be read"},
    [COUNT_TRIPPED] = {"tripped", "times that the fault stopped because of real errors"},
    {NULL, NULL},
};

/* -- the tables ------------------------------------------------------------------------------- */

const struct weir_setting faults_rows[] = {
    WEIR_ROW_BOOL("enabled", struct faults, enabled, "true",
                  "whether faults act at all; false: none does, whatever is said at run time"),
    WEIR_ROW_END,
};

static const char *const places[] = {"upstream", "edge", NULL};
static const char *const eachs[] = {"attempt", "request", NULL};
static const char *const shapes[] = {"uniform", "exponential", NULL};

static const struct weir_setting delay_rows[] = {
    WEIR_ROW_MS("fixed", struct fault_delay, fixed_ms, NULL, 1, LONGEST_MS, "always so long"),
    WEIR_ROW_MS("min", struct fault_delay, min_ms, NULL, 0, LONGEST_MS, "at least so long"),
    WEIR_ROW_MS("max", struct fault_delay, max_ms, NULL, 1, LONGEST_MS, "at most so long"),
    WEIR_ROW_CHOICE("distribution", struct fault_delay, shape, "uniform", shapes,
                    "how delays are spread between min and max"),
    WEIR_ROW_MS(
        "mean", struct fault_delay, mean_ms, NULL, 1, LONGEST_MS,
        "of the exponential distribution, counted from min; absent: a quarter of the range"),
    WEIR_ROW_END,
};

static const struct weir_setting abort_rows[] = {
    WEIR_ROW_INT("status", struct fault_abort, status, "0", 0, 599,
                 "answers with this status, from 200 on, and no content"),
    WEIR_ROW_INT("grpc_status", struct fault_abort, grpc_status, "0", 0, 16,
                 "answers gRPC requests with this status, from 1 on; others aren't touched"),
    WEIR_ROW_BOOL("reset", struct fault_abort, reset, "false", "resets the connection"),
    WEIR_ROW_SIZE("truncate_after", struct fault_abort, truncate_after, NULL, 1, INT64_MAX / 2,
                  "breaks the real response off after so much content, if it has more"),
    WEIR_ROW_END,
};

static void header_check(struct weir_load *l, void *group)
{
    struct match_header *h = group;
    char reason[VALUE_REGEX_REASON];
    h->name = weir_name(h->text);
    if (!h->name.text.p)
        weir_fault(l, &h->place, "fault.match.headers has \"%.*s\", which is no field name",
                   SLICE_ARG(h->text));
    if (!h->present && value_match_forms(&h->value))
        weir_fault(l, &h->place,
                   "fault.match.headers: a field that isn't there has no value; leave present or "
                   "the value out");
    if (!value_match_make(&h->value, reason))
        weir_fault(l, &h->place, "fault.match.headers: the regex of %.*s: %s", SLICE_ARG(h->text),
                   reason);
}

static const struct weir_setting header_rows[] = {
    WEIR_ROW_TEXT("name", struct match_header, text, NULL, "the header field", .required = true),
    VALUE_MATCH_ROWS(struct match_header, value),
    WEIR_ROW_BOOL("present", struct match_header, present, "true", "it is there, or isn't"),
    WEIR_ROW_END,
};

static const struct weir_setting match_rows[] = {
    WEIR_ROW_LIST("headers", struct fault_match, headers, header_rows, struct match_header,
                  "header fields of the request, by their first line", .check = header_check),
    WEIR_ROW_TEXTS("methods", struct fault_match, methods, "methods of the request"),
    WEIR_ROW_TEXTS("subjects", struct fault_match, who.subjects, "verified subjects"),
    WEIR_ROW_TEXT("claim", struct fault_match, who.claim, NULL, "a verified claim; with any_of"),
    WEIR_ROW_TEXTS("any_of", struct fault_match, who.any_of, "values of the claim"),
    WEIR_ROW_TEXTS("issuers", struct fault_match, who.issuers,
                   "whose word about the identity counts; absent: anyone's that auth accepts"),
    WEIR_ROW_TEXTS("identified_by", struct fault_match, who.methods,
                   "how the identity was established (jwt, certificate, ...); absent: any way"),
    WEIR_ROW_CLUSTER("cluster", struct fault_match, cluster,
                     "only attempts on this cluster; absent: on any"),
    WEIR_ROW_TEXTS("endpoints", struct fault_match, endpoints,
                   "only attempts on these endpoints, as the log names them"),
    WEIR_ROW_END,
};

static void stop_check(struct weir_load *l, void *group)
{
    const struct fault_stop *s = group;
    if (!s->error_rate)
        weir_fault(l, weir_load_place(l),
                   "fault.stop_when needs an error_rate: the share of real errors above which the "
                   "fault stops");
}

static const struct weir_setting stop_rows[] = {
    WEIR_ROW_PERCENT("error_rate", struct fault_stop, error_rate, NULL,
                     "stops when a larger share of the route's requests fails for real"),
    WEIR_ROW_MS("window", struct fault_stop, window_ms, "10s", 1000, LONGEST_MS,
                "the time that is looked at"),
    WEIR_ROW_INT("min_requests", struct fault_stop, min_requests, "20", 1, 1000000000,
                 "requests in that time from which on a share means something"),
    WEIR_ROW_END,
};

const struct weir_setting fault_rows[] = {
    WEIR_ROW_TEXT("name", struct fault, name, NULL, "names it in log, metrics and commands",
                  .required = true),
    WEIR_ROW_PERCENT("percent", struct fault, percent, "100%",
                     "share that gets the fault, exactly, down to 0.0001%"),
    WEIR_ROW_BOOL("enabled", struct fault, enabled, "true",
                  "whether it acts; can be changed at run time"),
    WEIR_ROW_CHOICE("at", struct fault, at, "upstream", places,
                    "upstream: as if the endpoint failed; edge: towards the client at once"),
    WEIR_ROW_CHOICE("each", struct fault, each, "attempt", eachs,
                    "percent is a share of attempts, or of requests with all their attempts"),
    WEIR_ROW_GROUP("delay", struct fault, delay, delay_rows, "lets time pass first"),
    WEIR_ROW_GROUP("abort", struct fault, abort, abort_rows, "lets it fail"),
    WEIR_ROW_SIZE("bytes_per_second", struct fault, bytes_per_second, NULL, 1, FASTEST,
                  "slows the content of responses down to this"),
    WEIR_ROW_GROUP("match", struct fault, match, match_rows, "which requests it is for"),
    WEIR_ROW_INT("max_active", struct fault, max_active, "100", 1, 1000000,
                 "requests that have this fault at a time, over all workers"),
    WEIR_ROW_TEXT("wish_header", struct fault, wish_field, NULL,
                  "header field by which testers, named in match, say which fault they want"),
    WEIR_ROW_MS("max_delay", struct fault, max_delay_ms, "10s", 0, LONGEST_MS,
                "the longest delay that they get"),
    WEIR_ROW_TEXT("mark_header", struct fault, mark, NULL,
                  "header field that responses to requests with the fault get; absent: none"),
    WEIR_ROW_TEXT("owner", struct fault, owner, "", "whom to ask about it; shown by list"),
    WEIR_ROW_TEXT("ends", struct fault, ends_text, NULL,
                  "when it stops by itself, such as 2030-12-31T18:00:00Z; absent: never"),
    WEIR_ROW_GROUP("stop_when", struct fault, stop, stop_rows,
                   "stops by itself when real errors become too many", .check = stop_check),
    WEIR_ROW_END,
};

/* -- what they come to ------------------------------------------------------------------------ */

static void wrong(struct weir_load *l, const struct fault *f, const char *what)
{
    weir_fault(l, weir_load_place(l), "fault \"%.*s\" %s", SLICE_ARG(f->name), what);
}

static void load_delay(struct weir_load *l, struct fault *f)
{
    const struct fault_delay *d = &f->delay;
    const bool between = d->min_ms || d->max_ms;
    if (d->fixed_ms && between)
        wrong(l, f, "has a fixed delay as well as bounds; leave one out");
    if (between && d->max_ms <= d->min_ms)
        wrong(l, f, "has a delay whose max isn't above its min; for a fixed one say fixed");
    if (d->mean_ms && d->shape != DELAY_EXPONENTIAL)
        wrong(l, f, "has a delay with a mean; that is for distribution = \"exponential\"");
    if (!between && d->shape == DELAY_EXPONENTIAL)
        wrong(l, f, "has an exponential delay without bounds: give min and max");
    const uint64_t quarter = (d->max_ms - d->min_ms) / 4;
    f->how_long = (struct delay){
        .min_ms = d->fixed_ms ? d->fixed_ms : d->min_ms,
        .max_ms = d->fixed_ms ? d->fixed_ms : d->max_ms,
        .shape = (enum delay_shape)d->shape,
        .mean_ms = d->mean_ms ? d->mean_ms
                   : quarter  ? quarter
                              : 1,
    };
}

static void load_abort(struct weir_load *l, struct fault *f)
{
    const struct fault_abort *a = &f->abort;
    const int ways = (a->status != 0) + (a->grpc_status != 0) + a->reset + (a->truncate_after != 0);
    f->what.bytes_per_second = f->bytes_per_second;
    if (ways > 1)
        wrong(l, f,
              "ends in more than one way: leave all but one of status, grpc_status, reset "
              "and truncate_after out");
    if (a->status && a->status < 200)
        wrong(l, f, "has a status below 200, which ends no response");
    if (a->status) {
        f->what.abort = WEIR_ABORT_STATUS;
        f->what.status = (int)a->status;
    } else if (a->grpc_status) {
        f->what.abort = WEIR_ABORT_GRPC;
        f->what.status = (int)a->grpc_status;
    } else if (a->reset) {
        f->what.abort = WEIR_ABORT_RESET;
    } else if (a->truncate_after) {
        f->what.abort = WEIR_ABORT_TRUNCATE;
        f->what.truncate_at = a->truncate_after;
    }
}

static bool does_anything(const struct fault *f)
{
    return f->how_long.max_ms || f->what.abort || f->what.bytes_per_second;
}

static bool on_attempts_only(const struct fault *f)
{
    const int abort = f->what.abort;
    return f->match.endpoints.n || f->match.cluster != WEIR_NO_CLUSTER || f->bytes_per_second ||
           abort == WEIR_ABORT_TRUNCATE || abort == WEIR_ABORT_GRPC;
}

static void check_place(struct weir_load *l, const struct fault *f)
{
    if (f->at != AT_EDGE)
        return;
    if (on_attempts_only(f))
        wrong(l, f,
              "acts at the edge, where there is no attempt: it may have a delay, a status and "
              "a reset, and no condition on cluster or endpoints");
    if (f->wish_field.n)
        wrong(l, f, "lets testers choose, which works at = \"upstream\"");
}

static void check_match(struct weir_load *l, const struct fault *f)
{
    const struct who *w = &f->match.who;
    if ((w->claim.n != 0) != (w->any_of.n != 0))
        wrong(l, f,
              w->claim.n ? "names a claim without any_of: which of its values count"
                         : "has any_of without a claim");
    for (size_t i = 0; i < f->match.methods.n; i++)
        if (!weir_name(f->match.methods.v[i]).text.p) /* both are tokens */
            weir_fault(l, weir_load_place(l), "fault.match.methods has \"%s\", which is no method",
                       f->match.methods.v[i].p);
    if (f->match.headers.n > MATCHES_MAX)
        weir_fault(l, weir_load_place(l), "fault.match.headers has %zu entries; allowed are %d",
                   f->match.headers.n, MATCHES_MAX);
}

/* Testers are who others have verified: a field alone, which anyone can send, never does. */
static void load_wish(struct weir_load *l, struct fault *f)
{
    const struct who *w = &f->match.who;
    if (!f->wish_field.n) {
        if (!does_anything(f))
            wrong(l, f, "does nothing: give it a delay, an abort or bytes_per_second");
        return;
    }
    f->wish_name = weir_name(f->wish_field);
    f->wish_limits.delay_ms = f->max_delay_ms;
    if (!weir_field_settable(f->wish_field))
        wrong(l, f,
              "has a wish_header that isn't a field name, or one that the gateway decides on");
    if (does_anything(f))
        wrong(l, f,
              "lets testers choose by wish_header; then it has no delay, abort or "
              "bytes_per_second of its own");
    if (!w->subjects.n && !w->claim.n)
        wrong(l, f,
              "has a wish_header; match.subjects, or match.claim with any_of, has to say who "
              "may use it");
}

static void load_mark(struct weir_load *l, struct fault *f)
{
    if (f->mark.n && !weir_field_settable(f->mark))
        wrong(l, f,
              "has a mark_header that isn't a field name, or one that the gateway decides on");
    if (f->mark.n)
        f->mark_name = weir_name(f->mark);
}

static void load_end(struct weir_load *l, struct fault *f)
{
    if (f->ends_text.n && !rfc3339_parse(f->ends_text, &f->ends_s))
        weir_fault(l, weir_load_place(l),
                   "fault \"%.*s\" ends at \"%.*s\", which is no time; write it as "
                   "2030-12-31T18:00:00Z",
                   SLICE_ARG(f->name), SLICE_ARG(f->ends_text));
}

static bool is_word(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !is_digit(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return s.n > 0;
}

/* It goes into metrics and into a header field. */
static void check_name(struct weir_load *l, const struct fault *f, const struct faults *all)
{
    enum { NAME_MAX_N = 64 };
    if (!is_word(f->name) || f->name.n > NAME_MAX_N)
        wrong(l, f,
              "has a name that isn't one word of at most 64 letters, digits, \"-\", \"_\" "
              "and \".\"");
    for (const struct fault *o = all->first; o; o = o->next)
        if (slice_eq(o->name, f->name) && slice_eq(o->route, f->route))
            wrong(l, f, "is there twice on this route; give each a name of its own");
}

/* -- loading ---------------------------------------------------------------------------------- */

void fault_load(struct weir_load *l, void *global)
{
    struct faults *all = global;
    all->all = weir_cell(l, "switch", sizeof *all->all);
}

static void list_add(struct faults *all, struct fault *f)
{
    f->number = all->n++;
    if (all->last)
        all->last->next = f;
    else
        all->first = f;
    all->last = f;
}

void fault_load_route(struct weir_load *l, void *conf, void *global)
{
    struct fault *f = conf;
    struct faults *all = global;
    f->route = weir_load_route(l);
    f->content_type = weir_name(WEIR_SLICE("content-type"));
    check_name(l, f, all);
    load_delay(l, f);
    load_abort(l, f);
    check_place(l, f);
    check_match(l, f);
    load_wish(l, f);
    load_mark(l, f);
    load_end(l, f);
    if (match_who_any(&f->match.who))
        weir_load_wants_identity(l);
    f->cell = weir_cell(l, f->name.p, sizeof *f->cell);
    const struct weir_label label = {"fault", f->name};
    f->counters = weir_counters(l, fault_counters, &label, 1);
    list_add(all, f);
}

void fault_unload_use(void *conf)
{
    const struct fault *f = conf;
    struct match_header *h = f->match.headers.v;
    for (size_t i = 0; i < f->match.headers.n; i++)
        value_match_free(&h[i].value);
}
