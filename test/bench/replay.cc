// SPDX-License-Identifier: Apache-2.0
#include "test/bench/replay.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>

namespace dlws::bench {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using kube::Awaitable;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 16;

std::string JobName(int i) {
    return fmt::format("job-{:03}", i);
}

// ---- what both sides share: submitting jobs, and seeing pods appear ----

struct Submitted {
    std::vector<std::string> uids;  // empty: not yet
    int next = 0;
};

Awaitable<void> Submit(kube::Client& client, std::string ns, Shape shape, Submitted& submitted) {
    while (submitted.next < shape.jobs) {
        int i = submitted.next++;
        std::string body = JobBody(ns, JobName(i), shape.pods);
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

std::string Text(const json::object& o, const char* key) {
    const auto* v = o.if_contains(key);
    return v && v->is_string() ? std::string(v->get_string()) : "";
}

}  // namespace

std::streamoff AuditEnd(const Setup& setup) {
    return std::ifstream(setup.audit, std::ios::ate).tellg();
}

std::vector<Recorded> ReadAudit(const Setup& setup, const std::string& ns, std::streamoff from) {
    std::vector<Recorded> writes;
    std::ifstream file(setup.audit);
    file.seekg(from);
    for (std::string line; std::getline(file, line);) {
        // Cheap test first: the log holds the writes of every namespace.
        if (line.find("\"" + ns + "\"") == std::string::npos) continue;
        json::object entry = json::parse(line).as_object();
        if (Text(entry, "stage") != "ResponseComplete") continue;
        if (Text(entry.at("user").as_object(), "username") != setup.user) continue;
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

namespace {

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

// Seconds from the first submit to the last pod.
double Timed(const Setup& setup, const std::string& ns, Shape shape, Submitted& submitted,
             Replay* replay) {
    asio::io_context io(1);
    kube::Client user = MakeClient(io, setup.admin, 4);
    kube::Client watcher = MakeClient(io, setup.admin, 1);
    kube::Client bare = MakeClient(io, setup.account, kConnections);
    submitted = {.uids = std::vector<std::string>(std::size_t(shape.jobs))};
    Clock::time_point last;
    asio::co_spawn(io, CountPods(watcher, ns, std::size_t(shape.jobs * shape.pods), last), Rethrow);
    io.run_for(std::chrono::milliseconds(500));  // the watch stands
    auto start = Clock::now();
    for (int i = 0; i < 4; ++i)
        asio::co_spawn(io, Submit(user, ns, shape, submitted), Rethrow);
    if (replay) {
        replay->submitted = &submitted;
        for (int i = 0; i < kConnections; ++i)
            asio::co_spawn(io, Play(bare, *replay), Rethrow);
    }
    io.run_for(std::chrono::minutes(5));
    if (last == Clock::time_point{} || !io.stopped()) Die("not all pods within 5 min in " + ns);
    return std::chrono::duration<double>(last - start).count();
}

}  // namespace

Round RunRound(const Setup& setup, const std::string& name, Shape shape, int round) {
    const std::string ns_op = fmt::format("bench-{}-op-{:02}", name, round);
    const std::string ns_bare = fmt::format("bench-{}-ba-{:02}", name, round);
    const double pods = shape.jobs * shape.pods;

    MakeNamespace(setup, ns_op);
    const std::streamoff from = AuditEnd(setup);
    OperatorProcess op(setup);
    op.WaitReady();
    op.WaitQuiet();
    const double requests_before = op.Requests();
    const double cpu_before = op.Used().cpu_seconds;
    Submitted submitted;
    double seconds = Timed(setup, ns_op, shape, submitted, nullptr);
    sleep(4);  // the last statuses: they belong to its writes
    op.WaitQuiet();
    Round result;
    result.operator_rate = pods / seconds;
    result.cpu_per_1000_pods = (op.Used().cpu_seconds - cpu_before) / pods * 1000;
    const double requests = op.Requests();
    result.requests_per_pod = requests < 0 ? -1 : (requests - requests_before) / pods;
    op.Stop();

    Replay replay{.writes = ReadAudit(setup, ns_op, from), .old_ns = ns_op, .new_ns = ns_bare};
    replay.taken.resize(replay.writes.size());
    for (int i = 0; i < shape.jobs; ++i)
        replay.old_uid[JobName(i)] = submitted.uids[std::size_t(i)];
    auto created = std::ranges::count_if(
        replay.writes, [](auto& w) { return w.plural == "pods" && w.verb == "create"; });
    if (created != long(pods)) Die(fmt::format("the audit log tells of {} pods", created));
    result.writes_per_pod = double(replay.writes.size()) / pods;
    RemoveNamespace(setup, ns_op);

    MakeNamespace(setup, ns_bare);
    sleep(4);
    seconds = Timed(setup, ns_bare, shape, submitted, &replay);
    result.bare_rate = pods / seconds;
    result.ratio = result.operator_rate / result.bare_rate;
    sleep(4);
    RemoveNamespace(setup, ns_bare);
    Say(fmt::format("{} round {}: operator {:.1f} pods/s, bare client {:.1f} pods/s, ratio {:.2f}",
                    name, round, result.operator_rate, result.bare_rate, result.ratio));
    return result;
}

std::vector<double> Column(const std::vector<Round>& rounds, double Round::* field) {
    std::vector<double> values;
    for (const Round& round : rounds)
        values.push_back(round.*field);
    return values;
}

}  // namespace dlws::bench
