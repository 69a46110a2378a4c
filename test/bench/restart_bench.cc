// SPDX-License-Identifier: Apache-2.0
// How long does a gang of 64 take from its first failure until all pods of the next attempt are
// created, beside a bare client that deletes the same pods and creates them anew from 16
// connections? See test/bench/restart, which prepares the cluster and calls this.
//
// Both wait for the same thing: that the old pods are gone, which the simulated nodes decide. Sides
// alternate; each round has a job of its own, because attempts that fail soon after one another are
// delayed.
#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/names.h"
#include "model/pod.h"
#include "model/render.h"
#include "test/bench/common.h"

namespace dlws::bench {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 16;
constexpr const char* kOperatorSide = "bench-restart-op";
constexpr const char* kBareSide = "bench-restart-ba";

struct Pods {
    std::map<std::string, std::string> phases;  // by name, of those that exist
    Clock::time_point changed;                  // when one appeared or went last
};

Awaitable<void> Follow(kube::Client& client, std::string ns, Pods& pods) {
    while (true) {
        std::map<std::string, std::string> listed;
        bool listing = true;
        kube::WatchOptions watch;
        watch.ns = ns;
        watch.send_initial_events = true;
        auto opened = co_await client.Watch(kube::kPods, std::move(watch));
        auto stream = Must(std::move(opened), "watch pods");
        while (true) {
            auto event = co_await stream->Next();
            if (!event) break;
            auto& phases = listing ? listed : pods.phases;
            bool changed = false;
            if (event->type == kube::WatchEventType::kBookmark) {
                if (!listing || !event->initial_events_end) continue;
                listing = false;
                changed = listed != pods.phases;
                pods.phases.swap(listed);
            } else if (event->type == kube::WatchEventType::kDeleted) {
                changed = phases.erase(event->object->meta.name) > 0;
            } else {
                auto view = model::ParsePod(event->object->raw);
                if (!view) Die("a pod that cannot be read: " + view.error());
                auto [at, is_new] = phases.try_emplace(event->object->meta.name);
                at->second = model::ToString(view->phase);
                changed = is_new;
            }
            if (changed && !listing) pods.changed = Clock::now();
        }
    }
}

/// Runs `io` until the condition holds.
void Until(asio::io_context& io, const std::string& what, const std::function<bool()>& holds) {
    const auto deadline = Clock::now() + std::chrono::minutes(2);
    while (!holds()) {
        if (Clock::now() > deadline) Die("waited 2 min until " + what);
        io.run_one_for(std::chrono::milliseconds(100));
    }
}

/// Follows the pods of a namespace for as long as it lives.
class Follower {
  public:
    Follower(asio::io_context& io, kube::Client& client, const std::string& ns) : io_(io) {
        asio::co_spawn(io, Follow(client, ns, pods_),
                       asio::bind_cancellation_slot(stop_.slot(), [this](std::exception_ptr e) {
                           ended_ = true;
                           if (e && !stopping_) std::rethrow_exception(e);
                       }));
    }
    ~Follower() {
        stopping_ = true;
        if (!ended_) stop_.emit(asio::cancellation_type::terminal);
        while (!ended_)
            io_.run_one();
    }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    const Pods& pods() const { return pods_; }

  private:
    asio::io_context& io_;
    asio::cancellation_signal stop_;
    Pods pods_;
    bool ended_ = false, stopping_ = false;
};

/// Runs `io` until these coroutines have ended.
void RunAll(asio::io_context& io, const std::string& what, std::vector<Awaitable<void>> work) {
    auto left = std::make_shared<std::size_t>(work.size());
    for (auto& each : work)
        asio::co_spawn(io, std::move(each), [left](std::exception_ptr error) {
            Rethrow(error);
            --*left;
        });
    Until(io, what, [&] { return *left == 0; });
}

struct Gang {
    std::string ns, job;
    int pods = 0;
    std::optional<model::Rendered> rendered;  // of the bare side
    int next = 0;

