/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards clients: said at the top for all listeners, and again on one. The numbers bound
 * what a client may do that costs more to serve than to send; each is far above what clients do
 * that mean well, and low enough that the worst costs next to nothing. */
#include "config/sections.h"

#define PRESET(text) text
#define INHERIT(text) NULL

enum { DAY_MS = 24 * 60 * 60 * 1000, FRAMES_MAX = 1000000 };
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

#define FLOW(P)                                                                                    \
    OPTION_INT("streams", struct h2_server_conf, streams, P("128"), 1, 65535,                      \
               "requests under way on one connection; one more closes it"),                        \
        OPTION_SIZE("stream_window", struct h2_server_conf, stream_window, P("64k"), KIB,          \
                    64 * MIB, "content of one request that may come before some was passed on"),   \
        OPTION_SIZE("connection_window", struct h2_server_conf, connection_window, P("1m"),        \
                    64 * KIB, 1024 * MIB, "content of all requests that may be on its way")

#define FRAMES(P)                                                                                  \
    OPTION_MS("interval", struct h2_server_conf, interval, P("10s"), 100, DAY_MS,                  \
              "what the numbers below are counted by; exceeding one closes the connection"),       \
        OPTION_INT("resets", struct h2_server_conf, resets, P("200"), 1, FRAMES_MAX,               \
                   "streams that the client resets, or gets reset by breaking the protocol"),      \
        OPTION_INT("continuations", struct h2_server_conf, continuations, P("8"), 1, 1000,         \
                   "CONTINUATION frames of one header block, however long that takes"),            \
        OPTION_INT("pings", struct h2_server_conf, pings, P("100"), 1, FRAMES_MAX, "PING frames"), \
        OPTION_INT("settings", struct h2_server_conf, settings, P("50"), 1, FRAMES_MAX,            \
                   "SETTINGS frames"),                                                             \
        OPTION_INT("empty_frames", struct h2_server_conf, empty_frames, P("100"), 1, FRAMES_MAX,   \
                   "DATA frames without content and without end"),             \
        OPTION_INT("priorities", struct h2_server_conf, priorities, P("500"), 1, FRAMES_MAX,       \
                   "PRIORITY and PRIORITY_UPDATE frames"),                                         \
        OPTION_INT("window_updates", struct h2_server_conf, window_updates, P("1000"), 1,          \
                   FRAMES_MAX,                                                                     \
                   "WINDOW_UPDATE frames, and RST_STREAM of requests that are over, beyond two "   \
                   "for each DATA frame sent")

#define PINGS(P)                                                                                   \
    OPTION_MS("ping_interval", struct h2_server_conf, ping_interval, P("0s"), 0, DAY_MS,           \
              "silence after which a client is asked whether it is there; 0s: it isn't asked"),    \
        OPTION_MS("ping_timeout", struct h2_server_conf, ping_timeout, P("10s"), 1, DAY_MS,        \
                  "for its answer; then the connection is closed")

const struct option top_h2[] = {FLOW(PRESET), FRAMES(PRESET), PINGS(PRESET), OPTION_END};
const struct option listener_h2[] = {FLOW(INHERIT), FRAMES(INHERIT), PINGS(INHERIT), OPTION_END};
