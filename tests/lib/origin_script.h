/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_ORIGIN_SCRIPT_H
#define WEIR_TESTS_LIB_ORIGIN_SCRIPT_H

/* The words of origin.h, read. */

#include <stdbool.h>
#include <stdint.h>

struct script {
    int status;
    bool sized, echo, count, trailers, until_close, no_length, hang, proceed, early, close, bye,
        upgrade, raw, abort, cuts, resets, shorts, grpc;
    uint64_t size, chunk, cut, flood;
    unsigned delay_ms, pause_ms, sip_ms, piece, interims;
    unsigned refuse, goaway, max_streams, serving; /* HTTP/2 */
    char fields[2048];
};

/* Adds what `words` say, which are parted by spaces or '&'. False: one of them is unknown. */
bool script_read(struct script *s, const char *words);

#endif
