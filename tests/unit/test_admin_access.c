/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: the rules as values, and then the server that asks them, over real sockets. */
#include "core/stats/exposition.h"
#include "tests/unit/admin_peer.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "http/h1_parse.h"
#include "io/shm.h"
#include "io/tls.h"

#define OPS "ops-token-0123456789"
#define EYE "eye-token-0123456789"

static struct admin_token_conf tokens[] = {
    {.name = SLICE_INIT("eye"), .role = ADMIN_ROLE_READ},
    {.name = SLICE_INIT("ops"), .role = ADMIN_ROLE_CHANGE},
};
static struct slice subjects[] = {SLICE_INIT("CN=ops")},
                    names[] = {SLICE_INIT("spiffe://test/eye")};
static struct admin_client_conf clients[] = {
    {.subjects = {subjects, 1}, .role = ADMIN_ROLE_CHANGE},
    {.names = {names, 1}, .role = ADMIN_ROLE_READ},
};
static struct slice hosts[] = {SLICE_INIT("weir.test")};

static struct admin_listener_conf tcp = {
    .bind.sa.sa_family = AF_INET,
    .role = ADMIN_ROLE_METRICS,
    .tokens = tokens,
    .tokens_n = array_n(tokens),
    .clients = clients,
    .clients_n = array_n(clients),
    .hosts = {hosts, 1},
};
static struct admin_counts counts;
static struct admin_access at = {.conf = &tcp, .counts = &counts};
static struct arena arena;
static char logged[256];

static void on_line(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(logged, sizeof logged, "%.*s", SLICE_ARG(line));
}

static void begin(void)
{
    cr_assert(secret_digest(SLICE(EYE), &tokens[0].secret));
    cr_assert(secret_digest(SLICE(OPS), &tokens[1].secret));
    arena_init(&arena, NULL, 0);
    log_set_sink(on_line);
}

static void end(void)
{
    log_set_sink(NULL);
    arena_fini(&arena);
}

TestSuite(admin_access, .init = begin, .fini = end);

/* What becomes of a request with these fields, and to whom it is said to belong. */
static struct admin_judgement judge_by(const struct admin_visitor *v, const char *method,
                                       const char *fields)
{
    static char text[1024];
    struct field room[ADMIN_FIELDS];
    const struct h1_limits limits = {
        .head_size = ADMIN_HEAD_SIZE, .target_size = 100, .field_count = ADMIN_FIELDS};
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct request_head h;
    struct admin_judgement j;

    snprintf(text, sizeof text, "%s / HTTP/1.1\r\n%s%s\r\n", method,
             strstr(fields, "Host: ") ? "" : "Host: 127.0.0.1:9901\r\n", fields);
    cr_assert(h1_parse_request(&p, slice_str(text), &h) > 0, "%s", text);
    admin_judge(v, &h, &arena, &j);
    return j;
}

static struct admin_judgement judge(const char *method, const char *fields)
{
    struct admin_visitor v;
    admin_visitor_init(&v, &at, "127.0.0.1");
    return judge_by(&v, method, fields);
}

/* -- tokens ------------------------------------------------------------------------------------ */

Test(admin_access, gives_who_shows_nothing_the_role_of_the_socket)
{
    struct admin_judgement j = judge("GET", "");
    cr_assert(j.denied == ADMIN_DENIED_NONE && j.role == ADMIN_ROLE_METRICS && !j.shown);
    cr_assert_str_eq(j.who, "somebody at 127.0.0.1");
}

Test(admin_access, gives_a_token_its_role_and_name)
{
    struct admin_judgement j = judge("GET", "Authorization: Bearer " OPS "\r\n");
    cr_assert(j.denied == ADMIN_DENIED_NONE && j.role == ADMIN_ROLE_CHANGE && j.shown);
    cr_assert_str_eq(j.who, "token ops at 127.0.0.1");
    j = judge("GET", "authorization:  bEARER  " EYE "\r\n");
    cr_assert(j.denied == ADMIN_DENIED_NONE && j.role == ADMIN_ROLE_READ);
    cr_assert_str_eq(j.who, "token eye at 127.0.0.1");
}

