/* SPDX-License-Identifier: Apache-2.0 */
/* A client's certificate on its way to a backend: both forms, and that nobody but a trusted proxy
 * can write them. */
#include "core/client_cert.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "io/link.h"
#include "io/tls.h"
#include "tests/lib/stack.h"

#define XFCC "X-Forwarded-Client-Cert"

static struct arena a;
static struct fields f;
static struct slice uris[] = {SLICE_INIT("spiffe://a/b"), SLICE_INIT("urn:x;y=z")};
static struct slice names[] = {SLICE_INIT("a.example"), SLICE_INIT("b.example")};
static const struct tls_peer bob = {
    .subject = SLICE_INIT("CN=bob,O=Acme \\, Inc."),
    .fingerprint = SLICE_INIT("00ff"),
    .der_base64 = SLICE_INIT("TUlJQg=="),
    .uri = {.v = uris, .n = 2},
    .dns = {.v = names, .n = 2},
};
static const struct tls_peer plain = {.subject = SLICE_INIT("CN=c"),
                                      .fingerprint = SLICE_INIT("11"),
                                      .der_base64 = SLICE_INIT("QQ==")};

static void begin(void)
{
    arena_init(&a, NULL, 0);
    fields_init(&f, &a, 1);
}

static void end(void)
{
    arena_fini(&a);
}

TestSuite(client_cert, .init = begin, .fini = end);

static const char *value(const char *name)
{
    const struct field *one = fields_find(&f, slice_str(name));
    if (!one)
        return "";
    return fields_next(&f, one) ? "(twice)" : arena_printf(&a, "%.*s", SLICE_ARG(one->value));
}

Test(client_cert, is_told_as_envoy_does)
{
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_XFCC, &plain);
    cr_assert_str_eq(value(XFCC), "Hash=11;Subject=\"CN=c\"");
    end();
    begin();
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_XFCC, &bob);
    cr_assert_str_eq(value(XFCC), "Hash=00ff;Subject=\"CN=bob,O=Acme \\\\, Inc.\";URI=spiffe://a/b;"
                                  "URI=\"urn:x;y=z\";DNS=a.example;DNS=b.example");
}

Test(client_cert, is_told_by_the_standard)
{
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_STANDARD, &bob);
    cr_assert_str_eq(value("Client-Cert"), ":TUlJQg==:");
    cr_assert_str_eq(value(XFCC), "");
}

Test(client_cert, is_not_told_when_that_is_off_or_there_is_none)
{
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_OFF, &bob);
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_XFCC, NULL);
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_STANDARD, NULL);
    cr_assert_eq(f.n, 0);
}

Test(client_cert, joins_what_a_trusted_proxy_said)
{
    fields_add(&f, &a, SLICE(XFCC), SLICE("Hash=22"));
    fields_add(&f, &a, SLICE("Client-Cert"), SLICE(":AA==:"));
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_XFCC, &plain);
    client_cert_write(&f, &a, CLIENT_CERTIFICATE_STANDARD, &plain);
    cr_assert_str_eq(value(XFCC), "Hash=22, Hash=11;Subject=\"CN=c\"");
    cr_assert_str_eq(value("Client-Cert"), ":AA==:");
}

#define REST                                                                                       \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "routes = ( { cluster = \"one\"; } );\n"
static const char claims[] =
    "GET / HTTP/1.1\r\nHost: h\r\nClient-Cert: :AA==:\r\nclient_cert: :AA==:\r\n"
    "Client-Cert-Chain: :AA==:\r\nX-Forwarded-Client-Cert: Hash=1\r\nX-Client-Cert: mine\r\n\r\n";

static struct peer *inward(struct stack *s)
{
    peer_says(stack_client(s), claims);
    cr_assert(stack_origin(s, 0));
    return stack_origin(s, 0);
}

Test(client_cert_stack, cannot_be_claimed_by_a_client)
{
    struct stack *s = stack_new(REST);
    struct peer *o = inward(s);
    cr_assert(!strcasestr(o->heard, "\r\nclient-cert") && !strcasestr(o->heard, "\r\nclient_cert"));
    cr_assert(!strcasestr(o->heard, "x-forwarded-client-cert"));
    cr_assert(strcasestr(o->heard, "\r\nX-Client-Cert: mine\r\n"), "it isn't ours");
    stack_free(s);
}

Test(client_cert_stack, is_passed_on_from_a_trusted_proxy)
{
    struct stack *s = stack_new("forwarding = { trusted_proxies = \"192.0.2.1\"; };" REST);
    struct peer *o = inward(s);
    cr_assert(strcasestr(o->heard, "\r\nClient-Cert: :AA==:\r\n"), "%s", o->heard);
    cr_assert(strcasestr(o->heard, "\r\nClient-Cert-Chain: :AA==:\r\n"));
    cr_assert(strcasestr(o->heard, "\r\nX-Forwarded-Client-Cert: Hash=1\r\n"));
    cr_assert(!strcasestr(o->heard, "client_cert"), "an ambiguous spelling");
    stack_free(s);
}