    std::string Pod(int index, int attempt) const {
        return model::PodName(job, "worker", index, attempt);
    }
    /// Pods of the attempt that exist, in that phase; any for none.
    int Count(const Pods& seen, int attempt, const std::string& phase = "") const {
        int count = 0;
        for (int i = 0; i < pods; ++i) {
            auto pod = seen.phases.find(Pod(i, attempt));
            count += pod != seen.phases.end() && (phase.empty() || pod->second == phase);
        }
        return count;
    }
};

Awaitable<void> Submit(kube::Client& client, Gang& gang, std::string more, std::string& made) {
    std::string body = JobBody(gang.ns, gang.job, gang.pods, more);
    auto job = co_await client.Create(kDLJobs, gang.ns, std::move(body));
    made = Must(std::move(job), "submit")->raw;
}

Awaitable<void> Read(kube::Client& client, std::string& cluster) {
    kube::ObjectKey key("", std::string(model::kDLClusterName));
    auto found = co_await client.Get(kDLClusters, std::move(key));
    cluster = Must(std::move(found), "DLCluster")->raw;
}

Awaitable<void> FailOne(kube::Client& client, Gang& gang) {
    kube::ObjectKey key(gang.ns, gang.Pod(gang.pods / 3, 0));
    kube::WriteOptions options;
    options.subresource = "status";
    std::string patch =
        R"({"status":{"phase":"Failed","containerStatuses":[{"name":"main","image":"bench:1",)"
        R"("imageID":"bench:1","ready":false,"restartCount":0,"state":{"terminated":)"
        R"({"exitCode":1,"reason":"Error","startedAt":"2026-01-01T00:00:00Z",)"
        R"("finishedAt":"2026-01-01T00:00:01Z"}}}]}})";
    auto done = co_await client.Patch(kube::kPods, std::move(key), kube::PatchType::kMerge,
                                      std::move(patch), std::move(options));
    Must(std::move(done), "failing a pod");
}

Awaitable<void> DeletePods(kube::Client& client, Gang& gang) {
    while (gang.next < gang.pods) {
        kube::ObjectKey key(gang.ns, gang.Pod(gang.next++, 0));
        kube::DeleteOptions options;  // without precondition: nobody else has pods here
        auto done = co_await client.Delete(kube::kPods, std::move(key), std::move(options));
        Must(std::move(done), "deleting a pod");
    }
}

Awaitable<void> CreatePods(kube::Client& client, Gang& gang, int attempt) {
    while (gang.next < gang.pods) {
        std::string body = model::MakePod(*gang.rendered, 0, gang.next++, attempt);
        auto made = co_await client.Create(kube::kPods, gang.ns, std::move(body));
        Must(std::move(made), "creating a pod");
    }
}

// `one` is no coroutine, it only calls one.
void FromAllConnections(asio::io_context& io, Gang& gang, const std::string& what,
                        const std::function<Awaitable<void>()>& one) {
    gang.next = 0;
    std::vector<Awaitable<void>> work;
    for (int i = 0; i < kConnections; ++i)
        work.push_back(one());
    RunAll(io, what, std::move(work));
}

template <typename... T>
std::vector<Awaitable<void>> List(T... work) {
    std::vector<Awaitable<void>> list;
    (list.push_back(std::move(work)), ...);
    return list;
}

double Seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

double OperatorSide(const Setup& setup, int round, int size) {
    OperatorProcess op(setup);
    op.WaitReady();
    asio::io_context io(1);
    kube::Client admin = MakeClient(io, setup.admin, 4);
    kube::Client watcher = MakeClient(io, setup.admin, 1);
    Follower follower(io, watcher, kOperatorSide);
    const Pods& seen = follower.pods();
    Gang gang{.ns = kOperatorSide, .job = fmt::format("gang-{:03}", round), .pods = size};
    std::string made;
    RunAll(io, "the job is submitted", List(Submit(admin, gang, R"(,"retry":{"limit":1})", made)));
    Until(io, "the gang runs", [&] { return gang.Count(seen, 0, "Running") == size; });
    op.WaitQuiet();
    const auto start = Clock::now();
    RunAll(io, "a pod has failed", List(FailOne(admin, gang)));
    Until(io, "the next attempt exists", [&] { return gang.Count(seen, 1) == size; });
    const double seconds = Seconds(start, seen.changed);
    op.Stop();
    EmptyNamespace(setup, kOperatorSide);
    return seconds;
}

double BareSide(const Setup& setup, int round, int size) {
    asio::io_context io(1);
    kube::Client admin = MakeClient(io, setup.admin, 4);
    kube::Client watcher = MakeClient(io, setup.admin, 1);
    kube::Client bare = MakeClient(io, setup.account, kConnections);
    Follower follower(io, watcher, kBareSide);
    const Pods& seen = follower.pods();
    Gang gang{.ns = kBareSide, .job = fmt::format("gang-{:03}", round), .pods = size};
    std::string made, settings;
    RunAll(io, "the job is submitted",
           List(Submit(admin, gang, R"(,"managedBy":"bench.example/nobody")", made),
                Read(admin, settings)));
    auto job = model::ParseDLJob(made);
    auto cluster = model::ParseDLCluster(settings);
    if (!job || !cluster) Die(job ? cluster.error() : job.error());
    auto rendered = model::Render(*job, *cluster);
    if (!rendered) Die(rendered.error().message);
    gang.rendered = std::move(*rendered);
    FromAllConnections(io, gang, "the first pods are created",
                       [&] { return CreatePods(bare, gang, 0); });
    Until(io, "the gang runs", [&] { return gang.Count(seen, 0, "Running") == size; });
    const auto start = Clock::now();
    FromAllConnections(io, gang, "the pods are deleted", [&] { return DeletePods(bare, gang); });
    Until(io, "the pods are gone", [&] { return gang.Count(seen, 0) == 0; });
    FromAllConnections(io, gang, "the next pods are created",
                       [&] { return CreatePods(bare, gang, 1); });
    Until(io, "the next pods exist", [&] { return gang.Count(seen, 1) == size; });
    const double seconds = Seconds(start, seen.changed);
    EmptyNamespace(setup, kBareSide);
    return seconds;
}

int Main(int argc, char** argv) {
    Setup setup;
    int rounds = 12, size = 64;
    ParseArguments(argc, argv, setup, {{"--rounds", &rounds}, {"--pods", &size}});
    MakeNamespace(setup, kOperatorSide);
    MakeNamespace(setup, kBareSide);
    std::vector<double> op, bare, ratio;
    for (int i = 1; i <= rounds; ++i) {
        op.push_back(OperatorSide(setup, i, size));
        bare.push_back(BareSide(setup, i, size));
        ratio.push_back(op.back() / bare.back());
        Say(fmt::format("round {}: operator {:.2f} s, bare client {:.2f} s, ratio {:.2f}", i,
                        op.back(), bare.back(), ratio.back()));
    }
    RemoveNamespace(setup, kOperatorSide);
    RemoveNamespace(setup, kBareSide);
    Figures figures;
    figures.Add("restart_operator_p50", Percentile(op, 50), "s");
    figures.Add("restart_operator_p99", Percentile(op, 99), "s");
    figures.Add("restart_bare_p50", Percentile(bare, 50), "s");
    figures.Add("restart_bare_p99", Percentile(bare, 99), "s");
    figures.AddGoal("restart_ratio", Median(ratio), "x", "<=", 1.5);
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "restart_bench: {}\n", e.what());
    return 1;
}
