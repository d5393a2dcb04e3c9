/* SPDX-License-Identifier: Apache-2.0 */
/* Dark launches for those whom the module auth has identified, and credentials that it must not be
 * opened by: tokens that are wrong in one way each, and right ones of somebody else. */
#include "tests/scenario/dark_case.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <stdarg.h>
#include <time.h>

#include "tests/scenario/dark_try.h"

/* As htpasswd -nbB -C 4 anna secret has written it. */
#define ANNA "anna:$2y$04$cH2nKPhROJFVmk7GtJNLseKEmBv7mSNLlBCc89NAMTy1KVn0C.krO\n"
#define BASIC_ANNA "Basic YW5uYTpzZWNyZXQ="
#define API_KEY "0123456789abcdef"

static void begin(void)
{
    char line[2 * SHA256_DIGEST_LENGTH + 32] = "anna ", *at = line + 5;
    uint8_t hash[SHA256_DIGEST_LENGTH];
    dark_begin();
    origin_script(dark_app, "echo");
    rig_write_file("list", "lena\n");
    /* "$2y" would be a name in a configuration, but not in a file that is written by hand. */
    FILE *f = fopen(rig_path("users"), "we");
    cr_assert(f && fputs(ANNA, f) >= 0 && fclose(f) == 0);
    SHA256((const uint8_t *)API_KEY, sizeof API_KEY - 1, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        at += sprintf(at, "%02x", hash[i]);
    strcpy(at, " groups=testers\n");
    rig_write_file("keys", line);
}

TestSuite(dark_auth, .init = begin, .fini = dark_end, .timeout = 120);

/* -- tokens ------------------------------------------------------------------------------------ */

static const char key_id[] = "0123456789abcdef0123456789abcdef",
                  key_other[] = "fedcba9876543210fedcba9876543210";

/* base64url, without padding; up to eight stay valid. */
static const char *encoded(const void *p, size_t n)
{
    static char texts[8][1024];
    static unsigned turn;
    char *to = texts[turn++ % 8];
    EVP_EncodeBlock((unsigned char *)to, p, (int)n);
    to[strcspn(to, "=")] = 0;
    for (char *c = to; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return to;
}

static const char *signed_by(const char *key, const char *head, const char *payload)
{
    static char texts[4][4096];
    static unsigned turn;
    char *to = texts[turn++ % 4];
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned n;
    const int length = snprintf(to, sizeof texts[0], "%s.%s", encoded(head, strlen(head)),
                                encoded(payload, strlen(payload)));
    cr_assert(
        HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)to, (size_t)length, mac, &n));
    snprintf(to + length, sizeof texts[0] - (size_t)length, ".%s", encoded(mac, n));
    return to;
}

#define HS256 "{\"alg\":\"HS256\",\"kid\":\"k\"}"

/* Claims beside issuer, audience and times. */
static const char *token(const char *claims)
{
    char payload[1024];
    snprintf(payload, sizeof payload, "{\"iss\":\"https://id\",\"aud\":\"api\",\"exp\":%ld,%s}",
             (long)time(NULL) + 600, claims);
    return signed_by(key_id, HS256, payload);
}

#define ALICE "\"sub\":\"alice\""

