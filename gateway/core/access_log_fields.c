/* SPDX-License-Identifier: Apache-2.0 */
/* What the access log can say about an exchange: one table of fields. JSON lines, format strings,
 * journald's fields and the reference manual are made from it; a field that is added here is in all
 * of them.
 *
 * A field reads the exchange and gives a text, a number or a truth, or says that there is none.
 * This runs once per request and field, so nothing here formats with printf, and texts are handed
 * on where they lie. */

#include "core/access_log.h"

#include "core/access_log_parts.h"
#include "core/attempt.h"
#include "core/exchange.h"
#include "core/route.h"

#define FIELD(name)                                                                                \
    static bool get_##name(const struct exchange *x, const struct log_header *h,                   \
                           struct log_value *v)
#define UNUSED (void)x, (void)h, (void)v

/* -- giving values ----------------------------------------------------------------------------- */

static inline bool give_text(struct log_value *v, struct slice s)
{
    v->text = s;
    return s.n != 0;
}

static inline bool give_number(struct log_value *v, uint64_t n)
{
    v->number = n;
    return true;
}

/* From one moment to another; false when one of them was not reached. */
static inline bool give_span(struct log_value *v, uint64_t from_us, uint64_t to_us)
{
    v->number = to_us - from_us;
    return from_us && to_us >= from_us;
}

static inline const struct attempt *last_attempt(const struct exchange *x)
{
    return list_empty(&x->attempts) ? NULL
                                    : list_entry(x->attempts.prev, const struct attempt, node);
}

static inline uint64_t now_us(const struct exchange *x)
{
    return x->w->loop->clock.mono_us;
}

static inline char *put2(char *at, uint64_t v)
{
    at[0] = (char)('0' + v / 10 % 10);
    at[1] = (char)('0' + v % 10);
    return at + 2;
}

static inline char *put4(char *at, uint64_t v)
{
    return put2(put2(at, v / 100), v % 100);
}

struct date {
    uint64_t year, month, day;
};

/* The Gregorian date of a day since 1970, in a few divisions: years are taken to begin in March,
 * so that the leap day is the last of its year. 400 years have 146,097 days; 719,468 days lie
 * between 1 March of the year 0 and 1970. */
static struct date date_of(uint64_t day)
{
    const uint64_t n = day + 719468;
    const uint64_t era = n / 146097, of_era = n % 146097;
    const uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const uint64_t month = (5 * of_year + 2) / 153; /* 0: March */

