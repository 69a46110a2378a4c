// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "kube/api.h"
#include "kube/server_tls.h"

namespace dlws::kube {

/// Shows the certificate that somebody else (cert-manager) keeps in a Secret, which is mounted as a
/// folder with `tls.crt` and `tls.key`. Who trusts it is not ours to say.
///
///     MountedCertificate mounted(tls, "/certificates", "hook.dlws-system.svc");
///     co_await mounted.Run();   // until cancelled
///
/// `tls` outlives it. Confined to the server's executor.
class MountedCertificate {
  public:
    MountedCertificate(ServerTls& tls, std::filesystem::path folder, std::string dns_name);

    /// Looks now and every ten seconds.
    Awaitable<void> Run();
    /// Shows what is in the folder. False, and a line in the log: it cannot be used (absent, over
    /// 64 KiB, not a pair, not for `dns_name`, where that is not empty), and what was shown stays.
    bool Look();

    bool Ready() const { return expires_ != std::chrono::sys_seconds{}; }
    /// When the certificate shown ends to hold; 0 before there is one.
    std::chrono::sys_seconds Expires() const { return expires_; }

  private:
    ServerTls& tls_;
    std::filesystem::path folder_;
    std::string dns_name_;
    std::string shown_, refused_;  // the certificate, and what was wrong last
    std::chrono::sys_seconds expires_{};
};

}  // namespace dlws::kube
