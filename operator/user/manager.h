// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "kube/client.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "model/dluser.h"
#include "model/samba.h"
#include "operator/pass_loop.h"

namespace dlws::user {

/// Tells the Samba server which storages it shows and to whom: watches DLUsers, the DLCluster and
/// the server's ConfigMap, which the chart makes, and writes into that what differs.
///
///     Manager users(client, metrics, random, {.config_map = {"dlws-system",
///     "dlworkspace-samba"}});
///     // run every Informer of users.Informers() always, users.Work() once while this process is
///     // the leader
///
/// Confined to the client's executor; must outlive its coroutines.
class Manager {
  public:
    struct Settings {
        kube::ObjectKey config_map;
        model::SambaSettings samba;
        std::chrono::milliseconds coalesce{500};
    };

    Manager(kube::Client& client, kube::Metrics& metrics, kube::Random& random, Settings settings);

    PassLoop::Informers Informers();
    /// Works until cancelled; begins when all has been read.
    kube::Awaitable<void> Work();

  private:
    void OnUser(const kube::Change& change);
    /// True: done; false: to be tried again, later each time.
    kube::Awaitable<bool> Pass();

    kube::Client& client_;
    Settings settings_;
    kube::Informer users_, clusters_, config_maps_;
    PassLoop passes_;
    model::UserDirectory directory_;
    std::vector<std::string> problems_;  // as they were logged last
};

}  // namespace dlws::user