Test(admin_access, takes_no_other_credentials)
{
    static const char *const wrong[] = {
        "Authorization: Bearer " OPS "x\r\n",
        "Authorization: Bearer ops-token-012345678\r\n",
        "Authorization: Bearer OPS-TOKEN-0123456789\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: \r\n",
        "Authorization: Basic b3BzOm9wcw==\r\n",
        "Authorization: " OPS "\r\n",
        "Authorization: Bearer " OPS "\r\nAuthorization: Bearer " OPS "\r\n",
        "Authorization: Bearer " OPS ", Bearer " OPS "\r\n",
    };
    for (size_t i = 0; i < array_n(wrong); i++) {
        const struct admin_judgement j = judge("GET", wrong[i]);
        cr_assert_eq(j.denied, ADMIN_DENIED_TOKEN, "%s", wrong[i]);
        cr_assert_str_eq(j.who, "somebody at 127.0.0.1");
    }
}

Test(admin_access, a_token_lowers_nobody_below_what_the_socket_gives)
{
    struct admin_listener_conf open = tcp;
    struct admin_access a = {.conf = &open};
    struct admin_visitor v;
    open.bind.sa.sa_family = AF_UNIX;
    open.role = ADMIN_ROLE_CHANGE;
    admin_visitor_init(&v, &a, "uid 7");
    cr_assert_str_eq(v.who, "uid 7");
    struct admin_judgement j = judge_by(&v, "POST", "Authorization: Bearer " EYE "\r\n");
    cr_assert_eq(j.role, ADMIN_ROLE_CHANGE);
    cr_assert_str_eq(j.who, "token eye at uid 7");
    open.tokens_n = 0;
    j = judge_by(&v, "POST", "Authorization: Basic eA==\r\n");
    cr_assert(!j.denied && j.role == ADMIN_ROLE_CHANGE, "without tokens it is nobody's business");
}

/* -- certificates ------------------------------------------------------------------------------ */

Test(admin_access, gives_a_certificate_the_role_of_its_subject_or_name)
{
    struct slice dns[] = {SLICE("a.test")}, uri[] = {SLICE("spiffe://test/eye")};
    const struct tls_peer ops = {.subject = SLICE("CN=ops")};
    const struct tls_peer eye = {.subject = SLICE("CN=x"), .dns = {dns, 1}, .uri = {uri, 1}};
    const struct tls_peer other = {.subject = SLICE("CN=ops,O=Elsewhere"), .dns = {dns, 1}};
    struct admin_visitor v;
    admin_visitor_init(&v, &at, "10.0.0.5");
    admin_visitor_certify(&v, &ops);
    cr_assert_eq(v.role, ADMIN_ROLE_CHANGE);
    cr_assert_str_eq(v.who, "certificate CN=ops at 10.0.0.5");
    cr_assert(judge_by(&v, "GET", "").shown);
    admin_visitor_init(&v, &at, "10.0.0.5");
    admin_visitor_certify(&v, &eye);
    cr_assert_eq(v.role, ADMIN_ROLE_READ);
    admin_visitor_init(&v, &at, "10.0.0.5");
    admin_visitor_certify(&v, &other);
    cr_assert_eq(v.role, ADMIN_ROLE_METRICS);
    const struct admin_judgement j = judge_by(&v, "GET", "");
    cr_assert_eq(admin_lacks(&v, &j), ADMIN_DENIED_ROLE, "it is known who it is");
    /* The token says more about who asks. */
    cr_assert_str_eq(judge_by(&v, "GET", "Authorization: Bearer " OPS "\r\n").who,
                     "token ops at 10.0.0.5");
}

Test(admin_access, an_entry_without_names_is_for_every_certificate)
{
    struct admin_client_conf any = {.role = ADMIN_ROLE_READ};
    struct admin_listener_conf conf = tcp;
    struct admin_access a = {.conf = &conf};
    struct admin_visitor v;
    const struct tls_peer peer = {.subject = SLICE("CN=whoever")};
    conf.clients = &any;
    conf.clients_n = 1;
    admin_visitor_init(&v, &a, "10.0.0.5");
    admin_visitor_certify(&v, &peer);
    cr_assert_eq(v.role, ADMIN_ROLE_READ);
}

