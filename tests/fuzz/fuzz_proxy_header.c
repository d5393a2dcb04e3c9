/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of PROXY headers with what a connection might begin with. What must hold:
 *
 *   the judgement of a beginning holds for the whole: one that is refused stays refused for the
 *   same reason or a plainer one, and a header that is whole isn't changed by what follows it;
 *   a header is never longer than its limit, and no text lies outside of it;
 *   what is written from it is read again, and says the same.
 */
#include "base/text.h"
#include "io/proxy_header.h"
#include "tests/fuzz/fuzz.h"

static void check_inside(struct slice text, struct slice header)
{
    must(!text.n || (text.p >= header.p && text.p + text.n <= header.p + header.n));
}

static void check_again(const struct proxy_header *h)
{
    static char memory[PROXY_WRITE_MAX];
    struct text t;
    struct proxy_header again;
    enum proxy_fault fault;
    text_init_fixed(&t, memory, sizeof memory);
    proxy_header_write(&t, h);
    must(!t.cut && t.n > 0);
    must(proxy_header_parse(text_slice(&t), &again, &fault) == (ssize_t)t.n);
    must(again.version == h->version);
    if (h->version == 1)
        must(again.addressed == h->addressed);
    if (!again.addressed)
        return;
    const struct ip a = addr_ip(&h->source), b = addr_ip(&again.source);
    must(memcmp(&a, &b, sizeof a) == 0 && addr_port(&h->source) == addr_port(&again.source));
    must(h->authority.n > PROXY_TEXT_MAX || h->version == 1 ||
         slice_eq(h->authority, again.authority));
}

static void check_taken(struct slice in, ssize_t n, const struct proxy_header *h)
{
    struct proxy_header alone;
    enum proxy_fault fault;
    const struct slice header = slice_of(in.p, (size_t)n);
    must((size_t)n <= in.n && n <= PROXY_V2_FIXED + PROXY_V2_MAX);
    must(h->version == 2 || n <= PROXY_V1_MAX);
    must(proxy_header_parse(header, &alone, &fault) == n);
    must(proxy_header_parse(slice_of(in.p, (size_t)n - 1), &alone, &fault) <= 0);
    check_inside(h->alpn, header);
    check_inside(h->authority, header);
    check_inside(h->unique_id, header);
    check_inside(h->tls.version, header);
    check_inside(h->tls.cipher, header);
    check_inside(h->tls.cn, header);
    check_again(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct slice in = slice_of((const char *)data, n);
    struct proxy_header h, begun;
    enum proxy_fault fault, early;
    const ssize_t whole = proxy_header_parse(in, &h, &fault);
    must((whole < 0) == (fault != PROXY_FAULT_NONE));
    const size_t cut = n ? fuzz_number(in) % n : 0;
    char *part = fuzz_copy(slice_of(in.p, cut));
    const ssize_t some = proxy_header_parse(slice_of(part, cut), &begun, &early);
    must(some >= 0 || whole < 0);
    must(some <= 0 || some == whole);
    free(part);
    if (whole > 0)
        check_taken(in, whole, &h);
    return 0;
}
