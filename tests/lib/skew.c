/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object for LD_PRELOAD: the time of day is WEIR_TEST_SKEW seconds ahead, or behind. Time
 * that only runs (CLOCK_MONOTONIC) is as it was. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
    const char *seconds = getenv("WEIR_TEST_SKEW");
    const int status = (int)syscall(SYS_clock_gettime, id, t);
    if (status == 0 && seconds && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += atol(seconds);
    return status;
}
