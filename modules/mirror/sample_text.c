/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/sample_text.h"

static void put(char *to, size_t size, struct weir_slice s)
{
    size_t n = 0;
    for (; n < s.n && n < size - 1; n++)
        to[n] = s.p[n] < 0x20 || s.p[n] >= 0x7f ? '?' : s.p[n];
    to[n] = 0;
}

void sample_about_set(struct sample_about *to, struct weir_slice method, struct weir_slice path,
                      struct weir_slice request_id, uint64_t wall_us)
{
    to->time = (double)(wall_us / 1000) / 1000;
    put(to->method, sizeof to->method, method);
    put(to->path, sizeof to->path, path);
    put(to->request_id, sizeof to->request_id, request_id);
}

/* The first n of the differences, and how many there are more. */
static json_t *sample_of(const struct sample_about *about, json_t *differences, size_t n)
{
    const size_t more = json_array_size(differences) - n;
    json_t *some = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append(some, json_array_get(differences, i));
    json_t *sample =
        json_pack("{s:f, s:s, s:s, s:s, s:o}", "time", about->time, "method", about->method, "path",
                  about->path, "request_id", about->request_id, "differences", some);
    if (more)
        json_object_set_new(sample, "more", json_integer((json_int_t)more));
    return sample;
}

size_t sample_text(const struct sample_about *about, json_t *differences, char *to, size_t size)
{
    size_t n = json_array_size(differences), len = 0;
    for (;;) {
        json_t *sample = sample_of(about, differences, n);
        len = json_dumpb(sample, to, size, JSON_COMPACT | JSON_REAL_PRECISION(14));
        json_decref(sample);
        if (len <= size)
            return len;
        if (n == 0)
            return 0;
        n /= 2; /* seldom more than once, and never often */
    }
}
