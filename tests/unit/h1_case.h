/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_H1_CASE_H
#define WEIR_TESTS_H1_CASE_H

/* Parsing one head in a test: what is accepted or refused as a whole must be so however the
 * network cuts it, so every case is also run in two pieces, at each place, and byte by byte. */

#include "http/h1_parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct h1_limits limits = {.head_size = 2048, .target_size = 256, .field_count = 12};

static struct field field_room[64];

struct parse {
    struct h1_parser p;
    struct request_head q;
    struct response_head r;
    enum method method; /* of the request that the response answers */
    bool upgrade;
    bool response;
    ssize_t n;
};

static inline struct parse parse_new(bool response)
{
    return (struct parse){.p = {.limits = &limits}, .method = METHOD_GET, .response = response};
}

static inline ssize_t feed(struct parse *t, struct slice in)
{
    t->p.fields = field_room;
    t->n = t->response ? h1_parse_response(&t->p, in, t->method, t->upgrade, &t->r)
                       : h1_parse_request(&t->p, in, &t->q);
    return t->n;
}

/* A copy in memory that ends where the input ends, so that a sanitizer sees a read beyond it. */
static inline struct slice exact(struct slice s)
{
    char *p = malloc(s.n ? s.n : 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

static inline ssize_t feed_exact(struct parse *t, struct slice in)
{
    struct slice copy = exact(in);
    ssize_t n = feed(t, copy);
    free((char *)copy.p);
    return n;
}

/* The same answer when the first `k` bytes come alone, for every k: in two pieces, and never an
 * answer for the first piece that the whole contradicts. */
static inline void expect_same_when_cut(const struct parse *whole, struct slice in)
{
    for (size_t k = 0; k < in.n; k++) {
        struct parse t = parse_new(whole->response);
        t.method = whole->method;
        t.upgrade = whole->upgrade;
        ssize_t n = feed_exact(&t, slice_of(in.p, k));
        if (n == 0) {
            n = feed_exact(&t, in);
        } else if (n > 0) {
            cr_assert_eq(n, (ssize_t)k);
        }
        cr_assert_eq(n, whole->n, "cut at %zu of %.*s: %zd instead of %zd", k, SLICE_ARG(in), n,
                     whole->n);
        cr_assert_eq(t.p.fault, whole->p.fault, "cut at %zu of %.*s: %s", k, SLICE_ARG(in),
                     h1_fault_name(t.p.fault));
    }
}

/* One byte at a time, always from the same parser. */
static inline void expect_same_when_dripped(const struct parse *whole, struct slice in)
{
    struct parse t = parse_new(whole->response);
    t.method = whole->method;
    t.upgrade = whole->upgrade;
    for (size_t k = 1; k <= in.n && t.n == 0; k++)
        feed_exact(&t, slice_of(in.p, k));
    cr_assert_eq(t.n, whole->n, "dripped %.*s: %zd instead of %zd", SLICE_ARG(in), t.n, whole->n);
    cr_assert_eq(t.p.fault, whole->p.fault);
}

static inline struct parse accept_request(const char *text)
{
    struct slice in = slice_str(text);
    struct parse t = parse_new(false);
    feed(&t, in);
    cr_assert_eq(t.n, (ssize_t)in.n, "%s: %zd, %s", text, t.n, h1_fault_name(t.p.fault));
    expect_same_when_cut(&t, in);
    expect_same_when_dripped(&t, in);
    feed(&t, in); /* the room was used since */
    return t;
}

static inline struct parse accept_response_to(const char *text, enum method m, bool upgrade)
{
    struct slice in = slice_str(text);
    struct parse t = parse_new(true);
    t.method = m;
    t.upgrade = upgrade;
    feed(&t, in);
    cr_assert_eq(t.n, (ssize_t)in.n, "%s: %zd, %s", text, t.n, h1_fault_name(t.p.fault));
    expect_same_when_cut(&t, in);
    expect_same_when_dripped(&t, in);
    feed(&t, in); /* the room was used since */
    return t;
}

static inline struct parse accept_response(const char *text)
{
    return accept_response_to(text, METHOD_GET, false);
}

static inline void expect_fault(struct parse *t, struct slice in, enum h1_fault want)
{
    feed_exact(t, in);
    cr_assert_eq(t->n, -1, "accepted: %.*s (%zd)", SLICE_ARG(in), t->n);
    cr_assert_eq(t->p.fault, want, "%.*s: %s instead of %s", SLICE_ARG(in),
                 h1_fault_name(t->p.fault), h1_fault_name(want));
    expect_same_when_cut(t, in);
}

static inline void refuse_request_n(struct slice in, enum h1_fault want)
{
    struct parse t = parse_new(false);
    expect_fault(&t, in, want);
}

static inline void refuse_request(const char *text, enum h1_fault want)
{
    refuse_request_n(slice_str(text), want);
}

static inline void refuse_response_to(const char *text, enum method m, bool upgrade,
                                      enum h1_fault want)
{
    struct parse t = parse_new(true);
    t.method = m;
    t.upgrade = upgrade;
    expect_fault(&t, slice_str(text), want);
}

static inline void refuse_response(const char *text, enum h1_fault want)
{
    refuse_response_to(text, METHOD_GET, false, want);
}

#define REQUEST(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define POST(fields) "POST /p HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define RESPONSE(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

struct bad {
    const char *text;
    enum h1_fault fault;
};

static inline void refuse_requests(const struct bad *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        refuse_request(v[i].text, v[i].fault);
}

#endif
