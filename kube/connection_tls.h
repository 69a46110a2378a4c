// SPDX-License-Identifier: Apache-2.0
// The OpenSSL side of connection.h, for the .cc files that need it.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <string>

#include "kube/connection.h"

namespace dlws::kube::internal {

class TlsContext {
  public:
    explicit TlsContext(boost::asio::ssl::context context) : context_(std::move(context)) {}
    boost::asio::ssl::context& context() { return context_; }

  private:
    boost::asio::ssl::context context_;
};

/// Name (or address) to verify and SNI, before the handshake. False: OpenSSL refused the name.
bool PrepareHandshake(SSL* ssl, const std::string& server_name);
/// Why the peer's certificate was refused, in words; empty when it was not.
std::string CertificateComplaint(SSL* ssl);

}  // namespace dlws::kube::internal
