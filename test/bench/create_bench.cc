// SPDX-License-Identifier: Apache-2.0
// How fast does the operator turn DLJobs into pods, beside a bare client that plays the very same
// writes from 16 connections? See test/bench/create, which prepares the cluster and calls this.
//
// One round: the operator (a process on this host, with its own ServiceAccount) meets 100 new jobs;
// time runs from the first submit to the last pod created, as a watcher sees it. Its writes are
// then read from the API server's audit log, and, with the operator stopped, played again in the
// same order for 100 jobs submitted in the same way in another namespace. Rounds alternate.
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "kube/client.h"
#include "test/bench/figures.h"

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
namespace kube = dlws::kube;
using dlws::bench::Figures;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;

constexpr kube::Resource kDLJobs{"dlworkspace.io", "v1", "dljobs", "DLJob", true};

struct Options {
    std::string admin, account, user, op, audit, kubectl, json_file;
    int jobs = 100, pods = 8, rounds = 5, connections = 16;
};

[[noreturn]] void Die(const std::string& what) {
    throw std::runtime_error(what);
}

template <typename T>
T Must(kube::Result<T> result, const std::string& what) {
    if (!result) Die(what + ": " + result.error().message);
    return std::move(*result);
}

void Shell(const std::string& command) {
    if (std::system(command.c_str()) != 0) Die("failed: " + command);
}

std::string JobName(int i) {
    return fmt::format("job-{:03}", i);
}

std::string JobBody(const std::string& ns, int i, int pods) {
    return fmt::format(
        R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{{"name":"{}","namespace":"{}"}},)"
        R"("spec":{{"image":"bench:1","framework":"Torch","command":["train"],)"
        R"("roles":[{{"name":"worker","replicas":{}}}],)"
        R"("podOverrides":{{"nodeSelector":{{"type":"kwok"}},"tolerations":[)"
        R"({{"key":"kwok.x-k8s.io/node","operator":"Equal","value":"fake","effect":"NoSchedule"}}]}}}}}})",
        JobName(i), ns, pods);
}

// ---- what both sides share: submitting jobs, and seeing pods appear ----

struct Submitted {
    std::vector<std::string> uids;  // empty: not yet
    int next = 0;
};

Awaitable<void> Submit(kube::Client& client, std::string ns, const Options& options,
                       Submitted& submitted) {
    while (submitted.next < options.jobs) {
        int i = submitted.next++;
        std::string body = JobBody(ns, i, options.pods);
        auto made = co_await client.Create(kDLJobs, ns, std::move(body));
        submitted.uids[std::size_t(i)] = Must(std::move(made), "submit")->meta.uid;
    }
}

// Ends when `want` pods have been seen in the namespace; `last` is when. The server may end a watch
// that reads too slowly for it: then from the beginning.
Awaitable<void> CountPods(kube::Client& client, std::string ns, std::size_t want,
                          Clock::time_point& last) {
    std::set<std::string> seen;
    while (seen.size() < want) {
        kube::WatchOptions watch;
        watch.ns = ns;
        watch.send_initial_events = true;
        auto opened = co_await client.Watch(kube::kPods, std::move(watch));
        auto stream = Must(std::move(opened), "watch pods");
        while (seen.size() < want) {
            auto event = co_await stream->Next();
            if (!event) break;
            if (event->type != kube::WatchEventType::kAdded) continue;
            if (seen.insert(event->object->meta.name).second) last = Clock::now();
        }
    }
}

// ---- the operator's writes, as the audit log tells them ----

struct Recorded {
    std::string verb, group, plural, subresource, name, job;
    std::string body;
};

std::string Text(const json::object& o, const char* key) {
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : "";
}

std::vector<Recorded> ReadAudit(const Options& options, const std::string& ns,
                                std::streamoff from) {
    std::vector<Recorded> writes;
    std::ifstream file(options.audit);
    file.seekg(from);
    for (std::string line; std::getline(file, line);) {
        // Cheap test first: the log holds the writes of every namespace.
        if (line.find("\"" + ns + "\"") == std::string::npos) continue;
        json::object entry = json::parse(line).as_object();
        if (Text(entry, "stage") != "ResponseComplete") continue;
        if (Text(entry.at("user").as_object(), "username") != options.user) continue;
        const auto& ref = entry.at("objectRef").as_object();
        if (Text(ref, "namespace") != ns) continue;
        if (entry.at("responseStatus").as_object().at("code").to_number<int>() >= 300) continue;
        Recorded w{.verb = Text(entry, "verb"),
                   .group = Text(ref, "apiGroup"),
                   .plural = Text(ref, "resource"),
                   .subresource = Text(ref, "subresource"),
                   .name = Text(ref, "name")};
        if (const auto* body = entry.if_contains("requestObject")) {
            json::value copy = *body;
            // The precondition names a version of another object: the replay cannot have it.
            if (w.plural == "dljobs")
                if (auto* meta = copy.as_object().if_contains("metadata"))
                    meta->as_object().erase("resourceVersion");
            w.body = json::serialize(copy);
            // Every name begins with its job's, which is 7 characters long.
            std::string name = w.name;
            if (w.plural == "events")
                name = Text(copy.at("regarding").as_object(), "name");
            else if (name.empty())
                name = Text(copy.at("metadata").as_object(), "name");
            w.job = name.substr(0, 7);
        }
        if (w.verb == "create" || w.verb == "patch") writes.push_back(std::move(w));
    }
    return writes;
}