Test(admin_access, cuts_a_subject_that_is_longer_than_its_room)
{
    static char long_name[1000];
    struct admin_visitor v;
    memset(long_name, 'n', sizeof long_name);
    const struct tls_peer peer = {.subject = slice_of(long_name, sizeof long_name)};
    admin_visitor_init(&v, &at, "10.0.0.5");
    admin_visitor_certify(&v, &peer);
    cr_assert(strstr(v.who, "nnn at 10.0.0.5"), "%s", v.who);
}

/* -- pages of others --------------------------------------------------------------------------- */

Test(admin_access, is_called_by_an_address_or_a_configured_name)
{
    static const char *const ours[] = {"127.0.0.1",      "127.0.0.1:9901", "[::1]:9901",
                                       "10.0.0.5",       "localhost",      "LOCALHOST:9901",
                                       "weir.test:9901", "Weir.Test"};
    static const char *const others[] = {"evil.test", "localhost.evil.test", "127.0.0.1.evil.test",
                                         "x.weir.test", ""};
    char fields[128];
    for (size_t i = 0; i < array_n(ours); i++) {
        snprintf(fields, sizeof fields, "Host: %s\r\n", ours[i]);
        cr_assert_eq(judge("GET", fields).denied, ADMIN_DENIED_NONE, "%s", fields);
    }
    for (size_t i = 0; i < array_n(others); i++) {
        snprintf(fields, sizeof fields, "Host: %s\r\n", others[i]);
        cr_assert_eq(judge("GET", fields).denied, ADMIN_DENIED_HOST, "%s", fields);
    }
}

Test(admin_access, takes_changes_from_pages_of_its_own_only)
{
    static const char *const own[] = {"Origin: http://127.0.0.1:9901\r\n",
                                      "Origin: https://127.0.0.1:9901\r\n",
                                      "Host: weir.test\r\nOrigin: http://WEIR.test\r\n"};
    static const char *const others[] = {"Origin: http://evil.test\r\n",
                                         "Origin: http://127.0.0.1:9902\r\n",
                                         "Origin: http://localhost:9901\r\n",
                                         "Origin: null\r\n",
                                         "Origin: \r\n",
                                         "Origin: ftp://127.0.0.1:9901\r\n"};
    for (size_t i = 0; i < array_n(own); i++)
        cr_assert_eq(judge("POST", own[i]).denied, ADMIN_DENIED_NONE, "%s", own[i]);
    for (size_t i = 0; i < array_n(others); i++) {
        cr_assert_eq(judge("POST", others[i]).denied, ADMIN_DENIED_ORIGIN, "%s", others[i]);
        cr_assert_eq(judge("GET", others[i]).denied, ADMIN_DENIED_NONE, "%s", others[i]);
    }
}

/* A certificate is shown by the browser for whatever page asks. */
Test(admin_access, over_tls_takes_changes_from_pages_over_tls_only)
{
    struct admin_listener_conf conf = tcp;
    struct admin_access a = {.conf = &conf};
    struct admin_visitor v;
    conf.tls.set = true;
    admin_visitor_init(&v, &a, "127.0.0.1");
    cr_assert_eq(judge_by(&v, "POST", "Origin: https://127.0.0.1:9901\r\n").denied,
                 ADMIN_DENIED_NONE);
    cr_assert_eq(judge_by(&v, "POST", "Origin: http://127.0.0.1:9901\r\n").denied,
                 ADMIN_DENIED_ORIGIN);
}

/* One that is forwarded to a port (ssh -L) has pages, too. */
Test(admin_access, on_unix_sockets_goes_by_any_word_but_not_by_names_of_others)
{
    struct admin_listener_conf conf = {.bind.sa.sa_family = AF_UNIX, .role = ADMIN_ROLE_CHANGE};
    struct admin_access a = {.conf = &conf};
    struct admin_visitor v;
    admin_visitor_init(&v, &a, "uid 0");
    cr_assert_eq(judge_by(&v, "POST", "Host: admin\r\n").denied, ADMIN_DENIED_NONE);
    cr_assert_eq(judge_by(&v, "POST", "Host: [::1]:9\r\n").denied, ADMIN_DENIED_NONE);
    cr_assert_eq(judge_by(&v, "GET", "Host: evil.test\r\n").denied, ADMIN_DENIED_HOST);
    cr_assert_eq(judge_by(&v, "POST", "Origin: http://127.0.0.1:9901\r\n").denied,
                 ADMIN_DENIED_NONE);
    cr_assert_eq(judge_by(&v, "POST", "Origin: http://evil.test\r\n").denied, ADMIN_DENIED_ORIGIN);
}

