/* SPDX-License-Identifier: Apache-2.0 */
/* Who the client is behind proxies, and what the next hop is told.
 *
 * Lists are read from their end. What stands last was appended by the peer, what stands before it
 * by whoever the peer heard it from, and so on back to what the client itself made up. So the walk
 * starts on trusted ground and stops at the first address that isn't trusted, or that is none; what
 * is further in front, however mangled, was never looked at and can't change the answer. That holds
 * for the quotes of Forwarded too: they are matched backwards, so an unclosed one that a client
 * sent doesn't swallow what a trusted proxy wrote behind it.
 *
 * Writing never trusts a name to be spelled well: some servers take "X_Forwarded_For" for
 * "X-Forwarded-For", so those go as well. */
#include "http/forwarded.h"

#include "base/text.h"
#include "http/target.h"

struct trust {
    const struct cidr *list;
    size_t n;
};

/* One element of Forwarded; an empty slice for what it doesn't say. */
struct element {
    struct slice node, proto, host;
};

/* -- lists, from their end ------------------------------------------------------------------- */

/* The position of the quote that opens the quoted string which closes at `close`, or 0. */
static size_t opening_quote(struct slice s, size_t close)
{
    for (size_t i = close; i-- > 0;) {
        size_t backslashes = 0;
        while (backslashes < i && s.p[i - 1 - backslashes] == '\\')
            backslashes++;
        if (s.p[i] == '"' && backslashes % 2 == 0)
            return i;
    }
    return 0;
}

/* Cuts the part behind the last comma off the end of *rest, without white space around it. When
 * nothing is left *rest becomes empty with p == NULL. */
static struct slice cut_last(struct slice *rest)
{
    size_t i = rest->n;
    while (i > 0 && rest->p[i - 1] != ',')
        i = rest->p[i - 1] == '"' ? opening_quote(*rest, i - 1) : i - 1;
    struct slice last = slice_trim(slice_from(*rest, i));
    *rest = i > 0 ? slice_of(rest->p, i - 1) : (struct slice){0};
    return last;
}

/* The last member, empty ones left out, of all lines of that name. */
static struct slice last_value(const struct fields *f, enum token t)
{
    for (size_t i = f->n; i-- > 0;) {
        struct slice rest = f->v[i].token == t ? f->v[i].value : (struct slice){0};
        while (rest.p) {
            struct slice last = cut_last(&rest);
            if (last.n)
                return last;
        }
    }
    return (struct slice){0};
}

/* -- values ---------------------------------------------------------------------------------- */

static struct slice proto_of(struct slice s)
{
    if (slice_ieq(s, SLICE("https")))
        return SLICE("https");
    return slice_ieq(s, SLICE("http")) ? SLICE("http") : (struct slice){0};
}

static struct slice host_of(struct slice s)
{
    return s.n && host_ok(s) ? s : (struct slice){0};
}

static struct slice port_of(struct slice s)
{
    uint64_t port;
    bool good = s.n <= 5 && slice_to_u64(s, &port) && port >= 1 && port <= UINT16_MAX;
    return good ? s : (struct slice){0};
}

/* ":port" behind an address: digits, or a name that hides them (RFC 7239 6.2). Not empty. */
static bool node_port_ok(struct slice s)
{
    struct slice port = slice_from(s, 1);
    return s.n > 1 && s.p[0] == ':' && (port_of(port).n || (port.p[0] == '_' && is_token(port)));
}

/* An address as proxies write it: 1.2.3.4, 1.2.3.4:5678, ::1, [::1], [::1]:99. False for
 * "unknown", for hidden names and for garbage. "::" is refused too: as a value it is what peers on
 * unix sockets have, and nobody connects from it. */
static bool node_parse(struct slice node, struct ip *ip)
{
    static const struct ip zero;
    struct slice text = node, port = {0};
    if (node.n && node.p[0] == '[') {
        size_t close = slice_find(node, ']');
        text = slice_of(node.p + 1, close - 1);
        port = slice_from(node, close + 1);
        if (close == node.n || slice_find(text, ':') == text.n)
            return false;
    } else {
        size_t colon = slice_find(node, ':');
        bool one =
            colon < node.n && slice_find(slice_from(node, colon + 1), ':') == node.n - colon - 1;
        if (one) {
            text = slice_of(node.p, colon);
            port = slice_from(node, colon);
        }
    }
    return (port.n == 0 || node_port_ok(port)) && ip_parse(text, ip) &&
           memcmp(ip, &zero, sizeof zero) != 0;
}

/* Takes the address over as the client's; false when the walk ends here. */
static bool believe(struct slice node, const struct trust *trust, struct ip *client)
{
    struct ip ip;
    if (!node_parse(node, &ip))
        return false;
    *client = ip;
    return cidr_any(trust->list, trust->n, &ip);
}

/* -- reading --------------------------------------------------------------------------------- */

static void read_x_values(const struct fields *f, struct forwarded_from *out)
{
    out->proto = proto_of(last_value(f, TOKEN_X_FORWARDED_PROTO));
    out->host = host_of(last_value(f, TOKEN_X_FORWARDED_HOST));
    out->port = port_of(last_value(f, TOKEN_X_FORWARDED_PORT));
}

