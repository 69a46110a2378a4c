// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <random>

#include "agent/jobs/job_recorder.h"
#include "agent/logs/log_manager.h"
#include "agent/logs/sweeper.h"
#include "agent/options.h"
#include "agent/storage/child_runner.h"
#include "agent/storage/home_keeper.h"
#include "agent/storage/watcher.h"
#include "kube/client.h"
#include "kube/health_server.h"
#include "kube/informer.h"
#include "kube/leader.h"
#include "kube/log.h"
#include "kube/manager.h"
#include "kube/metrics.h"
#include "kube/program.h"
#include "model/decode.h"
#include "model/names.h"
#include "model/resources.h"

namespace dlws::agent {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;

constexpr std::string_view kLog = "agent";

kube::LeaderElector::Settings LeaseSettings(const Options& options, kube::Metrics& metrics) {
    kube::LeaderElector::Settings lease;
    lease.lease = {options.ns, options.lease};
    lease.identity =
        fmt::format("{}_{:08x}", options.identity.empty() ? options.node : options.identity,
                    std::random_device{}());
    // Nothing is urgent about it, and many wait: four times client-go's terms.
    lease.lease_duration = std::chrono::seconds(60);
    lease.renew_deadline = std::chrono::seconds(40);
    lease.retry_period = std::chrono::seconds(10);
    lease.metrics = &metrics;
    return lease;
}

// All parts of the process. Destroyed only after the io_context has run dry.
class Agent {
  public:
    Agent(asio::any_io_executor executor, const Options& options, const kube::Config& config)
        : options_(options),
          random_(std::random_device{}()),
          client_(executor, config, {.max_connections = 4, .metrics = &metrics_}),
          lease_client_(executor, config, {.max_connections = 1, .metrics = &metrics_}),
          clusters_(client_, {.resource = kDLClusters}, random_),
          users_(client_, {.resource = kDLUsers}, random_),
          pods_(client_,
                {.resource = kube::kPods, .field_selector = "spec.nodeName=" + options.node},
                random_),
          namespaces_(client_,
                      {.resource = kube::kNamespaces,
                       .label_selector = std::string(model::kManagedLabel) + "=true"},
                      random_),
          jobs_(client_, {.resource = kDLJobs}, random_),
          runner_(executor, {}),
          storages_(client_, runner_, metrics_,
                    {.node = options.node,
                     .system_root = options.system_root,
                     .period = std::chrono::seconds(options.check_seconds)}),
          homes_(
              runner_, executor,
              [this](const std::string& name) { return storages_.IsHealthy(name); },
              [this] { return elector_.IsLeader(); }, {}),
          logs_(metrics_, {}),
          sweeper_(metrics_),
          elector_(lease_client_, LeaseSettings(options, metrics_), random_),
          health_(executor, options.health_address, (unsigned short)options.health_port),
          manager_(executor),
          signals_(executor, SIGTERM, SIGINT) {
        clusters_.OnChange([this](const kube::Change& change) { OnCluster(change); });
        users_.OnChange([this](const kube::Change& change) {
            homes_.OnUser(change);
            logs_.OnUser(change);
        });
        pods_.OnChange([this](const kube::Change& change) { OnPod(change); });
        namespaces_.OnChange([this](const kube::Change& change) { logs_.OnNamespace(change); });
        jobs_.OnChange([this](const kube::Change& change) { OnJob(change); });
        storages_.OnChecked([this] { TellPlace(); });
        storages_.SetHomes([this] { return homes_.Homes(); });
    }

