// SPDX-License-Identifier: Apache-2.0
// Pods a second, requests a pod and processor time of the operator for three shapes of work, beside
// a bare client that plays the very same writes (replay.h). See test/bench/throughput.
#include <fmt/format.h>

#include <cstdio>

#include "test/bench/replay.h"

using namespace dlws::bench;

int main(int argc, char** argv) try {
    Setup setup;
    int rounds = 3;
    ParseArguments(argc, argv, setup, {{"--rounds", &rounds}});
    const Shape shapes[] = {
        {.jobs = 1000, .pods = 1}, {.jobs = 100, .pods = 8}, {.jobs = 1, .pods = 1000}};
    std::vector<std::vector<Round>> results(std::size(shapes));
    auto name_of = [](Shape shape) { return fmt::format("{}x{}", shape.jobs, shape.pods); };
    // Shapes alternate too: what else the machine does is shared by all.
    for (int i = 1; i <= rounds; ++i)
        for (std::size_t s = 0; s < std::size(shapes); ++s)
            results[s].push_back(RunRound(setup, name_of(shapes[s]), shapes[s], i));
    Figures figures;
    for (std::size_t s = 0; s < std::size(shapes); ++s) {
        const std::string name = "throughput_" + name_of(shapes[s]);
        auto median = [&](double Round::* field) { return Median(Column(results[s], field)); };
        figures.Add(name + "_operator_rate", median(&Round::operator_rate), "pods/s");
        figures.Add(name + "_bare_rate", median(&Round::bare_rate), "pods/s");
        figures.Add(name + "_ratio", median(&Round::ratio), "x");
        figures.Add(name + "_writes_per_pod", median(&Round::writes_per_pod), "writes");
        if (median(&Round::requests_per_pod) >= 0)
            figures.Add(name + "_requests_per_pod", median(&Round::requests_per_pod), "requests");
        figures.Add(name + "_cpu_per_1000_pods", median(&Round::cpu_per_1000_pods), "s");
    }
    return Finish(figures, setup);
} catch (const std::exception& e) {
    fmt::print(stderr, "throughput_bench: {}\n", e.what());
    return 1;
}
