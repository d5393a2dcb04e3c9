/* SPDX-License-Identifier: Apache-2.0 */
/* The reader's bounds, whichever hiredis it is. */
#include "redis/redis_reply.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct redisReader *reader;
static size_t items; /* of the reply at hand */

static void begin(void)
{
    items = 0;
    reader = redis_reader_new(&items);
    cr_assert(reader);
}

static void end(void)
{
    redisReaderFree(reader);
}

TestSuite(redis_reply, .init = begin, .fini = end);

/* False: it is refused. */
static bool reads(const char *bytes)
{
    void *raw = NULL;
    redisReaderFeed(reader, bytes, strlen(bytes));
    const bool ok = redisReaderGetReply(reader, &raw) == REDIS_OK;
    if (raw)
        freeReplyObject(raw);
    items = raw ? 0 : items;
    return ok;
}

static const char *nested(unsigned depth)
{
    static char bytes[1024];
    size_t n = 0;
    for (unsigned i = 0; i < depth; i++)
        n += (size_t)snprintf(bytes + n, sizeof bytes - n, "*1\r\n");
    snprintf(bytes + n, sizeof bytes - n, ":1\r\n");
    return bytes;
}

Test(redis_reply, takes_lists_as_deep_as_the_limit)
{
    cr_assert(reads(nested(REDIS_DEPTH_MAX)));
    cr_assert(reads(nested(1)), "and goes on");
}

Test(redis_reply, refuses_lists_that_are_deeper)
{
    cr_assert_not(reads(nested(REDIS_DEPTH_MAX + 1)));
}

Test(redis_reply, refuses_a_list_that_is_longer_than_the_limit)
{
    char bytes[32];
    snprintf(bytes, sizeof bytes, "*%d\r\n", REDIS_ITEMS_MAX);
    cr_assert(reads(bytes), "no more than it says has come yet");
    end();
    begin();
    snprintf(bytes, sizeof bytes, "*%d\r\n", REDIS_ITEMS_MAX + 1);
    cr_assert_not(reads(bytes));
}
