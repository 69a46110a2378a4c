// SPDX-License-Identifier: Apache-2.0
// How long does the operator take from the start of its process to its first useful write, with
// 10,000 jobs and 50,000 pods in the cluster? See test/bench/startup, which prepares the cluster
// and calls this.
//
// Each round submits one job while the operator is down, in the middle of the others by name, and
// looks for its pod from the moment the operator is started. The other jobs have ended and need
// nothing: what is written to them is counted and must be none.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>

#include "test/bench/population.h"
#include "test/bench/replay.h"

namespace dlws::bench {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;

Awaitable<void> Submit(kube::Client& client, std::string ns, std::string name, bool& done) {
    std::string body = JobBody(ns, name, 1);
    auto made = co_await client.Create(kDLJobs, ns, std::move(body));
    Must(std::move(made), "submit");
    done = true;
}

Awaitable<void> FirstPod(kube::Client& client, std::string ns, std::string job,
                         Clock::time_point& seen) {
    kube::WatchOptions watch;
    watch.ns = ns;
    watch.label_selector = "dlworkspace.io/job=" + job;
    watch.send_initial_events = true;
    auto opened = co_await client.Watch(kube::kPods, std::move(watch));
    auto stream = Must(std::move(opened), "watch pods");
    while (true) {
        auto event = co_await stream->Next();
        if (!event) Die("watch pods: " + event.error().message);
        if (event->type != kube::WatchEventType::kAdded) continue;
        seen = Clock::now();
        co_return;
    }
}

struct Start {
    double seconds = 0, cpu_seconds = 0, writes_to_others = 0;
    Usage settled;
};

Start Run(const Setup& setup, const std::string& ns, const std::string& job) {
    const std::streamoff from = AuditEnd(setup);
    asio::io_context io(1);
    kube::Client admin = MakeClient(io, setup.admin, 2);
    bool submitted = false;
    asio::co_spawn(io, Submit(admin, ns, job, submitted), Rethrow);
    io.run_for(std::chrono::seconds(30));
    if (!submitted) Die("the job was not submitted within 30 s");
    Clock::time_point seen{};
    io.restart();
    asio::co_spawn(io, FirstPod(admin, ns, job, seen), Rethrow);
    io.run_for(std::chrono::seconds(2));  // the watch stands
    Start start;
    const auto began = Clock::now();
    OperatorProcess op(setup);
    io.run_for(std::chrono::minutes(3));
    if (seen == Clock::time_point{}) Die("no pod within 3 min");
    start.seconds = std::chrono::duration<double>(seen - began).count();
    start.cpu_seconds = op.Used().cpu_seconds;
    op.WaitQuiet();
    start.settled = op.Used();
    op.Stop();
    for (const Recorded& write : ReadAudit(setup, ns, from))
        start.writes_to_others +=
            write.name.find(job) == std::string::npos && write.body.find(job) == std::string::npos;
    Shell(fmt::format("{} -n {} delete dljob {} --wait=false >/dev/null", setup.kubectl, ns, job));
    return start;
}

int Main(int argc, char** argv) {
    Setup setup;
    int jobs = 10'000, rounds = 5;
    ParseArguments(argc, argv, setup, {{"--jobs", &jobs}, {"--rounds", &rounds}});
    const Population population(setup, jobs);
    std::vector<double> seconds, cpu, settled_cpu, rss, peak, others;
    for (int i = 1; i <= rounds; ++i) {
        const Start s = Run(setup, population.ns(), fmt::format("job-{:05}-new-{}", jobs / 2, i));
        seconds.push_back(s.seconds);
        cpu.push_back(s.cpu_seconds);
        settled_cpu.push_back(s.settled.cpu_seconds);
        rss.push_back(s.settled.rss_mib);
        peak.push_back(s.settled.peak_rss_mib);
        others.push_back(s.writes_to_others);
        Say(fmt::format("round {}: {:.2f} s, {:.2f} CPU s, peak {:.0f} MiB", i, s.seconds,
                        s.cpu_seconds, s.settled.peak_rss_mib));
    }
    Figures figures;
    figures.Add("startup_jobs", jobs, "jobs");
    figures.Add("startup_pods", population.pods(), "pods");
    figures.Add("startup_to_first_pod", Median(seconds), "s");
    figures.Add("startup_to_first_pod_worst", Percentile(seconds, 100), "s");
    figures.Add("startup_cpu", Median(cpu), "s");
    figures.Add("startup_cpu_until_quiet", Median(settled_cpu), "s");
    figures.Add("startup_rss", Median(rss), "MiB");
    figures.Add("startup_peak_rss", Median(peak), "MiB");
    figures.AddGoal("startup_writes_to_other_jobs", Percentile(others, 100), "writes", "<=", 0);
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "startup_bench: {}\n", e.what());
    return 1;
}
