/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/redact.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { DIGEST_SHOWN = 8 }; /* bytes, 16 digits: who compares two by eye needs no more */

/* Quoted, as printable ASCII: the text comes from an origin and ends up in a terminal. */
static void show_text(struct weir_slice s, char *to)
{
    char *at = to;
    *at++ = '"';
    for (size_t i = 0; i < s.n && i < REDACT_SHOWN; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c >= 0x7f)
            at += sprintf(at, "%%%02x", c);
        else
            *at++ = (char)c;
    }
    snprintf(at, (size_t)(to + REDACT_TEXT - at), "\"%s", s.n > REDACT_SHOWN ? "..." : "");
}

static void show_number(const json_t *v, char *to)
{
    if (json_is_integer(v))
        snprintf(to, REDACT_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else
        snprintf(to, REDACT_TEXT, "%.17g", json_real_value(v));
}

void redact_json(const json_t *v, bool show, char *to)
{
    if (!v)
        snprintf(to, REDACT_TEXT, "absent");
    else if (json_is_object(v))
        snprintf(to, REDACT_TEXT, "object(%zu)", json_object_size(v));
    else if (json_is_array(v))
        snprintf(to, REDACT_TEXT, "array(%zu)", json_array_size(v));
    else if (json_is_null(v))
        snprintf(to, REDACT_TEXT, "null");
    else if (json_is_string(v) && show)
        show_text((struct weir_slice){json_string_value(v), json_string_length(v)}, to);
    else if (json_is_string(v))
        snprintf(to, REDACT_TEXT, "string(%zu)", json_string_length(v));
    else if (json_is_boolean(v))
        snprintf(to, REDACT_TEXT, "%s", !show ? "boolean" : json_is_true(v) ? "true" : "false");
    else if (show)
        show_number(v, to);
    else
        snprintf(to, REDACT_TEXT, "number");
}

void redact_field(struct weir_slice value, bool show, char *to)
{
    if (!value.p)
        snprintf(to, REDACT_TEXT, "absent");
    else if (show)
        show_text(value, to);
    else
        snprintf(to, REDACT_TEXT, "text(%zu)", value.n);
}

void redact_content(struct weir_slice content, bool show, char *to)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int at = snprintf(to, REDACT_TEXT, "%zu bytes", content.n);
    if (!show ||
        !EVP_Digest(content.n ? content.p : "", content.n, digest, NULL, EVP_sha256(), NULL))
        return;
    at += snprintf(to + at, (size_t)(REDACT_TEXT - at), ", sha256 ");
    for (int i = 0; i < DIGEST_SHOWN; i++)
        at += snprintf(to + at, (size_t)(REDACT_TEXT - at), "%02x", digest[i]);
}