    return (struct date){
        .year = year + era * 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
}

static char *put_clock(char *at, uint64_t second)
{
    at = put2(at, second / 3600 % 24);
    *at++ = ':';
    at = put2(at, second / 60 % 60);
    *at++ = ':';
    return put2(at, second % 60);
}

static bool give_ip(struct log_value *v, const struct ip *ip)
{
    if (!ip_is_v4(ip))
        return give_text(v, slice_of(v->memory, ip_print(ip, v->memory)));
    char *at = v->memory;
    for (int i = 12; i < 16; i++) { /* inet_ntop prints with sprintf: too slow for each request */
        const unsigned b = ip->b[i];
        if (b >= 100)
            *at++ = (char)('0' + b / 100);
        if (b >= 10)
            *at++ = (char)('0' + b / 10 % 10);
        *at++ = (char)('0' + b % 10);
        *at++ = '.';
    }
    return give_text(v, slice_between(v->memory, at - 1));
}

/* -- when, who, where -------------------------------------------------------------------------- */

FIELD(time)
{
    UNUSED;
    const uint64_t second = x->created_wall_us / 1000000, us = x->created_wall_us % 1000000;
    const struct date d = date_of(second / 86400);
    char *at = put4(v->memory, d.year);

    *at++ = '-';
    at = put2(at, d.month);
    *at++ = '-';
    at = put2(at, d.day);
    *at++ = 'T';
    at = put_clock(at, second);
    *at++ = '.';
    at = put4(put2(at, us / 10000), us % 10000);
    *at++ = 'Z';
    return give_text(v, slice_between(v->memory, at));
}

FIELD(time_common)
{
    UNUSED;
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t second = x->created_wall_us / 1000000;
    const struct date d = date_of(second / 86400);
    char *at = put2(v->memory, d.day);

    *at++ = '/';
    memcpy(at, months + 3 * (d.month - 1), 3);
    at += 3;
    *at++ = '/';
    at = put4(at, d.year);
    *at++ = ':';
    at = put_clock(at, second);
    memcpy(at, " +0000", 6);
    return give_text(v, slice_between(v->memory, at + 6));
}

FIELD(client)
{
    UNUSED;
    return give_ip(v, &x->facts->peer);
}

FIELD(source)
{
    UNUSED;
    return give_ip(v, &x->source);
}

FIELD(worker)
{
    UNUSED;
    return give_number(v, x->w->index);
}

FIELD(connection)
{
    UNUSED;
    return give_number(v, x->facts->connection);
}

FIELD(exchange)
{
    UNUSED;
    return give_number(v, x->id);
}

FIELD(request_id)
{
    UNUSED;
    return give_text(v, x->request_id);
}

FIELD(listener)
{
    UNUSED;
    return give_text(v, x->w->g->config->listeners[x->facts->listener].name);
}

/* -- the request ------------------------------------------------------------------------------- */

FIELD(method)
{
    UNUSED;
    return give_text(v, x->request.method);
}

FIELD(scheme)
{
    UNUSED;
    return give_text(v, x->facts->scheme);
}

FIELD(host)
{
    UNUSED;
    return give_text(v, x->host.name);
}

FIELD(path)
{
    UNUSED;
    return give_text(v, x->target.path);
}

FIELD(query)
{
    UNUSED;
    return give_text(v, x->target.query);
}

FIELD(target)
{
    UNUSED;
    return give_text(v, x->request.target);
}

static struct slice version_of(const struct exchange *x)
{
    if (x->request.major == 2)
        return SLICE("HTTP/2.0");
    return x->request.minor ? SLICE("HTTP/1.1") : SLICE("HTTP/1.0");
}

FIELD(protocol)
{
    UNUSED;
    v->text = version_of(x);
    return x->request.method.n != 0;
}

/* "GET /path HTTP/1.1", cut where it is too long for a line that people read. */
FIELD(request_line)
{
    UNUSED;
    struct text t;

    text_init_fixed(&t, v->memory, sizeof v->memory - SLICE(" HTTP/1.1").n);
    text_add(&t, x->request.method);
    text_char(&t, ' ');
    text_add(&t, x->request.target);
    t.cut = false;
    t.cap = sizeof v->memory;
    text_char(&t, ' ');
    text_add(&t, version_of(x));
    v->text = text_slice(&t);
    return x->request.method.n != 0;
}

FIELD(user_agent)
{
    UNUSED;
    return give_text(v, fields_get_token(&x->request.fields, TOKEN_USER_AGENT));
}

FIELD(referer)
{
    UNUSED;
    return give_text(v, fields_get_token(&x->request.fields, TOKEN_REFERER));
}

FIELD(bytes_in)
{
    UNUSED;
    return give_number(v, x->bytes_in);
}

/* -- what was decided -------------------------------------------------------------------------- */

FIELD(route)
{
    UNUSED;
    return x->route && give_text(v, x->route->name);
}

FIELD(cluster)
{
    UNUSED;
    return x->plan.cluster && give_text(v, x->plan.cluster->conf->place.name);
}

FIELD(endpoint)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_text(v, at->endpoint_name);
}

FIELD(attempts)
{
    UNUSED;
    return give_number(v, x->attempts_n);
}

/* "closed@10.0.0.7:80,connect@10.0.0.8:80", as many as fit. */
FIELD(failed_attempts)
{
    UNUSED;
    struct text t;
    size_t whole = 0;

    text_init_fixed(&t, v->memory, sizeof v->memory);
    list_each (node, &x->attempts) {
        const struct attempt *at = list_entry(node, const struct attempt, node);
        if (at->why == WHY_NONE)
            continue;
        if (t.n)
            text_char(&t, ',');
        text_str(&t, why_facts(at->why)->word);
        text_char(&t, '@');
        text_add(&t, at->endpoint_name);
        if (t.cut)
            break;
        whole = t.n;
    }
    return give_text(v, slice_of(v->memory, whole));
}

