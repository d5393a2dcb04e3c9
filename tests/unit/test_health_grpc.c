/* SPDX-License-Identifier: Apache-2.0 */
/* The two messages of the gRPC health protocol, byte by byte. */
#include <criterion/criterion.h>

#include "control/health/health_grpc.h"

static void request_is(struct slice service, struct slice expected)
{
    struct text t;
    text_init(&t);
    health_grpc_request(&t, service);
    cr_assert(slice_eq(text_slice(&t), expected));
    text_fini(&t);
}

Test(health_grpc, asks_for_the_server_with_an_empty_message)
{
    request_is(SLICE(""), SLICE("\0\0\0\0\0"));
}

Test(health_grpc, asks_for_a_service_by_its_name)
{
    request_is(SLICE("a.B"), SLICE("\0\0\0\0\x05\x0a\x03"
                                   "a.B"));
}

Test(health_grpc, long_names_have_a_length_of_two_bytes)
{
    char name[200];
    struct text t;
    memset(name, 'n', sizeof name);
    text_init(&t);
    health_grpc_request(&t, slice_of(name, sizeof name));
    cr_assert_eq(t.n, 5 + 3 + 200);
    cr_assert(memcmp(t.p, "\0\0\0\0\xcb\x0a\xc8\x01nn", 10) == 0);
    text_fini(&t);
}

Test(health_grpc, reads_what_the_server_says)
{
    static const struct {
        struct slice content;
        enum health_serving says;
    } cases[] = {
        {SLICE_INIT("\0\0\0\0\x02\x08\x01"), HEALTH_GRPC_SERVING},
        {SLICE_INIT("\0\0\0\0\x02\x08\x02"), HEALTH_GRPC_NOT_SERVING},
        {SLICE_INIT("\0\0\0\0\x02\x08\x03"), HEALTH_GRPC_SERVICE_UNKNOWN},
        {SLICE_INIT("\0\0\0\0\x00"), HEALTH_GRPC_UNKNOWN},
        {SLICE_INIT("\0\0\0\0\x02\x08\x09"), HEALTH_GRPC_UNKNOWN}, /* of a newer protocol */
        /* twice: the last one counts; fields of other numbers and kinds are passed over */
        {SLICE_INIT("\0\0\0\0\x04\x08\x02\x08\x01"), HEALTH_GRPC_SERVING},
        {SLICE_INIT("\0\0\0\0\x06\x12\x02hi\x08\x01"), HEALTH_GRPC_SERVING},
        {SLICE_INIT("\0\0\0\0\x07\x1d"
                    "1234\x08\x01"),
         HEALTH_GRPC_SERVING},
        {SLICE_INIT("\0\0\0\0\x0b\x21"
                    "12345678\x08\x01"),
         HEALTH_GRPC_SERVING},
        {SLICE_INIT("\0\0\0\0\x05\x28\x80\x01\x08\x01"), HEALTH_GRPC_SERVING},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(health_grpc_response(cases[i].content), cases[i].says, "case %zu", i);
}

Test(health_grpc, what_is_no_message_says_nothing)
{
    static const struct slice cases[] = {
        SLICE_INIT(""),
        SLICE_INIT("\0\0\0\0"),
        SLICE_INIT("\0\0\0\0\x02\x08"),     /* shorter than it says */
        SLICE_INIT("\0\0\0\0\x01\x08\x01"), /* longer */
        SLICE_INIT("\1\0\0\0\x02\x08\x01"), /* compressed */
        SLICE_INIT("\0\0\0\0\x01\x08"),     /* a number without its value */
        SLICE_INIT("\0\0\0\0\x02\x12\x05"), /* bytes beyond the end */
        SLICE_INIT("\0\0\0\0\x02\x0b\x0c"), /* groups */
        SLICE_INIT("\0\0\0\0\x0b\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), /* no varint */
        SLICE_INIT("\0\0\0\0\x0b\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* huge */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(health_grpc_response(cases[i]), HEALTH_GRPC_MALFORMED, "case %zu", i);
}
