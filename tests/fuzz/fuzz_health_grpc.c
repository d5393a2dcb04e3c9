/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of gRPC health answers with what a backend might send. What must hold: an
 * answer that is cut by one byte is none, and the last status of several is the one that counts. */
#include "control/health/health_grpc.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 4096 };

/* The same message with one more field behind it. */
static void check_last_counts(struct slice in)
{
    char memory[ROOM + 2];
    if (in.n > ROOM)
        return;
    memcpy(memory, in.p, in.n);
    memory[in.n] = 8;
    memory[in.n + 1] = HEALTH_GRPC_NOT_SERVING;
    const size_t n = in.n - 5 + 2;
    for (int i = 0; i < 4; i++)
        memory[4 - i] = (char)(n >> 8 * i);
    must(health_grpc_response(slice_of(memory, in.n + 2)) == HEALTH_GRPC_NOT_SERVING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice in = slice_of((const char *)data, n);
    const enum health_serving says = health_grpc_response(in);
    must(says <= HEALTH_GRPC_MALFORMED);
    if (says == HEALTH_GRPC_MALFORMED)
        return 0;
    must(health_grpc_response(slice_of(in.p, n - 1)) == HEALTH_GRPC_MALFORMED);
    check_last_counts(in);
    return 0;
}
