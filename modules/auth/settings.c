/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of settings. What they can't say by themselves is checked in settings_load.c. */
#include "auth/settings.h"

#include "auth/peer.h"
#include "auth/token_cache.h"

/* -- the tables -------------------------------------------------------------------------------- */

#define DAY_MS (86400 * 1000ll)
#define MIB (1024 * 1024)

static const struct weir_setting jwt_rows[] = {
    WEIR_ROW_TEXT("name", struct auth_jwt, name, NULL, "what logs call the issuer",
                  .required = true),
    WEIR_ROW_TEXT("issuer", struct auth_jwt, issuer, "", "what `iss` must be; empty: anything"),
    WEIR_ROW_TEXTS("audience", struct auth_jwt, audience,
                   "of which one must stand in `aud`; absent: none needs to"),
    WEIR_ROW_TEXTS("algorithms", struct auth_jwt, algorithms,
                   "signatures that are taken: RS256, RS384, RS512, PS256, ES256, ES384, EdDSA, "
                   "HS256; absent: all but HS256"),
    WEIR_ROW_TEXT("typ", struct auth_jwt, typ, "",
                  "what `typ` in the header must be, such as \"at+jwt\"; empty: anything"),
    WEIR_ROW_PATH("jwks_file", struct auth_jwt, jwks_file, "",
                  "file with the issuer's keys, read again when it changes"),
    WEIR_ROW_URL("jwks_url", struct auth_jwt, url,
                 "where the issuer's keys are fetched; http only from this machine itself"),
    WEIR_ROW_CLUSTER("jwks_cluster", struct auth_jwt, cluster,
                     "cluster by which they are fetched, for an authority or a proxy of one's own; "
                     "absent: one made from the URL"),
    WEIR_ROW_MS("jwks_refresh", struct auth_jwt, refresh_ms, "5m", 1000, DAY_MS,
                "how often they are fetched; max-age of the answer may shorten it"),
    WEIR_ROW_MS("jwks_refetch", struct auth_jwt, refetch_ms, "10s", 100, DAY_MS,
                "how soon they are fetched again at the earliest, also for a key that isn't known"),
    WEIR_ROW_MS("jwks_timeout", struct auth_jwt, timeout_ms, "5s", 10, 60000,
                "how long a fetch may take, and how long a request waits for keys"),
    WEIR_ROW_MS("jwks_keep", struct auth_jwt, keep_ms, "24h", 1000, 30 * DAY_MS,
                "how long keys stay in force when none can be fetched"),
    WEIR_ROW_SIZE("jwks_max_size", struct auth_jwt, jwks_max_size, "64k", 1024, 4 * MIB,
                  "how long the file or answer with keys may be"),
    WEIR_ROW_MS("skew", struct auth_jwt, skew_ms, "30s", 0, 600000,
                "how wrong the issuer's clock may be, in whole seconds"),
    WEIR_ROW_BOOL("endless", struct auth_jwt, endless, "false", "take tokens without `exp`"),
    WEIR_ROW_TEXT("header", struct auth_jwt, header, "Authorization",
                  "field that brings the token, Bearer in Authorization; empty: none"),
    WEIR_ROW_TEXT("cookie", struct auth_jwt, cookie, "",
                  "cookie that brings the token if no field does; empty: none"),
    WEIR_ROW_TEXT("subject_claim", struct auth_jwt, subject_claim, "sub",
                  "the claim that says who it is; names of inner objects are joined by dots"),
    WEIR_ROW_SIZE("max_size", struct auth_jwt, max_size, "8k", 256, 64 * 1024,
                  "how long a token may be"),
    WEIR_ROW_INT("max_claims", struct auth_jwt, max_claims, "64", 1, CLAIMS_PAIRS_MAX,
                 "claims of a token, each value of a list counted"),
    WEIR_ROW_SIZE("max_claims_size", struct auth_jwt, claims_max_size, "8k", 256, CLAIMS_TEXT_MAX,
                  "names and values of the claims of a token"),
    WEIR_ROW_END,
};

static const struct weir_setting api_keys_rows[] = {
    WEIR_ROW_PATH("file", struct auth_api_keys, file, "",
                  "lines of a name, the key's SHA-256 and claims; empty: there are no API keys"),
    WEIR_ROW_TEXT("header", struct auth_api_keys, header, "X-API-Key", "field that brings the key"),
    WEIR_ROW_SIZE("max_size", struct auth_api_keys, max_size, "2m", 1024, 64 * MIB,
                  "how long the file may be"),
    WEIR_ROW_END,
};

