// SPDX-License-Identifier: Apache-2.0
// One page of ListJobs out of 10,000 rows: what a pass costs, by question. Each is asked 200 times;
// between two of them 16 MiB are written, since a server that did something else meanwhile has the
// rows in no cache of its processor.
//     job_pass_bench [ROWS]
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <random>
#include <span>

#include "portal/server/jobs/page.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using testing::Parameters;
using testing::ParseQuery;
using Clock = std::chrono::steady_clock;
constexpr const char* kPhaseWords[] = {"Queued", "Starting", "Running", "Succeeded", "Failed"};

void Fill(JobTable& jobs, int rows) {
    std::mt19937_64 random(1);
    for (int i = 0; i < rows; ++i) {
        testing::JobText job;
        job.ns = fmt::format("team-{}", random() % 40);
        job.name = fmt::format("train-{}-{}", random() % 1000, i);
        job.uid = fmt::format("{:08x}-3f55-4a5c-8d4f-{:012x}", random() % 0xffffffff, i);
        job.version = 1000 + random() % 100'000;
        job.created = model::FormatTime(
            model::Time(std::chrono::seconds(1'795'000'000 + random() % 1'000'000)));
        job.owner = fmt::format("user{}@example.org", random() % 300);
        job.spec = fmt::format(
            R"("image":"registry.example/train:{}","roles":[{{"name":"worker","gpus":{}}}])",
            random() % 50, random() % 9);
        job.status = fmt::format(
            R"("phase":"{}","message":"No node has {} GPUs of type A100 free; {} nodes have 6.")",
            kPhaseWords[random() % 5], random() % 9, random() % 100);
        jobs.Apply(testing::Appeared(job));
    }
}

void Measure(const JobTable& jobs, const char* name, const Parameters& parameters) {
    const Query query = ParseQuery(parameters).value();
    Visible scope;
    for (int i = 0; i < 40; ++i)
        scope.namespaces.insert(fmt::format("team-{}", i));
    std::vector<double> times;
    std::vector<char> other(16 << 20);
    std::uint64_t total = 0;
    for (int i = 0; i < 200; ++i) {
        std::memset(other.data(), i, other.size());
        const auto begin = Clock::now();
        const Page page = MakePage(jobs, query, scope, "user1@example.org");
        const std::string json = PageJson(page, scope, "r1");
        times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
        total = page.total + json.size() * 0;
    }
    std::ranges::sort(times);
    fmt::print("figure job_pass_{} {:.3f} ms\n", name, times[times.size() / 2]);
    fmt::print("  {} rows fit; p99 {:.3f} ms\n", total, times[times.size() * 99 / 100]);
}

}  // namespace
}  // namespace dlws::portal

int main(int argc, char** argv) {
    using namespace dlws::portal;
    int rows = 10'000;
    if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rows);
    JobTable jobs;
    const auto begin = Clock::now();
    Fill(jobs, rows);
    const std::chrono::duration<double, std::micro> filled = Clock::now() - begin;
    fmt::print("figure job_row_make {:.1f} us\n", filled.count() / rows);
    Measure(jobs, "default", {});
    Measure(jobs, "changed", {{"sort", "-changed"}});
    Measure(jobs, "name", {{"sort", "name"}});
    Measure(jobs, "owner", {{"sort", "owner"}});
    Measure(jobs, "gpus", {{"sort", "-gpus"}});
    Measure(jobs, "limit_500", {{"limit", "500"}});
    Measure(jobs, "mine", {{"mine", "true"}});
    Measure(jobs, "namespace", {{"namespace", "team-3"}});
    Measure(jobs, "search", {{"q", "train-5 a100"}});
    Measure(jobs, "search_nothing", {{"q", "zebra"}});
}
