// SPDX-License-Identifier: Apache-2.0
#include "test/faults/plans/plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace dlws::faults {

using namespace std::chrono_literals;

namespace {

// Longer than the lease of 3 s and the time a candidate needs to see that it is over.
constexpr auto kFrozen = 6s;
constexpr auto kStale = 5s;

std::vector<Fault> OfWrite(const std::string& call, int nth) {
    std::vector<Fault> faults;
    auto add = [&](FaultKind kind, int code = 0, std::chrono::milliseconds time = 0ms) {
        faults.push_back({.kind = kind, .call = call, .nth = nth, .code = code, .time = time});
    };
    for (FaultKind kind : {FaultKind::CrashBefore, FaultKind::CrashAfter, FaultKind::NeverSent,
                           FaultKind::ReplyLost, FaultKind::HalfOpen})
        add(kind);
    for (int code : {409, 429, 500, 503, 504})
        add(FaultKind::Answer, code);
    for (int code : {500, 504})
        add(FaultKind::AnswerAfter, code);
    add(FaultKind::Delay, 0, 1500ms);
    add(FaultKind::FreezeBefore, 0, kFrozen);
    add(FaultKind::FreezeAfter, 0, kFrozen);
    for (FaultKind kind : {FaultKind::StaleViews, FaultKind::TimeTravel})
        for (const char* view : {"", "pods", "dljobs"})
            faults.push_back(
                {.kind = kind, .call = call, .nth = nth, .time = kStale, .view = view});
    return faults;
}

std::vector<Fault> OfRead(const std::string& call, int nth) {
    std::vector<Fault> faults;
    for (FaultKind kind : {FaultKind::CrashBefore, FaultKind::ReplyLost})
        faults.push_back({.kind = kind, .call = call, .nth = nth});
    faults.push_back({.kind = FaultKind::Answer, .call = call, .nth = nth, .code = 500});
    return faults;
}

std::vector<Fault> OfWatch(const std::string& call, std::size_t events) {
    std::vector<Fault> faults = {{.kind = FaultKind::GoneStatus, .call = call},
                                 {.kind = FaultKind::MuteWatch, .call = call}};
    for (int event = 1; event <= int(events); ++event) {
        auto add = [&](FaultKind kind, std::chrono::milliseconds time = 0ms, int percent = 0) {
            faults.push_back(
                {.kind = kind, .call = call, .event = event, .percent = percent, .time = time});
        };
        add(FaultKind::Stall, kStale);
        add(FaultKind::Lag, 400ms);
        add(FaultKind::Split);
        add(FaultKind::Twice);
        add(FaultKind::GoneEvent);
        for (int percent : {0, 1, 25, 50, 75, 99, 100})
            add(FaultKind::Cut, 0ms, percent);
    }
    return faults;
}

}  // namespace

std::string Plan::Name() const {
    return workload->name + ":" + fault.Name();
}

std::vector<Plan> Enumerate(const Workload& workload, const std::vector<Seen>& log) {
    std::vector<Plan> plans;
    for (const Seen& seen : log) {
        std::vector<Fault> faults;
        const std::string kind = seen.call.Kind();
        if (seen.call.Counts())
            faults = OfWrite(kind, seen.nth);
        else if (seen.call.verb == "watch" && seen.nth == 1)
            faults = OfWatch(kind, seen.events.size());
        else if ((seen.call.verb == "get" || seen.call.verb == "list") &&
                 seen.call.resource != "leases")
            faults = OfRead(kind, seen.nth);
        for (Fault& fault : faults)
            plans.push_back({&workload, std::move(fault)});
    }
    return plans;
}

std::vector<Plan> Sample(std::vector<Plan> plans, std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::ranges::shuffle(plans, random);
    std::map<std::string, std::vector<Plan>> groups;
    for (Plan& plan : plans) {
        const std::string group =
            fmt::format("{} {} {}{}", plan.workload->name, ToString(plan.fault.kind),
                        plan.fault.code, plan.fault.view);
        groups[group].push_back(std::move(plan));
    }
    std::vector<std::vector<Plan>> rows;
    for (auto& [name, group] : groups)
        rows.push_back(std::move(group));
    std::ranges::shuffle(rows, random);
    std::vector<Plan> chosen;
    for (std::size_t round = 0; chosen.size() < count; ++round) {
        const std::size_t before = chosen.size();
        for (auto& row : rows)
            if (round < row.size() && chosen.size() < count)
                chosen.push_back(std::move(row[round]));
        if (chosen.size() == before) break;
    }
    return chosen;
}

}  // namespace dlws::faults
