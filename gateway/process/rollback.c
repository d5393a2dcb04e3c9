/* SPDX-License-Identifier: Apache-2.0 */
#include "process/rollback.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/texts.h"

/* -- the disk ---------------------------------------------------------------------------------- */

static bool is_same(const char *path, struct slice text)
{
    FILE *f = fopen(path, "re");
    char piece[4096];
    size_t n = 1;
    while (f && n && (n = fread(piece, 1, sizeof piece, f))) {
        if (n > text.n || memcmp(piece, text.p, n) != 0)
            break;
        text = slice_from(text, n);
    }
    const bool same = f && n == 0 && text.n == 0 && !ferror(f);
    if (f)
        fclose(f);
    return same;
}

/* Every file that it consisted of: with the same texts, the same files are included. */
bool rollback_is_on_disk(const struct conf_texts *texts, const char *file)
{
    if (!texts || strcmp(texts->v[0].shown.p, file) != 0)
        return false;
    for (size_t i = 0; i < texts->n; i++)
        if (!is_same(texts->v[i].shown.p, texts->v[i].text))
            return false;
    return true;
}

/* -- for operators ----------------------------------------------------------------------------- */

static void write_texts(const struct conf_texts *texts, struct admin_answer *out)
{
    struct text *t = &out->body;
    out->type = SLICE("application/json");
    json_open(t, '{');
    json_key(t, "files");
    json_open(t, '[');
    for (size_t i = 0; i < texts->n; i++) {
        json_open(t, '{');
        json_key(t, "file");
        json_slice(t, texts->v[i].shown);
        json_key(t, "text");
        json_slice(t, texts->v[i].text);
        json_close(t, '}');
    }
    json_close(t, ']');
    json_close(t, '}');
    text_char(t, '\n');
}

void rollback_texts_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct birth *b = ctx;
    json_t *asked = admin_asked(rq);
    const char *which = json_string_value(json_object_get(asked, "which"));
    const bool previous = which && strcmp(which, "previous") == 0;
    const struct conf_texts *texts = previous ? b->previous : b->g->config->texts;
    if (which && !previous && strcmp(which, "in force") != 0)
        admin_error(out, 400, "which", "\"which\" is \"in force\" or \"previous\"");
    else if (!admin_may_change(rq, out))
        ; /* the answer says why not */
    else if (texts)
        write_texts(texts, out);
    else
        admin_error(out, 409, NULL,
                    "there is no earlier configuration: none was in force before "
                    "this one since the gateway was started");
    json_decref(asked);
}
