// SPDX-License-Identifier: Apache-2.0
// How fast is the portal with 10,000 jobs and 200 people who look at them? See test/bench/portal,
// which prepares the cluster and calls this.
//
// The portal is a process of ours that serves TLS as it would in the cluster. What is measured of
// it is measured of the API server in the same run, by the same client: a page of the same jobs,
// and the same changes on one bare watch.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "kube/together.h"
#include "test/bench/population.h"
#include "test/bench/slow_callers.h"

namespace dlws::bench {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kFollowers = 50, kStreamsOfAll = 20;
constexpr const char* kPages =
    "/api/v1/jobs?namespace=bench-population&phase=Succeeded&sort=-created&limit=50";

// ---- people ----

// Viewers of the namespace, each with a token of the API server's.
Awaitable<void> LogIn(kube::Client& admin, std::string ns, int i, std::string& token) {
    const std::string name = fmt::format("user-{:03}", i);
    std::string account = fmt::format(
        R"({{"apiVersion":"v1","kind":"ServiceAccount","metadata":{{"name":"{}"}}}})", name);
    auto made = co_await admin.Create({"", "v1", "serviceaccounts", "ServiceAccount", true}, ns,
                                      std::move(account));
    Must(std::move(made), "account");
    const std::string path = "serviceaccounts/" + name + "/token";
    std::string request = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest",)"
                          R"("spec":{"expirationSeconds":7200}})";
    auto given =
        co_await admin.Create({"", "v1", path, "TokenRequest", true}, ns, std::move(request));
    token =
        json::parse(Must(std::move(given), "token")->raw).at_pointer("/status/token").as_string();
}

Awaitable<void> LogInFrom(kube::Client& admin, std::string ns, int from, int step,
                          std::vector<std::string>& tokens) {
    for (int i = from; i < int(tokens.size()); i += step)
        co_await LogIn(admin, ns, i, tokens[std::size_t(i)]);
}

std::vector<std::string> People(const Setup& setup, const std::string& ns, int count) {
    Shell(
        fmt::format("{} -n {} create rolebinding bench --clusterrole dlworkspace-viewer "
                    "--group system:serviceaccounts:{} >/dev/null",
                    setup.kubectl, ns, ns));
    std::vector<std::string> tokens;
    tokens.resize(std::size_t(count));
    asio::io_context io(1);
    kube::Client admin = MakeClient(io, setup.admin, 8);
    for (int i = 0; i < 8; ++i)
        asio::co_spawn(io, LogInFrom(admin, ns, i, 8, tokens), Rethrow);
    io.run_for(std::chrono::minutes(2));
    if (std::ranges::count(tokens, "") > 0) Die("not all people had a token within 2 min");
    return tokens;
}

// ---- the portal ----

struct PortalProcess : ServerProcess {
    PortalProcess(const Setup& setup, int port)
        : ServerProcess(setup.portal, {"--kubeconfig=" + setup.admin, "--address=127.0.0.1",
                                       fmt::format("--port={}", port)}) {}
};

kube::Config PortalConfig(int port) {
    kube::Config config;
    config.host = "127.0.0.1";
    config.port = std::to_string(port);
    config.insecure_skip_verify = true;  // the certificate is one of its own making
    return config;
}

kube::CallOptions As(const std::string& token) {
    kube::CallOptions options;
    options.bearer = token;
    return options;
}

// ---- waiting ----

void RunUntil(asio::io_context& io, const char* what, const std::function<bool()>& done) {
    const auto end = Clock::now() + std::chrono::minutes(5);
    while (!done()) {
        if (Clock::now() > end) Die(fmt::format("within 5 min not all {}", what));
        io.run_for(std::chrono::milliseconds(10));
    }
}

// Idle connections have timers: the context is never without work.
void RunToEnd(asio::io_context& io, const char* what, Awaitable<void> work) {
    bool ended = false;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr error) {
        Rethrow(error);
        ended = true;
    });
    io.restart();
    RunUntil(io, what, [&] { return ended; });
}

// ---- pages ----

struct Times {
    std::vector<double> ours, theirs;  ///< ms
};

Awaitable<void> Ask(kube::Client& server, std::string target, std::string token,
                    std::vector<double>& times, const char* holds) {
    const auto began = Clock::now();
    auto answer = co_await server.GetRaw(target, As(token));
    const std::string text = Must(std::move(answer), target);
    if (!text.contains(holds)) Die(target + " is not what it should be: " + text.substr(0, 300));
    times.push_back(Seconds(Clock::now() - began).count() * 1e3);
}