std::string Replace(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

// ---- the bare client ----

struct Replay {
    std::vector<Recorded> writes;
    std::vector<bool> taken;
    std::size_t first = 0;  // everything before is taken
    std::string old_ns, new_ns;
    std::map<std::string, std::string> old_uid;  // job name -> uid in the recording
    const Submitted* submitted = nullptr;

    // The first write in order whose job exists by now; size() when there is none at present.
    std::size_t Take() {
        while (first < writes.size() && taken[first])
            ++first;
        for (std::size_t i = first; i < writes.size(); ++i) {
            if (taken[i]) continue;
            int job = std::atoi(writes[i].job.c_str() + 4);
            if (submitted->uids[std::size_t(job)].empty()) continue;
            taken[i] = true;
            return i;
        }
        return writes.size();
    }
};

Awaitable<void> Play(kube::Client& client, Replay& replay) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (true) {
        std::size_t i = replay.Take();
        if (i == replay.writes.size()) {
            if (replay.first == replay.writes.size()) co_return;
            timer.expires_after(std::chrono::milliseconds(1));
            co_await timer.async_wait(asio::use_awaitable);
            continue;
        }
        const Recorded& w = replay.writes[i];
        int job = std::atoi(w.job.c_str() + 4);
        std::string body = Replace(w.body, replay.old_ns, replay.new_ns);
        body = Replace(std::move(body), replay.old_uid[w.job],
                       replay.submitted->uids[std::size_t(job)]);
        kube::Resource resource{w.group, "v1", w.plural, "", true};
        kube::Result<kube::ObjectPtr> result;
        kube::WriteOptions options;
        options.subresource = w.subresource;
        options.field_manager = "dlworkspace-operator";
        if (w.verb == "create") {
            result = co_await client.Create(resource, replay.new_ns, std::move(body),
                                            std::move(options));
        } else {
            kube::ObjectKey key{replay.new_ns, w.name};
            result = co_await client.Patch(resource, std::move(key), kube::PatchType::kMerge,
                                           std::move(body), std::move(options));
        }
        Must(std::move(result), fmt::format("replay {} {}/{}", w.verb, w.plural, w.name));
    }
}

// ---- one side, timed ----

kube::Client MakeClient(asio::io_context& io, const std::string& kubeconfig, int connections) {
    kube::Client::Settings settings;
    settings.max_connections = connections;
    return {io.get_executor(), Must(kube::LoadKubeconfig(kubeconfig), "kubeconfig"), settings};
}

void Rethrow(std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
}

// Seconds from the first submit to the last pod.
double Timed(const Options& options, const std::string& ns, Submitted& submitted, Replay* replay) {
    asio::io_context io(1);
    kube::Client user = MakeClient(io, options.admin, 4);
    kube::Client watcher = MakeClient(io, options.admin, 1);
    kube::Client bare = MakeClient(io, options.account, options.connections);
    submitted = {.uids = std::vector<std::string>(std::size_t(options.jobs))};
    Clock::time_point last;
    asio::co_spawn(io, CountPods(watcher, ns, std::size_t(options.jobs * options.pods), last),
                   Rethrow);
    io.run_for(std::chrono::milliseconds(500));  // the watch stands
    auto start = Clock::now();
    for (int i = 0; i < 4; ++i)
        asio::co_spawn(io, Submit(user, ns, options, submitted), Rethrow);
    if (replay) {
        replay->submitted = &submitted;
        for (int i = 0; i < options.connections; ++i)
            asio::co_spawn(io, Play(bare, *replay), Rethrow);
    }
    io.run_for(std::chrono::minutes(2));
    if (last == Clock::time_point{} || !io.stopped()) Die("not all pods within 2 min in " + ns);
    return std::chrono::duration<double>(last - start).count();
}

// The operator as a process of ours, which ends with this object whatever happens. Without leader
// election: the chart's account may touch the chart's Lease only, and one is alone here.
class OperatorProcess {
  public:
    explicit OperatorProcess(const Options& options) {
        std::vector<std::string> args = {options.op,
                                         "--kubeconfig=" + options.account,
                                         "--leader-elect=false",
                                         "--health-address=127.0.0.1",
                                         "--health-port=0",
                                         "--log-level=warn"};
        std::vector<char*> argv;
        for (auto& a : args)
            argv.push_back(a.data());
        argv.push_back(nullptr);
        if (posix_spawn(&pid_, options.op.c_str(), nullptr, nullptr, argv.data(), environ) != 0)
            Die("cannot start " + options.op);
    }
    ~OperatorProcess() { Stop(); }
    OperatorProcess(const OperatorProcess&) = delete;
    OperatorProcess& operator=(const OperatorProcess&) = delete;

