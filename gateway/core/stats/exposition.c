/* SPDX-License-Identifier: Apache-2.0 */
/* Writing metrics. A family is named as OpenMetrics has it, without the suffix of its samples; the
 * text format has no families, and its HELP and TYPE name the samples. */

#include "core/stats/exposition.h"

const struct slice exposition_text_type = SLICE_INIT("text/plain; version=0.0.4; charset=utf-8");
const struct slice exposition_open_type =
    SLICE_INIT("application/openmetrics-text; version=1.0.0; charset=utf-8");

static const char *suffix_of(const struct metric *m)
{
    return m->type == METRIC_COUNTER ? "_total" : m->type == METRIC_INFO ? "_info" : "";
}

/* -- heads ------------------------------------------------------------------------------------- */

static const char *const words[] = {"counter", "gauge", "histogram", "info"};

static const char *type_word(const struct exposition *e, const struct metric *m)
{
    return m->type == METRIC_INFO && !e->open ? "gauge" : words[m->type];
}

static void comment(struct exposition *e, const char *what, const struct metric *m)
{
    text_str(e->out, what);
    text_str(e->out, m->name);
    if (!e->open)
        text_str(e->out, suffix_of(m));
    text_char(e->out, ' ');
}

static void help(struct exposition *e, const char *text)
{
    for (const char *at = text ? text : ""; *at; at++) {
        if (*at == '\\' || *at == '\n' || (*at == '"' && e->open))
            text_char(e->out, '\\');
        text_char(e->out, *at == '\n' ? 'n' : *at);
    }
    text_char(e->out, '\n');
}

static const char *unit_of(const struct metric *m)
{
    static const char *const units[] = {"seconds", "bytes"};
    const struct slice name = slice_str(m->name);

    for (size_t i = 0; i < array_n(units); i++) {
        const struct slice unit = slice_str(units[i]);
        if (slice_ends(name, unit) && name.n > unit.n && name.p[name.n - unit.n - 1] == '_')
            return units[i];
    }
    return NULL;
}

void expose_head(struct exposition *e, const struct metric *m)
{
    const char *unit = e->open ? unit_of(m) : NULL;

    comment(e, "# HELP ", m);
    help(e, m->help);
    comment(e, "# TYPE ", m);
    text_str(e->out, type_word(e, m));
    text_char(e->out, '\n');
    if (unit) {
        comment(e, "# UNIT ", m);
        text_str(e->out, unit);
        text_char(e->out, '\n');
    }
}

void expose_end(struct exposition *e)
{
    if (e->open)
        text_str(e->out, "# EOF\n");
}

/* -- samples ----------------------------------------------------------------------------------- */

void label_add(struct text *t, const char *name, struct slice value)
{
    if (t->n)
        text_char(t, ',');
    text_str(t, name);
    text_str(t, "=\"");
    text_label_escaped(t, value);
    text_char(t, '"');
}

static void series(struct text *out, const char *name, const char *suffix, struct slice labels,
                   struct slice more)
{
    text_str(out, name);
    text_str(out, suffix);
    if (labels.n || more.n) {
        text_char(out, '{');
        text_add(out, labels);
        if (labels.n && more.n)
            text_char(out, ',');
        text_add(out, more);
        text_char(out, '}');
    }
    text_char(out, ' ');
}

/* Microseconds as seconds: without trailing zeros, but for one, which a bound's label has to have
 * in OpenMetrics (4.3, canonical numbers). */