// By turns, so that both have the same machine.
Awaitable<void> AskForPages(kube::Client& portal, kube::Client& api, const std::string& ns,
                            const std::string& token, int rounds, Times& times) {
    const std::string theirs =
        fmt::format("/apis/dlworkspace.io/v1/namespaces/{}/dljobs?limit=50", ns);
    for (int i = -10; i < rounds; ++i) {
        if (i == 0) times = {};  // connections and verdicts are there
        co_await Ask(portal, kPages, token, times.ours, R"("items":[{)");
        co_await Ask(api, theirs, token, times.theirs, R"("items":[{)");
    }
}

Awaitable<void> ReadAll(kube::Client& portal, const std::string& token, int& rows) {
    std::string cursor;
    do {
        std::string target = "/api/v1/jobs?limit=500" + (cursor.empty() ? "" : "&cursor=" + cursor);
        auto answer = co_await portal.GetRaw(std::move(target), As(token));
        const json::value page = json::parse(Must(std::move(answer), "page"));
        rows += int(page.at("items").as_array().size());
        const json::value* next = page.as_object().if_contains("nextCursor");
        cursor = next ? std::string(next->as_string()) : "";
    } while (!cursor.empty());
}

void MeasurePages(const Setup& setup, const std::string& ns, int port, const std::string& token,
                  int rounds, Figures& figures) {
    asio::io_context io(1);
    kube::Client portal(io.get_executor(), PortalConfig(port));
    const kube::Config server =
        kube::WithoutIdentity(Must(kube::LoadConfig(setup.admin), "config"));
    kube::Client api(io.get_executor(), server);
    Times times;
    RunToEnd(io, "pages", AskForPages(portal, api, ns, token, rounds, times));
    const double ours = Percentile(times.ours, 50), theirs = Percentile(times.theirs, 50);
    const double ours_99 = Percentile(times.ours, 99), theirs_99 = Percentile(times.theirs, 99);
    figures.Add("portal_page_p50", ours, "ms");
    figures.Add("portal_page_p99", ours_99, "ms");
    figures.Add("portal_api_server_page_p50", theirs, "ms");
    figures.Add("portal_api_server_page_p99", theirs_99, "ms");
    figures.AddGoal("portal_page_p50_ratio", ours / theirs, "x", "<=", 1.5);
    figures.AddGoal("portal_page_p99_ratio", ours_99 / theirs_99, "x", "<=", 1.5);
    int rows = 0;
    const auto began = Clock::now();
    RunToEnd(io, "rows", ReadAll(portal, token, rows));
    figures.Add("portal_rows", rows / Seconds(Clock::now() - began).count(), "rows/s");
}

// ---- events ----

std::string NewJob(int i) {
    return fmt::format("event-{:05}", i);
}

// When each job was asked for, and when a stream first told of it.
struct Events {
    std::vector<Clock::time_point> asked;
    std::vector<double> watch, streams;  ///< ms since then
    int open = 0, told = 0;
};

Awaitable<void> WatchBare(kube::Client& api, std::string ns, Events& events) {
    kube::ListOptions newest;
    newest.ns = ns;
    newest.limit = 1;
    auto page = co_await api.List(kDLJobs, std::move(newest));
    kube::WatchOptions options;
    options.ns = ns;
    options.resource_version = std::to_string(Must(std::move(page), "list").resource_version);
    auto opened = co_await api.Watch(kDLJobs, std::move(options));
    auto stream = Must(std::move(opened), "watch");
    ++events.open;
    while (true) {
        auto event = co_await stream->Next();
        if (!event) Die("watch: " + event.error().message);
        if (!event->object || event->type != kube::WatchEventType::kAdded) continue;
        int i = 0;
        if (std::sscanf(event->object->meta.name.c_str(), "event-%d", &i) != 1) continue;
        events.watch.push_back(Seconds(Clock::now() - events.asked[std::size_t(i)]).count() * 1e3);
    }
}

Awaitable<void> Listen(kube::Client& portal, std::string token, std::string topic, Events& events) {
    kube::StreamOptions options;
    options.bearer = token;
    auto opened = co_await portal.OpenRaw("/api/v1/stream?topic=" + topic, std::move(options));
    auto stream = Must(std::move(opened), "stream");
    ++events.open;
    std::vector<bool> seen(events.asked.size(), false);
    std::string text;
    while (true) {
        auto piece = co_await stream->Next();
        if (!piece || piece->empty()) Die("a stream broke off");
        const auto now = Clock::now();
        text += *piece;
        static constexpr std::string_view kName = R"("name":"event-)";
        std::size_t at = 0;
        for (std::size_t found; (found = text.find(kName, at)) != std::string::npos &&
                                found + kName.size() + 5 <= text.size();) {
            at = found + kName.size();
            const auto i = std::size_t(std::atoi(text.substr(at, 5).c_str()));
            if (seen.at(i)) continue;
            seen[i] = true;
            ++events.told;
            events.streams.push_back(Seconds(now - events.asked[i]).count() * 1e3);
        }
        text.erase(0, std::max(at, text.size() - std::min(text.size(), kName.size() + 5)));
    }
}

