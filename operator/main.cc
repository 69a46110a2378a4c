// SPDX-License-Identifier: Apache-2.0
// The operator: reads the command line, then runs everything on one thread and one io_context
// (docs/decisions/0002-one-thread.md) until it is told to stop or is no longer the leader.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>

#include "kube/client.h"
#include "kube/events.h"
#include "kube/health_server.h"
#include "kube/leader.h"
#include "kube/log.h"
#include "kube/manager.h"
#include "kube/metrics.h"
#include "kube/program.h"
#include "operator/job/controller.h"
#include "operator/node/metrics.h"
#include "operator/options.h"
#include "operator/storage/manager.h"
#include "operator/user/manager.h"

namespace dlws {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;

constexpr std::string_view kLog = "operator";
constexpr std::chrono::seconds kReadPatience{30};

// Two processes never share an identity, not even two starts of one pod.
std::string Identity(const Options& options) {
    std::string name = options.identity;
    if (name.empty()) {
        std::array<char, 256> host{};
        gethostname(host.data(), host.size() - 1);
        name = host.data();
    }
    return fmt::format("{}_{:08x}", name, std::random_device{}());
}

kube::LeaderElector::Settings LeaseSettings(const Options& options, const std::string& identity,
                                            kube::Metrics& metrics) {
    kube::LeaderElector::Settings lease;
    lease.lease = {options.ns, options.lease};
    lease.identity = identity;
    lease.lease_duration = std::chrono::seconds(options.lease_seconds);
    lease.renew_deadline = lease.lease_duration * 2 / 3;
    lease.retry_period = lease.lease_duration * 2 / 15;
    lease.metrics = &metrics;
    return lease;
}

// Ends the process when the file cannot be used: to go on without would look like working.
admission::Enforcement::Settings WhatShouldGuard(const Options& options) {
    admission::Enforcement::Settings settings{.webhook_configuration =
                                                  options.webhook_configuration};
    if (options.policies.empty()) return settings;
    std::ifstream file(options.policies);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error("--policies: cannot read " + options.policies);
    auto expected = admission::ParseExpected(text.str());
    if (!expected)
        throw std::runtime_error(
            fmt::format("--policies {}: {}", options.policies, expected.error()));
    settings.expected = std::move(*expected);
    return settings;
}

std::optional<user::SambaConfig::Settings> SambaOf(const Options& options) {
    if (options.samba_config_map.empty()) return std::nullopt;
    return user::SambaConfig::Settings{
        .config_map = {options.ns, options.samba_config_map},
        .server = {options.samba_realm, options.samba_workgroup, options.samba_computer}};
}

// All parts of the process. Destroyed only after the io_context has run dry.
class Operator {
  public:
    Operator(asio::any_io_executor executor, const Options& options, const kube::Config& config)
        : options_(options),
          identity_(Identity(options)),
          random_(std::random_device{}()),
          client_(executor, config, {.max_connections = options.connections, .metrics = &metrics_}),
          lease_client_(executor, config, {.max_connections = 1, .metrics = &metrics_}),
          health_(executor, options.health_address, (unsigned short)options.health_port),
          events_(client_, "dlworkspace.io/operator", identity_),
          elector_(lease_client_, LeaseSettings(options, identity_, metrics_), random_),
          jobs_(client_, events_, metrics_, random_,
                {.ns = options.watch_namespace,
                 .workers = options.workers,
                 .rounds = {.parallel_writes = options.parallel_creates},
                 .admission = WhatShouldGuard(options),
                 .leading = [this] { return Leading(); },
                 .observe_storage =
                     [this](job::World& world) {
                         const storage::StorageTroubles& troubles = storages_.Troubles();
                         world.storage_trouble =
                             storage::TroubleOf(troubles, world.job, world.pods);
                         world.stale_pods = storage::StalePods(troubles, world.job, world.pods);
                         if (world.cluster)
                             world.storage_checks =
                                 storages_.ChecksFor(*world.cluster, world.job, world.pods);
                     }}),
          storages_(
              client_, events_, metrics_, random_,
              {.leading = [this] { return Leading(); },
               .observe_nodes =
                   [this](const model::DLCluster& cluster) { return gpus_.Observe(cluster); }}),
          other_pods_(client_, caches::OtherPods(options.watch_namespace), random_),
          gpus_({storages_.Nodes(), jobs_.Pods(), other_pods_, jobs_.Jobs()}),
          users_(client_, events_, metrics_, random_, {.samba = SambaOf(options)}),
          manager_(executor),
          signals_(executor, SIGTERM, SIGINT) {
        storages_.OnTroubles([this] { jobs_.LookAtAll(""); });
        gpus_.OnNews([this] { storages_.TellSoon(); });
        node::PublishGpus(metrics_, gpus_, [this] { return Leading(); });
    }

