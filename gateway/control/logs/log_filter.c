/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of log lines: parsing into terms, and judging a line by them. An expression is given up
 * after a number of steps, and doesn't match then: whoever looks at a log must not stop the control
 * process. */

#include "control/logs/log_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "core/log/variables.h"
#include "core/route/route_regex.h"

enum { STEPS_MAX = 10000, NAMES_MAX = 128 };

enum op { IS, IS_NOT, LESS, LESS_EQ, MORE, MORE_EQ, LIKE, UNLIKE };
/* Longer ones before those that they begin with. */
static const struct {
    struct slice text;
    enum op op;
} ops[] = {
    {SLICE_INIT("!="), IS_NOT},  {SLICE_INIT("!~"), UNLIKE}, {SLICE_INIT("<="), LESS_EQ},
    {SLICE_INIT(">="), MORE_EQ}, {SLICE_INIT("="), IS},      {SLICE_INIT("~"), LIKE},
    {SLICE_INIT("<"), LESS},     {SLICE_INIT(">"), MORE},
};

struct term {
    char *field, *value; /* owned */
    enum op op;
    double number;
    bool is_number;
    const struct regex *regex; /* LIKE and UNLIKE */
};

struct log_filter {
    struct term terms[LOG_FILTER_TERMS];
    size_t n;
    struct arena arena;
    struct regex_set regexes;
    struct regex_scratch scratch;
};

/* -- parsing ----------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool in_field(char c)
{
    return c != '=' && c != '!' && c != '<' && c != '>' && c != '~' && c != '"' && !is_blank(c);
}

/* Up to the next blank, or to the closing quote. False: there is none. */
static bool take_value(struct slice *rest, struct text *out)
{
    const bool quoted = rest->n && rest->p[0] == '"';
    size_t i = quoted;

    for (; i < rest->n && (quoted ? rest->p[i] != '"' : !is_blank(rest->p[i])); i++) {
        if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
            i++;
        text_char(out, rest->p[i]);
    }
    text_char(out, '\0');
    const bool closed = !quoted || i < rest->n;
    *rest = slice_from(*rest, i + quoted);
    return closed && (!rest->n || is_blank(rest->p[0]));
}

/* A number of microseconds out of "100ms"; false when that is none. */
static bool parse_duration(const char *s, double *us)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 6e7}};
    char *end;

    *us = strtod(s, &end);
    if (end == s)
        return false;
    for (size_t i = 0; i < array_n(units); i++)
        if (!strcmp(end, units[i].unit)) {
            *us *= units[i].us;
            return true;
        }
    return false;
}

static bool parse_number(const char *s, double *out)
{
    char *end;

    *out = strtod(s, &end);
    return end != s && !*end;
}

static bool is_preset(const char *name)
{
    for (const struct variable *v = variables; v->name; v++)
        if (v->preset && !strcmp(v->name, name))
            return true;
    return false;
}

