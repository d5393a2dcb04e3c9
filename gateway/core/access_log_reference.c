/* SPDX-License-Identifier: Apache-2.0 */
/* The access log's page of the manual, docs/access-log.md: made from the table of variables. */

#include "base/text.h"
#include "core/access_log.h"
#include "core/variables.h"

void access_log_reference(struct text *out)
{
    text_str(
        out,
        "# Access log\n\n"
        "Made from the table of fields by `./dev docs`; don't edit by hand.\n\n"
        "One line per exchange, when it has ended. `log.format` says how it looks:\n\n"
        "| `log.format` | a line |\n| --- | --- |\n"
        "| `json` | an object of all fields that the table below marks |\n"
        "| `json FIELD ...` | an object of these fields, in this order |\n"
        "| `common` | Apache's and nginx's combined format |\n"
        "| text with `%{FIELD}` | the text, with values in place of the fields |\n\n"
        "A value that an exchange doesn't have is left out of a JSON object. In a format string "
        "`-` stands for it, or what stands behind a bar: `%{cluster|none}`. `%%` is a percent "
        "sign. Quotes, backslashes, control characters and bytes above 126 are written as "
        "`\\xHH` there; in JSON they are escaped as JSON has it, and bytes that are not UTF-8 "
        "become U+FFFD. So no request can make a line that looks like two.\n\n"
        "With `log.access = \"journald\"` the line is the MESSAGE, and each field of the default "
        "JSON line is a journal field too: `WEIR_STATUS`, `WEIR_ROUTE`.\n\n"
        "| field | default JSON | meaning |\n| --- | --- | --- |\n");
    for (const struct variable *of = variables; of->name; of++)
        text_printf(out, "| `%s%s` | %s | %s |\n", of->name, variable_is_family(of) ? "NAME" : "",
                    of->preset ? "yes" : "", of->help);
}
