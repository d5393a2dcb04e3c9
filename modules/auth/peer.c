/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects of certificates. A distinguished name is read as RFC 4514 3 writes it:
 *
 *     CN=anna,OU=Ops\, EMEA+L=Graz,O=Acme        attributes, with escapes in their values
 */
#include "auth/peer.h"

#include "common/slice.h"

const char *const peer_names[] = {"off", "dn", "cn", "san_uri", "san_dns", "san_email", NULL};

/* -- distinguished names ----------------------------------------------------------------------- */

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Where the attribute at `i` ends: at the next comma or plus that isn't escaped. */
static size_t attribute_end(struct weir_slice dn, size_t i)
{
    while (i < dn.n && dn.p[i] != ',' && dn.p[i] != '+')
        i += dn.p[i] == '\\' && i + 1 < dn.n ? 2 : 1;
    return i;
}

/* Takes the escapes out: a character, or two hexadecimal digits. Gives the length. */
static size_t unescape(struct weir_slice value, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < value.n; i++) {
        const char *c = value.p + i;
        if (*c != '\\' || i + 1 == value.n) {
            to[n++] = *c;
            continue;
        }
        const int high = nibble(c[1]), low = i + 2 < value.n ? nibble(c[2]) : -1;
        const bool hex = high >= 0 && low >= 0;
        to[n++] = hex ? (char)(high << 4 | low) : c[1];
        i += hex ? 2 : 1;
    }
    return n;
}

static enum peer_fault common_name(struct weir_slice dn, char *room, struct weir_slice *out)
{
    unsigned found = 0;
    for (size_t i = 0, end; i < dn.n; i = end + 1) {
        end = attribute_end(dn, i);
        struct weir_slice value = {dn.p + i, end - i};
        const struct weir_slice type = slice_cut(&value, '=');
        if (!slice_ieq(type, WEIR_SLICE("CN")) || !value.n || value.p[0] == '#')
            continue; /* '#': BER of a type that has no text */
        *out = (struct weir_slice){room, unescape(value, room)};
        found++;
    }
    return found == 1 ? PEER_OK : found ? PEER_AMBIGUOUS : PEER_NOBODY;
}

/* -- what is asked for ------------------------------------------------------------------------- */

static enum peer_fault only(const struct weir_slice *names, size_t n, struct weir_slice *out)
{
    if (n == 1)
        *out = names[0];
    return n == 1 ? PEER_OK : n ? PEER_AMBIGUOUS : PEER_NOBODY;
}

static enum peer_fault find(const struct weir_peer *peer, enum peer_subject kind, char *room,
                            struct weir_slice *out)
{
    switch (kind) {
    case PEER_DN:
        return only(&peer->subject, 1, out);
    case PEER_CN:
        return common_name(peer->subject, room, out);
    case PEER_SAN_URI:
        return only(peer->uris, peer->uris_n, out);
    case PEER_SAN_DNS:
        return only(peer->dns_names, peer->dns_names_n, out);
    case PEER_SAN_EMAIL:
        return only(peer->emails, peer->emails_n, out);
    case PEER_OFF:
        break;
    }
    return PEER_NOBODY;
}

enum peer_fault peer_subject(const struct weir_peer *peer, enum peer_subject kind, char *room,
                             struct weir_slice *out)
{
    *out = (struct weir_slice){0};
    const enum peer_fault f = find(peer, kind, room, out);
    return f == PEER_OK && !out->n ? PEER_NOBODY : f;
}
