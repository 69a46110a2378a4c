// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kube/error.h"

namespace dlws::kube {

namespace internal {
class TlsContext;
}

/// The certificate that a server shows; it may be exchanged while the server runs.
///
///     ServerTls tls;
///     if (auto used = tls.Use(certificate_pem, key_pem); !used) ... used.error().message ...
///     HttpServer server(executor, "0.0.0.0", 9443, handler, settings, &tls);
///
/// TLS 1.2 at least. A caller that offers protocols (ALPN, RFC 7301) must offer http/1.1.
/// Connections that are open keep the certificate they began with. Confined to the server's
/// executor.
class ServerTls {
  public:
    /// From now on for new connections. kInvalidArgument says what is wrong with the PEM; what was
    /// in use stays so.
    Result<void> Use(const std::string& certificate_pem, const std::string& key_pem);
    /// Null before the first Use that succeeded: such a server refuses every handshake.
    std::shared_ptr<internal::TlsContext> Current() const { return current_; }

  private:
    std::shared_ptr<internal::TlsContext> current_;
};

}  // namespace dlws::kube