FIELD(reused)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_number(v, at->reused);
}

FIELD(outcome)
{
    UNUSED;
    return give_text(v, x->why == WHY_NONE ? SLICE("ok") : slice_str(why_facts(x->why)->word));
}

FIELD(detail)
{
    UNUSED;
    return give_text(v, slice_str(x->detail));
}

/* -- the response ------------------------------------------------------------------------------ */

/* A client that went before it was answered is logged as 499, as is usual, though nothing was
 * sent; the list of reasons says which those are. */
FIELD(status)
{
    UNUSED;
    const uint16_t of_why = why_facts(x->why)->status;

    if (x->head_sent)
        return give_number(v, x->reply.status);
    return of_why == 499 && give_number(v, of_why);
}

FIELD(bytes_out)
{
    UNUSED;
    return give_number(v, x->bytes_out);
}

FIELD(tunnel)
{
    UNUSED;
    return x->tunnel && give_number(v, true);
}

/* -- how long it took -------------------------------------------------------------------------- */

FIELD(duration_us)
{
    UNUSED;
    return give_span(v, x->created_us, now_us(x));
}

FIELD(route_us)
{
    UNUSED;
    return give_span(v, x->created_us, x->routed_us);
}

FIELD(connect_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->started_us, at->opened_us);
}

FIELD(response_head_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->opened_us, at->headed_us);
}

FIELD(response_body_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->headed_us, at->ended_us);
}

FIELD(send_us)
{
    UNUSED;
    return give_span(v, x->head_sent_us, now_us(x));
}

/* -- any header field -------------------------------------------------------------------------- */

static bool give_header(const struct fields *f, const struct log_header *h, struct log_value *v)
{
    if (h->token != TOKEN_OTHER)
        return give_text(v, fields_get_token(f, h->token));
    const struct field *found = fields_find(f, h->name);
    return found && give_text(v, found->value);
}

FIELD(request_header)
{
    return give_header(&x->request.fields, h, v);
}

FIELD(response_header)
{
    return x->head_sent && give_header(&x->reply.fields, h, v);
}

/* -- the table --------------------------------------------------------------------------------- */

