/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an override: it is marked when something is decided, and ends by its time, by a
 * decision that brings the configuration's value back, or by another configuration. */
#include "control/overrides/overrides.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/shm.h"

enum { START_S = 1000000 };
static const char file[] =
    "{\"routes\":[{\"name\":\"r\",\"v\":1,\"w\":1}],\"clusters\":{\"c\":{}}}";

static struct shm *shm;
static struct loop lp;
static struct overrides o;
static _Atomic uint64_t in_force = 1;
static char asked_by[8192]; /* "undo {...}; again {...}; " */
static uint16_t answers = 200;
static char answered[4096];
static const char *forgotten;

static char logged[512]; /* the last line */

static void on_log(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(logged, sizeof logged, "%.*s", SLICE_ARG(line));
}

static void do_it(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const size_t n = strlen(asked_by);
    (void)ctx;
    snprintf(asked_by + n, sizeof asked_by - n, "%.*s %s %.*s; ", SLICE_ARG(rq->rest),
             rq->how == ADMIN_UNDO ? "undo" : "again", SLICE_ARG(rq->content));
    if (answers != 200)
        admin_error(out, answers, NULL, "it is gone");
}

static void changed(void *ctx, struct slice key)
{
    (void)ctx;
    forgotten = key.n ? "changed" : "";
}

static const struct admin_row rows[] = {{"/v1", do_it, NULL},
                                        {"/v1/do/", do_it, NULL, .prefix = true}};
static const struct decider decider = {.changed = changed};

static void set_time(uint64_t s)
{
    clock_set(&lp.clock, 1 + s * 1000000, (START_S + s) * 1000000);
    loop_turn(&lp);
    clock_set(&lp.clock, 1 + s * 1000000 + 100000, (START_S + s) * 1000000 + 100000);
    for (int i = 0; i < 3; i++)
        loop_turn(&lp);
}

static void start(void)
{
    o = (struct overrides){.loop = &lp,
                           .cell = override_cell_find(shm, 3),
                           .effective = slice_of(file, sizeof file - 1),
                           .generation = 1,
                           .in_force = &in_force,
                           .rows = rows,
                           .rows_n = array_n(rows),
                           .decider = &decider};
    overrides_start(&o);
}

static void begin(void)
{
    struct faults faults;
    log_set_sink(on_log);
    faults_init(&faults);
    shm = shm_create(16 << 20);
    shm_generation(shm, 1);
    cr_assert(shm && override_cell_prepare(shm, 3, &faults) && override_cell_adopt(shm, 3));
    loop_init(&lp, 0);
    set_time(0);
    start();
    faults_fini(&faults);
}

static void end(void)
{
    overrides_stop(&o);
    loop_fini(&lp);
    shm_detach(shm);
}

TestSuite(overrides, .init = begin, .fini = end);

static const char *const of[] = {"route", "part", "cluster", NULL};
static const char *const settings[] = {"routes.{route}:v", "clusters.{cluster}:", NULL};
static struct decide_what what = {.module = "m",
                                  .sets = "v",
                                  .of = of,
                                  .path = SLICE_INIT("/v1/do/set"),
                                  .settings = settings,
                                  .overrides = &o};

/* The status of a command that succeeds, with what it has said of itself. */
static uint16_t decide_as(const char *asked, const char *who, bool filed, const char *says)
{
    json_t *j = json_loads(asked, 0, NULL);
    const struct admin_request rq = {.who = slice_str(who)};
    struct admin_answer out = {.status = 200};
    struct deciding d;
    cr_assert(j, "%s", asked);
    text_init(&out.body);
    if (decide_begin(&d, NULL, &what, &rq, j, &out)) {
        text_str(&out.body, "{}\n");
        d.filed = filed;
        d.says = slice_str(says);
        decide_end(&d, SLICE(""), &out);
    }
    snprintf(answered, sizeof answered, "%.*s", SLICE_ARG(text_slice(&out.body)));
    text_fini(&out.body);
    json_decref(j);
    return out.status;
}

static uint16_t decide(const char *asked)
{
    return decide_as(asked, "uid 0", false, "");
}

static const char *list(void)
{
    static char shown[16384];
    struct text t;
    text_init(&t);
    overrides_write(&o, &t);
    snprintf(shown, sizeof shown, "%.*s", SLICE_ARG(text_slice(&t)));
    text_fini(&t);
    return shown;
}

#define LISTS(part) cr_assert(strstr(list(), part), "%s", list())
#define EMPTY() cr_assert_str_eq(list(), "[]")
#define ASKED(text) cr_assert_str_eq(asked_by, text)