/* Those of modules have a dot, and are not known here. */
static bool check_field(struct term *t, struct text *fault)
{
    const char *names[NAMES_MAX];
    size_t n = 0;

    if (strchr(t->field, '.') || is_preset(t->field))
        return true;
    for (const struct variable *v = variables; v->name && n < NAMES_MAX - 1; v++)
        if (v->preset)
            names[n++] = v->name;
    names[n] = NULL;
    const char *near = nearest_name(slice_str(t->field), names);
    text_printf(fault, "a line has no field \"%s\"%s%s%s; docs/access-log.md lists them", t->field,
                near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return false;
}

/* "duration" is duration_us, with a unit behind its value. */
static bool read_field(struct term *t, struct text *fault)
{
    char longer[64];

    t->is_number = parse_number(t->value, &t->number);
    if (t->op == LIKE || t->op == UNLIKE)
        return check_field(t, fault);
    if (!is_preset(t->field) &&
        snprintf(longer, sizeof longer, "%s_us", t->field) < (int)sizeof longer &&
        is_preset(longer)) {
        free(t->field);
        t->field = strdup(longer);
        must(t->field);
        t->is_number = parse_duration(t->value, &t->number);
        if (!t->is_number)
            text_printf(fault, "\"%s\" is no duration; write 100ms, 1.5s or 250us", t->value);
        return t->is_number;
    }
    if (!t->is_number && slice_ends(slice_str(t->field), SLICE("_us")))
        t->is_number = parse_duration(t->value, &t->number);
    if (!t->is_number && t->op >= LESS && t->op <= MORE_EQ) {
        text_printf(fault, "\"%s\" is no number: <, <=, > and >= compare numbers", t->value);
        return false;
    }
    return check_field(t, fault);
}

/* Expressions match the whole of a value; a filter looks for what is in it. */
static bool compile(struct log_filter *f, struct term *t, struct text *fault)
{
    static const struct place nowhere;
    struct faults faults;

    if (t->op != LIKE && t->op != UNLIKE)
        return true;
    faults_init(&faults);
    const char *whole = arena_printf(&f->arena, "(?s).*(?:%s).*", t->value);
    t->regex = regex_get(&f->regexes, slice_str(whole), t->field, &nowhere, &f->arena, &faults);
    if (!t->regex)
        text_str(fault, faults.first ? faults.first->text : "the expression can't be used");
    faults_fini(&faults);
    return t->regex;
}

static const char form[] = "; a filter is FIELD, one of = != < <= > >= ~ !~, and VALUE, such as "
                           "status>=500";

static bool take_op(struct slice *rest, enum op *out)
{
    for (size_t i = 0; i < array_n(ops); i++)
        if (slice_starts(*rest, ops[i].text)) {
            *rest = slice_from(*rest, ops[i].text.n);
            *out = ops[i].op;
            return true;
        }
    return false;
}

/* One term off the front. False with a fault. */
static bool take_term(struct log_filter *f, struct slice *rest, struct text *fault)
{
    struct term *t = &f->terms[f->n++];
    const struct slice whole = *rest;
    struct text value;
    size_t n = 0;

    while (n < rest->n && in_field(rest->p[n]))
        n++;
    t->field = strndup(rest->p, n);
    must(t->field);
    *rest = slice_from(*rest, n);
    if (!n || !take_op(rest, &t->op)) {
        text_printf(fault, "\"%.*s\" can't be read%s", SLICE_ARG(whole), form);
        return false;
    }
    text_init(&value);
    const bool closed = take_value(rest, &value);
    t->value = value.p;
    if (!closed) {
        text_printf(fault, "\"%.*s\" lacks a closing quote, or has something behind it%s",
                    SLICE_ARG(whole), form);
        return false;
    }
    return read_field(t, fault) && compile(f, t, fault);
}

struct log_filter *log_filter_parse(struct slice text, struct text *fault)
{
    struct log_filter *f = calloc(1, sizeof *f);
    bool ok = text.n <= LOG_FILTER_SIZE;

    must(f);
    arena_init(&f->arena, NULL, 0);
    regex_set_init(&f->regexes);
    regex_scratch_init(&f->scratch, STEPS_MAX);
    if (!ok)
        text_printf(fault, "a filter has %d bytes at most", LOG_FILTER_SIZE);
    for (text = slice_trim(text); ok && text.n; text = slice_trim(text)) {
        ok = f->n < LOG_FILTER_TERMS;
        if (!ok)
            text_printf(fault, "a filter has %d terms at most", LOG_FILTER_TERMS);
        ok = ok && take_term(f, &text, fault);
    }
    if (ok)
        return f;
    log_filter_free(f);
    return NULL;
}

void log_filter_free(struct log_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++) {
        free(f->terms[i].field);
        free(f->terms[i].value);
    }
    regex_scratch_fini(&f->scratch);
    regex_set_fini(&f->regexes);
    arena_fini(&f->arena);
    free(f);
}

/* -- judging ----------------------------------------------------------------------------------- */

static bool matches(struct log_filter *f, const struct term *t, const char *s, size_t n)
{
    return regex_match(t->regex, &f->scratch, slice_of(s, n));
}

static bool compare(enum op op, double a, double b)
{
    switch (op) {
    case LESS:
        return a < b;
    case LESS_EQ:
        return a <= b;
    case MORE:
        return a > b;
    case MORE_EQ:
        return a >= b;
    default:
        return a == b;
    }
}

/* Whether the term is true, its "not" left out. */
static bool holds(struct log_filter *f, const struct term *t, const json_t *v)
{
    if (t->op == LIKE || t->op == UNLIKE) {
        char number[32];
        if (json_is_string(v))
            return matches(f, t, json_string_value(v), json_string_length(v));
        return json_is_number(v) &&
               matches(f, t, number,
                       (size_t)snprintf(number, sizeof number, "%.15g", json_number_value(v)));
    }
    if (json_is_number(v))
        return t->is_number && compare(t->op, json_number_value(v), t->number);
    if (t->op != IS && t->op != IS_NOT)
        return false;
    if (json_is_boolean(v))
        return !strcmp(t->value, json_is_true(v) ? "true" : "false");
    return !strcmp(t->value, v ? json_string_value(v) : "");
}

bool log_filter_takes(struct log_filter *f, const json_t *line)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct term *t = &f->terms[i];
        const json_t *v = json_object_get(line, t->field);
        const bool is_not = t->op == IS_NOT || t->op == UNLIKE;
        if (v && !json_is_string(v) && !json_is_number(v) && !json_is_boolean(v))
            v = NULL;
        if (holds(f, t, v) == is_not)
            return false;
    }
    return true;
}
