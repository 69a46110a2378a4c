// SPDX-License-Identifier: Apache-2.0
#include "kube/testing/imposter_certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace dlws::kube::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void Check(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string("test certificates: ") + what);
}

Key MakeKey() {
    Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    Check(key != nullptr, "key");
    return key;
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    Check(extension != nullptr, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

struct Issuer {
    X509* certificate;
    EVP_PKEY* key;
};

Certificate Make(const std::string& common_name, EVP_PKEY* key, Issuer issuer, bool authority,
                 const std::string& alternative_names, bool expired) {
    Certificate certificate(X509_new(), &X509_free);
    Check(certificate != nullptr, "X509_new");
    X509* x = certificate.get();
    X509_set_version(x, 2);
    unsigned long serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -2 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(x), expired ? -3600 : 24 * 3600);
    X509_set_pubkey(x, key);
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509* issuer_certificate = issuer.certificate != nullptr ? issuer.certificate : x;
    X509_set_issuer_name(x, X509_get_subject_name(issuer_certificate));
    AddExtension(x, issuer_certificate, NID_basic_constraints,
                 authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    AddExtension(x, issuer_certificate, NID_subject_key_identifier, "hash");
    if (!alternative_names.empty()) {
        AddExtension(x, issuer_certificate, NID_subject_alt_name, alternative_names);
    }
    Check(X509_sign(x, issuer.key != nullptr ? issuer.key : key, EVP_sha256()) > 0, "sign");
    return certificate;
}

std::string Text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

std::string Pem(X509* certificate) {
    BIO* bio = BIO_new(BIO_s_mem());
    Check(PEM_write_bio_X509(bio, certificate) == 1, "write certificate");
    return Text(bio);
}

std::string Pem(EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    Check(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write key");
    return Text(bio);
}

}  // namespace

TestCertificates MakeTestCertificates(const std::vector<std::string>& names,
                                      const std::vector<std::string>& addresses, bool expired,
                                      const std::string& client_name) {
    std::string alternative;
    for (const auto& name : names)
        alternative += (alternative.empty() ? "DNS:" : ",DNS:") + name;
    for (const auto& ip : addresses)
        alternative += (alternative.empty() ? "IP:" : ",IP:") + ip;

    const Key ca_key = MakeKey();
    const Key server_key = MakeKey();
    const Key client_key = MakeKey();
    const Certificate ca = Make("imposter-ca", ca_key.get(), {nullptr, nullptr}, true, "", false);
    const Issuer issuer{ca.get(), ca_key.get()};
    const Certificate server =
        Make("imposter", server_key.get(), issuer, false, alternative, expired);
    const Certificate client = Make(client_name, client_key.get(), issuer, false, "", false);
    return {Pem(ca.get()),         Pem(ca_key.get()), Pem(server.get()),
            Pem(server_key.get()), Pem(client.get()), Pem(client_key.get())};
}

TestPair IssueClientCertificate(const TestCertificates& authority, const std::string& client_name) {
    const auto memory = [](const std::string& text) {
        return std::unique_ptr<BIO, decltype(&BIO_free)>(
            BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
    };
    const Certificate ca(PEM_read_bio_X509(memory(authority.ca).get(), nullptr, nullptr, nullptr),
                         &X509_free);
    const Key ca_key(
        PEM_read_bio_PrivateKey(memory(authority.ca_key).get(), nullptr, nullptr, nullptr),
        &EVP_PKEY_free);
    Check(ca != nullptr && ca_key != nullptr, "read the authority");
    const Key key = MakeKey();
    const Certificate client =
        Make(client_name, key.get(), {ca.get(), ca_key.get()}, false, "", false);
    return {Pem(client.get()), Pem(key.get())};
}

}  // namespace dlws::kube::testing