/* -- guesses ----------------------------------------------------------------------------------- */

Test(admin_access, waits_the_longer_the_more_has_been_guessed_and_forgets_it)
{
    static const unsigned expected[] = {100, 200, 400, 800, 1600, 2000, 2000, 2000};
    uint64_t now_us = 1000000;
    struct admin_access a = {.conf = &tcp};
    for (size_t i = 0; i < array_n(expected); i++)
        cr_assert_eq(admin_guess_delay(&a, now_us), expected[i], "%zu", i);
    now_us += 3000000;
    cr_assert_eq(admin_guess_delay(&a, now_us), 400);
    now_us += 60000000;
    cr_assert_eq(admin_guess_delay(&a, now_us), 100);
}

Test(admin_access, counts_and_logs_what_it_denies_without_what_was_shown)
{
    struct text t;
    const struct admin_judgement j = judge("GET", "Authorization: Bearer secret-0123456789\r\n");
    struct exposition e = {.out = &t};
    text_init(&t);
    admin_deny(&j, &at, j.denied);
    cr_assert(!strstr(logged, "secret"));
    cr_assert(strstr(logged, "warn") && strstr(logged, "admin_denied why=token who=\"somebody at "
                                                       "127.0.0.1\""),
              "%s", logged);
    metrics_of_admin(&counts, &e);
    text_char(&t, '\0');
    cr_assert(strstr(t.p, "\nweir_admin_denied_total{reason=\"token\"} 1\n"), "%s", t.p);
    cr_assert(strstr(t.p, "\nweir_admin_denied_total{reason=\"credential\"} 0\n"), "%s", t.p);
    t.n = 0;
    metrics_of_admin(NULL, &e);
    cr_assert_eq(t.n, 0);
    text_fini(&t);
}

Test(admin_access, counts_on_over_generations)
{
    struct faults faults;
    struct shm *shm = shm_create(1 << 20);
    faults_init(&faults);
    cr_assert(shm && !admin_counts_find(shm));
    cr_assert(admin_counts_prepare(shm, &faults));
    struct admin_counts *c = admin_counts_find(shm);
    cr_assert(c);
    atomic_store(&c->denied[ADMIN_DENIED_TOKEN], 7);
    cr_assert(admin_counts_prepare(shm, &faults));
    cr_assert(admin_counts_find(shm) == c && c->denied[ADMIN_DENIED_TOKEN] == 7);
    faults_fini(&faults);
    shm_detach(shm);
}

/* -- the server -------------------------------------------------------------------------------- */

static char who[ADMIN_WHO_MAX];

static void answer_who(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx;
    snprintf(who, sizeof who, "%.*s", SLICE_ARG(rq->who));
    if (rq->method != METHOD_POST || admin_may_change(rq, out))
        text_str(&out->body, "done\n");
}

static const struct admin_row rows[] = {
    {"/healthz", admin_healthz, NULL, .open = true},
    {"/who", answer_who, NULL, .methods = ADMIN_GET | ADMIN_POST},
    {"/v1", admin_index, NULL},
};

/* A server behind a listening socket of these rules, and a connection to it. */
struct visit {
    int listening, fd;
};

static void visit_begin(struct visit *v, const struct admin_listener_conf *conf)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_un abstract = {.sun_family = AF_UNIX}, bound;
    const bool is_unix = conf->bind.sa.sa_family == AF_UNIX;
    socklen_t n = is_unix ? sizeof(sa_family_t) : sizeof loopback;
    admin_begin(rows, array_n(rows));
    v->listening = socket(conf->bind.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    v->fd = socket(conf->bind.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(v->listening,
                      is_unix ? (struct sockaddr *)&abstract : (struct sockaddr *)&loopback, n),
                 0);
    cr_assert_eq(listen(v->listening, 8), 0);
    n = sizeof bound;
    cr_assert_eq(getsockname(v->listening, (struct sockaddr *)&bound, &n), 0);
    memset(&counts, 0, sizeof counts);
    admin_listen(admin,
                 &(struct admin_socket){.fd = v->listening, .conf = conf, .counts = &counts});
    cr_assert_eq(connect(v->fd, (struct sockaddr *)&bound, n), 0);
}

