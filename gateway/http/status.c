/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and the choice of an error's content type.
 *
 * Reasons are looked up by index, in a table that covers every code a server may send. The content
 * type is chosen in one pass over the Accept lines: each member that one of our three types could
 * satisfy bids with its quality, a type called by name bids higher than a wildcard of the same
 * quality, and among equals the first one wins, which is the order in which clients list what
 * they like. Nothing is refused: who accepts none of the three gets text all the same, because an
 * error that says something beats a second error. */
#include "http/status.h"

enum { STATUS_FIRST = 100, STATUS_END = 600 };

static const struct slice reasons[STATUS_END - STATUS_FIRST] = {
#define R(code, text) [(code)-STATUS_FIRST] = SLICE_INIT(text)
    R(100, "Continue"),
    R(101, "Switching Protocols"),
    R(102, "Processing"),
    R(103, "Early Hints"),
    R(200, "OK"),
    R(201, "Created"),
    R(202, "Accepted"),
    R(203, "Non-Authoritative Information"),
    R(204, "No Content"),
    R(205, "Reset Content"),
    R(206, "Partial Content"),
    R(207, "Multi-Status"),
    R(208, "Already Reported"),
    R(226, "IM Used"),
    R(300, "Multiple Choices"),
    R(301, "Moved Permanently"),
    R(302, "Found"),
    R(303, "See Other"),
    R(304, "Not Modified"),
    R(305, "Use Proxy"),
    R(307, "Temporary Redirect"),
    R(308, "Permanent Redirect"),
    R(400, "Bad Request"),
    R(401, "Unauthorized"),
    R(402, "Payment Required"),
    R(403, "Forbidden"),
    R(404, "Not Found"),
    R(405, "Method Not Allowed"),
    R(406, "Not Acceptable"),
    R(407, "Proxy Authentication Required"),
    R(408, "Request Timeout"),
    R(409, "Conflict"),
    R(410, "Gone"),
    R(411, "Length Required"),
    R(412, "Precondition Failed"),
    R(413, "Content Too Large"),
    R(414, "URI Too Long"),
    R(415, "Unsupported Media Type"),
    R(416, "Range Not Satisfiable"),
    R(417, "Expectation Failed"),
    R(421, "Misdirected Request"),
    R(422, "Unprocessable Content"),
    R(423, "Locked"),
    R(424, "Failed Dependency"),
    R(425, "Too Early"),
    R(426, "Upgrade Required"),
    R(428, "Precondition Required"),
    R(429, "Too Many Requests"),
    R(431, "Request Header Fields Too Large"),
    R(451, "Unavailable For Legal Reasons"),
    R(500, "Internal Server Error"),
    R(501, "Not Implemented"),
    R(502, "Bad Gateway"),
    R(503, "Service Unavailable"),
    R(504, "Gateway Timeout"),
    R(505, "HTTP Version Not Supported"),
    R(506, "Variant Also Negotiates"),
    R(507, "Insufficient Storage"),
    R(508, "Loop Detected"),
    R(510, "Not Extended"),
    R(511, "Network Authentication Required"),
#undef R
};

struct slice status_reason(uint16_t status)
{
    if (status < STATUS_FIRST || status >= STATUS_END || !reasons[status - STATUS_FIRST].p)
        return SLICE("Unknown");
    return reasons[status - STATUS_FIRST];
}

/* -- Accept ---------------------------------------------------------------------------------- */

/* A qvalue in thousandths (RFC 9110 12.4.2): "0" or "1" with up to three decimals. Whatever is no
 * qvalue counts as 0, so that the member is passed over rather than guessed at. */
static unsigned read_quality(struct slice s)
{
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return 0;
    unsigned q = s.p[0] == '1' ? 1000 : 0;
    unsigned scale = 100;
    for (size_t i = 2; i < s.n; i++, scale /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        q += (unsigned)(s.p[i] - '0') * scale;
    }
    return q > 1000 ? 0 : q;
}

/* The quality among the parameters behind a media range; 1000 when none is given. */
static unsigned find_quality(struct slice params)
{
    for (struct slice rest = params; rest.p;) {
        struct slice one = slice_trim(slice_cut(&rest, ';'));
        if (one.n >= 2 && ascii_lower(one.p[0]) == 'q' && one.p[1] == '=')
            return read_quality(slice_from(one, 2));
    }
    return 1000;
}

static bool ends_in_json(struct slice type)
{
    return type.n > 17 && slice_ieq(slice_of(type.p, 12), SLICE("application/")) &&
           slice_ieq(slice_from(type, type.n - 5), SLICE("+json"));
}

/* Which of our types satisfies this media range, and does the range call it by name? */
static bool type_of_range(struct slice range, enum answer_type *type, bool *by_name)
{
    *by_name = true;
    *type = ANSWER_TEXT;
    if (slice_ieq(range, SLICE("text/plain")))
        return true;
    *type = ANSWER_HTML;
    if (slice_ieq(range, SLICE("text/html")) || slice_ieq(range, SLICE("application/xhtml+xml")))
        return true;
    *type = ANSWER_JSON;
    if (slice_ieq(range, SLICE("application/json")) || ends_in_json(range))
        return true;
    *by_name = false;
    if (slice_ieq(range, SLICE("application/*")))
        return true;
    *type = ANSWER_TEXT;
    return slice_ieq(range, SLICE("*/*")) || slice_ieq(range, SLICE("text/*"));
}

enum answer_type answer_type_for(const struct fields *request)
{
    enum answer_type best = ANSWER_TEXT;
    unsigned best_bid = 0;
    for (const struct field *f = fields_find_token(request, TOKEN_ACCEPT); f;
         f = fields_next(request, f)) {
        for (struct slice rest = f->value; rest.p;) {
            struct slice params = slice_cut(&rest, ',');
            struct slice range = slice_trim(slice_cut(&params, ';'));
            enum answer_type type;
            bool by_name;
            if (!type_of_range(range, &type, &by_name))
                continue;
            unsigned quality = find_quality(params);
            unsigned bid = quality ? quality * 2 + by_name : 0;
            if (bid > best_bid) {
                best_bid = bid;
                best = type;
            }
        }
    }
    return best;
}