static void add_seconds(struct text *out, uint64_t us)
{
    char digits[7] = ".000000";
    uint64_t rest = us % 1000000;
    size_t n = sizeof digits;

    for (size_t i = 6; i > 0; i--, rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (n > 2 && digits[n - 1] == '0')
        n--;
    text_uint(out, us / 1000000);
    text_add(out, slice_of(digits, n));
}

static void sample(struct exposition *e, const struct metric *m, const char *suffix,
                   struct slice labels, struct slice more, int64_t value)
{
    series(e->out, m->name, suffix, labels, more);
    text_int(e->out, value);
    text_char(e->out, '\n');
}

void expose_sample(struct exposition *e, const struct metric *m, struct slice labels,
                   struct slice more, int64_t value)
{
    sample(e, m, suffix_of(m), labels, more, value);
}

static void seconds(struct exposition *e, const struct metric *m, const char *suffix,
                    struct slice labels, uint64_t us)
{
    series(e->out, m->name, suffix, labels, (struct slice){0});
    add_seconds(e->out, us);
    text_char(e->out, '\n');
}

void expose_us(struct exposition *e, const struct metric *m, struct slice labels, uint64_t us)
{
    seconds(e, m, suffix_of(m), labels, us);
}

void expose_value(struct exposition *e, const struct metric *m, uint64_t value)
{
    expose_head(e, m);
    expose_sample(e, m, (struct slice){0}, (struct slice){0}, (int64_t)value);
}

/* -- histograms -------------------------------------------------------------------------------- */

void exposed_bounds_init(struct exposed_bounds *eb, const struct latency_bounds *b)
{
    eb->n = b->n;
    for (size_t i = 0; i <= b->n; i++) {
        struct text t;
        text_init_fixed(&t, eb->text[i], sizeof eb->text[i]);
        text_str(&t, "le=\"");
        if (i < b->n)
            add_seconds(&t, b->us[i]);
        else
            text_str(&t, "+Inf");
        text_char(&t, '"');
        eb->le[i] = text_slice(&t);
    }
}

void expose_histogram(struct exposition *e, const struct metric *m, struct slice labels,
                      const struct exposed_bounds *eb, const uint64_t *counts, uint64_t sum_us)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= eb->n; i++) {
        count += counts[i];
        sample(e, m, "_bucket", labels, eb->le[i], (int64_t)count);
    }
    seconds(e, m, "_sum", labels, sum_us);
    sample(e, m, "_count", labels, (struct slice){0}, (int64_t)count);
}

/* -- which format ------------------------------------------------------------------------------ */

/* The value of parameter `name`, without its quotes; empty when there is none. */
static struct slice parameter(struct slice range, struct slice name)
{
    (void)slice_cut(&range, ';');
    while (range.n) {
        struct slice value = slice_trim(slice_cut(&range, ';'));
        const struct slice key = slice_trim(slice_cut(&value, '='));
        value = slice_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = slice_of(value.p + 1, value.n - 2);
        if (slice_ieq(key, name))
            return value;
    }
    return (struct slice){0};
}

/* RFC 9110 12.4.2, in thousandths; what makes no sense is as good as nothing. */
static unsigned quality(struct slice range)
{
    struct slice fraction = parameter(range, SLICE("q"));
    unsigned q;

    if (!fraction.n)
        return 1000;
    const struct slice whole = slice_cut(&fraction, '.');
    if (slice_eq(whole, SLICE("1")))
        return 1000;
    q = 0;
    for (size_t i = 0; i < 3; i++)
        q = q * 10 + (i < fraction.n && fraction.p[i] >= '0' && fraction.p[i] <= '9'
                          ? (unsigned)(fraction.p[i] - '0')
                          : 0);
    return slice_eq(whole, SLICE("0")) ? q : 0;
}

static bool is_open(struct slice range)
{
    struct slice rest = range;
    const struct slice type = slice_trim(slice_cut(&rest, ';')),
                       version = parameter(range, SLICE("version"));

    return slice_ieq(type, SLICE("application/openmetrics-text")) &&
           (!version.n || slice_eq(version, SLICE("1.0.0")));
}

bool exposition_wants_open(struct slice accept)
{
    unsigned open = 0, text = 0;

    while (accept.n) {
        const struct slice range = slice_cut(&accept, ',');
        struct slice rest = range;
        const unsigned q = quality(range);
        if (is_open(range))
            open = q > open ? q : open;
        else if (slice_ieq(slice_trim(slice_cut(&rest, ';')), SLICE("text/plain")))
            text = q > text ? q : text;
    }
    return open && open >= text;
}

/* -- the manual -------------------------------------------------------------------------------- */

void metrics_rows_begin(struct text *out)
{
    text_str(out, "\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
}

void metrics_row(struct text *out, const struct metric *m)
{
    text_printf(out, "| `%s%s` | %s | %s | %s |\n", m->name, suffix_of(m), words[m->type],
                m->labels ? m->labels : "", m->help);
}

void metrics_table(struct text *out, const char *title, const char *about, const struct metric *v,
                   size_t n)
{
    text_printf(out, "\n## %s\n", title);
    if (about)
        text_printf(out, "\n%s\n", about);
    metrics_rows_begin(out);
    for (; n; n--, v++)
        metrics_row(out, v);
}
