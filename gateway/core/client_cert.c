/* SPDX-License-Identifier: Apache-2.0 */
/* A client's certificate as a header field. The texts are those of io/tls.h, printable and without
 * quotes, but made by whoever asked a certificate authority for them: what has a meaning in the
 * syntax of the field is quoted here. */
#include "core/client_cert.h"

#include "base/text.h"
#include "io/tls.h"

/* "NAME=value;", in quotes where the value has separators in it. */
static void put_pair(struct text *t, const char *name, struct slice value, bool quoted)
{
    for (size_t i = 0; i < value.n && !quoted; i++)
        quoted = value.p[i] && strchr(",;=\"\\ ", value.p[i]);
    if (t->n && t->p[t->n - 1] != ' ')
        text_char(t, ';');
    text_str(t, name);
    text_char(t, '=');
    if (quoted)
        text_char(t, '"');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            text_char(t, '\\');
        text_char(t, value.p[i]);
    }
    if (quoted)
        text_char(t, '"');
}

static size_t texts_room(const struct texts *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += 2 * v->v[i].n + sizeof ";URI=\"\"";
    return n;
}

static void write_xfcc(struct fields *f, struct arena *a, const struct tls_peer *peer)
{
    const struct slice name = SLICE("x-forwarded-client-cert");
    const struct field *before = fields_find(f, name);
    const size_t room = sizeof ", Hash=;Subject=\"\"" + peer->fingerprint.n + 2 * peer->subject.n +
                        texts_room(&peer->uri) + texts_room(&peer->dns) +
                        (before ? before->value.n : 0);
    struct text t;
    text_init_fixed(&t, arena_alloc(a, room), room);
    if (before && before->value.n) {
        text_add(&t, before->value);
        text_str(&t, ", ");
    }
    put_pair(&t, "Hash", peer->fingerprint, false);
    put_pair(&t, "Subject", peer->subject, true);
    for (size_t i = 0; i < peer->uri.n; i++)
        put_pair(&t, "URI", peer->uri.v[i], false);
    for (size_t i = 0; i < peer->dns.n; i++)
        put_pair(&t, "DNS", peer->dns.v[i], false);
    must(!t.cut);
    fields_set(f, a, name, text_slice(&t));
}

static void write_standard(struct fields *f, struct arena *a, const struct tls_peer *peer)
{
    const struct slice name = SLICE("client-cert");
    const struct slice der = peer->der_base64;
    if (fields_find(f, name) || !der.n)
        return;
    char *value = arena_alloc(a, der.n + 2);
    value[0] = value[der.n + 1] = ':'; /* a byte sequence (RFC 8941 3.3.5) */
    memcpy(value + 1, der.p, der.n);
    fields_add(f, a, name, slice_of(value, der.n + 2));
}

void client_cert_write(struct fields *f, struct arena *a, enum client_certificate style,
                       const struct tls_peer *peer)
{
    if (!peer)
        return;
    if (style == CLIENT_CERTIFICATE_XFCC)
        write_xfcc(f, a, peer);
    else if (style == CLIENT_CERTIFICATE_STANDARD)
        write_standard(f, a, peer);
}
