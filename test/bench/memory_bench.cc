// SPDX-License-Identifier: Apache-2.0
// What does a cached pod cost: in the operator's informer and store, in the same without the
// operator's projection, and in an informer of client-go. See test/bench/memory, which prepares the
// cluster and calls this. Each is a process of its own, which says what it holds once the cache is
// filled and everything that can be given back to the system has been.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "operator/job/pod_cache.h"
#include "test/bench/population.h"

namespace dlws::bench {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

struct Held {
    long rss = 0, heap = 0;
};

Held Now() {
    malloc_trim(0);
    Held held;
    long size = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> size >> pages;
    held.rss = pages * sysconf(_SC_PAGESIZE);
    const struct mallinfo2 info = mallinfo2();
    held.heap = long(info.uordblks + info.hblkhd);
    return held;
}

// This process as the measured one: fills the operator's cache of pods, and prints a line of JSON.
int MeasureOurs(const std::string& kubeconfig, bool projected) {
    asio::io_context io(1);
    kube::Client client = MakeClient(io, kubeconfig, 2);
    kube::Random random{1};
    kube::Informer::Settings settings = job::PodCacheSettings();
    if (!projected) settings.transform = {};
    const Held before = Now();
    kube::Informer pods(client, settings, random);
    pods.store().AddIndex(job::kByController, job::ControllerUid);
    asio::co_spawn(io, pods.Run(), asio::detached);
    for (int i = 0; i < 180 && !pods.HasSynced(); ++i)
        io.run_for(std::chrono::seconds(1));
    if (!pods.HasSynced()) Die("the cache did not fill in 3 min");
    io.run_for(std::chrono::seconds(2));  // what the list left behind is let go of
    const Held after = Now();
    Say(json::serialize(json::object{{"objects", pods.store().Size()},
                                     {"rss", after.rss - before.rss},
                                     {"heap", after.heap - before.heap}}));
    std::fflush(stdout);
    _exit(0);  // the informer runs for ever
}

struct PerPod {
    double rss = 0, heap = 0;
};

PerPod Measure(const std::string& what, const std::string& command, int pods) {
    const json::value line = json::parse(Output(command));
    const double objects = line.at("objects").to_number<double>();
    if (objects < pods) Die(fmt::format("{} holds {} pods of {}", what, objects, pods));
    const PerPod result{line.at("rss").to_number<double>() / objects,
                        line.at("heap").to_number<double>() / objects};
    Say(fmt::format("{}: {:.0f} bytes a pod (heap {:.0f})", what, result.rss, result.heap));
    return result;
}

int Main(int argc, char** argv) {
    Setup setup;
    int jobs = 10'000, rounds = 1;
    std::string clientgo;
    if (argc > 2 && std::strcmp(argv[1], "--clientgo") == 0) {
        clientgo = argv[2];
        argc -= 2;
        argv += 2;
    }
    ParseArguments(argc, argv, setup, {{"--jobs", &jobs}, {"--rounds", &rounds}});
    const Population population(setup, jobs);
    const std::string self = fmt::format("/proc/{}/exe", getpid());
    const std::string go =
        fmt::format("{} -kubeconfig {} -selector dlworkspace.io/job", clientgo, setup.admin);
    struct Way {
        std::string name, command;
        std::vector<double> rss, heap;
    };
    std::vector<Way> ways = {
        {"memory", fmt::format("{} --measure projected {}", self, setup.admin), {}, {}},
        {"memory_whole", fmt::format("{} --measure whole {}", self, setup.admin), {}, {}},
        {"memory_clientgo", go, {}, {}},
        {"memory_clientgo_stripped", go + " -strip-managed-fields", {}, {}}};
    for (int i = 0; i < rounds; ++i) {
        for (Way& way : ways) {
            const PerPod held = Measure(way.name, way.command, population.pods());
            way.rss.push_back(held.rss);
            way.heap.push_back(held.heap);
        }
    }
    Usage used;
    {
        OperatorProcess op(setup);
        op.WaitReady(180);
        op.WaitQuiet();
        used = op.Used();
    }
    Figures figures;
    figures.Add("memory_pods", population.pods(), "pods");
    figures.AddGoal("memory_bytes_per_pod", Median(ways[0].rss), "bytes", "<=", 2048);
    for (std::size_t i = 1; i < ways.size(); ++i)
        figures.Add(ways[i].name + "_bytes_per_pod", Median(ways[i].rss), "bytes");
    for (const Way& way : ways)
        figures.Add(way.name + "_heap_per_pod", Median(way.heap), "bytes");
    figures.Add("memory_ratio_to_clientgo_stripped", Median(ways[0].rss) / Median(ways[3].rss),
                "x");
    figures.Add("memory_operator_rss", used.rss_mib, "MiB");
    figures.Add("memory_operator_peak_rss", used.peak_rss_mib, "MiB");
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    if (argc == 4 && std::strcmp(argv[1], "--measure") == 0)
        return dlws::bench::MeasureOurs(argv[3], std::strcmp(argv[2], "projected") == 0);
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "memory_bench: {}\n", e.what());
    return 1;
}
