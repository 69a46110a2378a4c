// SPDX-License-Identifier: Apache-2.0
#include "kube/server_tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>

#include "kube/connection_tls.h"

namespace dlws::kube {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

namespace {

// Who offers h2 alone would speak it, whatever we answer in HTTP/1.1.
int ChooseProtocol(SSL*, const unsigned char** chosen, unsigned char* length,
                   const unsigned char* offered, unsigned int offered_length, void*) {
    static constexpr unsigned char kOurs[] = "\x08http/1.1";
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, length, kOurs, sizeof kOurs - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<void> ServerTls::Use(const std::string& certificate_pem, const std::string& key_pem) {
    const auto refuse = [](std::string why) {
        ERR_clear_error();
        return std::unexpected(
            Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(why)});
    };
    ssl::context context(ssl::context::tls_server);
    SSL_CTX* native = context.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    // A client that renegotiates again and again costs us far more than it costs the client.
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_alpn_select_cb(native, &ChooseProtocol, nullptr);
    boost::system::error_code error;
    // Without a callback OpenSSL would ask for a pass phrase on the terminal.
    context.set_password_callback(
        [](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
    context.use_certificate_chain(asio::buffer(certificate_pem), error);
    if (error) return refuse(fmt::format("the certificate is not usable PEM: {}", error.message()));
    context.use_private_key(asio::buffer(key_pem), ssl::context::pem, error);
    if (error || SSL_CTX_check_private_key(native) != 1)
        return refuse("the key is not usable PEM, or is not that of the certificate");
    current_ = std::make_shared<internal::TlsContext>(std::move(context));
    return {};
}

}  // namespace dlws::kube