static void visit_end(struct visit *v)
{
    close(v->fd);
    admin_finish();
    close(v->listening);
}

/* "" when nothing has come. */
static const char *visit_hear(struct visit *v)
{
    static char got[4096];
    for (int i = 0; i < 4; i++)
        loop_turn(&lp);
    const ssize_t n = recv(v->fd, got, sizeof got - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    return got;
}

static const char *visit_ask(struct visit *v, const char *request, const char *fields)
{
    char text[512];
    const int n =
        snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", request, fields);
    cr_assert_eq(write(v->fd, text, (size_t)n), n);
    return visit_hear(v);
}

#define EXPECT(got, begins, has)                                                                   \
    do {                                                                                           \
        const char *got_ = (got);                                                                  \
        cr_assert(strstr(got_, begins) == got_ && strstr(got_, has), "%s", got_);                  \
    } while (0)

Test(admin_access, of_the_server_lets_everybody_ask_for_the_metrics_only)
{
    struct visit v;
    visit_begin(&v, &tcp);
    EXPECT(visit_ask(&v, "GET /healthz", ""), "HTTP/1.1 200 ", "ok\n");
    EXPECT(visit_ask(&v, "GET /who", ""), "HTTP/1.1 401 ",
           "\r\nWWW-Authenticate: Bearer realm=\"weir\"\r\n");
    EXPECT(visit_ask(&v, "GET /nothing", ""), "HTTP/1.1 401 ", "a token is needed: ");
    EXPECT(visit_ask(&v, "GET /v1", ""), "HTTP/1.1 401 ", "");
    cr_assert_eq(counts.denied[ADMIN_DENIED_CREDENTIAL], 3);
    visit_end(&v);
}

Test(admin_access, of_the_server_tells_rows_who_asks)
{
    struct visit v;
    visit_begin(&v, &tcp);
    EXPECT(visit_ask(&v, "GET /who", "Authorization: Bearer " EYE "\r\n"), "HTTP/1.1 200 ",
           "done\n");
    cr_assert_str_eq(who, "token eye at 127.0.0.1");
    EXPECT(visit_ask(&v, "POST /who", "Authorization: Bearer " EYE "\r\n"), "HTTP/1.1 403 ",
           "may not do that");
    EXPECT(visit_ask(&v, "POST /who", "Authorization: Bearer " OPS "\r\n"), "HTTP/1.1 200 ",
           "done\n");
    cr_assert_str_eq(who, "token ops at 127.0.0.1");
    EXPECT(visit_ask(&v, "GET /nothing", "Authorization: Bearer " OPS "\r\n"), "HTTP/1.1 404 ", "");
    EXPECT(visit_ask(&v, "GET /v1", "Authorization: Bearer " EYE "\r\n"), "HTTP/1.1 200 ",
           "{\"who\":\"token eye at 127.0.0.1\",\"may_change\":false,"
           "\"paths\":[{\"path\":\"/healthz\",\"prefix\":false,\"methods\":[\"GET\"]},"
           "{\"path\":\"/who\",\"prefix\":false,\"methods\":[\"GET\",\"POST\"]},"
           "{\"path\":\"/v1\",\"prefix\":false,\"methods\":[\"GET\"]}]}\n");
    cr_assert_eq(counts.denied[ADMIN_DENIED_ROLE], 1);
    visit_end(&v);
}

Test(admin_access, of_the_server_knows_users_of_a_unix_socket)
{
    const struct admin_listener_conf conf = {.bind.sa.sa_family = AF_UNIX, .role = ADMIN_ROLE_READ};
    char expected[32];
    struct visit v;
    snprintf(expected, sizeof expected, "uid %u", getuid());
    visit_begin(&v, &conf);
    EXPECT(visit_ask(&v, "GET /who", ""), "HTTP/1.1 200 ", "done\n");
    cr_assert_str_eq(who, expected);
    EXPECT(visit_ask(&v, "POST /who", ""), "HTTP/1.1 403 ", "may not do that");
    visit_end(&v);
}

Test(admin_access, of_the_server_answers_a_wrong_token_late_and_only_once)
{
    struct visit v;
    visit_begin(&v, &tcp);
    cr_assert_str_eq(visit_ask(&v, "GET /who", "Authorization: Bearer wrong\r\n"), "");
    cr_assert_str_eq(visit_ask(&v, "GET /who", "Authorization: Bearer " OPS "\r\n"), "");
    pass_ms(90);
    cr_assert_str_eq(visit_hear(&v), "");
    pass_ms(20);
    const char *got = visit_hear(&v);
    EXPECT(got, "HTTP/1.1 401 ",
           "\r\nWWW-Authenticate: Bearer realm=\"weir\", error=\"invalid_token\"\r\n");
    cr_assert(strstr(got, "\r\nConnection: close\r\n") && !strstr(got, "HTTP/1.1 200"));
    cr_assert_eq(counts.denied[ADMIN_DENIED_TOKEN], 1);
    visit_end(&v);
}

Test(admin_access, of_the_server_lets_go_of_who_doesnt_wait_for_the_answer)
{
    struct visit v;
    visit_begin(&v, &tcp);
    cr_assert_str_eq(visit_ask(&v, "GET /who", "Authorization: Bearer wrong\r\n"), "");
    const struct linger hard = {.l_onoff = 1};
    setsockopt(v.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(v.fd);
    v.fd = -1;
    for (int i = 0; i < 4; i++)
        loop_turn(&lp);
    cr_assert_eq(admin_connections(admin), 0);
    visit_end(&v);
}

Test(admin_access, of_the_server_refuses_pages_of_others)
{
    struct visit v;
    visit_begin(&v, &tcp);
    EXPECT(
        visit_ask(&v, "POST /who", "Origin: http://evil.test\r\nAuthorization: Bearer " OPS "\r\n"),
        "HTTP/1.1 403 ", "(Origin) isn't from here");
    cr_assert_eq(counts.denied[ADMIN_DENIED_ORIGIN], 1);
    const char request[] = "GET /healthz HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    cr_assert_eq(write(v.fd, request, sizeof request - 1), sizeof request - 1);
    EXPECT(visit_hear(&v), "HTTP/1.1 403 ", "doesn't go by the name in Host");
    visit_end(&v);
}

/* Strangers on TCP must not keep an operator off the unix socket. */
Test(admin_access, of_the_server_bounds_the_connections_of_each_socket_by_itself)
{
    enum { STRANGERS = ADMIN_CONNECTIONS + 4 };
    const struct admin_listener_conf conf = {.bind.sa.sa_family = AF_UNIX, .role = ADMIN_ROLE_READ};
    struct sockaddr_un abstract = {.sun_family = AF_UNIX};
    struct sockaddr_in port;
    socklen_t n = sizeof port;
    int fds[STRANGERS];
    struct visit v;
    visit_begin(&v, &tcp);
    cr_assert_eq(getsockname(v.listening, (struct sockaddr *)&port, &n), 0);
    for (size_t i = 0; i < STRANGERS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(fds[i], (struct sockaddr *)&port, sizeof port), 0);
        if (i % 16 == 0)
            loop_turn(&lp); /* its queue has room for 8 */
        loop_turn(&lp);
    }
    cr_assert_eq(admin_connections(admin), ADMIN_CONNECTIONS);
    struct visit own = {.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
                        .fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    cr_assert_eq(bind(own.listening, (struct sockaddr *)&abstract, sizeof(sa_family_t)), 0);
    cr_assert_eq(listen(own.listening, 8), 0);
    n = sizeof abstract;
    cr_assert_eq(getsockname(own.listening, (struct sockaddr *)&abstract, &n), 0);
    admin_listen(admin, &(struct admin_socket){.fd = own.listening, .conf = &conf});
    cr_assert_eq(connect(own.fd, (struct sockaddr *)&abstract, n), 0);
    EXPECT(visit_ask(&own, "GET /who", ""), "HTTP/1.1 200 ", "done\n");
    for (size_t i = 0; i < STRANGERS; i++)
        close(fds[i]);
    close(own.fd);
    visit_end(&v);
    close(own.listening);
}