static void read_x(const struct fields *f, const struct trust *trust, struct forwarded_from *out)
{
    read_x_values(f, out);
    for (size_t i = f->n; i-- > 0;) {
        if (f->v[i].token != TOKEN_X_FORWARDED_FOR)
            continue;
        for (struct slice rest = f->v[i].value; rest.p;) {
            struct slice node = cut_last(&rest);
            if (node.n && !believe(node, trust, &out->client))
                return;
        }
    }
}

/* Cuts the first "name=value" off the front of *rest; a ';' inside quotes doesn't end it. */
static struct slice cut_pair(struct slice *rest)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->n && (quoted || rest->p[i] != ';'); i++) {
        if (rest->p[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[i] == '\\')
            i++;
    }
    i = i < rest->n ? i : rest->n;
    struct slice pair = slice_trim(slice_of(rest->p, i));
    *rest = i < rest->n ? slice_from(*rest, i + 1) : (struct slice){0};
    return pair;
}

/* Takes the quotes off. False when they don't match, or when something in them is escaped: nothing
 * that we look for has to be. */
static bool unquote(struct slice *value)
{
    if (value->n == 0 || slice_find(*value, '\\') < value->n)
        return false;
    if (value->p[0] != '"')
        return slice_find(*value, '"') == value->n;
    if (value->n < 2 || value->p[value->n - 1] != '"')
        return false;
    *value = slice_of(value->p + 1, value->n - 2);
    return slice_find(*value, '"') == value->n;
}

/* False when the element is malformed, or says one thing twice. */
static bool element_read(struct slice text, struct element *out)
{
    *out = (struct element){0};
    while (text.p) {
        struct slice value = cut_pair(&text);
        if (value.n == 0)
            continue;
        struct slice name = slice_cut(&value, '=');
        if (!is_token(name) || !value.p)
            return false;
        struct slice *slot = slice_ieq(name, SLICE("for"))     ? &out->node
                             : slice_ieq(name, SLICE("proto")) ? &out->proto
                             : slice_ieq(name, SLICE("host"))  ? &out->host
                                                               : NULL;
        if (!slot)
            continue;
        if (slot->p || !unquote(&value))
            return false;
        *slot = value;
    }
    return true;
}

/* Each element that the walk reaches was written by somebody trusted, so what it says about the
 * protocol and the host holds, even when it hides the address; the one nearest to the client
 * counts. */
static void read_standard(const struct fields *f, const struct trust *trust,
                          struct forwarded_from *out)
{
    for (size_t i = f->n; i-- > 0;) {
        if (f->v[i].token != TOKEN_FORWARDED)
            continue;
        for (struct slice rest = f->v[i].value; rest.p;) {
            struct slice text = cut_last(&rest);
            struct element e;
            if (text.n == 0)
                continue;
            if (!element_read(text, &e))
                return;
            out->proto = proto_of(e.proto).n ? proto_of(e.proto) : out->proto;
            out->host = host_of(e.host).n ? e.host : out->host;
            if (!believe(e.node, trust, &out->client))
                return;
        }
    }
}

void forwarded_read(const struct fields *f, enum forwarded_style style, const struct ip *peer,
                    const struct cidr *trusted, size_t trusted_n, struct forwarded_from *out)
{
    struct trust trust = {trusted, trusted_n};
    *out = (struct forwarded_from){.client = *peer};
    if (style == FORWARDED_NONE || !cidr_any(trusted, trusted_n, peer))
        return;
    bool has_x = fields_find_token(f, TOKEN_X_FORWARDED_FOR) != NULL;
    if (style == FORWARDED_STANDARD || (style == FORWARDED_BOTH && !has_x))
        read_standard(f, &trust, out);
    else
        read_x(f, &trust, out);
}

/* -- writing --------------------------------------------------------------------------------- */

static bool starts_folded(struct slice name, struct slice prefix)
{
    if (name.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++) {
        char c = name.p[i] == '_' ? '-' : ascii_lower(name.p[i]);
        if (c != prefix.p[i])
            return false;
    }
    return true;
}

/* RFC 9440 2.4: what a client writes there itself must not reach a backend. */
static bool is_client_cert(struct slice name)
{
    return (name.n == 11 && starts_folded(name, SLICE("client-cert"))) ||
           (name.n == 17 && starts_folded(name, SLICE("client-cert-chain")));
}

static bool is_forwarding(struct slice name)
{
    return (name.n == 9 && starts_folded(name, SLICE("forwarded"))) ||
           starts_folded(name, SLICE("x-forwarded")) || is_client_cert(name);
}

/* Drops every forwarding field; but leaves those that we neither read nor write where the peer is
 * trusted (X-Forwarded-Prefix). */
static void remove_all(struct fields *f, bool trusted)
{
    uint16_t kept = 0;
    for (uint16_t i = 0; i < f->n; i++) {
        const struct field *one = &f->v[i];
        bool foreign = one->token == TOKEN_OTHER && slice_find(one->name, '_') == one->name.n;
        if (!is_forwarding(one->name) || (trusted && foreign))
            f->v[kept++] = *one;
    }
    f->n = kept;
}

