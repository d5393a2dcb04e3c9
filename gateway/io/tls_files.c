/* SPDX-License-Identifier: Apache-2.0 */
/* Reading PEM files, and what is said of them. A file is read whole and parsed from memory, so that
 * the system's reasons (no such file, permission) and OpenSSL's (no PEM, a broken certificate) stay
 * apart. Messages have names, paths and dates, and nothing else of what a file says. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20 }; /* bundles of authorities are some 300 KiB */

static bool read_all(int fd, struct tls_file *out);

/* -- messages ---------------------------------------------------------------------------------- */

void tls_fault(const struct tls_say *say, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(&say->faults->arena, fmt, ap);
    va_end(ap);
    faults_add(say->faults, say->place->file, say->place->line, "%s", text);
}

void tls_warn(const struct tls_say *say, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(&say->faults->arena, fmt, ap);
    va_end(ap);
    faults_warn(say->faults, say->place->file, say->place->line, "%s", text);
}

const char *tls_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* -- files ------------------------------------------------------------------------------------- */

bool tls_file_read(const struct tls_say *say, const char *what, struct slice path,
                   struct tls_file *out)
{
    *out = (struct tls_file){0};
    int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && read_all(fd, out);
    if (!ok)
        tls_fault(say, "%s %s: %s", what, path.p, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (!ok)
        tls_file_free(out);
    return ok;
}

static bool read_all(int fd, struct tls_file *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        return false;
    }
    out->p = malloc((size_t)st.st_size + 1);
    must(out->p);
    while (out->n < (size_t)st.st_size) {
        ssize_t got = read(fd, out->p + out->n, (size_t)st.st_size - out->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        out->n += (size_t)got;
    }
    out->p[out->n] = 0;
    return true;
}

void tls_file_free(struct tls_file *f)
{
    if (f->p)
        OPENSSL_cleanse(f->p, f->n);
    free(f->p);
    *f = (struct tls_file){0};
}

int tls_no_passphrase(char *into, int size, int writing, void *asked)
{
    (void)into, (void)size, (void)writing;
    if (asked)
        *(bool *)asked = true;
    return -1;
}

STACK_OF(X509) *tls_file_certificates(const struct tls_say *say, const char *what,
                                      struct slice path, const struct tls_file *f)
{
    BIO *bio = BIO_new_mem_buf(f->p, (int)f->n);
    STACK_OF(X509) *all = sk_X509_new_null();
    must(bio && all);
    ERR_clear_error();
    for (X509 *x; (x = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL));)
        must(sk_X509_push(all, x));
    BIO_free(bio);
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const int n = sk_X509_num(all);
    if (at_end && n > 0) {
        ERR_clear_error();
        return all;
    }
    if (at_end)
        tls_fault(say, "%s %s: there is no certificate in PEM format in it", what, path.p);
    else
        tls_fault(say, "%s %s: certificate %d in it can't be read: %s", what, path.p, n + 1,
                  tls_reason());
    ERR_clear_error();
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

/* -- names and times --------------------------------------------------------------------------- */

/* What XN_FLAG_RFC2253 leaves of quotes (as \") is written in hexadecimal as well. */
static struct slice without_quotes(struct arena *a, const char *p, size_t n)
{
    char *out = arena_alloc(a, 3 * n + 1);
    size_t at = 0;
    bool escaped = false;
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)p[i];
        const bool plain = c >= 0x20 && c < 0x7f && c != '"';
        if (plain)
            out[at++] = (char)c;
        else
            at += (size_t)sprintf(out + at, escaped ? "%02X" : "\\%02X", c);
        escaped = c == '\\' && !escaped;
    }
    out[at] = 0;
    return slice_of(out, at);
}

struct slice tls_name_text(struct arena *a, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio);
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    struct slice text = without_quotes(a, p, n > 0 ? (size_t)n : 0);
    BIO_free(bio);
    return text;
}

int64_t tls_time(const ASN1_TIME *t)
{
    struct tm tm;
    return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : -1;
}

const char *tls_date(struct arena *a, const ASN1_TIME *t)
{
    struct tm tm;
    if (!t || !ASN1_TIME_to_tm(t, &tm))
        return "(no time)";
    return arena_printf(a, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}
