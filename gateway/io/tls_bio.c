/* SPDX-License-Identifier: Apache-2.0 */
/* A source and sink of OpenSSL's over two queues of bytes. */

#include "io/tls_bio.h"

#include "io/link_kind.h"

static int wire_read(BIO *bio, char *p, int n)
{
    struct tls_wire *w = BIO_get_data(bio);
    int got = 0;
    BIO_clear_retry_flags(bio);
    while (got < n && w->in.n > 0) {
        const struct slice front = bytes_front(&w->in);
        const size_t room = (size_t)(n - got);
        const size_t here = front.n < room ? front.n : room;
        memcpy(p + got, front.p, here);
        bytes_consume(&w->in, here);
        got += (int)here;
    }
    if (got > 0)
        return got;
    BIO_set_retry_read(bio);
    return -1;
}

static int wire_write(BIO *bio, const char *p, int n)
{
    struct tls_wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (n <= 0 || !link_alive(w->under))
        return n; /* who owns it will hear of that */
    if (!bytes_copy(&w->under->out, slice_of(p, (size_t)n))) {
        BIO_set_retry_write(bio);
        return -1;
    }
    link_send(w->under);
    return n;
}

static long wire_ctrl(BIO *bio, int cmd, long arg, void *p)
{
    (void)bio, (void)arg, (void)p;
    return cmd == BIO_CTRL_FLUSH; /* at the end of the turn */
}

/* Made once per process, for as long as it lives. */
static const BIO_METHOD *wire_method(void)
{
    static BIO_METHOD *method;
    if (method)
        return method;
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir link");
    if (!made)
        return NULL;
    BIO_meth_set_read(made, wire_read);
    BIO_meth_set_write(made, wire_write);
    BIO_meth_set_ctrl(made, wire_ctrl);
    method = made;
    return method;
}

BIO *tls_bio(struct tls_wire *w)
{
    const BIO_METHOD *method = wire_method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio)
        return NULL;
    BIO_set_data(bio, w);
    BIO_set_init(bio, 1);
    return bio;
}