    void Stop() {
        if (pid_ <= 0) return;
        kill(pid_, SIGTERM);
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = 0;
    }

  private:
    pid_t pid_ = 0;
};

void MakeNamespace(const Options& options, const std::string& ns) {
    Shell(fmt::format("{} create namespace {} >/dev/null", options.kubectl, ns));
}

// Collections at once and without grace: one by one, 800 pods would take a minute.
void RemoveNamespace(const Options& options, const std::string& ns) {
    Shell(fmt::format(
        "{0} delete --raw /apis/dlworkspace.io/v1/namespaces/{1}/dljobs >/dev/null && "
        "{0} delete --raw '/api/v1/namespaces/{1}/pods?gracePeriodSeconds=0' >/dev/null "
        "&& {0} delete namespace {1} --timeout=180s >/dev/null",
        options.kubectl, ns));
}

struct Round {
    double operator_rate = 0, bare_rate = 0, writes_per_pod = 0;
};

Round Run(const Options& options, int round) {
    const std::string ns_op = fmt::format("bench-op-{:02}", round);
    const std::string ns_bare = fmt::format("bench-ba-{:02}", round);
    const double pods = options.jobs * options.pods;

    MakeNamespace(options, ns_op);
    std::ifstream log(options.audit, std::ios::ate);
    std::streamoff from = log.tellg();
    OperatorProcess op(options);
    sleep(4);  // it leads and its caches are read
    Submitted submitted;
    double seconds = Timed(options, ns_op, submitted, nullptr);
    sleep(4);  // the last statuses: they belong to its writes
    op.Stop();

    Replay replay{.writes = ReadAudit(options, ns_op, from), .old_ns = ns_op, .new_ns = ns_bare};
    replay.taken.resize(replay.writes.size());
    for (int i = 0; i < options.jobs; ++i)
        replay.old_uid[JobName(i)] = submitted.uids[std::size_t(i)];
    auto created = std::ranges::count_if(
        replay.writes, [](auto& w) { return w.plural == "pods" && w.verb == "create"; });
    if (created != long(pods)) Die(fmt::format("the audit log tells of {} pods", created));
    Round result{.operator_rate = pods / seconds,
                 .writes_per_pod = double(replay.writes.size()) / pods};
    RemoveNamespace(options, ns_op);

    MakeNamespace(options, ns_bare);
    sleep(4);
    seconds = Timed(options, ns_bare, submitted, &replay);
    result.bare_rate = pods / seconds;
    sleep(4);
    RemoveNamespace(options, ns_bare);
    fmt::print("round {}: operator {:.1f} pods/s, bare client {:.1f} pods/s, ratio {:.2f}\n", round,
               result.operator_rate, result.bare_rate, result.operator_rate / result.bare_rate);
    std::fflush(stdout);
    return result;
}

double Median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

Options Parse(int argc, char** argv) {
    Options options;
    std::map<std::string, std::string*> texts = {
        {"--admin", &options.admin},   {"--account", &options.account},
        {"--user", &options.user},     {"--operator", &options.op},
        {"--audit", &options.audit},   {"--kubectl", &options.kubectl},
        {"--json", &options.json_file}};
    std::map<std::string, int*> numbers = {
        {"--jobs", &options.jobs}, {"--pods", &options.pods}, {"--rounds", &options.rounds}};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (auto t = texts.find(argv[i]); t != texts.end())
            *t->second = argv[i + 1];
        else if (auto n = numbers.find(argv[i]); n != numbers.end())
            *n->second = std::atoi(argv[i + 1]);
        else
            Die(std::string("unknown option ") + argv[i]);
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) try {
    Options options = Parse(argc, argv);
    std::vector<double> op, bare, ratio, writes;
    for (int i = 1; i <= options.rounds; ++i) {
        Round r = Run(options, i);
        op.push_back(r.operator_rate);
        bare.push_back(r.bare_rate);
        ratio.push_back(r.operator_rate / r.bare_rate);
        writes.push_back(r.writes_per_pod);
    }
    Figures figures;
    figures.Add("create_operator_rate", Median(op), "pods/s");
    figures.Add("create_bare_rate", Median(bare), "pods/s");
    figures.AddGoal("create_ratio", Median(ratio), "x", ">=", 0.8);
    figures.Add("create_writes_per_pod", Median(writes), "writes");
    if (!options.json_file.empty()) figures.WriteJson(options.json_file);
    return figures.GoalsMet() ? 0 : 1;
} catch (const std::exception& e) {
    fmt::print(stderr, "create_bench: {}\n", e.what());
    return 1;
}
