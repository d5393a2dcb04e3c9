/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener says about https beside its certificates: Strict-Transport-Security, and the
 * redirect of what comes without TLS.
 *
 * A browser that once saw the field comes back by https only, for as long as max_age says; so it is
 * off until it is written down, and what makes the promise larger is said in so many words. */
#include "config/sections.h"

#define FORM_PREFIXES                                                                              \
    "one or a list of beginnings of paths, such as \"/.well-known/acme-challenge/\""

enum { SECOND_MS = 1000, DAY_S = 24 * 60 * 60 };

static void read_prefixes(struct option_reader *r, const config_setting_t *s, void *field);

/* -- hsts ------------------------------------------------------------------------------------ */

const struct option hsts_options[] = {
    OPTION_MS("max_age", struct hsts_conf, max_age, "365d", 0, INT64_C(3650) * DAY_S * SECOND_MS,
              "how long browsers come by https only, in whole seconds; 0s: they forget it"),
    OPTION_BOOL("include_subdomains", struct hsts_conf, include_subdomains, "false",
                "for all names under the host too"),
    OPTION_BOOL("preload", struct hsts_conf, preload, "false",
                "consent to stand in the list that browsers are shipped with"),
    OPTION_END,
};

void hsts_check(struct option_reader *r, const config_setting_t *s, void *base)
{
    struct hsts_conf *h = base;
    if (!s)
        return;
    const uint64_t seconds = h->max_age / SECOND_MS;
    h->value = slice_str(arena_printf(r->arena, "max-age=%llu%s%s", (unsigned long long)seconds,
                                      h->include_subdomains ? "; includeSubDomains" : "",
                                      h->preload ? "; preload" : ""));
    if (h->preload && (seconds < 365 * DAY_S || !h->include_subdomains))
        option_warn(r, member_or(s, "preload"),
                    "%s.preload: the list takes names with a max_age of at least 365d and "
                    "include_subdomains only",
                    option_path(r, s));
}

/* -- redirect_to_https ------------------------------------------------------------------------- */

const struct option https_redirect_options[] = {
    OPTION_INT("port", struct https_redirect_conf, port, "443", 1, 65535,
               "port of the new URL; 443 isn't written"),
    OPTION_CUSTOM("status", struct https_redirect_conf, status, read_redirect_status, "308",
                  FORM_REDIRECT_STATUS,
                  "308 and 307 keep the method; 308 and 301 may be remembered"),
    OPTION_CUSTOM("except", struct https_redirect_conf, except, read_prefixes, "[ ]", FORM_PREFIXES,
                  "beginnings of paths that are routed all the same"),
    OPTION_END,
};

static void read_prefixes(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct texts *out = field;
    if (!s || !option_read_texts(r, s, out))
        return;
    for (size_t i = 0; i < out->n; i++)
        if (!slice_starts(out->v[i], SLICE("/")))
            option_wrong(r, text_at(s, i), "the beginning of a path: it starts with \"/\"");
}

void read_https_redirect(struct option_reader *r, const config_setting_t *s, void *field)
{
    struct https_redirect_conf *h = field;
    h->port = 443;
    h->status = 308;
    if (!s)
        return;
    if (config_setting_is_group(s)) {
        h->set = true;
        option_read(r, s, https_redirect_options, h);
    } else if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
        h->set = config_setting_get_bool(s);
    } else {
        option_wrong(r, s, FORM_HTTPS_REDIRECT);
    }
}

/* -- beside the rest of the listener ----------------------------------------------------------- */

void https_check(struct option_reader *r, const config_setting_t *s, const struct listener_conf *lc)
{
    const bool behind_tls = lc->proxy_from_n || lc->forwarding.trusted_n;
    if (lc->tls.set && lc->to_https.set)
        option_fault(r, member_or(s, "redirect_to_https"),
                     "%s has tls and redirect_to_https; the redirect is for a listener without TLS",
                     option_path(r, s));
    if (lc->hsts.value.n && !lc->tls.set && !behind_tls)
        option_warn(r, member_or(s, "hsts"),
                    "%s.hsts has no effect without TLS, here or at a trusted proxy in front",
                    option_path(r, s));
}
