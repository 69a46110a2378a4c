// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "kube/informer.h"
#include "model/samba.h"
#include "operator/pass_loop.h"

namespace dlws::user {

/// Keeps the Samba server's ConfigMap, which the chart makes, as DLCluster and DLUsers say. A part
/// of Manager. Confined to the client's executor.
class SambaConfig {
  public:
    struct Settings {
        kube::ObjectKey config_map;
        model::SambaSettings server;
    };
    /// `changed`: called when something it watches has.
    SambaConfig(kube::Client& client, kube::Random& random, Settings settings,
                std::function<void()> changed);

    PassLoop::Informers Informers();
    /// True: the ConfigMap is right by now, or there is nothing to make it right by.
    kube::Awaitable<bool> Keep(std::vector<model::DLUser> users);

  private:
    kube::Client& client_;
    Settings settings_;
    kube::Informer clusters_, config_maps_;
    std::optional<model::DLCluster> cluster_;  // the last that could be read
    bool has_config_map_ = true;
    std::vector<std::string> problems_;  // as they were logged last
};

}  // namespace dlws::user