    // The process's exit code.
    Awaitable<int> Run() {
        kube::ServeHealth(health_, metrics_, DLWS_VERSION, [this] {
            return stopping_ ? "stopping" : !storages_.HasTold() ? "nothing told yet" : "";
        });
        auto port = health_.Listen();
        if (!port) {
            kube::LogError(kLog, "{}", port.error().message);
            co_return 1;
        }
        kube::LogInfo(kLog, "dlws-agent {} of node {}, health on port {}", DLWS_VERSION,
                      options_.node, *port);
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        });
        // Before all else: a log that nobody has linked goes with its pod.
        if (auto started = logs_.Start(); !started) {
            kube::LogError(kLog, "{}", started.error());
            co_return 1;
        }
        manager_.Add("health", "health", [this] { return health_.Run(); });
        manager_.Add("caches", "dlclusters", [this] { return clusters_.Run(); });
        manager_.Add("caches", "dlusers", [this] { return users_.Run(); });
        manager_.Add("caches", "pods", [this] { return pods_.Run(); });
        manager_.Add("caches", "namespaces", [this] { return namespaces_.Run(); });
        manager_.Add("node", "storages", [this] { return Watch(); });
        manager_.Add("lease", "lease", [this] { return Lead(); });
        manager_.Add("jobs", "dljobs", [this] { return jobs_.Run(); });
        manager_.Add("jobs", "retention", [this] { return KeepLogs(); });
        manager_.Add("node", "homes", [this] { return homes_.Run(); });
        for (const char* group : {"health", "caches", "node", "lease"})
            manager_.StartGroup(group);
        std::string why = co_await manager_.Wait();
        const bool told = why == "SIGTERM" || why == "SIGINT";
        kube::LogInfo(kLog, "stopping: {}", why);
        stopping_ = true;
        const bool clean = co_await manager_.StopAll(std::chrono::seconds(10));
        recorder_.Stop();
        sweeper_.Stop();
        logs_.Stop();
        if (elector_.IsLeader()) co_await elector_.Release();
        co_return told&& clean ? 0 : 1;
    }

  private:
    void OnCluster(const kube::Change& change) {
        // What its status says of storages changes each minute.
        if (change.before && change.after && change.after->meta.generation != 0 &&
            change.before->meta.generation == change.after->meta.generation)
            return;
        std::shared_ptr<const model::DLCluster> cluster;
        if (change.after) {
            if (change.after->meta.name != model::kDLClusterName) return;
            auto parsed = model::ParseDLCluster(change.after->raw);
            if (!parsed) {
                // What it said before goes on.
                kube::LogWarning(kLog, "DLCluster: {}", parsed.error());
                return;
            }
            cluster = std::make_shared<const model::DLCluster>(std::move(*parsed));
        }
        storages_.SetCluster(cluster);
        logs_.SetCluster(cluster);
        cluster_ = cluster;
        homes_.SetCluster(std::move(cluster));
    }

    void OnPod(const kube::Change& change) {
        if (!change.after) return logs_.PodGone(change.before->meta.uid);
        JobPod pod = ReadJobPod(*change.after);
        if (!pod.folder.empty()) homes_.OnPodOf(pod.folder.substr(0, pod.folder.find('/')));
        if (pod.failed) storages_.CheckAfter(*pod.failed);
        logs_.PutPod(change.after->meta.uid, std::move(pod));
    }

    // What was submitted is written when we first see it, what came out when it has ended.
    void OnJob(const kube::Change& change) {
        if (!change.after || !cluster_) return;
        std::string result = ResultJson(change.after->raw);
        if (change.before && (result.empty() || !ResultJson(change.before->raw).empty())) return;
        const auto job = model::ParseDLJob(change.after->raw);
        if (!job) return;
        const auto user = homes_.Directory().RunsAs(*job, *cluster_);
        // It waits for its DLUser. With the first change after that it ends, at the latest.
        if (!user) return;
        JobRecord record;
        record.user.uid = uid_t(user->uid);
        record.user.gid = gid_t(user->gid);
        record.folder = fmt::format("{}/{}", user->name, model::JobFolder(job->meta));
        record.job_yaml = JobYaml(change.after->raw);
        record.result_json = std::move(result);
        recorder_.Put(job->meta.uid, std::move(record));
    }

    void TellPlace() {
        const model::Storage* storage = cluster_ ? JobFilesOf(*cluster_) : nullptr;
        const bool healthy = storage && storages_.IsHealthy(storage->name);
        if (storage) logs_.SetPlace(healthy, storages_.MountOf(storage->name));
        recorder_.SetRoot(healthy ? std::optional(model::HostFolder(*storage)) : std::nullopt);
    }

    Awaitable<void> Synced(kube::Informer& informer) {
        bool read = false;  // g++ 12 miscompiles a co_await in the condition of a loop
        while (!read)
            read = co_await informer.WaitForSync(std::chrono::seconds(30));
    }

    Awaitable<void> Watch() {
        co_await Synced(clusters_);
        co_await storages_.Run();
    }

    // One agent makes the homes of those who have no pods yet, and keeps what jobs were and became.
    // To lose the lease is to end: the next life of this process waits for it.
    Awaitable<void> Lead() {
        co_await Synced(users_);
        co_await elector_.Acquire();
        kube::LogInfo(kLog, "makes all users' folders");
        homes_.Wake();
        recorder_.Start();
        sweeper_.Start();
        manager_.StartGroup("jobs");
        co_await elector_.RenewUntilLost();
        kube::LogError(kLog, "the lease is lost");
    }

    // Not at once: who has mistyped a limit has some minutes.
    Awaitable<void> KeepLogs() {
        const std::chrono::seconds period(options_.sweep_seconds);
        co_await Synced(jobs_);
        bool slept = co_await kube::SleepFor(std::min(period, std::chrono::seconds(300)));
        while (slept) {
            AskForSweep();
            slept = co_await kube::SleepFor(period);
        }
    }

    void AskForSweep() {
        const model::Storage* storage = cluster_ ? JobFilesOf(*cluster_) : nullptr;
        if (!storage || !storages_.IsHealthy(storage->name)) return;
        const model::LogSettings& keep = cluster_->logs;
        if (keep.keepDays == 0 && keep.keepPerUser == 0) return;
        SweepOrder order;
        order.root = model::HostFolder(*storage);
        order.limits.max_age = std::chrono::days(keep.keepDays);
        order.limits.max_bytes_per_user = std::uint64_t(keep.keepPerUser);
        for (const kube::ObjectPtr& object : jobs_.store().All()) {
            // Whatever its spec says.
            model::Document job(object->raw);
            order.jobs.insert(model::JobFolder(model::ReadMetadata(job.Root()["metadata"])));
        }
        sweeper_.Ask(std::move(order));
    }

    Options options_;
    kube::Random random_;
    kube::Metrics metrics_;
    kube::Client client_;
    kube::Client lease_client_;
    kube::Informer clusters_, users_, pods_, namespaces_, jobs_;
    std::shared_ptr<const model::DLCluster> cluster_;
    ChildRunner runner_;
    StorageWatcher storages_;
    HomeKeeper homes_;
    LogManager logs_;
    LogSweeper sweeper_;
    JobRecorder recorder_;
    kube::LeaderElector elector_;
    kube::HealthServer health_;
    kube::Manager manager_;
    asio::signal_set signals_;
    bool stopping_ = false;
};

}  // namespace

int RunAgent(int argc, char** argv) {
    return kube::RunProgram<Agent>("agent run", DLWS_VERSION, argc, argv, &ParseOptions, &HelpText);
}

}  // namespace dlws::agent