static const char *token_of(const char *key, const char *head, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static const char *token_of(const char *key, const char *head, const char *fmt, ...)
{
    char payload[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(payload, sizeof payload, fmt, ap);
    va_end(ap);
    return signed_by(key, head, payload);
}

/* -- configurations ---------------------------------------------------------------------------- */

#define JWT(name, issuer, key)                                                                     \
    "{ name = \"" name "\"; issuer = \"" issuer "\"; audience = [ \"api\" ]; "                     \
    "algorithms = [ \"HS256\" ]; skew = \"1s\"; jwks_file = \"$dir/" key "\"; }"
#define AUTH                                                                                       \
    "modules = { auth = { jwt = ( " JWT("id", "https://id", "id.jwks") ", " JWT(                   \
        "other", "https://other", "other.jwks") " ); basic = { file = \"$dir/users\"; }; "         \
                                                "api_keys = { file = \"$dir/keys\"; }; }; };"
#define TESTERS                                                                                    \
    "subjects = [ \"alice\", \"anna\" ]; claim = \"groups\"; any_of = [ \"testers\" ]; "           \
    "issuers = [ \"https://id\" ]; methods = [ \"jwt\" ]; list_file = \"$dir/list\";"

static void write_keys(const char *file, const char *key)
{
    char json[256];
    snprintf(json, sizeof json, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k\",\"k\":\"%s\"}]}",
             encoded(key, strlen(key)));
    rig_write_file(file, json);
}

static void start(const char *routes)
{
    write_keys("id.jwks", key_id);
    write_keys("other.jwks", key_other);
    rig_start(.listener = DARK_LISTENER, .top = AUTH, .clusters = DARK_CLUSTERS, .routes = routes);
}

static const struct response *ask_with(const char *bearer)
{
    return dark_ask("Authorization: Bearer %s\r\n", bearer);
}

/* -- testers ----------------------------------------------------------------------------------- */

Test(dark_auth, opens_for_tokens_of_testers)
{
    start(DARK_ROUTES(TESTERS));
    IS_DARK(ask_with(token(ALICE)));
    IS_DARK(ask_with(token("\"sub\":\"x\",\"groups\":\"testers\"")));
    IS_DARK(ask_with(token("\"sub\":\"x\",\"groups\":[\"a\",\"testers\"]")));
    IS_DARK(ask_with(token("\"sub\":\"lena\"")));
    const char *line = rig_await_access("\"dark_launch.tester\":\"lena\"");
    cr_assert_str_eq(json_of(line, "dark_launch.by"), "list");
    cr_assert_eq(origin_requests(dark_app), 0);
}

Test(dark_auth, opens_for_other_methods_where_they_count)
{
    start(DARK_ROUTES("subjects = [ \"anna\" ]; claim = \"groups\"; any_of = [ \"testers\" ];"));
    IS_DARK(dark_ask("Authorization: " BASIC_ANNA "\r\n"));
    IS_DARK(dark_ask("X-API-Key: " API_KEY "\r\n"));
    cr_assert(!body_is(dark_ask("Authorization: Basic YW5uYTp3cm9uZw==\r\n"), "dark\n"));
    cr_assert_eq(origin_requests(dark_dark), 2);
}

/* -- others ------------------------------------------------------------------------------------ */

static const struct door doors[] = {
    {"a token of somebody else", "authorization: Bearer @a"},
    {"a token that has expired", "authorization: Bearer @b"},
    {"a token that isn't valid yet", "authorization: Bearer @c"},
    {"a token without an end", "authorization: Bearer @d"},
    {"a token of another issuer", "authorization: Bearer @e"},
    {"another issuer's signature", "authorization: Bearer @f"},
    {"an issuer that isn't known", "authorization: Bearer @g"},
    {"a token for somebody else's audience", "authorization: Bearer @h"},
    {"alg none", "authorization: Bearer @i"},
    {"alg none with a signature", "authorization: Bearer @j"},
    {"another alg", "authorization: Bearer @k"},
    {"a critical extension", "authorization: Bearer @l"},
    {"another payload", "authorization: Bearer @m"},
    {"two subjects", "authorization: Bearer @n"},
    {"a subject that is a list", "authorization: Bearer @o"},
    {"a subject that is an object", "authorization: Bearer @p"},
    {"a subject that begins so", "authorization: Bearer @q"},
    {"a subject with a NUL", "authorization: Bearer @r"},
    {"a group that begins so", "authorization: Bearer @s"},
    {"a group with a space", "authorization: Bearer @t"},
    {"a group within a group", "authorization: Bearer @u"},
    {"a group that is an object", "authorization: Bearer @v"},
    {"groups in one text", "authorization: Bearer @w"},
    {"true as a group", "authorization: Bearer @x"},
    {"a token that is cut off", "authorization: Bearer @S"},
    {"a token without a signature", "authorization: Bearer @H"},
    {"a token and something else", "authorization: Bearer @T.x"},
    {"a token twice", "authorization: Bearer @T\nauthorization: Bearer @T"},
    {"a wrong token and a right one", "authorization: Bearer @b\nauthorization: Bearer @T"},
    {"a right token and a wrong one", "authorization: Bearer @T\nauthorization: Bearer @b"},
    {"a token and a password", "authorization: Bearer @T\nauthorization: " BASIC_ANNA},
    {"a token in quotes", "authorization: Bearer \"@T\""},
    {"a token of another scheme", "authorization: Token @T"},
    {"a token without a scheme", "authorization: @T"},
    {"a token in Basic", "authorization: Basic @T"},
    {"a token in another field", "proxy-authorization: Bearer @T\nx-authorization: Bearer @T"},
    {"a token in the query", "", .target = "/?access_token=@T"},
    {"a token in a cookie", "cookie: token=@T; Authorization=@T; access_token=@T"},
    {"a token in content", "content-type: application/x-www-form-urlencoded", .method = "POST",
     .content = "access_token=@T"},
    {"a token as a grant", "x-weir-grant: @T"},
    {"a password, where tokens count", "authorization: " BASIC_ANNA},
    {"a wrong password", "authorization: Basic YWxpY2U6YWxpY2U="},
    {"an API key, where tokens count", "x-api-key: " API_KEY},
    {"trailers", .raw = "POST / HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "1\r\nx\r\n0\r\nAuthorization: Bearer @T\r\n\r\n"},
};
enum { DOORS = sizeof doors / sizeof doors[0] };

static void make_words(void)
{
    const long now = (long)time(NULL), later = now + 600;
    const char *good = token(ALICE);
    const char *middle = strchr(good, '.'), *end = strrchr(good, '.');
#define ID "\"iss\":\"https://id\",\"aud\":\"api\","
    door_word('T', "%s", good);
    door_word('S', "%.*s", (int)strlen(good) - 1, good);
    door_word('H', "%.*s", (int)(end - good) + 1, good);
    door_word('m', "%.*s.%s%s", (int)(middle - good), good, encoded("{\"sub\":\"alice\"}", 15),
              end);
    door_word('j', "%s%s", encoded("{\"alg\":\"none\"}", 14), middle);
    door_word('i', "%s%.*s", encoded("{\"alg\":\"none\"}", 14), (int)(end - middle) + 1, middle);
    door_word('a', "%s", token("\"sub\":\"carol\""));
    door_word('b', "%s", token_of(key_id, HS256, "{" ID "\"exp\":%ld," ALICE "}", now - 60));
    door_word(
        'c', "%s",
        token_of(key_id, HS256, "{" ID "\"exp\":%ld,\"nbf\":%ld," ALICE "}", later, now + 300));
    door_word('d', "%s", token_of(key_id, HS256, "{" ID ALICE "}"));
    door_word('e', "%s",
              token_of(key_other, HS256,
                       "{\"iss\":\"https://other\",\"aud\":\"api\",\"exp\":%ld," ALICE
                       ",\"groups\":\"testers\"}",
                       later));
    door_word('f', "%s", token_of(key_other, HS256, "{" ID "\"exp\":%ld," ALICE "}", later));
    door_word('g', "%s",
              token_of(key_id, HS256,
                       "{\"iss\":\"https://id/\",\"aud\":\"api\",\"exp\":%ld," ALICE "}", later));
    door_word('h', "%s",
              token_of(key_id, HS256,
                       "{\"iss\":\"https://id\",\"aud\":\"shop\",\"exp\":%ld," ALICE "}", later));
    door_word('k', "%s",
              token_of(key_id, "{\"alg\":\"HS512\",\"kid\":\"k\"}", "{" ID "\"exp\":%ld," ALICE "}",
                       later));
    door_word('l', "%s",
              token_of(key_id, "{\"alg\":\"HS256\",\"kid\":\"k\",\"crit\":[\"x\"],\"x\":1}",
                       "{" ID "\"exp\":%ld," ALICE "}", later));
    door_word('n', "%s", token("\"sub\":\"carol\"," ALICE));
    door_word('o', "%s", token("\"sub\":[\"alice\"]"));
    door_word('p', "%s", token("\"sub\":{\"alice\":\"alice\"}"));
    door_word('q', "%s", token("\"sub\":\"alice2\""));
    door_word('r', "%s", token("\"sub\":\"alice\\u0000\""));
    door_word('s', "%s", token("\"sub\":\"x\",\"groups\":\"testers2\""));
    door_word('t', "%s", token("\"sub\":\"x\",\"groups\":[\"a\",\"testers \"]"));
    door_word('u', "%s",
              token("\"sub\":\"x\",\"groups\":[[\"testers\"],{\"groups\":\"testers\"}]"));
    door_word('v', "%s", token("\"sub\":\"x\",\"groups\":{\"0\":\"testers\",\"testers\":true}"));
    door_word('w', "%s", token("\"sub\":\"x\",\"groups\":\"staff testers,testers\""));
    door_word('x', "%s", token("\"sub\":\"x\",\"groups\":true"));
}

Test(dark_auth, stays_closed_for_everybody_else)
{
    start(DARK_ROUTES(TESTERS));
    make_words();
    struct door_answers *with = doors_try(doors, DOORS);
    IS_DARK(ask_with(token(ALICE)));
    rig_stop();
    start("( { name = \"all\"; cluster = \"app\"; } )");
    cr_assert_gt(doors_compare(doors, with), 80);
}

/* Streams of several people side by side on one connection. */
Test(dark_auth, looks_at_each_stream)
{
    enum { STREAMS = 60 };
    static const char *const claims[] = {ALICE, "\"sub\":\"carol\"",
                                         "\"sub\":\"x\",\"groups\":\"testers2\""};
    int32_t ids[STREAMS];
    char fields[2048];
    start(DARK_ROUTES(TESTERS));
    origin_script(dark_app, "");
    struct h2_talk *t = h2_talk_open();
    for (int i = 0; i < STREAMS; i++) {
        snprintf(fields, sizeof fields, "authorization: Bearer %s", token(claims[i % 3]));
        ids[i] = h2_ask(t, .fields = fields, .path = "/?delay=20");
    }
    for (int i = 0; i < STREAMS; i++)
        cr_assert_str_eq(h2_answer(t, ids[i])->body.p, i % 3 ? "app\n" : "dark\n", "stream %d", i);
}

/* What a route wants of everybody it wants of testers, too; and a method that the route excludes
 * makes nobody a tester. */
Test(dark_auth, comes_after_what_the_route_requires)
{
    char grant[TOKEN_ROOM];
    start("( { name = \"all\"; cluster = \"app\"; auth = { methods = [ \"jwt\" ]; }; "
          "dark_launch = { cluster = \"dark\"; subjects = [ \"alice\", \"anna\" ]; }; } )");
    origin_script(dark_app, "");
    dark_grant("alice", 600, grant);
    cr_assert_eq(dark_ask(NOBODY)->status, 401);
    cr_assert_eq(dark_ask("X-Weir-Grant: %s\r\n", grant)->status, 401);
    cr_assert_eq(dark_ask("Authorization: " BASIC_ANNA "\r\n")->status, 401);
    IS_NORMAL(ask_with(token("\"sub\":\"carol\"")));
    IS_DARK(ask_with(token(ALICE)));
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\nAuthorization: Bearer %s\r\n", grant,
                     token("\"sub\":\"carol\"")));
    cr_assert_eq(origin_requests(dark_dark), 2);
}