Test(overrides, are_listed_with_author_time_reason_and_end)
{
    cr_assert_eq(decide("{\"route\":\"r\",\"v\":2,\"reason\":\"why not\",\"expires\":\"2h\"}"),
                 200);
    cr_assert_str_eq(list(),
                     "[{\"id\":1,\"key\":\"m/v/r\",\"setting\":\"routes.r\",\"where\":"
                     "\"routes/r:v\",\"path\":\"/v1/do/set\",\"value\":{\"route\":\"r\",\"v\":2},"
                     "\"at\":1000000,\"until\":1007200,\"who\":\"uid 0\",\"reason\":\"why not\"}]");
    cr_assert_eq(decide("{\"route\":\"r\",\"v\":3}"), 200);
    LISTS("\"value\":{\"route\":\"r\",\"v\":3},\"at\":1000000,\"until\":null,");
    LISTS("\"reason\":null");
}

Test(overrides, refuse_reasons_and_times_that_are_none)
{
    static const char *const wrong[] = {
        "{\"route\":\"r\",\"expires\":\"soon\"}",  "{\"route\":\"r\",\"expires\":0}",
        "{\"route\":\"r\",\"expires\":\"500ms\"}", "{\"route\":\"r\",\"expires\":true}",
        "{\"route\":\"r\",\"expires\":1e12}",      "{\"route\":\"r\",\"reason\":7}",
    };
    for (size_t i = 0; i < array_n(wrong); i++)
        cr_assert_eq(decide(wrong[i]), 400, "%s", wrong[i]);
    EMPTY();
}

Test(overrides, end_when_the_configurations_value_is_back)
{
    decide("{\"route\":\"r\",\"v\":2}");
    decide_as("{\"route\":\"r\",\"v\":1}", "uid 0", true, "");
    EMPTY();
    what.settings = NULL; /* a command that only undoes */
    decide("{\"route\":\"r\"}");
    EMPTY();
    ASKED("");
}

Test(overrides, are_undone_at_their_time)
{
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    set_time(59);
    LISTS("m/v/r");
    ASKED("");
    set_time(61);
    EMPTY();
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
    set_time(130);
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
}

Test(overrides, are_undone_by_the_next_process_when_this_one_is_gone_by_then)
{
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    overrides_stop(&o);
    set_time(600);
    ASKED("");
    start();
    set_time(601);
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
    EMPTY();
}

Test(overrides, wait_until_their_generation_is_in_force)
{
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    o.generation = 2;
    set_time(120);
    ASKED("");
    atomic_store(&in_force, 2);
    set_time(121);
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
    atomic_store(&in_force, 3);
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    set_time(300);
    LISTS("m/v/r");
}

Test(overrides, of_parts_hold_on_when_the_whole_is_undone)
{
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    decide("{\"route\":\"r\",\"part\":\"p\",\"v\":3}");
    set_time(61);
    ASKED(
        "set undo {\"route\":\"r\",\"v\":2}; set again {\"route\":\"r\",\"part\":\"p\",\"v\":3}; ");
    LISTS("m/v/r/p");
}

Test(overrides, go_also_when_they_can_not_be_undone)
{
    answers = 404;
    decide("{\"route\":\"r\",\"v\":2,\"expires\":60}");
    set_time(61);
    EMPTY();
    set_time(120);
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
}

Test(overrides, are_so_many_at_most_and_then_refused)
{
    cr_assert_eq(decide("{\"route\":\"r\"}"), 200);
    cr_assert_eq(decide("{\"route\":\"s\"}"), 200);
    cr_assert_eq(decide("{\"route\":\"t\"}"), 200);
    cr_assert_eq(decide("{\"route\":\"u\"}"), 409);
    cr_assert(strstr(answered, "admin.overrides"), "%s", answered);
    cr_assert_eq(atomic_load(&o.cell->refused), 1);
    cr_assert_eq(decide("{\"route\":\"t\",\"v\":7}"), 200);
    what.settings = NULL;
    cr_assert_eq(decide("{\"route\":\"u\"}"), 200, "what undoes needs no room");
}

/* -- another configuration --------------------------------------------------------------------- */

static const char *settle(const char *effective)
{
    static char said[4096];
    struct text t;
    text_init(&t);
    overrides_settle(o.cell, slice_str(effective), &t);
    snprintf(said, sizeof said, "%.*s", SLICE_ARG(text_slice(&t)));
    text_fini(&t);
    return said;
}

Test(overrides, are_kept_when_the_file_changes_something_else)
{
    decide("{\"route\":\"r\",\"v\":2}");
    decide("{\"cluster\":\"c\"}");
    cr_assert_str_eq(
        settle("{\"clusters\":{\"c\":{\"x\":1}},\"routes\":[{\"w\":2,\"v\":1,\"name\":\"r\"}]}"),
        "");
    cr_assert(overrides_settled(o.cell));
    LISTS("m/v/r");
}

