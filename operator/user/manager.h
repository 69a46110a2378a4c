// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "kube/events.h"
#include "kube/informer.h"
#include "kube/metrics.h"
#include "model/dlnode.h"
#include "model/dluser.h"
#include "operator/pass_loop.h"
#include "operator/user/samba_config.h"

namespace dlws::user {

/// Says in each DLUser's status whether their jobs run, and what their quota is; and tells the
/// Samba server, where there is one, who its users are. Watches DLUsers and DLNodes, decides about
/// all users at once, and writes what differs.
///
///     Manager users(client, events, metrics, random, {});
///     // run every Informer of users.Informers() always, users.Work() once while this process is
///     // the leader
///
/// Confined to the client's executor; must outlive its coroutines.
class Manager {
  public:
    struct Settings {
        std::optional<SambaConfig::Settings> samba;  ///< none: there is no server
        std::chrono::milliseconds coalesce{500};
    };

    Manager(kube::Client& client, kube::EventRecorder& events, kube::Metrics& metrics,
            kube::Random& random, Settings settings);

    PassLoop::Informers Informers();
    bool HasSynced();
    /// Works until cancelled; begins when all has been read.
    kube::Awaitable<void> Work();

  private:
    struct Known {
        model::DLUser user;
        model::UserStatus was;
    };

    void OnUser(const kube::Change& change);
    void OnNode(const kube::Change& change);
    /// True: done; false: to be tried again, later each time.
    kube::Awaitable<bool> Pass();
    /// The status of each user that differs from what it should be.
    std::map<std::string, model::UserStatus> Differing();
    kube::Awaitable<bool> Write(std::string name, std::string uid, model::UserStatus was,
                                model::UserStatus status);

    kube::Client& client_;
    kube::EventRecorder& events_;
    kube::Informer users_informer_, nodes_informer_;
    PassLoop passes_;
    model::UserDirectory directory_;
    std::map<std::string, Known> users_;
    std::map<std::string, model::DLNode> nodes_;     // those that tell something of users
    std::map<std::string, model::Time> quota_told_;  // when an agent last told one, by user
    std::unique_ptr<SambaConfig> samba_;
};

}  // namespace dlws::user
