/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl's client before a scripted admin server. */

#include "weirctl/client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/admin_script.h"

static char folder[] = "/tmp/weirctl-XXXXXX", path[64];
static struct client_target to;
static struct client_answer a;

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    cr_assert(client_target_parse(path, &to));
}

static void end(void)
{
    client_answer_fini(&a);
    rmdir(folder);
}

TestSuite(weirctl_client, .init = begin, .fini = end);

Test(weirctl_client, knows_paths_from_addresses)
{
    static const char *const paths[] = {"/run/a", "./a", "a", "admin.sock", "unix:a", "unix:/run/a"};
    static const char *const addresses[] = {"127.0.0.1:80", "[::1]:9901", "localhost:1"};
    static const char *const neither[] = {
        "", "localhost:0", "localhost:x", "unix:", "[::1]"};
    char name[200] = "/";
    for (size_t i = 0; i < array_n(paths); i++)
        cr_assert(client_target_parse(paths[i], &to) && to.unix_path, "%s", paths[i]);
    cr_assert_str_eq(to.unix_path, "/run/a");
    for (size_t i = 0; i < array_n(addresses); i++)
        cr_assert(client_target_parse(addresses[i], &to) && !to.unix_path, "%s", addresses[i]);
    for (size_t i = 0; i < array_n(neither); i++)
        cr_assert(!client_target_parse(neither[i], &to), "%s", neither[i]);
    memset(name + 1, 'a', 106);
    cr_assert(client_target_parse(name, &to));
    name[107] = 'a'; /* sun_path has 108 bytes, its NUL included */
    cr_assert(!client_target_parse(name, &to));
}

Test(weirctl_client, knows_addresses_that_are_spoken_to_over_tls)
{
    cr_assert(client_target_parse("https://weir.internal:9901", &to));
    cr_assert(to.tls && !to.unix_path);
    cr_assert_str_eq(to.name, "weir.internal:9901");
    cr_assert(!client_target_parse("https://weir.internal", &to));
    cr_assert(!client_target_parse("https:///run/a", &to));
}

static bool read_token(const char *content, char token[CLIENT_TOKEN_MAX + 1], struct text *fault)
{
    FILE *f = fopen(path, "we");
    cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0);
    const bool ok = client_token_read(path, token, fault);
    unlink(path);
    return ok;
}

Test(weirctl_client, reads_a_token_from_its_file)
{
    static const char *const wrong[] = {"", "\n", "a b\n", "a\nb\n", "a\tb\n", "\x7f\n"};
    static char large[CLIENT_TOKEN_MAX + 3];
    char token[CLIENT_TOKEN_MAX + 1];
    struct text fault;
    text_init(&fault);
    cr_assert(read_token("some-token\n", token, &fault));
    cr_assert_str_eq(token, "some-token");
    for (size_t i = 0; i < array_n(wrong); i++)
        cr_assert(!read_token(wrong[i], token, &fault) && !*token, "%zu", i);
    memset(large, 'x', CLIENT_TOKEN_MAX);
    cr_assert(read_token(large, token, &fault));
    cr_assert_eq(strlen(token), CLIENT_TOKEN_MAX);
    large[CLIENT_TOKEN_MAX] = 'x';
    cr_assert(!read_token(large, token, &fault));
    fault.n = 0;
    cr_assert(!client_token_read("/nonexistent/t", token, &fault));
    cr_assert(slice_eq(text_slice(&fault),
                       SLICE("can't read the token in /nonexistent/t: No such file or directory")));
    text_fini(&fault);
}

Test(weirctl_client, shows_its_token)
{
    struct admin_script *s = admin_script(path, 200, "{}");
    to.token = "some-token";
    client_post(&to, "/", "{}", &a);
    cr_assert(strstr(admin_script_request(s), "\r\nAuthorization: Bearer some-token\r\n"));
    admin_script_end(s);
}

Test(weirctl_client, posts_and_gives_what_comes_back)
{
    struct admin_script *s = admin_script(path, 409, "{\"error\":\"no\"}");
    client_post(&to, "/v1/modules/a/b", "{\"c\":1}", &a);
    cr_assert_eq(a.status, 409);
    cr_assert_str_eq(a.body.p, "{\"error\":\"no\"}");
    const char *request = admin_script_request(s);
    cr_assert(strstr(request, "POST /v1/modules/a/b HTTP/1.1\r\nHost: weir\r\n") == request, "%s",
              request);
    cr_assert(strstr(request, "\r\nContent-Type: application/json\r\n"), "%s", request);
    cr_assert_str_eq(admin_script_content(s), "{\"c\":1}");
    admin_script_end(s);
}

Test(weirctl_client, doesnt_go_by_a_proxy_of_the_environment)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct admin_script *s = admin_script(path, 200, "{}");
    client_post(&to, "/", "{}", &a);
    cr_assert_eq(a.status, 200, "%s", a.fault.p);
    admin_script_end(s);
}

/* A port that is taken, and on which nobody listens. */
static int hold_port(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(fd, (struct sockaddr *)&at, n) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&at, &n) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

Test(weirctl_client, says_what_to_check_when_nobody_is_there)
{
    char address[32];
    uint16_t port;
    const int fd = hold_port(&port);
    client_post(&to, "/", "{}", &a);
    cr_assert(a.status == 0 && strstr(a.fault.p, "there is no socket /tmp/weirctl-"), "%s",
              a.fault.p);
    client_answer_fini(&a);
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    cr_assert(client_target_parse(address, &to));
    client_post(&to, "/", "{}", &a);
    cr_assert(a.status == 0 && strstr(a.fault.p, "nobody answers on 127.0.0.1:"), "%s", a.fault.p);
    cr_assert(strstr(a.fault.p, "(Connection refused)"), "%s", a.fault.p);
    close(fd);
}

Test(weirctl_client, gives_up_in_time)
{
    struct admin_script *s = admin_script_raw(path, NULL);
    to.timeout_ms = 50;
    client_post(&to, "/", "{}", &a);
    cr_assert(a.status == 0 && strstr(a.fault.p, "no answer from"), "%s", a.fault.p);
    admin_script_end(s);
}

Test(weirctl_client, takes_no_answer_beyond_its_bound)
{
    const size_t n = CLIENT_ANSWER_MAX + 1;
    char *large = malloc(n + 1);
    memset(large, ' ', n);
    large[n] = '\0';
    struct admin_script *s = admin_script(path, 200, large);
    free(large);
    client_post(&to, "/", "{}", &a);
    cr_assert(a.status == 0 && strstr(a.fault.p, "is larger than 16 MiB"), "%s", a.fault.p);
    admin_script_end(s);
}

Test(weirctl_client, calls_what_is_no_whole_response_by_its_name)
{
    static const char *const answers[] = {"", "SSH-2.0-OpenSSH\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}"};
    for (size_t i = 0; i < array_n(answers); i++) {
        struct admin_script *s = admin_script_raw(path, answers[i]);
        client_answer_fini(&a);
        client_post(&to, "/", "{}", &a);
        cr_assert(a.status == 0 && strstr(a.fault.p, "no usable answer from"), "%s", a.fault.p);
        admin_script_end(s);
    }
}
