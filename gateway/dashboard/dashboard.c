/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/dashboard.h"

#include <stdio.h>

#define ASSET(id, file, kind) extern const char dashboard_##id[], dashboard_##id##_end[];
DASHBOARD_ASSETS(ASSET)
#undef ASSET

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SVG "image/svg+xml"
#define JS "text/javascript; charset=utf-8"

/* The page loads nothing from elsewhere, runs no text that came as data, and stands in no page of
 * somebody else's, who could let the reader press what he doesn't see. */
static const struct slice policy =
    SLICE_INIT("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
               "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/* FNV-1a: it only has to differ where a file has changed. */
static uint64_t fingerprint(struct slice s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void init_file(struct dashboard_file *f)
{
    const int n = snprintf(f->etag, sizeof f->etag, "\"%016llx\"",
                           (unsigned long long)fingerprint(f->content));
    const struct field fields[ADMIN_ANSWER_FIELDS] = {
        {SLICE("Cache-Control"), SLICE("no-cache"), TOKEN_CACHE_CONTROL},
        {SLICE("ETag"), slice_of(f->etag, (size_t)n), TOKEN_ETAG},
        {SLICE("Content-Security-Policy"), policy, TOKEN_OTHER},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff"), TOKEN_OTHER},
        {SLICE("Referrer-Policy"), SLICE("no-referrer"), TOKEN_OTHER},
        {SLICE("Cross-Origin-Resource-Policy"), SLICE("same-origin"), TOKEN_OTHER},
    };

    memcpy(f->fields, fields, sizeof fields);
}

void dashboard_init(struct dashboard *d)
{
#define ASSET(id, file, kind)                                                                      \
    d->files[DASHBOARD_##id] =                                                                     \
        (struct dashboard_file){.name = slice_from(SLICE(file), sizeof "gateway/dashboard/" - 1),  \
                                .type = SLICE(kind),                                               \
                                .content = slice_between(dashboard_##id, dashboard_##id##_end)};
    DASHBOARD_ASSETS(ASSET)
#undef ASSET
    for (size_t i = 0; i < DASHBOARD_FILES; i++)
        init_file(&d->files[i]);
}

/* RFC 9110 13.1.2, weak comparison. */
static bool has_it(const struct dashboard_file *f, struct slice listed)
{
    while (listed.p) {
        struct slice one = slice_trim(slice_cut(&listed, ','));
        if (slice_starts(one, SLICE("W/")))
            one = slice_from(one, 2);
        if (slice_eq(one, slice_str(f->etag)) || slice_eq(one, SLICE("*")))
            return true;
    }
    return false;
}

static void answer(const struct dashboard_file *f, const struct admin_request *rq,
                   struct admin_answer *out)
{
    out->type = f->type;
    out->fields = f->fields;
    out->fields_n = ADMIN_ANSWER_FIELDS;
    if (has_it(f, rq->if_none_match))
        out->status = 304;
    else
        text_add(&out->body, f->content);
}

void dashboard_page(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    answer(&((struct dashboard *)ctx)->files[DASHBOARD_index], rq, out);
}

void dashboard_file(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct dashboard *d = ctx;

    for (size_t i = 0; i < DASHBOARD_FILES; i++)
        if (slice_eq(d->files[i].name, rq->rest)) {
            answer(&d->files[i], rq, out);
            return;
        }
    admin_error(out, 404, NULL, "the dashboard has no such file; it is the page at /");
}
