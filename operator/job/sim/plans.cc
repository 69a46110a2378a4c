// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/plans.h"

#include <fmt/format.h>

namespace dlws::job::sim {

namespace {

std::string Text(Fate fate) {
    switch (fate) {
        case Fate::Perform:
            return "performed";
        case Fate::CrashBefore:
            return "crash-before";
        case Fate::CrashAfter:
            return "crash-after";
        case Fate::ReplyLost:
            return "reply-lost";
        case Fate::Refuse:
            return "refused";
        case Fate::PerformThenError:
            return "performed-then";
        case Fate::Lost:
            return "lost";
        case Fate::Late:
            return "late";
    }
    return "";
}

class Enumeration {
  public:
    Enumeration(const std::vector<Call>& trace, int ticks) : trace_(trace), ticks_(ticks) {}

    std::vector<Plan> All() {
        const int calls = int(trace_.size());
        for (int n = 0; n < calls; ++n)
            OneCall(n);
        // A crash, and another one somewhere in what the next process does.
        for (int n = 0; n < calls; ++n)
            for (int m = n + 1; m < calls + 4; ++m)
                for (Fate second : {Fate::CrashBefore, Fate::CrashAfter})
                    plans_.push_back({.name = Name(n, Fate::CrashAfter) + "+" + Name(m, second),
                                      .faults = {{n, Fate::CrashAfter}, {m, second}}});
        for (int t = 0; t < ticks_; ++t)
            OneTick(t);
        return std::move(plans_);
    }

  private:
    std::string Name(int n, Fate fate, int code = 0) const {
        std::string what = n < int(trace_.size())
                               ? trace_[std::size_t(n)].verb + "-" + trace_[std::size_t(n)].what
                               : "later";
        return fmt::format("{}:{}:{}{}", n, what, Text(fate), code ? std::to_string(code) : "");
    }
    void Add(int n, Fate fate, int code = 0) {
        plans_.push_back({.name = Name(n, fate, code), .faults = {{n, fate, code}}});
    }

    void OneCall(int n) {
        Add(n, Fate::CrashBefore);
        Add(n, Fate::ReplyLost);
        for (int code : {429, 500, 503, 504})
            Add(n, Fate::Refuse, code);
        if (!trace_[std::size_t(n)].write) return;
        Add(n, Fate::CrashAfter);
        Add(n, Fate::Refuse, 409);
        for (int code : {500, 504})
            Add(n, Fate::PerformThenError, code);
        for (int ticks = 1; ticks <= 16; ++ticks) {
            Plan plan{.name = fmt::format("{}-by-{}", Name(n, Fate::Late), ticks),
                      .faults = {{n, Fate::Late}},
                      .late_ticks = ticks};
            plans_.push_back(std::move(plan));
        }
    }

    void OneTick(int t) {
        plans_.push_back({.name = fmt::format("woken-at-{}", t), .wake_at = t});
        for (int which = 1; which <= 3; ++which) {
            const bool jobs = which & 1, pods = which & 2;
            const std::string caches = which == 3 ? "all" : jobs ? "jobs" : "pods";
            for (int ticks : {1, 2, 4, 8}) {
                const std::string at = fmt::format("{}-at-{}-for-{}", caches, t, ticks);
                plans_.push_back({.name = "frozen-" + at, .frozen = {t, ticks, t, jobs, pods}});
                plans_.push_back({.name = "second-" + at, .second = {t, ticks, t, jobs, pods}});
            }
            for (int seen = 0; seen < t; ++seen) {
                const std::string from = fmt::format("{}-at-{}-sees-{}", caches, t, seen);
                for (int ticks : {1, 3})
                    plans_.push_back({.name = fmt::format("restarted-{}-for-{}", from, ticks),
                                      .restarted = {t, ticks, seen, jobs, pods}});
            }
        }
    }

    const std::vector<Call>& trace_;
    int ticks_;
    std::vector<Plan> plans_;
};

}  // namespace

std::vector<Plan> PlansFor(const std::vector<Call>& trace, int ticks) {
    return Enumeration(trace, ticks).All();
}

}  // namespace dlws::job::sim