/* May this line be passed on? An odd quote that a client sent into Forwarded would, for a reader
 * who begins in front, swallow what was appended. */
static bool can_append_to(const struct field *line)
{
    struct slice s = line->value;
    bool quoted = false;
    for (size_t i = 0; line->token == TOKEN_FORWARDED && i < s.n; i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (quoted && s.p[i] == '\\')
            i++;
    }
    return s.n > 0 && !quoted;
}

/* All lines of that name and the tail as one list; empty when there is neither. */
static struct slice join_lines(const struct fields *f, struct arena *a, enum token t,
                               struct slice tail)
{
    size_t n = tail.n;
    for (size_t i = 0; i < f->n; i++)
        n += f->v[i].token == t ? f->v[i].value.n + 2 : 0;
    struct text list;
    text_init_fixed(&list, arena_alloc(a, n), n);
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i].token != t || !can_append_to(&f->v[i]))
            continue;
        if (list.n)
            text_add(&list, SLICE(", "));
        text_add(&list, f->v[i].value);
    }
    if (list.n && tail.n)
        text_add(&list, SLICE(", "));
    text_add(&list, tail);
    return text_slice(&list);
}

static void add_if_any(struct fields *f, struct arena *a, enum token name, struct slice value)
{
    if (value.n)
        fields_add_token(f, a, name, value);
}

static void add_quoted(struct text *t, struct slice s)
{
    text_char(t, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            text_char(t, '\\');
        text_char(t, s.p[i]);
    }
    text_char(t, '"');
}

/* "for=1.2.3.4;host=example.com;proto=https"; what is no token is quoted (RFC 7239 4). */
static struct slice element_write(struct arena *a, const struct forwarded_facts *facts,
                                  struct slice node)
{
    size_t room =
        sizeof "for=unknown\"[]\";host=\"\";proto=" + node.n + 2 * facts->host.n + facts->proto.n;
    struct text t;
    text_init_fixed(&t, arena_alloc(a, room), room);
    text_str(&t, "for=");
    if (slice_find(node, ':') < node.n) {
        text_str(&t, "\"[");
        text_add(&t, node);
        text_str(&t, "]\"");
    } else {
        text_add(&t, node.n ? node : SLICE("unknown"));
    }
    if (facts->host.n) {
        text_str(&t, ";host=");
        if (is_token(facts->host))
            text_add(&t, facts->host);
        else
            add_quoted(&t, facts->host);
    }
    text_str(&t, ";proto=");
    text_add(&t, facts->proto);
    return text_slice(&t);
}

/* What X-Forwarded-Proto, -Host and -Port shall say. */
static void choose_x(const struct fields *f, struct arena *a, const struct forwarded_facts *facts,
                     struct forwarded_from *x)
{
    if (facts->peer_trusted)
        read_x_values(f, x);
    if (!x->proto.n)
        x->proto = facts->proto;
    if (!x->host.n)
        x->host = facts->host;
    if (!x->port.n && facts->port) {
        enum { DIGITS = 5 };
        struct text t;
        text_init_fixed(&t, arena_alloc(a, DIGITS), DIGITS);
        text_uint(&t, facts->port);
        x->port = text_slice(&t);
    }
}

void forwarded_write(struct fields *f, struct arena *a, enum forwarded_style style,
                     const struct forwarded_facts *facts)
{
    static const struct fields none;
    const struct fields *old = facts->peer_trusted ? f : &none;
    struct forwarded_from x = {0};
    struct slice x_list = {0}, list = {0};
    char memory[ADDR_TEXT_MAX];
    if (style == FORWARDED_NONE && facts->peer_trusted)
        return;
    bool is_unix = cidr_has(&(struct cidr){.bits = 128}, facts->peer);
    struct slice node = slice_of(memory, is_unix ? 0 : ip_print(facts->peer, memory));
    if (style & FORWARDED_X) {
        x_list = join_lines(old, a, TOKEN_X_FORWARDED_FOR, node);
        choose_x(f, a, facts, &x);
    }
    if (style & FORWARDED_STANDARD) {
        bool append = !is_unix || !last_value(old, TOKEN_FORWARDED).n;
        struct slice tail = append ? element_write(a, facts, node) : (struct slice){0};
        list = join_lines(old, a, TOKEN_FORWARDED, tail);
    }
    remove_all(f, facts->peer_trusted);
    add_if_any(f, a, TOKEN_X_FORWARDED_FOR, x_list);
    add_if_any(f, a, TOKEN_X_FORWARDED_PROTO, x.proto);
    add_if_any(f, a, TOKEN_X_FORWARDED_HOST, x.host);
    add_if_any(f, a, TOKEN_X_FORWARDED_PORT, x.port);
    add_if_any(f, a, TOKEN_FORWARDED, list);
}

bool request_id_ok(struct slice id)
{
    if (id.n < 1 || id.n > 128)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char c = ascii_lower(id.p[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("._:/+=@-", c))))
            return false;
    }
    return true;
}
