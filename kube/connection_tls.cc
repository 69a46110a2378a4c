// SPDX-License-Identifier: Apache-2.0
#include "kube/connection_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>

namespace dlws::kube::internal {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

std::unexpected<Error> Refuse(std::string message) {
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(message)});
}

}  // namespace

Result<TlsContextPtr> MakeTlsContext(const TlsMaterial& material) {
    ssl::context context(ssl::context::tls_client);
    SSL_CTX* native = context.native_handle();
    error_code error;
    // 1.2 at least: what Go's servers offer at least, and all that is still considered safe.
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    context.set_verify_mode(material.insecure_skip_verify ? ssl::verify_none : ssl::verify_peer,
                            error);
    if (material.ca_pem.empty()) {
        context.set_default_verify_paths(error);
    } else {
        context.add_certificate_authority(asio::buffer(material.ca_pem), error);
        if (error) {
            return Refuse(
                fmt::format("the certificate authority is not usable PEM: {}", error.message()));
        }
    }
    if (material.certificate_pem.empty() != material.key_pem.empty()) {
        return Refuse(material.key_pem.empty() ? "there is a client certificate but no key for it"
                                               : "there is a client key but no certificate for it");
    }
    if (!material.certificate_pem.empty()) {
        // Without a callback OpenSSL would ask for a pass phrase on the terminal.
        context.set_password_callback(
            [](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
        context.use_certificate_chain(asio::buffer(material.certificate_pem), error);
        if (error) {
            return Refuse(
                fmt::format("the client certificate is not usable PEM: {}", error.message()));
        }
        context.use_private_key(asio::buffer(material.key_pem), ssl::context::pem, error);
        if (error) {
            return Refuse(fmt::format(
                "the client key is not usable PEM, has a pass phrase, or is not that of the "
                "client certificate: {}",
                error.message()));
        }
        if (SSL_CTX_check_private_key(native) != 1) {
            ERR_clear_error();
            return Refuse("the client key is not that of the client certificate");
        }
    }
    ERR_clear_error();
    return std::make_shared<TlsContext>(std::move(context));
}

bool PrepareHandshake(SSL* ssl, const std::string& server_name) {
    error_code not_an_address;
    asio::ip::make_address(server_name, not_an_address);
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl);
    if (!not_an_address) {
        // An address is verified against the certificate's IP entries; SNI carries names only
        // (RFC 6066, section 3).
        return X509_VERIFY_PARAM_set1_ip_asc(verify, server_name.c_str()) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(verify, server_name.c_str(), server_name.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl, server_name.c_str()) == 1;
}

std::string CertificateComplaint(SSL* ssl) {
    const long result = SSL_get_verify_result(ssl);
    return result == X509_V_OK ? std::string() : X509_verify_cert_error_string(result);
}

}  // namespace dlws::kube::internal
