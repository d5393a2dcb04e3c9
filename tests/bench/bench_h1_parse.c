/* SPDX-License-Identifier: Apache-2.0 */
/* How long a head takes: parse, keep, strip and write, for a request as browsers send it and one
 * as API clients do, with each way of scanning that the processor has. Prints nanoseconds per
 * head, the best of several rounds; asserts nothing. */
#include "http/h1_parse.h"

#include <stdio.h>
#include <time.h>

#include "http/h1_write.h"
#include "http/hop.h"

enum { ROUNDS = 7, HEADS = 200000 };

static const char browser[] =
    "GET /products/42/reviews?page=3&sort=newest HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://www.example.com/products/42\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=2f1b0c9d8e7a6b5c4d3e2f1a0b9c8d7e; theme=dark; "
    "consent=necessary%2Cstatistics\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "\r\n";
static const char api[] =
    "POST /v1/orders HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: client/2.1\r\n"
    "Content-Type: application/json\r\n"
    "Accept: application/json\r\n"
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN\r\n"
    "Content-Length: 187\r\n"
    "\r\n";
static const struct {
    const char *name;
    struct slice text;
} requests[] = {{"browser, 9 fields", SLICE_INIT(browser)}, {"api, 6 fields", SLICE_INIT(api)}};

static const struct h1_limits limits = {16384, 8192, 100};
static struct field room[100];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may be running */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_parse(struct slice in)
{
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct request_head h;
    must(h1_parse_request(&p, in, &h) == (ssize_t)in.n);
}

static struct bytes_stock stock;
static struct request_head head;

static void run_keep(struct slice in)
{
    static _Alignas(16) char memory[8192];
    struct arena a;
    arena_init(&a, memory, sizeof memory);
    struct request_head h = head;
    head_keep_request(&h, in, &a, 8);
    arena_fini(&a);
}

static void run_strip_write(struct slice in)
{
    static _Alignas(16) char memory[8192];
    (void)in;
    struct arena a;
    struct fields f;
    struct bytes q;
    arena_init(&a, memory, sizeof memory);
    bytes_init(&q, &stock);
    hop_strip(&head.fields, &f, &a, 8);
    struct h1_out o = {.body = head.body, .content_length = head.content_length};
    must(h1_write_request(&q, head.method, head.target, &f, &o));
    bytes_clear(&q);
    arena_fini(&a);
}

static double best_ns(void (*run)(struct slice), struct slice in)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double from = seconds();
        for (int i = 0; i < HEADS; i++)
            run(in);
        double ns = (seconds() - from) / HEADS * 1e9;
        best = ns < best ? ns : best;
    }
    return best;
}

int main(void)
{
    static const struct {
        enum h1_scan way;
        const char *name;
    } ways[] = {{H1_SCAN_PORTABLE, "portable"}, {H1_SCAN_SSE42, "sse4.2"}, {H1_SCAN_AVX2, "avx2"}};
    bytes_stock_init(&stock, 0);
    for (size_t r = 0; r < array_n(requests); r++) {
        struct slice in = requests[r].text;
        printf("%s, %zu bytes\n", requests[r].name, in.n);
        for (size_t w = 0; w < array_n(ways); w++)
            if (h1_scan_use(ways[w].way))
                printf("  parse, %-9s %7.1f ns\n", ways[w].name, best_ns(run_parse, in));
        struct h1_parser p = {.limits = &limits, .fields = room};
        must(h1_parse_request(&p, in, &head) > 0);
        printf("  keep             %7.1f ns\n", best_ns(run_keep, in));
        printf("  strip and write  %7.1f ns\n", best_ns(run_strip_write, in));
    }
    bytes_stock_fini(&stock);
    return 0;
}
