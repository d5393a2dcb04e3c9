/* SPDX-License-Identifier: Apache-2.0 */
/* Timeouts, limits and forwarding: said at the top for everything, and again on a listener or a
 * cluster for that one. Each row is written once; the tables differ in which rows they have and in
 * whether an absent setting gets the default (at the top) or stays as it was inherited.
 *
 * A listener has only the rows that clients' connections obey, a cluster only those that its
 * connections obey, so that no setting stands where it would do nothing. */
#include "config/sections.h"

#include "http/token.h"

#define PRESET(text) text
#define INHERIT(text) NULL

enum { DAY_MS = 24 * 60 * 60 * 1000 };
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)

/* -- timeouts -------------------------------------------------------------------------------- */

#define CLIENT_TIMEOUTS(P)                                                                         \
    OPTION_MS("head", struct timeouts, head, P("10s"), 1, DAY_MS,                                  \
              "the whole head of a request, from its first byte; then 408"),                       \
        OPTION_MS(                                                                                 \
            "handshake", struct timeouts, handshake, P("10s"), 1, DAY_MS,                          \
            "a TLS handshake, and a PROXY header before it, from the connection on; then it is "   \
            "closed"),                                                                             \
        OPTION_MS("request", struct timeouts, request, P("15s"), 0, DAY_MS,                        \
                  "from the complete head to the last byte of the response; then 504; 0s: none"),  \
        OPTION_MS("keep_alive", struct timeouts, keep_alive, P("75s"), 0, DAY_MS,                  \
                  "an idle client connection; 0s: none"),                                          \
        OPTION_MS("write_idle", struct timeouts, write_idle, P("30s"), 0, DAY_MS,                  \
                  "a client that takes nothing of what is queued for it; 0s: none")

#define SHARED_TIMEOUTS(P)                                                                         \
    OPTION_MS("body_idle", struct timeouts, body_idle, P("30s"), 0, DAY_MS,                        \
              "between two pieces of a body, either direction; 0s: none")

#define ORIGIN_TIMEOUTS(P)                                                                         \
    OPTION_MS("tunnel_idle", struct timeouts, tunnel_idle, P("1h"), 0, INT64_C(30) * DAY_MS,       \
              "a tunnel in which nothing moves; 0s: none"),                                        \
        OPTION_MS("connect", struct timeouts, connect, P("2s"), 0, DAY_MS,                         \
                  "to connect to an endpoint; then 503; 0s: the kernel's"),                        \
        OPTION_MS(                                                                                 \
            "response_head", struct timeouts, response_head, P("0s"), 0, DAY_MS,                   \
            "from the request sent to the response's head; then 504; 0s: timeouts.request alone")

#define DRAIN_TIMEOUTS(P)                                                                          \
    OPTION_MS("drain", struct timeouts, drain, P("30s"), 1, DAY_MS,                                \
              "how long connections of an old generation may go on after a reload"),               \
        OPTION_MS("drain_grace", struct timeouts, drain_grace, P("1s"), 0, DAY_MS,                 \
                  "how long an idle kept-alive connection stays open while draining")

const struct option top_timeouts[] = {
    CLIENT_TIMEOUTS(PRESET),
    SHARED_TIMEOUTS(PRESET),
    ORIGIN_TIMEOUTS(PRESET),
    DRAIN_TIMEOUTS(PRESET),
    OPTION_END,
};
const struct option listener_timeouts[] = {
    CLIENT_TIMEOUTS(INHERIT),
    SHARED_TIMEOUTS(INHERIT),
    OPTION_END,
};
const struct option cluster_timeouts[] = {
    SHARED_TIMEOUTS(INHERIT),
    ORIGIN_TIMEOUTS(INHERIT),
    OPTION_END,
};

/* -- limits ---------------------------------------------------------------------------------- */