/* In the order in which a JSON line has them. */
const struct log_field log_fields[] = {
    {"time", LOG_PLAIN, true, get_time,
     "when the request's head was complete, in UTC with microseconds (RFC 3339)"},
    {"client", LOG_PLAIN, true, get_client,
     "address of the connection's other end, or of the client that a trusted PROXY header names; "
     "`unix` on a unix socket"},
    {"peer", LOG_PLAIN, true, log_get_peer,
     "address of the load balancer that sent a PROXY header"},
    {"source", LOG_PLAIN, true, get_source,
     "address of the client: what trusted proxies said of it, else the same as `client`"},
    {"worker", LOG_NUMBER, true, get_worker, "number of the worker"},
    {"connection", LOG_NUMBER, true, get_connection,
     "number of the client's connection, counted by worker and listener"},
    {"exchange", LOG_NUMBER, true, get_exchange, "number of the request, counted by worker"},
    {"request_id", LOG_TEXT, true, get_request_id, "X-Request-Id as backends see it"},
    {"listener", LOG_PLAIN, true, get_listener, "name of the listener"},
    {"method", LOG_TEXT, true, get_method, "method"},
    {"scheme", LOG_PLAIN, true, get_scheme, "`http` or `https`, as the client spoke it to the listener, or to the load balancer that "
     "sent a PROXY header"},
    {"tls_version", LOG_TEXT, true, log_get_tls_version, "`TLSv1.2` or `TLSv1.3`"},
    {"tls_cipher", LOG_TEXT, true, log_get_tls_cipher, "cipher suite"},
    {"tls_server_name", LOG_TEXT, true, log_get_tls_server_name, "name that the client sent (SNI)"},
    {"tls_alpn", LOG_TEXT, false, log_get_tls_alpn, "protocol that was agreed on (ALPN)"},
    {"tls_resumed", LOG_BOOL, true, log_get_tls_resumed, "did the handshake resume a session?"},
    {"client_subject", LOG_TEXT, true, log_get_client_subject,
     "subject of the client's certificate, when it was verified"},
    {"client_fingerprint", LOG_TEXT, true, log_get_client_fingerprint,
     "SHA-256 of that certificate, in hexadecimal digits"},
    {"host", LOG_TEXT, true, get_host, "host that was asked for, in lower case, without port"},
    {"path", LOG_TEXT, true, get_path, "path, normalised: what routes are matched with"},
    {"query", LOG_TEXT, true, get_query, "query, as received, without `?`"},
    {"target", LOG_TEXT, false, get_target, "request target, as received"},
    {"protocol", LOG_PLAIN, true, get_protocol, "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`"},
    {"user_agent", LOG_TEXT, true, get_user_agent, "User-Agent"},
    {"referer", LOG_TEXT, true, get_referer, "Referer"},
    {"route", LOG_PLAIN, true, get_route, "name of the route"},
    {"cluster", LOG_PLAIN, true, get_cluster, "name of the cluster"},
    {"endpoint", LOG_TEXT, true, get_endpoint, "endpoint of the last attempt"},
    {"attempts", LOG_NUMBER, true, get_attempts, "attempts made"},
    {"failed_attempts", LOG_TEXT, true, get_failed_attempts,
     "attempts that failed, each as REASON@ENDPOINT, oldest first"},
    {"reused", LOG_BOOL, true, get_reused, "was the last attempt made on a kept connection?"},
    {"outcome", LOG_PLAIN, true, get_outcome,
     "`ok`, or the reason why the exchange did not end with a backend's whole response"},
    {"detail", LOG_TEXT, true, get_detail, "which fault exactly, where the reason has several"},
    {"status", LOG_NUMBER, true, get_status,
     "status that was sent; 499 when the client went before one was"},
    {"grpc_status", LOG_NUMBER, true, log_get_grpc_status,
     "outcome of a gRPC request: its grpc-status, or the code that the client made of what it got"},
    {"bytes_in", LOG_NUMBER, true, get_bytes_in, "bytes of the request's content"},
    {"bytes_out", LOG_NUMBER, true, get_bytes_out, "bytes of the response's content"},
    {"tunnel", LOG_BOOL, true, get_tunnel,
     "true when it became a tunnel (101, or a WebSocket over HTTP/2)"},
    {"duration_us", LOG_NUMBER, true, get_duration_us,
     "microseconds from the request's head to the end of the exchange"},
    {"route_us", LOG_NUMBER, true, get_route_us, "... from the request's head to the route"},
    {"connect_us", LOG_NUMBER, true, get_connect_us,
     "... from the last attempt's start to its connection"},
    {"response_head_us", LOG_NUMBER, true, get_response_head_us,
     "... from that connection to the response's head"},
    {"response_body_us", LOG_NUMBER, true, get_response_body_us,
     "... from the response's head to its last byte"},
    {"send_us", LOG_NUMBER, true, get_send_us,
     "... from the first byte to the client to the end of the exchange"},
    {"time_common", LOG_PLAIN, false, get_time_common,
     "`time` as Apache and nginx write it: `24/Nov/2026:10:00:00 +0000`"},
    {"request_line", LOG_TEXT, false, get_request_line,
     "method, target and protocol as one text, cut to 512 bytes"},
    {"request.", LOG_TEXT, false, get_request_header,
     "the request's header field of that name, its first line: `request.accept-language`"},
    {"response.", LOG_TEXT, false, get_response_header,
     "the response's header field of that name, as the client got it"},
    {NULL, LOG_TEXT, false, NULL, NULL},
};

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
    for (const struct log_field *f = log_fields; f->name; f++) {
        const size_t n = strlen(f->name);
        text_printf(out, "| `%s%s` | %s | %s |\n", f->name, f->name[n - 1] == '.' ? "NAME" : "",
                    f->preset ? "yes" : "", f->help);
    }
}
