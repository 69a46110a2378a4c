// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "kube/api.h"
#include "kube/server_tls.h"
#include "kube/wait_list.h"
#include "webhook/certificate_plan.h"

namespace dlws::webhook {

inline constexpr kube::Resource kMutatingConfigurations{"admissionregistration.k8s.io", "v1",
                                                        "mutatingwebhookconfigurations",
                                                        "MutatingWebhookConfiguration", false};
inline constexpr kube::Resource kValidatingConfigurations{"admissionregistration.k8s.io", "v1",
                                                          "validatingwebhookconfigurations",
                                                          "ValidatingWebhookConfiguration", false};

/// Keeps the server's certificate in a Secret that all replicas share, issues a new one when it is
/// due, shows it, and has the API server trust it (`caBundle` in both webhook configurations of one
/// name).
///
///     CertificateKeeper keeper(client, tls, {.secret = {"dlws-system", "hook"}, …});
///     configurations.OnChange([&](auto&) { keeper.Wake(); });   // informers of both
///     co_await keeper.Run();   // until cancelled
///
/// The Secret must exist; it may be empty. Two replicas that issue at once: the resourceVersion
/// lets one of them win. Confined to the client's executor; `api` and `tls` outlive it.
class CertificateKeeper {
  public:
    struct Settings {
        kube::ObjectKey secret;
        std::string dns_name;       ///< under which the API server calls: SERVICE.NAMESPACE.svc
        std::string configuration;  ///< name of the mutating and the validating configuration
        std::chrono::seconds lifetime{90 * 24 * 3600};
        std::function<Moment()> now;
    };

    CertificateKeeper(kube::Api& api, kube::ServerTls& tls, Settings settings);

    kube::Awaitable<void> Run();
    /// Looks at once: somebody has changed what it cares for.
    void Wake();
    /// A look at everything. False: something did not work and is in the log.
    kube::Awaitable<bool> Look();

    /// A certificate is shown, and the API server was told to trust it.
    bool Ready() const { return ready_; }
    /// When the certificate shown ends to hold; 0 before there is one.
    Moment Expires() const { return expires_; }

  private:
    kube::Awaitable<bool> HaveTrusted(kube::Resource configurations, std::string bundle);
    bool Show(const Certificate& certificate);

    kube::WaitList asleep_;
    kube::Api& api_;
    kube::ServerTls& tls_;
    Settings settings_;
    std::string shown_;
    bool ready_ = false;
    Moment expires_{};
};

}  // namespace dlws::webhook
