/* SPDX-License-Identifier: Apache-2.0 */
/* OCSP responses that are stapled (RFC 6960, RFC 6066 8): a DER file that something else keeps
 * fresh. At load it has to be a good response for the certificate beside it; when it has expired
 * it isn't sent any more, because clients refuse an old one and live without one. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <stdlib.h>

static bool read_response(struct tls_staple *out, const struct tls_identity *id,
                          OCSP_BASICRESP *basic, const struct tls_say *say);

bool tls_staple_read(struct tls_staple *out, const struct tls_identity *id, struct faults *faults)
{
    const struct tls_say say = {faults, &id->conf->place};
    const char *path = id->conf->ocsp.p;
    struct tls_file f;
    if (!tls_file_read(&say, "ocsp", id->conf->ocsp, &f))
        return false;
    const unsigned char *p = (const unsigned char *)f.p;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)f.n);
    const int status = response ? OCSP_response_status(response) : -1;
    OCSP_BASICRESP *basic =
        status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(response) : NULL;
    ERR_clear_error();
    bool ok = false;
    if (!response)
        tls_fault(&say, "ocsp %s: it isn't an OCSP response in DER format", path);
    else if (!basic)
        tls_fault(&say, "ocsp %s: the responder gave no answer: %s", path,
                  OCSP_response_status_str(status));
    else
        ok = read_response(out, id, basic, &say);
    if (ok) {
        out->der = malloc(f.n);
        must(out->der);
        memcpy(out->der, f.p, f.n);
        out->n = f.n;
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    tls_file_free(&f);
    return ok;
}

/* Is the answer about this certificate? By its serial number and a hash of its issuer's name. */
static bool is_about(OCSP_SINGLERESP *single, X509 *x)
{
    ASN1_OCTET_STRING *name_hash;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    OCSP_id_get0_info(&name_hash, &algorithm, NULL, &serial,
                      (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single));
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    const EVP_MD *md = EVP_get_digestbyobj(algorithm);
    return md && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(x)) == 0 &&
           X509_NAME_digest(X509_get_issuer_name(x), md, hash, &n) &&
           n == (unsigned)ASN1_STRING_length(name_hash) &&
           memcmp(hash, ASN1_STRING_get0_data(name_hash), n) == 0;
}

/* Signed by the issuer in the chain, or by a responder that it has authorised? */
static bool is_signed(OCSP_BASICRESP *basic, const struct tls_identity *id)
{
    X509 *issuer = sk_X509_num(id->chain) > 0 ? sk_X509_value(id->chain, 0) : NULL;
    if (!issuer)
        return true; /* nothing to check it by: clients will */
    X509_STORE *store = X509_STORE_new();
    must(store && X509_STORE_add_cert(store, issuer));
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    bool ok = OCSP_basic_verify(basic, id->chain, store, 0) == 1;
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

static bool read_response(struct tls_staple *out, const struct tls_identity *id,
                          OCSP_BASICRESP *basic, const struct tls_say *say)
{
    const char *path = id->conf->ocsp.p;
    OCSP_SINGLERESP *single = NULL;
    for (int i = 0; i < OCSP_resp_count(basic) && !single; i++)
        if (is_about(OCSP_resp_get0(basic, i), id->leaf))
            single = OCSP_resp_get0(basic, i);
    if (!single) {
        tls_fault(say, "ocsp %s: it is for another certificate than %s", path,
                  id->conf->certificate.p);
        return false;
    }
    ASN1_GENERALIZEDTIME *next = NULL;
    const int status = OCSP_single_get0_status(single, NULL, NULL, NULL, &next);
    out->until_s = next ? tls_time(next) : INT64_MAX;
    if (status != V_OCSP_CERTSTATUS_GOOD)
        tls_warn(say, "ocsp %s: it says that the certificate is %s", path,
                 OCSP_cert_status_str(status));
    if (out->until_s <= time(NULL))
        tls_warn(say, "ocsp %s: it expired on %s and isn't sent", path,
                 tls_date(&say->faults->arena, next));
    if (!is_signed(basic, id))
        tls_warn(say, "ocsp %s: its signature isn't by the issuer of %s", path,
                 id->conf->certificate.p);
    return true;
}
