/* SPDX-License-Identifier: Apache-2.0 */
/* The htpasswd file. Any line that isn't right refuses the whole: a user who is silently missing is
 * a call in the night, and a weak hash that is silently taken is worse.
 *
 * Invariant: entries are sorted by user, no user stands there twice, each hash is bcrypt's. */
#include "auth/htpasswd.h"

#include <crypt.h>
#include <openssl/crypto.h>

#include <stdlib.h>

#include "common/slice.h"

enum { PREFIX = 7 }; /* "$2y$10$" */
_Static_assert(CRYPT_OUTPUT_SIZE > HTPASSWD_HASH, "libcrypt's results hold a hash");

/* Salt and hash of the check for nobody: the right form, and nobody knows of what. Were it found
 * out, nothing would be won, since that check is never good. */
static const char nobody[] = "J4PJ7cDmYQmsE0ztK3bQ9.pWv6GqkqVJcEXFyL5O0mWn1Kd8uTfXu";

_Static_assert(sizeof nobody - 1 == HTPASSWD_HASH - PREFIX, "nobody's hash has the right length");

static bool read_line(struct htpasswd *h, struct weir_slice line, int number,
                      struct auth_fault *fault);
static bool read_hash(struct weir_slice hash, int line, unsigned *cost, struct auth_fault *fault);
static bool sort(struct htpasswd *h, struct auth_fault *fault);

bool htpasswd_parse(struct weir_slice text, struct htpasswd *out, struct auth_fault *fault)
{
    *out = (struct htpasswd){0};
    *fault = (struct auth_fault){0};
    out->text = malloc(text.n + 1);
    /* The shortest line with a user has one character, a colon and the hash. */
    const size_t lines = slice_count(text, '\n') + 1, users = text.n / (2 + HTPASSWD_HASH) + 1;
    out->entries = calloc(lines < users ? lines : users, sizeof *out->entries);
    bool good = out->text && out->entries;
    if (!good)
        auth_fault_set(fault, 0, "no memory for it");
    if (good && text.n)
        memcpy(out->text, text.p, text.n);
    struct weir_slice rest = {out->text, text.n};
    for (int number = 1; good && rest.p; number++)
        good = read_line(out, slice_trim_line(slice_cut(&rest, '\n')), number, fault);
    good = good && sort(out, fault);
    if (!good)
        htpasswd_free(out);
    return good;
}

void htpasswd_free(struct htpasswd *h)
{
    free(h->text);
    free(h->entries);
    *h = (struct htpasswd){0};
}

/* -- lines ------------------------------------------------------------------------------------- */

static bool read_line(struct htpasswd *h, struct weir_slice line, int number,
                      struct auth_fault *fault)
{
    struct weir_slice hash = line;
    unsigned cost = 0;
    if (!line.n || line.p[0] == '#')
        return true;
    const struct weir_slice user = slice_cut(&hash, ':');
    if (!hash.p || !user.n || user.n > HTPASSWD_USER_MAX || slice_has_control(user))
        return auth_fault_set(fault, number,
                              "it isn't USER:HASH; a user has 1 to %d bytes, none of them ':' or "
                              "a control character",
                              HTPASSWD_USER_MAX);
    if (!read_hash(hash, number, &cost, fault))
        return false;
    h->entries[h->n] = (struct htpasswd_entry){user, hash, number};
    h->cost_min = h->n && h->cost_min < cost ? h->cost_min : cost;
    h->cost_max = h->cost_max > cost ? h->cost_max : cost;
    h->n++;
    return true;
}

/* "./0-9A-Za-z", bcrypt's own alphabet. */
static bool is_crypt_text(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        if (!((c >= '.' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return true;
}

/* "$2y$NN$" and 53 characters. */
static bool is_bcrypt(struct weir_slice s)
{
    return s.n == HTPASSWD_HASH && s.p[0] == '$' && s.p[1] == '2' &&
           (s.p[2] == 'a' || s.p[2] == 'b' || s.p[2] == 'y') && s.p[3] == '$' && is_digit(s.p[4]) &&
           is_digit(s.p[5]) && s.p[6] == '$' &&
           is_crypt_text((struct weir_slice){s.p + PREFIX, s.n - PREFIX});
}

static bool read_hash(struct weir_slice hash, int line, unsigned *cost, struct auth_fault *fault)
{
    if (!is_bcrypt(hash))
        return auth_fault_set(fault, line,
                              "its hash isn't bcrypt's ($2y$...), and no other is taken; htpasswd "
                              "-B FILE USER makes one");
    *cost = (unsigned)(hash.p[4] - '0') * 10 + (unsigned)(hash.p[5] - '0');
    if (*cost >= HTPASSWD_COST_MIN && *cost <= HTPASSWD_COST_MAX)
        return true;
    return auth_fault_set(fault, line,
                          "its hash has a cost of %u; allowed are %d to %d (htpasswd -B -C %d FILE "
                          "USER)",
                          *cost, HTPASSWD_COST_MIN, HTPASSWD_COST_MAX, HTPASSWD_COST_PRESET);
}

/* -- users ------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct htpasswd_entry *x = a, *y = b;
    const int c = slice_cmp(x->user, y->user);
    return c ? c : x->line - y->line;
}

static bool sort(struct htpasswd *h, struct auth_fault *fault)
{
    qsort(h->entries, h->n, sizeof *h->entries, compare);
    for (size_t i = 1; i < h->n; i++) {
        const struct htpasswd_entry *e = &h->entries[i];
        if (slice_eq(e->user, e[-1].user))
            return auth_fault_set(fault, e->line,
                                  "user %.*s stands in line %d already; take one out",
                                  (int)e->user.n, e->user.p, e[-1].line);
    }
    return true;
}

static int compare_user(const void *key, const void *entry)
{
    return slice_cmp(*(const struct weir_slice *)key, ((const struct htpasswd_entry *)entry)->user);
}

void htpasswd_find(const struct htpasswd *h, struct weir_slice user, struct htpasswd_check *out)
{
    const struct htpasswd_entry *e =
        h->n ? bsearch(&user, h->entries, h->n, sizeof *e, compare_user) : NULL;
    out->known = e != NULL;
    if (e)
        snprintf(out->hash, sizeof out->hash, "%.*s", HTPASSWD_HASH, e->hash.p);
    else
        snprintf(out->hash, sizeof out->hash, "$2y$%02u$%s",
                 (h->n ? h->cost_max : HTPASSWD_COST_PRESET) % 100, nobody);
}

/* -- passwords --------------------------------------------------------------------------------- */

/* Does the phrase, with the check's salt, give the check's hash? `data` is zeroed. */
static bool is_hash_of(const char *phrase, const struct htpasswd_check *c, struct crypt_data *data)
{
    /* Not crypt_r: AddressSanitizer replaces that by one that finds no other in a program which
     * loads libcrypt late, as part of a module. */
    const char *made = crypt_rn(phrase, c->hash, data, (int)sizeof *data);
    return made && strlen(made) == HTPASSWD_HASH &&
           CRYPTO_memcmp(made, c->hash, HTPASSWD_HASH) == 0;
}

bool htpasswd_verify(const struct htpasswd_check *c, struct weir_slice password)
{
    char phrase[CRYPT_MAX_PASSPHRASE_SIZE];
    if (password.n >= sizeof phrase || (password.n && memchr(password.p, '\0', password.n)))
        return false;
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return false;
    if (password.n)
        memcpy(phrase, password.p, password.n);
    phrase[password.n] = '\0';
    const bool good = is_hash_of(phrase, c, data) && c->known;
    OPENSSL_cleanse(phrase, sizeof phrase);
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return good;
}
