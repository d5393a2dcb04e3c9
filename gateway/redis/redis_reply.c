/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis's reader parses; what is here keeps it within bounds, and its structs out of what the
 * rest of the folder sees. The reader is hiredis's own with one function in another place: the one
 * that makes room for a list asks first whether there may be so many items, and whether that list
 * may stand so deep in others.
 *
 * Its whole size is bounded by who feeds the reader (redis_conn.c). */
#include "redis/redis_reply.h"

#if HIREDIS_MAJOR >= 1
typedef size_t items_n;
#else
typedef int items_n;
#endif

static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *task, items_n n);

static unsigned depth_of(const redisReadTask *task)
{
    unsigned n = 0;
    for (; task; task = task->parent)
        n++;
    return n;
}

/* NULL makes the reader fail, for good. What it has made so far it frees. */
static void *create_bounded(const redisReadTask *task, items_n n)
{
    size_t *items = task->privdata;
    *items += (size_t)n;
    const bool fits = *items <= REDIS_ITEMS_MAX && depth_of(task) <= REDIS_DEPTH_MAX;
    return fits ? create_array(task, n) : NULL;
}

struct redisReader *redis_reader_new(size_t *items)
{
    struct redisReader *reader = redisReaderCreate();
    if (!reader)
        return NULL;
    if (!create_array) {
        bounded = *reader->fn;
        create_array = bounded.createArray;
        bounded.createArray = create_bounded;
    }
    reader->fn = &bounded;
    reader->privdata = items;
    return reader;
}

static enum redis_kind kind_of(int type)
{
    switch (type) {
    case REDIS_REPLY_STRING:
        return REDIS_TEXT;
    case REDIS_REPLY_STATUS:
        return REDIS_STATUS;
    case REDIS_REPLY_INTEGER:
        return REDIS_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REDIS_LIST;
    case REDIS_REPLY_ERROR:
        return REDIS_ERROR;
    default:
        return REDIS_NIL;
    }
}

struct redis_reply redis_reply_of(const struct redisReply *raw)
{
    struct redis_reply r = {.kind = kind_of(raw->type)};
    if (r.kind == REDIS_INTEGER) {
        r.integer = raw->integer;
    } else if (r.kind == REDIS_LIST) {
        r.n = raw->elements;
        r.items = raw->element;
    } else if (r.kind != REDIS_NIL) {
        r.text = slice_of(raw->str, (size_t)raw->len);
    }
    return r;
}

struct redis_reply redis_item(const struct redis_reply *list, size_t i)
{
    struct redisReply *const *items = list->items;
    if (list->kind != REDIS_LIST || i >= list->n)
        return (struct redis_reply){.kind = REDIS_NIL};
    return redis_reply_of(items[i]);
}

bool redis_error_is(const struct redis_reply *r, const char *kind)
{
    struct slice rest = r->text;
    return r->kind == REDIS_ERROR && slice_eq(slice_cut(&rest, ' '), slice_str(kind));
}