    // The process's exit code.
    Awaitable<int> Run() {
        kube::ServeHealth(health_, metrics_, DLWS_VERSION, [this] {
            if (stopping_) return "stopping";
            return jobs_.HasSynced() && storages_.HasSynced() && users_.HasSynced() &&
                           gpus_.HasSynced()
                       ? ""
                       : "caches not read yet";
        });
        auto port = health_.Listen();
        if (!port) {
            kube::LogError(kLog, "{}", port.error().message);
            co_return 1;
        }
        kube::LogInfo(kLog, "dlws-operator {} as {}, health on port {}", DLWS_VERSION, identity_,
                      *port);
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        });
        manager_.Add("servers", "health", [this] { return health_.Run(); });
        manager_.Add("servers", "events", [this] { return events_.Run(); });
        for (auto& [name, informer] : jobs_.Informers())
            manager_.Add("caches", name, [informer] { return informer->Run(); });
        for (auto& [name, informer] : storages_.Informers())
            manager_.Add("caches", name, [informer] { return informer->Run(); });
        for (auto& [name, informer] : users_.Informers())
            manager_.Add("caches", name, [informer] { return informer->Run(); });
        manager_.Add("caches", "other-pods", [this] { return other_pods_.Run(); });
        manager_.Add("workers", "users", [this] { return users_.Work(); });
        manager_.Add("leader", "lease", [this] { return Lead(); });
        for (int i = 0; i < jobs_.Workers(); ++i)
            manager_.Add("workers", fmt::format("job-{}", i), [this] { return jobs_.Work(); });
        manager_.Add("workers", "storage", [this] { return storages_.Work(); });

        manager_.StartGroup("servers");
        manager_.StartGroup(
            "caches");  // a standby is warm: it knows everything, and writes nothing
        manager_.StartGroup("leader");
        std::string why = co_await manager_.Wait();
        bool told = why == "SIGTERM" || why == "SIGINT";
        kube::LogInfo(kLog, "stopping: {}", why);
        stopping_ = true;
        bool clean = co_await manager_.StopAll(std::chrono::seconds(10));
        if (elector_.IsLeader()) co_await elector_.Release();
        co_return told&& clean ? 0 : 1;
    }

  private:
    bool Leading() const { return !options_.leader_elect || elector_.IsLeader(); }

    // Works while we hold the lease. To return is to end the process: what a new leader may do by
    // now must not be done by us too.
    Awaitable<void> Lead() {
        for (auto& [name, informer] : jobs_.Informers()) {
            bool read = false;  // g++ 12 miscompiles a co_await in the condition of a loop
            while (!read) {
                read = co_await informer->WaitForSync(kReadPatience);
                if (!read) kube::LogWarning(kLog, "{} are not read yet", name);
            }
        }
        if (!options_.leader_elect) {
            metrics_.Set("leader_election_master_status", {{"name", options_.lease}}, 1);
            manager_.StartGroup("workers");
            asio::steady_timer forever(co_await asio::this_coro::executor,
                                       asio::steady_timer::time_point::max());
            co_await forever.async_wait(asio::use_awaitable);
            co_return;
        }
        co_await elector_.Acquire();
        kube::LogInfo(kLog, "leading");
        manager_.StartGroup("workers");
        co_await elector_.RenewUntilLost();
        kube::LogError(kLog, "the lease is lost");
    }

    Options options_;
    std::string identity_;
    kube::Random random_;
    kube::Metrics metrics_;
    kube::Client client_;
    kube::Client lease_client_;
    kube::HealthServer health_;
    kube::EventRecorder events_;
    kube::LeaderElector elector_;
    job::Controller jobs_;
    storage::Manager storages_;
    kube::Informer other_pods_;
    caches::Gpus gpus_;
    user::Manager users_;
    kube::Manager manager_;
    asio::signal_set signals_;
    bool stopping_ = false;
};

}  // namespace
}  // namespace dlws

int main(int argc, char** argv) {
    return dlws::kube::RunProgram<dlws::Operator>("operator", DLWS_VERSION, argc, argv,
                                                  &dlws::ParseOptions, &dlws::HelpText);
}
