/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values as text for people. */

#include "weirctl/answer.h"

#include "weirctl/duration.h"

/* A control character at p takes this many bytes; 0: there is none. C1 controls (U+0080 to U+009F)
 * are two bytes of UTF-8. */
static size_t control_at(const unsigned char *p)
{
    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    return p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

void answer_plain(struct text *out, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        const size_t n = control_at(p);
        if (n)
            text_printf(out, "\\x%02x", p[n - 1]);
        else
            text_char(out, (char)*p);
        p += n ? n : 1;
    }
}

void answer_add(struct text *out, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    if (json_is_string(v))
        answer_plain(out, json_string_value(v));
    else if (json_is_integer(v))
        text_int(out, json_integer_value(v));
    else if (json_is_real(v))
        text_printf(out, "%.15g", json_real_value(v));
    else if (json_is_boolean(v))
        text_str(out, json_is_true(v) ? "yes" : "no");
    else
        text_char(out, '-');
}

void answer_weight(struct text *out, const json_t *endpoint)
{
    answer_add(out, endpoint, "weight");
    if (!json_object_get(endpoint, "file_weight"))
        return;
    text_str(out, " (file: ");
    answer_add(out, endpoint, "file_weight");
    text_char(out, ')');
}

void answer_fault(struct text *out, const json_t *o)
{
    if (json_object_get(o, "file")) {
        answer_add(out, o, "file");
        text_char(out, ':');
    }
    if (json_object_get(o, "line")) {
        answer_add(out, o, "line");
        text_char(out, ':');
    }
    text_str(out, json_object_get(o, "file") ? " " : "");
    answer_add(out, o, "text");
}

bool answer_number(const json_t *o, const char *key, double *v)
{
    const json_t *member = json_object_get(o, key);

    if (!json_is_number(member))
        return false;
    *v = json_number_value(member);
    return true;
}

void answer_share(struct text *out, const json_t *o, const char *key)
{
    double v;

    if (answer_number(o, key, &v))
        text_printf(out, "%.4g%%", v * 100);
    else
        text_char(out, '-');
}

void answer_tenths(struct text *out, const json_t *o, const char *key)
{
    double v;

    if (answer_number(o, key, &v))
        text_printf(out, "%.1f", v);
    else
        text_char(out, '-');
}

void answer_left(struct text *out, const json_t *o, const char *key)
{
    double ms;

    if (answer_number(o, key, &ms))
        duration_text(out, (ms + 999) / 1000);
    else
        text_char(out, '-');
}

void answer_moment(struct text *out, const json_t *o, const char *key)
{
    double v;

    if (answer_number(o, key, &v))
        moment_text(out, v);
    else
        answer_add(out, o, key);
}

const json_t *answer_list(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return json_is_array(v) ? v : NULL;
}
