// SPDX-License-Identifier: Apache-2.0
// What does admission add to the creation of a DLJob, how many reviews does the webhook answer a
// processor second, and how does it stand callers that only hold on to their connections? See
// test/bench/admission, which prepares the cluster and calls this.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <tuple>

#include "kube/base64.h"
#include "test/bench/common.h"
#include "test/bench/open_loop.h"
#include "test/bench/review_caller.h"
#include "test/bench/slow_callers.h"

namespace dlws::bench {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;

constexpr const char* kThrough = "bench-admission";
constexpr const char* kAround = "dlws-system";  // both webhook configurations leave it out
constexpr const char* kWebhook = "dlworkspace-webhook";
constexpr int kCallers = 128;

std::string Body(const std::string& ns, int i) {
    // Nobody acts on such a job.
    return JobBody(ns, fmt::format("job-{:05}", i), 1, R"(,"managedBy":"example.org/bench")");
}

Awaitable<bool> Create(kube::Client& client, std::string ns, int i, std::string& made) {
    std::string body = Body(ns, i);
    auto job = co_await client.Create(kDLJobs, ns, std::move(body));
    if (!job) {
        Say("creating a job: " + job.error().message);
        co_return false;
    }
    if (made.empty()) made = (*job)->raw;
    co_return true;
}

// ---- what admission adds ----

/// A DLJob as it is after admission.
std::string MeasureCreates(const Setup& setup, int rate, int seconds, Figures& figures) {
    // The connections, and the API server's to the webhooks, are made in the first two seconds.
    const int warm_up = 2 * rate;
    asio::io_context io(1);
    kube::Client client = MakeClient(io, setup.admin, kCallers);
    MakeNamespace(setup, kThrough);
    DeleteJobs(setup, kAround);
    std::string made_through, made_around;
    const Answers answers = OpenLoop(
        {.rate = double(rate), .calls = warm_up + seconds * rate, .callers = kCallers},
        [&](int, int i) {
            return i % 2 == 0 ? Create(client, kThrough, i, made_through)
                              : Create(client, kAround, i, made_around);
        },
        io);
    const std::vector<double>& ms = answers.milliseconds;
    std::vector<double> through, around;
    for (int i = warm_up; i < int(ms.size()); ++i)
        if (ms[std::size_t(i)] >= 0) (i % 2 == 0 ? through : around).push_back(ms[std::size_t(i)]);
    if (through.empty() || around.empty()) Die("no job could be created");
    if (!made_through.contains("submittedBy") || made_around.contains("submittedBy"))
        Die("admission stamps the wrong jobs");
    const auto failures = seconds * rate - int(through.size() + around.size());
    figures.AddGoal("admission_create_failures", failures, "creates", "<=", 0);
    // With all callers busy both sides wait for each other, and there is no telling who for whom.
    figures.AddGoal("admission_create_late", double(answers.late) / double(ms.size()), "x",
                    "<=", 0.01);
    for (const auto& [name, percent, goal] :
         {std::tuple{"p50", 50.0, 0.5}, std::tuple{"p99", 99.0, 1.0}}) {
        const double bare = Percentile(around, percent);
        const double added = Percentile(through, percent) - bare;
        figures.Add(fmt::format("admission_bare_{}", name), bare, "ms");
        figures.Add(fmt::format("admission_added_{}", name), added, "ms");
        figures.AddGoal(fmt::format("admission_added_{}_ratio", name), added / bare, "x",
                        "<=", goal);
    }
    DeleteJobs(setup, kAround);
    RemoveNamespace(setup, kThrough);
    return made_through;
}

// ---- a webhook of our own ----

std::string TrustedAuthority(const Setup& setup) {
    const std::string text =
        Output(fmt::format("{} get validatingwebhookconfiguration {} "
                           "--output 'jsonpath={{.webhooks[0].clientConfig.caBundle}}'",
                           setup.kubectl, kWebhook));
    return Must(kube::DecodeBase64(text), "caBundle");
}

/// It shares the Secret of those in the cluster.
struct WebhookProcess : ServerProcess {
    WebhookProcess(const Setup& setup, int port, int max_connections)
        : ServerProcess(setup.webhook,
                        {"--kubeconfig=" + setup.admin, fmt::format("--namespace={}", kAround),
                         fmt::format("--service={}", kWebhook), "--address=127.0.0.1",
                         fmt::format("--port={}", port), "--drain-seconds=0",
                         fmt::format("--max-connections={}", max_connections)}) {}
};

Awaitable<void> AskUntil(ReviewCaller& caller, const Question& question, Clock::time_point end,
                         int& answered) {
    while (Clock::now() < end) {
        const bool good = co_await caller.Ask(question);
        if (!good) Die("a review was not answered with yes");
        ++answered;
    }
}

double ReviewsPerCpuSecond(const ServerProcess& webhook, const Hook& hook, const Question& question,
                           int seconds) {
    constexpr int kConnections = 16;
    asio::io_context io(1);
    std::vector<std::unique_ptr<ReviewCaller>> callers;
    int answered = 0;
    for (int i = 0; i < kConnections; ++i)
        callers.push_back(std::make_unique<ReviewCaller>(io.get_executor(), hook));
    const auto run_for = [&](std::chrono::seconds time) {
        const auto end = Clock::now() + time;
        for (auto& caller : callers)
            asio::co_spawn(io, AskUntil(*caller, question, end, answered), Rethrow);
        io.restart();
        io.run();
    };
    run_for(std::chrono::seconds(1));  // the connections
    const double before = webhook.Used().cpu_seconds;
    answered = 0;
    run_for(std::chrono::seconds(seconds));
    const double used = webhook.Used().cpu_seconds - before;
    Say(fmt::format("{} reviews in {} s, {:.2f} s of a processor", answered, seconds, used));
    return answered / used;
}

void MeasureRate(const Hook& hook, const Question& question, int rate, int seconds,
                 Figures& figures) {
    constexpr int kConnections = 64;
    asio::io_context io(1);
    std::vector<std::unique_ptr<ReviewCaller>> callers;
    for (int i = 0; i < kConnections; ++i)
        callers.push_back(std::make_unique<ReviewCaller>(io.get_executor(), hook));
    const auto ask = [&](int caller, int) { return callers[std::size_t(caller)]->Ask(question); };
    // A first one of each makes the connections.
    OpenLoop({.rate = 200, .calls = kConnections, .callers = kConnections}, ask, io);
    Answers answers =
        OpenLoop({.rate = double(rate), .calls = rate * seconds, .callers = kConnections}, ask, io);
    std::vector<double>& ms = answers.milliseconds;
    const auto failures = std::erase_if(ms, [](double value) { return value < 0; });
    figures.AddGoal("admission_rate_failures", double(failures), "reviews", "<=", 0);
    if (ms.empty()) Die("no review was answered");
    figures.Add("admission_rate_p50", Percentile(ms, 50), "ms");
    figures.Add("admission_rate_p99", Percentile(ms, 99), "ms");
}

// ---- callers that only hold on ----

struct Served {
    int reviews = 0, fewest_standing = 0;
};

Awaitable<void> AskEach(const Hook& hook, const Question& question, int times,
                        const SlowCallers& slow, Served& served) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    // Anew each time: a connection that is there already is the easier case.
    for (int i = 0; i < times; ++i) {
        ReviewCaller caller(timer.get_executor(), hook);
        const bool good = co_await caller.Ask(question, std::chrono::seconds(1));
        served.reviews += good;
        served.fewest_standing = std::min(served.fewest_standing, slow.Standing());
        timer.expires_after(std::chrono::milliseconds(100));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

void MeasureSlow(const Setup& setup, const std::string& authority, const std::string& name,
                 const Question& question, int connections, Figures& figures) {
    constexpr int kTimes = 100;
    const int port = FreePort();
    WebhookProcess webhook(setup, port, 2 * connections);
    webhook.WaitReady();
    const double before = webhook.Used().rss_mib;
    const Hook hook(port, authority, name);
    SlowCallers slow(port, connections);
    const auto began = Clock::now();
    // Some are being made anew at any time.
    while (slow.Standing() < connections - connections / 20) {
        if (Clock::now() > began + std::chrono::minutes(2))
            Die(fmt::format("{} of {} connections stand after 2 min", slow.Standing(),
                            connections));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    Say(fmt::format("{} connections stand after {:.0f} s", slow.Standing(), took.count()));
    asio::io_context io(1);
    Served served{.fewest_standing = slow.Standing()};
    asio::co_spawn(io, AskEach(hook, question, kTimes, slow, served), Rethrow);
    io.run();
    const double peak = webhook.Used().peak_rss_mib;
    figures.Add("admission_slow_connections", served.fewest_standing, "connections");
    figures.Add("admission_slow_rss", peak, "MiB");
    figures.Add("admission_slow_rss_per_connection", (peak - before) * 1024 / connections, "KiB");
    figures.AddGoal("admission_slow_served", double(served.reviews) / kTimes, "x", ">=", 1);
}

int Main(int argc, char** argv) {
    Setup setup;
    int rate = 200, seconds = 20, connections = 10'000, reviews = 1000;
    ParseArguments(argc, argv, setup,
                   {{"--rate", &rate},
                    {"--seconds", &seconds},
                    {"--connections", &connections},
                    {"--reviews", &reviews}});
    AllowFiles(connections + 1000);
    Figures figures;
    const std::string job = MeasureCreates(setup, rate, seconds, figures);

    const std::string authority = TrustedAuthority(setup);
    const std::string name = fmt::format("{}.{}.svc", kWebhook, kAround);
    const Question validate = AskAbout(job, "/validate"), mutate = AskAbout(job, "/mutate");
    {
        const int port = FreePort();
        WebhookProcess webhook(setup, port, 1000);
        webhook.WaitReady();
        const Hook hook(port, authority, name);
        figures.Add("admission_reviews_per_core_validate",
                    ReviewsPerCpuSecond(webhook, hook, validate, 5), "reviews/s");
        figures.Add("admission_reviews_per_core_mutate",
                    ReviewsPerCpuSecond(webhook, hook, mutate, 5), "reviews/s");
        MeasureRate(hook, validate, reviews, 10, figures);
    }
    MeasureSlow(setup, authority, name, validate, connections, figures);
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "admission_bench: {}\n", e.what());
    return 1;
}
