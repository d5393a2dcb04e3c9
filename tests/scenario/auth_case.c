/* SPDX-License-Identifier: Apache-2.0 */
/* The makers of what auth_case.h promises: files, credentials, questions. */
#include "tests/scenario/auth_case.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct origin *app;

void auth_scene_begin(void)
{
    rig_begin();
    auth_begin();
    app = origin_start("app");
}

void auth_scene_end(void)
{
    rig_end();
    auth_end();
}

void put_file(const char *name, const char *content)
{
    const char *next = printed("%s.next", rig_path(name));
    FILE *f = fopen(next, "we");
    cr_assert(f);
    cr_assert_geq(fputs(content, f), 0);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(rename(next, rig_path(name)), 0);
}

const char *htpasswd_line(const char *user, const char *password, unsigned cost)
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {0};
    cr_assert(crypt_gensalt_rn("$2y$", cost, "0123456789abcdef", 16, salt, sizeof salt));
    return printed("%s:%s\n", user, crypt_r(password, salt, &data));
}

const char *api_key_line(const char *name, const char *key, const char *claims)
{
    uint8_t hash[32];
    char hex[65];
    cr_assert(EVP_Digest(key, strlen(key), hash, NULL, EVP_sha256(), NULL));
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return printed("%s %s %s\n", name, hex, claims);
}

const char *basic(const char *user, const char *password)
{
    const char *both = printed("%s:%s", user, password);
    char *to = arena_alloc(&arena, strlen(both) / 3 * 4 + 5);
    EVP_EncodeBlock((uint8_t *)to, (const uint8_t *)both, (int)strlen(both));
    return printed("Authorization: Basic %s\r\n", to);
}

const char *jwk(EVP_PKEY *key, const char *kid)
{
    return printed("\"kid\":\"%s\",%s", kid, jwk_members(key));
}

const char *token(EVP_PKEY *key, enum jwt_alg alg, const char *kid, const char *more)
{
    const char *header = printed("{\"alg\":\"%s\",\"kid\":\"%s\"}", jwt_alg_name(alg), kid);
    const char *payload =
        printed("{\"iss\":\"https://id.test\",\"aud\":[\"shop\"],\"sub\":\"anna\","
                "\"exp\":%lld%s%s}",
                (long long)time(NULL) + 300, more ? "," : "", more ? more : "");
    return token_with(key, alg, header, payload);
}

const char *bearer(const char *t)
{
    return printed("Authorization: Bearer %s\r\n", t);
}

const struct response *got;

int asked(const char *path, const char *lines)
{
    got = ask("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", path, lines);
    return got->status;
}

const char *output(void)
{
    char *said = rig_read("output");
    const char *copy = arena_strdup(&arena, said);
    free(said);
    return copy;
}

const char *challenge(void)
{
    return field_of(got, "WWW-Authenticate");
}
