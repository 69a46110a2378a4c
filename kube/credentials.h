// SPDX-License-Identifier: Apache-2.0
// Who we are, kept fresh. Internal to kube/.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "kube/connection.h"
#include "kube/exec_plugin.h"

namespace dlws::kube::internal {

/// One state of the credentials; immutable.
struct Identity {
    std::string authorization;  ///< "Authorization: ...\r\n", or empty
    TlsContextPtr tls;          ///< null without TLS
    std::uint64_t generation = 0;
};
using IdentityPtr = std::shared_ptr<const Identity>;

/// Reads token and certificates from where the configuration says, again when they may have changed
/// (tokens each minute, certificates each five minutes, as the kubelet renews them in place), and
/// runs the exec plugin when what it gave has expired. A file that cannot be read or a certificate
/// that is not usable leaves the old one in place, with a warning: half-written files are normal.
/// Confined to its executor.
class Credentials : public std::enable_shared_from_this<Credentials> {
  public:
    struct Settings {
        std::chrono::milliseconds token_reload{60'000};
        std::chrono::milliseconds certificate_reload{300'000};
        std::chrono::milliseconds exec_patience{30'000};
    };
    Credentials(boost::asio::any_io_executor executor, Config config, Settings settings);

    /// What to use now; null when Refresh() is due.
    const IdentityPtr& Fresh() const;
    /// Reads what is due. Errors only as long as there is no usable identity at all.
    Awaitable<Result<IdentityPtr>> Refresh(Clock::time_point deadline);
    /// After a 401 with identity `used`: reads everything again. False: there is nothing that could
    /// have changed, so trying again is pointless.
    Awaitable<bool> Reload(std::uint64_t used, Clock::time_point deadline);

  private:
    struct Material {
        std::string token;
        std::string ca, certificate, key;
        bool operator==(const Material&) const = default;
    };
    bool ReadToken(Material& material, std::string& complaint) const;
    bool ReadCertificates(Material& material, std::string& complaint) const;
    Result<void> Adopt(Material material);
    Result<void> ReadFiles(bool force);
    Awaitable<Result<void>> RunPlugin(Clock::time_point deadline);
    static Awaitable<void> PluginTask(std::shared_ptr<Credentials> self);
    bool ExecDue() const;

    boost::asio::any_io_executor executor_;
    Config config_;
    Settings settings_;
    Material material_;
    IdentityPtr identity_;
    Clock::time_point token_due_{};
    Clock::time_point certificate_due_{};
    bool exec_running_ = false;
    bool exec_done_once_ = false;
    ExecCredential exec_;
    Result<void> exec_result_;
    std::list<boost::asio::steady_timer*> exec_waiters_;
};

}  // namespace dlws::kube::internal