Awaitable<void> SubmitAll(kube::Client& admin, std::string ns, int rate, Events& events) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    auto due = Clock::now();
    for (int i = 0; i < int(events.asked.size()); ++i) {
        due += std::chrono::microseconds(1'000'000 / rate);
        timer.expires_at(due);
        co_await timer.async_wait(asio::use_awaitable);
        std::string body = JobBody(ns, NewJob(i), 1, R"(,"managedBy":"example.org/bench")");
        events.asked[std::size_t(i)] = Clock::now();
        auto made = co_await admin.Create(kDLJobs, ns, std::move(body));
        Must(std::move(made), "submit");
    }
}

void MeasureEvents(const Setup& setup, const std::string& ns, int port,
                   const std::vector<std::string>& tokens, int rate, int seconds,
                   Figures& figures) {
    asio::io_context io(1);
    kube::Client portal(io.get_executor(), PortalConfig(port));
    kube::Client admin = MakeClient(io, setup.admin, 2);
    Events events;
    events.asked.resize(std::size_t(rate * seconds));
    asio::co_spawn(io, WatchBare(admin, ns, events), Rethrow);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::string topic = i < kStreamsOfAll ? "jobs" : "jobs%3Fmine%3Dtrue";
        asio::co_spawn(io, Listen(portal, tokens[i], topic, events), Rethrow);
    }
    RunUntil(io, "streams were open", [&] { return events.open == int(tokens.size()) + 1; });
    bool ended = false;
    asio::co_spawn(io, SubmitAll(admin, ns, rate, events), [&](std::exception_ptr error) {
        Rethrow(error);
        ended = true;
    });
    const auto expected = int(events.asked.size()) * kStreamsOfAll;
    RunUntil(io, "events were told", [&] {
        return ended && events.told >= expected && events.watch.size() == events.asked.size();
    });
    const double ours = Percentile(events.streams, 99), theirs = Percentile(events.watch, 99);
    figures.Add("portal_streams", double(tokens.size()), "streams");
    figures.Add("portal_event_p50", Percentile(events.streams, 50), "ms");
    figures.Add("portal_event_p99", ours, "ms");
    figures.Add("portal_watch_event_p50", Percentile(events.watch, 50), "ms");
    figures.Add("portal_watch_event_p99", theirs, "ms");
    figures.AddGoal("portal_event_p99_ratio", ours / theirs, "x", "<=", 2);
}

// ---- logs ----

Awaitable<void> Follow(kube::Client& portal, std::string token, std::string target, int& open,
                       int& ended, std::size_t& lines) {
    kube::StreamOptions options;
    options.bearer = token;
    auto opened = co_await portal.OpenRaw(std::move(target), std::move(options));
    auto stream = Must(std::move(opened), "follow");
    ++open;
    std::string text;
    while (true) {
        auto piece = co_await stream->Next();
        if (!piece) Die("a log broke off: " + piece.error().message);
        if (piece->empty()) break;
        text += *piece;
        static constexpr std::string_view kLine = R"("text":")";
        for (std::size_t at = 0; (at = text.find(kLine, at)) != std::string::npos;
             at += kLine.size())
            ++lines;
        text.erase(0, text.size() - std::min(text.size(), kLine.size() - 1));
        if (text.ends_with(kLine)) text.clear();
    }
    ++ended;
}

// As the kubelet has them: what it never had nobody loses.
Awaitable<void> CountPrinted(kube::Client& admin, std::string ns, double& lines) {
    auto text =
        co_await admin.GetRaw(fmt::format("/api/v1/namespaces/{}/pods/prints-worker-0-0/log", ns));
    lines = double(std::ranges::count(Must(std::move(text), "log"), '\n'));
}

