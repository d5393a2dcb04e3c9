/* SPDX-License-Identifier: Apache-2.0 */
/* The access log's page of the manual, docs/access-log.md: made from the table of variables. */

#include "base/text.h"
#include "core/log/access_log.h"
#include "core/log/variables.h"

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
        "Fields of modules that were set stand at the end of a default JSON line, as "
        "`\"canary.bucket\"`; elsewhere they are asked for by `module.canary.bucket`.\n\n"
        "With `log.access = \"journald\"` the line is the MESSAGE, and each field of the default "
        "JSON line is a journal field too: `WEIR_STATUS`, `WEIR_ROUTE`; those of modules stand in "
        "the MESSAGE alone.\n\n"
        "The same names stand for values in other settings that take a text with `%{...}`. Such a "
        "text is made at some moment of a request, and names only what is known by then, which "
        "the table says. In it an absent value is empty, or what stands behind a bar.\n\n"
        "| known | when |\n| --- | --- |\n"
        "| request | the request's head has come and its route is found |\n"
        "| attempt | the request goes on to a backend; its cluster is chosen |\n"
        "| response | the response's head has come, or an answer of the gateway's own is made |\n"
        "| end | the exchange has ended |\n\n"
        "| field | default JSON | known | meaning |\n| --- | --- | --- | --- |\n");
    for (const struct variable *of = variables; of->name; of++)
        text_printf(out, "| `%s%s` | %s | %s | %s |\n", of->name,
                    of->part == PART_NONE ? "" : "NAME", of->preset ? "yes" : "",
                    known_when_name(of->known), of->help);
}