Test(overrides, end_when_the_file_changes_that_very_setting)
{
    decide("{\"route\":\"r\",\"v\":2}");
    decide("{\"cluster\":\"c\"}");
    cr_assert_str_eq(
        settle("{\"routes\":[{\"name\":\"r\",\"v\":2}]}"),
        "\"overrides_ended\":[{\"key\":\"m/v/r\",\"setting\":\"routes.r\",\"who\":"
        "\"uid 0\",\"gone\":false},{\"key\":\"m/v///c\",\"setting\":\"clusters.c\",\"who\":"
        "\"uid 0\",\"gone\":true}]");
    EMPTY();
    ASKED("");
    cr_assert(!overrides_settled(o.cell));
    set_time(10);
    ASKED("set undo {\"route\":\"r\",\"v\":2}; set undo {\"cluster\":\"c\"}; ");
    cr_assert(overrides_settled(o.cell));
}

Test(overrides, are_logged_with_the_setting_as_operators_know_it)
{
    decide("{\"route\":\"r\",\"v\":2}");
    cr_assert(strstr(logged, "override_set key=m/v/r setting=routes.r who="), "%s", logged);
    settle("{}");
    cr_assert(strstr(logged, "override_ended key=m/v/r setting=routes.r why="), "%s", logged);
}

Test(overrides, said_anew_before_they_are_undone_stay)
{
    decide("{\"route\":\"r\",\"v\":2}");
    settle("{\"routes\":[{\"name\":\"r\",\"v\":2}]}");
    decide("{\"route\":\"r\",\"v\":3}");
    set_time(10);
    ASKED("");
    LISTS("\"v\":3");
}

static unsigned charges;

static void count_charge(void *ctx)
{
    *(unsigned *)ctx += 1;
}

/* A reload may fail after its control process has begun. */
Test(overrides, tell_once_when_their_generation_is_in_force)
{
    overrides_stop(&o);
    atomic_store(&in_force, 0);
    start();
    o.in_charge = count_charge;
    o.in_charge_ctx = &charges;
    set_time(1);
    set_time(2);
    cr_assert_eq(charges, 0);
    atomic_store(&in_force, 1);
    set_time(3);
    set_time(10);
    cr_assert_eq(charges, 1);
}

/* -- what operators say ------------------------------------------------------------------------ */

static uint16_t ask(void (*fn)(void *, const struct admin_request *, struct admin_answer *),
                    const char *content, bool may_change)
{
    const struct admin_request rq = {.method = METHOD_POST,
                                     .content = slice_str(content),
                                     .may_change = may_change,
                                     .who = SLICE("uid 7")};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    fn(&o, &rq, &out);
    snprintf(answered, sizeof answered, "%.*s", SLICE_ARG(text_slice(&out.body)));
    text_fini(&out.body);
    return out.status;
}

#define ANSWERS(part) cr_assert(strstr(answered, part), "%s", answered)

Test(overrides, can_be_dropped)
{
    decide("{\"route\":\"r\",\"v\":2}");
    cr_assert_eq(ask(overrides_drop_answer, "{\"key\":\"m/v/x\"}", true), 404);
    cr_assert_eq(ask(overrides_drop_answer, "{\"key\":7}", true), 400);
    cr_assert_eq(ask(overrides_drop_answer, "", true), 400);
    cr_assert_eq(ask(overrides_drop_answer, "{\"key\":\"m/v/r\"}", false), 403);
    ASKED("");
    cr_assert_eq(ask(overrides_drop_answer, "{\"key\":\"m/v/r\"}", true), 200);
    ANSWERS("{\"dropped\":{\"id\":1,\"key\":\"m/v/r\"");
    ASKED("set undo {\"route\":\"r\",\"v\":2}; ");
    cr_assert_str_eq(forgotten, "changed");
    EMPTY();
}

Test(overrides, are_shown_with_the_configuration_when_that_is_wanted)
{
    cr_assert_eq(ask(overrides_answer, "{\"config\":true}", false), 200);
    ANSWERS("{\"overrides\":[],\"config\":{\"routes\":[");
    cr_assert_eq(ask(overrides_answer, "", false), 200);
    cr_assert_str_eq(answered, "{\"overrides\":[]}\n");
}

Test(overrides, are_written_as_settings_and_as_comments_where_no_file_can_say_it)
{
    decide_as("{\"route\":\"r\",\"reason\":\"two\\nlines\"}", "uid 0", false,
              "routes > r\tv = 2\nroutes > r\tw = 3\nmodules > m\tx = \"y\"\n");
    decide("{\"cluster\":\"c\"}");
    cr_assert_eq(ask(overrides_fragment_answer, "", false), 200);
    json_t *j = json_loads(answered, 0, NULL);
    const char *text = json_string_value(json_object_get(j, "fragment"));
    cr_assert(strstr(text, "\n# m/v/r, by uid 0 at 1970-01-12 13:46:40 UTC: two lines\n"
                           "# in routes > r:\nv = 2;\nw = 3;\n# in modules > m:\nx = \"y\";\n"),
              "%s", text);
    cr_assert(strstr(text, "\n# No file can say that: {\"cluster\":\"c\"}\n"), "%s", text);
    json_decref(j);
}