void MeasureLogs(const Setup& setup, const std::string& ns, int port,
                 const std::vector<std::string>& tokens, int printed, Figures& figures) {
    const OperatorProcess op(setup);
    const std::string job = fmt::format(
        R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{{"name":"prints"}},"spec":)"
        R"({{"image":"dlworkspace.io/tools:1","command":["bash","-c",)"
        R"("sleep 15; for ((i = 0; i < {}; ++i)); do echo \"$i of the lines that a training job )"
        R"(prints: loss 0.1234 accuracy 0.9876\"; done"],"cleanupPods":"None"}}}})",
        printed);
    Shell(fmt::format("echo '{}' | {} -n {} apply -f - >/dev/null", job, setup.kubectl, ns));
    Shell(fmt::format("{} -n {} wait --for=condition=Running dljob/prints --timeout=60s >/dev/null",
                      setup.kubectl, ns));
    asio::io_context io(1);
    kube::Client portal(io.get_executor(), PortalConfig(port));
    int open = 0, ended = 0;
    std::size_t lines = 0;
    const std::string target =
        fmt::format("/api/v1/namespaces/{}/jobs/prints/logs/stream?rank=0", ns);
    for (int i = 0; i < kFollowers; ++i)
        asio::co_spawn(io, Follow(portal, tokens[std::size_t(i)], target, open, ended, lines),
                       Rethrow);
    RunUntil(io, "followers were there", [&] { return open == kFollowers; });
    RunUntil(io, "had a first line", [&] { return lines > 0; });
    const auto began = Clock::now();
    RunUntil(io, "followers had the last line", [&] { return ended == kFollowers; });
    const double took = Seconds(Clock::now() - began).count();
    figures.Add("portal_log_followers", kFollowers, "people");
    figures.Add("portal_log_lines", double(lines) / took, "lines/s");
    kube::Client admin = MakeClient(io, setup.admin, 1);
    double kept = 0;
    RunToEnd(io, "lines were counted", CountPrinted(admin, ns, kept));
    figures.Add("portal_log_lines_printed", kept, "lines");
    figures.AddGoal("portal_log_lines_lost", kept * kFollowers - double(lines), "lines", "<=", 0);
}

// ---- callers that only hold on ----

// Anew each time: a connection that is there already is the easier case.
Awaitable<void> Probe(int port, std::string token, int times, std::vector<double>& ms) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < times; ++i) {
        kube::Client portal(timer.get_executor(), PortalConfig(port));
        co_await Ask(portal, kPages, token, ms, R"("items":[{)");
        timer.expires_after(std::chrono::milliseconds(50));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

double ProbeP99(int port, const std::string& token) {
    asio::io_context io(1);
    std::vector<double> ms;
    RunToEnd(io, "probes", Probe(port, token, 200, ms));
    return Percentile(ms, 99);
}

// From one address, which has a quarter of all connections at most; who is turned away tries again.
void MeasureFlood(int port, const std::string& token, int connections, Figures& figures) {
    const double before = ProbeP99(port, token);
    const SlowCallers slow(port, connections);
    std::this_thread::sleep_for(std::chrono::seconds(10));
    const double during = ProbeP99(port, token);
    figures.Add("portal_flood_standing", slow.Standing(), "connections");
    figures.Add("portal_flood_page_p99", during, "ms");
    figures.AddGoal("portal_flood_page_p99_ratio", during / before, "x", "<=", 3);
}

int Main(int argc, char** argv) {
    Setup setup;
    int jobs = 10'000, people = 200, rounds = 500, rate = 10, seconds = 20, lines = 20'000,
        connections = 10'000;
    ParseArguments(argc, argv, setup,
                   {{"--jobs", &jobs},
                    {"--people", &people},
                    {"--rounds", &rounds},
                    {"--rate", &rate},
                    {"--seconds", &seconds},
                    {"--lines", &lines},
                    {"--connections", &connections}});
    AllowFiles(connections + 4000);
    if (people < kFollowers) Die(fmt::format("--people wants at least {}", kFollowers));
    const Population population(setup, jobs);
    const std::vector<std::string> tokens = People(setup, population.ns(), people);
    const int port = FreePort();
    PortalProcess portal(setup, port);
    portal.WaitReady();
    portal.WaitQuiet();
    Figures figures;
    figures.Add("portal_jobs", jobs, "jobs");
    figures.Add("portal_rss", portal.Used().rss_mib, "MiB");
    Say("pages");
    MeasurePages(setup, population.ns(), port, tokens[0], rounds, figures);
    Say("events");
    MeasureEvents(setup, population.ns(), port, tokens, rate, seconds, figures);
    Say("logs");
    MeasureLogs(setup, population.ns(), port, tokens, lines, figures);
    Say("callers that only hold on");
    MeasureFlood(port, tokens[0], connections, figures);
    figures.Add("portal_peak_rss", portal.Used().peak_rss_mib, "MiB");
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "portal_bench: {}\n", e.what());
    return 1;
}