static const struct weir_setting basic_rows[] = {
    WEIR_ROW_PATH("file", struct auth_basic, file, "",
                  "users as `htpasswd -B` writes them; empty: there are none"),
    WEIR_ROW_TEXT("realm", struct auth_basic, realm, "",
                  "what browsers show when they ask for the password; empty: auth.realm"),
    WEIR_ROW_SIZE("max_size", struct auth_basic, max_size, "1m", 1024, 64 * MIB,
                  "how long the file may be"),
    WEIR_ROW_END,
};

static const struct weir_setting certificate_rows[] = {
    {.name = "subject",
     .kind = WEIR_CHOICE,
     .offset = 0,
     .preset = "off",
     .names = peer_names,
     .help = "which name of a verified client certificate says who it is; off: none does"},
    WEIR_ROW_END,
};

static const struct weir_setting forward_rows[] = {
    WEIR_ROW_TEXT("claim", struct auth_forward, claim, NULL,
                  "the claim; \"sub\" and \"iss\" are of every identity", .required = true),
    WEIR_ROW_TEXT("header", struct auth_forward, header, NULL,
                  "the field that backends get, and clients can't send", .required = true),
    WEIR_ROW_BOOL("commas", struct auth_forward, commas, "false",
                  "also values with a comma, which look like several"),
    WEIR_ROW_END,
};

static const struct weir_setting cache_rows[] = {
    WEIR_ROW_INT("entries", struct auth_cache_settings, entries, "4096", 1, TOKEN_CACHE_ENTRIES_MAX,
                 "tokens and passwords that a worker remembers as good"),
    WEIR_ROW_MS("ttl", struct auth_cache_settings, ttl_ms, "1m", 0, DAY_MS,
                "how long, in whole seconds; 0s: not at all"),
    WEIR_ROW_END,
};

const struct weir_setting auth_global_rows[] = {
    WEIR_ROW_LIST("jwt", struct auth_global, jwt, jwt_rows, struct auth_jwt, "issuers of tokens"),
    WEIR_ROW_GROUP("api_keys", struct auth_global, api_keys, api_keys_rows, "API keys"),
    WEIR_ROW_GROUP("basic", struct auth_global, basic, basic_rows, "users with passwords"),
    WEIR_ROW_GROUP("certificate", struct auth_global, certificate, certificate_rows,
                   "client certificates, which the listener has verified"),
    WEIR_ROW_LIST("forward", struct auth_global, forward, forward_rows, struct auth_forward,
                  "claims that backends are told, by routes that use auth"),
    WEIR_ROW_GROUP("cache", struct auth_global, cache, cache_rows, "what was verified lately"),
    WEIR_ROW_INT("waiting", struct auth_global, waiting, "256", 0, 65536,
                 "requests of a worker that may wait for keys; more are answered 503"),
    WEIR_ROW_TEXT("realm", struct auth_global, realm, "weir", "the realm of challenges"),
    WEIR_ROW_END,
};

static const struct weir_setting require_rows[] = {
    WEIR_ROW_TEXT("claim", struct auth_require, claim, NULL, "a claim", .required = true),
    WEIR_ROW_TEXTS("any_of", struct auth_require, any_of, "its values, of which one is enough",
                   .required = true),
    WEIR_ROW_END,
};

static const char *const on_invalid_names[] = {"refuse", "anonymous", NULL};
const struct weir_setting auth_route_rows[] = {
    WEIR_ROW_CHOICE("mode", struct auth_route, mode, "required", auth_mode_words,
                    "whether a request needs an identity; off: it gets none"),
    WEIR_ROW_TEXTS("methods", struct auth_route, methods,
                   "what counts: certificate, jwt, api_key, basic; absent: all that is configured"),
    WEIR_ROW_LIST("require", struct auth_route, require, require_rows, struct auth_require,
                  "conditions on claims, of which all must hold; else 403"),
    WEIR_ROW_CHOICE("on_invalid", struct auth_route, on_invalid, "refuse", on_invalid_names,
                    "optional: whether wrong credentials are refused, or as good as none"),
    WEIR_ROW_END,
};
