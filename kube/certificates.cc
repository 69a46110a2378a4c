// SPDX-License-Identifier: Apache-2.0
#include "kube/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <stdexcept>

namespace dlws::kube {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

void Check(bool ok, const char* what) {
    if (ok) return;
    ERR_clear_error();
    throw std::runtime_error(std::string("a certificate could not be made: ") + what);
}

Key MakeKey() {
    Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    Check(key != nullptr, "its key");
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

Bio Read(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}
Certificate ReadCertificate(const std::string& pem) {
    return {PEM_read_bio_X509(Read(pem).get(), nullptr, nullptr, nullptr), &X509_free};
}
Key ReadKey(const std::string& pem) {
    // Without a callback OpenSSL would ask for a pass phrase on the terminal.
    const auto no_phrase = [](char*, int, int, void*) { return 0; };
    return {PEM_read_bio_PrivateKey(Read(pem).get(), nullptr, no_phrase, nullptr), &EVP_PKEY_free};
}

std::string Text(const Bio& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}
PemPair Pem(X509* certificate, EVP_PKEY* key) {
    const Bio first(BIO_new(BIO_s_mem()), &BIO_free), second(BIO_new(BIO_s_mem()), &BIO_free);
    Check(PEM_write_bio_X509(first.get(), certificate) == 1, "writing it");
    Check(PEM_write_bio_PrivateKey(second.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "writing its key");
    return {Text(first), Text(second)};
}

struct Issuer {
    X509* certificate = nullptr;  // none: it signs itself
    EVP_PKEY* key = nullptr;
};

PemPair Make(const std::string& common_name, const Issuer& issuer,
             const std::string& alternative_names, Validity validity) {
    const Key key = MakeKey();
    const Certificate certificate(X509_new(), &X509_free);
    Check(certificate != nullptr, "no memory");
    X509* x = certificate.get();
    X509_set_version(x, 2);
    unsigned long serial = 0;
    Check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "its number");
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
    ASN1_TIME_set(X509_getm_notBefore(x), std::time_t(validity.from.time_since_epoch().count()));
    ASN1_TIME_set(X509_getm_notAfter(x), std::time_t(validity.to.time_since_epoch().count()));
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    const bool authority = issuer.certificate == nullptr;
    X509* by = authority ? x : issuer.certificate;
    X509_set_issuer_name(x, X509_get_subject_name(by));
    AddExtension(x, by, NID_basic_constraints,
                 authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    AddExtension(x, by, NID_subject_key_identifier, "hash");
    if (!alternative_names.empty()) AddExtension(x, by, NID_subject_alt_name, alternative_names);
    Check(X509_sign(x, authority ? key.get() : issuer.key, EVP_sha256()) > 0, "its signature");
    return Pem(x, key.get());
}

std::chrono::sys_seconds Moment(const ASN1_TIME* time) {
    std::tm tm{};
    if (ASN1_TIME_to_tm(time, &tm) != 1) return {};
    return std::chrono::sys_seconds(std::chrono::seconds(timegm(&tm)));
}

}  // namespace

PemPair MakeAuthority(const std::string& common_name, Validity validity) {
    return Make(common_name, {}, "", validity);
}

PemPair IssueCertificate(const PemPair& authority, const std::string& common_name,
                         const SubjectAlternatives& alternatives, Validity validity) {
    std::string names;
    for (const auto& name : alternatives.names)
        names += (names.empty() ? "DNS:" : ",DNS:") + name;
    for (const auto& ip : alternatives.addresses)
        names += (names.empty() ? "IP:" : ",IP:") + ip;
    const Certificate ca = ReadCertificate(authority.certificate);
    const Key ca_key = ReadKey(authority.key);
    Check(ca != nullptr && ca_key != nullptr, "its authority cannot be read");
    return Make(common_name, {ca.get(), ca_key.get()}, names, validity);
}

Result<Validity> ReadPair(const PemPair& pair, const std::string& name) {
    const auto refuse = [](std::string why) {
        ERR_clear_error();
        return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(why)});
    };
    const Certificate certificate = ReadCertificate(pair.certificate);
    if (!certificate) return refuse("the certificate is not usable PEM");
    const Key key = ReadKey(pair.key);
    if (!key || X509_check_private_key(certificate.get(), key.get()) != 1)
        return refuse("the key is not usable PEM, or is not that of the certificate");
    if (!name.empty() &&
        X509_check_host(certificate.get(), name.c_str(), name.size(), 0, nullptr) != 1)
        return refuse("the certificate is not for " + name);
    return Validity{Moment(X509_get0_notBefore(certificate.get())),
                    Moment(X509_get0_notAfter(certificate.get()))};
}

}  // namespace dlws::kube
