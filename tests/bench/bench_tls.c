/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS links cost in processor time, both ends of a connection together, over links in memory:
 * small requests, bulk, and handshakes. Prints, asserts nothing.
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
 *         -subj /CN=bench -keyout bench.key -out bench.crt
 *     tests/bench/bench_tls bench.crt bench.key */

#include "io/link.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, REQUESTS = 20000, HANDSHAKES = 200, BULK_TURNS = 2000, BULK = 65536 };

static struct loop lp;
static struct link *near, *far;
static struct tls_server *server;
static struct tls_client *client;
static char page[BULK];
static size_t answer_n, came;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may be running */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(struct link *l, size_t n)
{
    must(bytes_copy(&l->out, slice_of(page, n)));
    link_send(l);
}

static void on_open(struct link *l)
{
    (void)l;
}

static void on_request(struct link *l, struct block *b, struct slice s)
{
    (void)b;
    came += s.n;
    if (answer_n > 0)
        say(l, answer_n);
}

static void on_answer(struct link *l, struct block *b, struct slice s)
{
    (void)l, (void)b;
    came += s.n;
}

static void on_eof(struct link *l)
{
    (void)l;
}

static void on_fail(struct link *l, int err)
{
    fprintf(stderr, "failed: %s: %s\n", link_tls_fault(l), strerror(err));
    must(!"a link failed");
}

static const struct link_events near_events = {
    .on_open = on_open, .on_bytes = on_answer, .on_eof = on_eof, .on_fail = on_fail};
static const struct link_events far_events = {
    .on_open = on_open, .on_bytes = on_request, .on_eof = on_eof, .on_fail = on_fail};

static void open_pair(bool tls, struct tls_resume *resume)
{
    link_memory_pair(&lp, 0, &near, &far);
    if (tls) {
        near = link_tls_connect(near, client, SLICE("bench"), resume);
        far = link_tls_accept(far, server);
        must(near && far);
    }
    link_start(near, &near_events, NULL);
    link_start(far, &far_events, NULL);
    loop_turn(&lp);
}

static void close_pair(void)
{
    link_close(near);
    link_close(far);
    loop_turn(&lp);
}

static void run_requests(void)
{
    for (int i = 0; i < REQUESTS; i++) {
        say(near, 200);
        loop_turn(&lp);
    }
}

static void run_bulk(void)
{
    for (int i = 0; i < BULK_TURNS; i++) {
        say(near, BULK);
        loop_turn(&lp);
    }
}

static double best(void (*run)(void))
{
    double least = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        const double from = seconds();
        run();
        const double took = seconds() - from;
        if (took < least)
            least = took;
    }
    return least;
}

static void measure_traffic(bool tls)
{
    open_pair(tls, NULL);
    answer_n = 1024;
    const double small = best(run_requests) / REQUESTS;
    answer_n = 0;
    const double bulk = best(run_bulk) / ((double)BULK_TURNS * BULK);
    printf("%-6s  request of 200 bytes, answer of 1 KiB %8.0f ns   bulk %6.2f us per 16 KiB\n",
           tls ? "TLS" : "memory", small * 1e9, bulk * 16384 * 1e6);
    close_pair();
}

static void measure_handshakes(struct tls_resume *resume)
{
    open_pair(true, resume);
    close_pair();
    const double from = seconds();
    for (int i = 0; i < HANDSHAKES; i++) {
        open_pair(true, resume);
        close_pair();
    }
    printf("TLS     %-7s handshake %26.0f us\n", resume ? "resumed" : "full",
           (seconds() - from) / HANDSHAKES * 1e6);
}

static void make_contexts(const char *certificate, const char *key)
{
    static struct tls_tickets tickets;
    struct faults faults;
    struct tls_certificate_conf one = {.certificate = slice_str(certificate),
                                       .key = slice_str(key)};
    const struct tls_server_conf s = {.set = true,
                                      .certificates = &one,
                                      .certificates_n = 1,
                                      .tickets = 2,
                                      .ticket_lifetime = 3600000};
    const struct tls_client_conf c = {.set = true, .resume = true};
    faults_init(&faults);
    must(tls_tickets_prepare(&tickets, (uint64_t)time(NULL)));
    server = tls_server_new(&s, (struct tls_alpn){.h1 = true}, &tickets, &faults);
    client = tls_client_new(&c, (struct tls_alpn){.h1 = true}, &faults);
    for (const struct fault *f = faults.first; f; f = f->next)
        fprintf(stderr, "%s\n", f->text);
    must(server && client);
    faults_fini(&faults);
}

int main(int argc, char **argv)
{
    struct tls_resume resume = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: %s CERTIFICATE KEY\n", argv[0]);
        return 2;
    }
    loop_init(&lp, 0);
    make_contexts(argv[1], argv[2]);
    measure_traffic(false);
    measure_traffic(true);
    measure_handshakes(NULL);
    measure_handshakes(&resume);
    tls_resume_drop(&resume);
    tls_server_free(server);
    tls_client_free(client);
    loop_fini(&lp);
    return 0;
}
