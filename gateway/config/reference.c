/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of all settings, as Markdown: one section per group, in the order of the tables,
 * one line per row. It is made from the tables that the reader works by, so it can't be wrong about
 * a name, a range or a default. Groups are written after the section that names them, outer before
 * inner, each under its full name: "routes[].match.headers[]". */
#include "base/text.h"
#include "config/option_value.h"
#include "config/sections.h"

static void section(struct text *out, const char *path, const struct option *rows, int level);
static void subsections(struct text *out, const char *path, const struct option *rows, int level);
static void subsection(struct text *out, const char *path, const struct option *o,
                       const struct option *same, int level);
static void row(struct text *out, const struct option *o, bool inherits);
static void cell(struct text *out, struct slice s);
static bool has_inherited(const struct option *rows);

void config_reference(struct text *out)
{
    text_str(
        out,
        "# Settings\n\n"
        "Made from the option tables by `./dev docs`; don't edit by hand.\n\n"
        "The syntax is that of libconfig: `name = value;`, groups in `{ }`, lists in `( )`, "
        "arrays of plain values in `[ ]`, comments after `#` or `//`. `@include \"file\"` on "
        "a line of its own takes in another file, and starts in the folder of the main file, "
        "as every relative path does. An unknown setting is an error; `weir -t -c FILE` "
        "shows all errors at once.\n\n"
        "*NAME* among the settings of a route, of a cluster or of `modules` stands for any "
        "module (`weir -m` lists them): its settings are a group, or where it says so a list of "
        "groups, of the module's name.\n\n"
        "A default of *inherited* is what the section of the same name at the top says.\n");
    section(out, "", top_options, 2);
}

static void section(struct text *out, const char *path, const struct option *rows, int level)
{
    text_str(out, "\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; rows[i].kind != OPTION_KIND_END; i++)
        if (rows[i].kind == OPTION_KIND_REST)
            text_printf(out, "| *NAME* | of the module of that name |  | %s |\n", rows[i].help);
        else
            row(out, &rows[i], has_inherited(rows));
    subsections(out, path, rows, level);
}

static void subsections(struct text *out, const char *path, const struct option *rows, int level)
{
    const struct option *written = NULL; /* several rows with one table stand side by side */
    for (const struct option *o = rows; o->kind != OPTION_KIND_END; o++) {
        if (!o->rows)
            continue;
        const struct option *same = written && written->rows == o->rows ? written : NULL;
        subsection(out, path, o, same, level);
        written = same ? same : o;
    }
}

static void subsection(struct text *out, const char *path, const struct option *o,
                       const struct option *same, int level)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    const char *many = o->kind == OPTION_KIND_GROUP || o->single ? ""
                       : o->kind == OPTION_KIND_MAP              ? ".NAME"
                                                                 : "[]";
    const char *inner = arena_printf(&a, "%s%s%s%s", path, *path ? "." : "", o->name, many);
    text_printf(out, "\n%.*s %s\n\n", level, "######", inner);
    text_char(out, (char)(o->help[0] & ~0x20));
    text_printf(out, "%s.\n", o->help + 1);
    if (same)
        text_printf(out, "\nThe settings are those of `%s`.\n", same->name);
    else
        section(out, inner, o->rows, level < 6 ? level + 1 : level);
    arena_fini(&a);
}

void config_reference_row(struct text *out, const char *path, const struct option *o, int level)
{
    subsection(out, path, o, NULL, level);
}

static bool has_inherited(const struct option *rows)
{
    return rows == listener_timeouts || rows == listener_limits || rows == listener_forwarding ||
           rows == cluster_timeouts || rows == cluster_limits;
}

static void row(struct text *out, const struct option *o, bool inherits)
{
    struct text allowed;
    text_init(&allowed);
    option_value_allowed(&allowed, o);
    text_printf(out, "| `%s` | ", o->name);
    cell(out, text_slice(&allowed));
    text_str(out, " | ");
    if (o->required)
        text_str(out, "*required*");
    else if (o->preset)
        text_printf(out, "`%s`", *o->preset ? o->preset : "\"\"");
    else if (inherits)
        text_str(out, "*inherited*");
    text_str(out, " | ");
    cell(out, slice_str(o->help));
    text_str(out, " |\n");
    text_fini(&allowed);
}

/* A bar would end the cell. */
static void cell(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|')
            text_char(out, '\\');
        text_char(out, s.p[i]);
    }
}
