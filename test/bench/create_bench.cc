// SPDX-License-Identifier: Apache-2.0
// How fast does the operator turn DLJobs into pods, beside a bare client that plays the very same
// writes (replay.h)? See test/bench/create, which prepares the cluster and calls this.
#include <fmt/format.h>

#include <cstdio>

#include "test/bench/replay.h"

using namespace dlws::bench;

int main(int argc, char** argv) try {
    Setup setup;
    Shape shape{.jobs = 100, .pods = 8};
    int rounds = 5;
    ParseArguments(argc, argv, setup,
                   {{"--jobs", &shape.jobs}, {"--pods", &shape.pods}, {"--rounds", &rounds}});
    std::vector<Round> results;
    for (int i = 1; i <= rounds; ++i)
        results.push_back(RunRound(setup, "create", shape, i));
    auto median = [&](double Round::* field) { return Median(Column(results, field)); };
    Figures figures;
    figures.Add("create_operator_rate", median(&Round::operator_rate), "pods/s");
    figures.Add("create_bare_rate", median(&Round::bare_rate), "pods/s");
    figures.AddGoal("create_ratio", median(&Round::ratio), "x", ">=", 0.8);
    figures.Add("create_writes_per_pod", median(&Round::writes_per_pod), "writes");
    return Finish(figures, setup);
} catch (const std::exception& e) {
    fmt::print(stderr, "create_bench: {}\n", e.what());
    return 1;
}
