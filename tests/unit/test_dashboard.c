/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the page: that they are in the program as they are in the tree, and how the admin
 * server sends them. */
#include "dashboard/dashboard.h"

#include "tests/unit/admin_peer.h"

static struct dashboard dashboard;
static struct admin_row rows[2];

static void begin(void)
{
    dashboard_init(&dashboard);
    rows[0] = (struct admin_row){"/", dashboard_page, &dashboard, .blank = true};
    rows[1] = (struct admin_row){"/ui/", dashboard_file, &dashboard, .prefix = true, .blank = true};
    admin_begin(rows, array_n(rows));
}

TestSuite(dashboard, .init = begin, .fini = admin_finish);

/* The answer to one request by itself. */
static struct admin_answer answer_to(const char *file, const char *if_none_match)
{
    const struct admin_request rq = {
        .method = METHOD_GET, .rest = slice_str(file), .if_none_match = slice_str(if_none_match)};
    struct admin_answer out = {.status = 200};

    text_init(&out.body);
    dashboard_file(&dashboard, &rq, &out);
    return out;
}

static void is_as_in_the_tree(const char *path, const struct dashboard_file *f)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", TEST_SRCDIR, path);
    FILE *in = fopen(full, "re");
    cr_assert(in, "%s", full);
    char *content = malloc(f->content.n + 2);
    const size_t n = fread(content, 1, f->content.n + 2, in);
    cr_assert(slice_eq(slice_of(content, n), f->content), "%s", path);
    cr_assert_gt(n, 0, "%s", path);
    free(content);
    fclose(in);
}

Test(dashboard, has_each_file_as_it_is_in_the_tree)
{
#define ASSET(id, file, kind) is_as_in_the_tree(file, &dashboard.files[DASHBOARD_##id]);
    DASHBOARD_ASSETS(ASSET)
#undef ASSET
}

Test(dashboard, answers_each_file_by_its_name_with_its_type)
{
    struct admin_answer out = answer_to("style.css", "");
    cr_assert_eq(out.status, 200);
    cr_assert(slice_eq(out.type, SLICE("text/css; charset=utf-8")));
    cr_assert(slice_eq(text_slice(&out.body), dashboard.files[DASHBOARD_style].content));
    text_fini(&out.body);
    out = answer_to("icon.svg", "");
    cr_assert(slice_eq(out.type, SLICE("image/svg+xml")));
    text_fini(&out.body);
}

Test(dashboard, has_no_other_files)
{
    static const char *const others[] = {
        "", "style.cs", "style.css2", "STYLE.CSS", "../style.css", "/style.css", "dashboard.c"};
    for (size_t i = 0; i < array_n(others); i++) {
        struct admin_answer out = answer_to(others[i], "");
        cr_assert_eq(out.status, 404, "%s", others[i]);
        cr_assert_eq(out.fields_n, 0, "an error is never kept");
        text_fini(&out.body);
    }
}

Test(dashboard, sends_no_file_twice)
{
    const char *etag = dashboard.files[DASHBOARD_main].etag;
    char listed[128];
    const char *const forms[] = {"%s", "W/%s", "\"x\", %s", "\"x\",W/%s , \"y\""};
    for (size_t i = 0; i < array_n(forms); i++) {
        snprintf(listed, sizeof listed, forms[i], etag); /* NOLINT: from the list above */
        struct admin_answer out = answer_to("main.js", listed);
        cr_assert(out.status == 304 && out.body.n == 0, "%s", listed);
        text_fini(&out.body);
        out = answer_to("style.css", listed);
        cr_assert(out.status == 200 && out.body.n > 0, "%s is of another file", listed);
        text_fini(&out.body);
    }
    struct admin_answer out = answer_to("main.js", "*");
    cr_assert_eq(out.status, 304);
    text_fini(&out.body);
}

Test(dashboard, tells_the_browser_to_take_nothing_from_elsewhere)
{
    struct peer p;
    open_peer(&p, 0);
    say(&p, "HEAD / HTTP/1.1\r\n" HOST);
    const char *got = hear(&p);
    cr_assert(strstr(got, "HTTP/1.1 200 ") == got, "%s", got);
    cr_assert(strstr(got, "\r\nContent-Type: text/html; charset=utf-8\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; "
                          "style-src 'self'; connect-src 'self'; img-src 'self'; "),
              "%s", got);
    cr_assert(strstr(got, "frame-ancestors 'none'\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\nX-Content-Type-Options: nosniff\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\nReferrer-Policy: no-referrer\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\nCache-Control: no-cache\r\n") && !strstr(got, "no-store"), "%s",
              got);
    close_peer(&p);
}

Test(dashboard, answers_304_without_a_length_and_goes_on)
{
    struct peer p;
    char request[256];
    open_peer(&p, 0);
    snprintf(request, sizeof request, "GET /ui/main.js HTTP/1.1\r\nIf-None-Match: %s\r\n" HOST,
             dashboard.files[DASHBOARD_main].etag);
    for (int i = 0; i < 2; i++) {
        say(&p, request);
        const char *got = hear(&p);
        cr_assert(strstr(got, "HTTP/1.1 304 ") == got, "%s", got);
        cr_assert(!strstr(got, "Content-Length") && strstr(got, "\r\nETag: \""), "%s", got);
    }
    close_peer(&p);
}