#define CLIENT_LIMITS(P)                                                                           \
    OPTION_INT("connections", struct limits, connections, P("10000"), 1, 10000000,                 \
               "connections of one listener, over all workers"),                                   \
        OPTION_INT("connections_per_source", struct limits, connections_per_source, P("0"), 0,     \
                   10000000, "connections of one client address on one listener; 0: no limit"),    \
        OPTION_INT("handshakes", struct limits, handshakes, P("1000"), 1, 10000000,                \
                   "TLS handshakes under way on one listener in one worker; more are refused"),    \
        OPTION_SIZE("target_size", struct limits, target_size, P("8k"), 64, 16 * KIB,              \
                    "a request target; then 414"),                                                 \
        OPTION_SIZE("body_size", struct limits, body_size, P("10m"), 0, TIB,                       \
                    "a request's body; then 413; 0: no limit"),                                    \
        OPTION_INT("requests", struct limits, requests, P("10000"), 1, INT32_MAX,                  \
                   "requests on one connection, which is closed after the last")

#define SHARED_LIMITS(P)                                                                           \
    OPTION_SIZE("head_size", struct limits, head_size, P("16k"), KIB, 16 * KIB,                    \
                "the head of a request (then 431) or of a response (then 502)"),                   \
        OPTION_INT("field_count", struct limits, field_count, P("100"), 1, 1000,                   \
                   "field lines in a head (then 431) or in a response's head (then 502)"),         \
        OPTION_SIZE("queue", struct limits, queue, P("64k"), 16 * KIB, 64 * MIB,                   \
                    "bytes queued per connection and direction before reading pauses")

const struct option top_limits[] = {CLIENT_LIMITS(PRESET), SHARED_LIMITS(PRESET), OPTION_END};
const struct option listener_limits[] = {
    CLIENT_LIMITS(INHERIT),
    SHARED_LIMITS(INHERIT),
    OPTION_END,
};
const struct option cluster_limits[] = {SHARED_LIMITS(INHERIT), OPTION_END};

/* -- forwarding ------------------------------------------------------------------------------ */

/* In the order of enum client_certificate. */
static const char *const certificates[] = {"off", "xfcc", "standard", NULL};
/* In the order of enum forwarded_style. */
static const char *const styles[] = {"none", "x", "standard", "both", NULL};

_Static_assert(FORWARDED_X == 1 && FORWARDED_STANDARD == 2 && FORWARDED_BOTH == 3,
               "styles[] follows enum forwarded_style");
_Static_assert(offsetof(struct forwarding, trusted_n) ==
                   offsetof(struct forwarding, trusted) + offsetof(struct groups, n),
               "read_cidrs fills pointer and count");

#define FORWARDING(P)                                                                              \
    OPTION_CHOICE("style", struct forwarding, style, P("x"), styles,                               \
                  "what backends are told about the client: X-Forwarded-*, Forwarded (standard), " \
                  "both or none"),                                                                 \
        OPTION_CUSTOM("trusted_proxies", struct forwarding, trusted, read_cidrs, P("[ ]"),         \
                      FORM_CIDRS,                                                                  \
                      "peers whose own forwarding fields and X-Request-Id are believed"),          \
        OPTION_CHOICE("client_certificate", struct forwarding, client_certificate, P("off"),       \
                      certificates,                                                                \
                      "what backends are told about a verified client certificate: "               \
                      "X-Forwarded-Client-Cert (xfcc), Client-Cert of RFC 9440 (standard) or "     \
                      "nothing"),                                                                  \
        OPTION_BOOL("via", struct forwarding, via, P("true"), "add Via both ways"),                \
        OPTION_BOOL("request_id", struct forwarding, request_id, P("true"),                        \
                    "send X-Request-Id: kept from trusted proxies, else made"),                    \
        OPTION_TEXT("name", struct forwarding, name, P("weir"),                                    \
                    "pseudonym in Via, and Server of answers that Weir makes itself",              \
                    .form = "a token: letters, digits and !#$%&'*+-.^_`|~")

const struct option top_forwarding[] = {FORWARDING(PRESET), OPTION_END};
const struct option listener_forwarding[] = {FORWARDING(INHERIT), OPTION_END};

void forwarding_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    const struct forwarding *f = base;
    if (s && !is_token(f->name))
        option_wrong(r, member_or(s, "name"), "%s", "a token: letters, digits and !#$%&'*+-.^_`|~");
}
