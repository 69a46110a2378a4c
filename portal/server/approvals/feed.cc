// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "portal/server/approvals/handlers.h"

namespace dlws::portal {

namespace {

class ApprovalsFeed final : public Feed {
  public:
    ApprovalsFeed(const Approvals& approvals, std::string topic)
        : approvals_(approvals), topic_(std::move(topic)) {}

    kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) override {
        std::vector<std::string> all;
        auto visible =
            co_await approvals_.backend.visibility.Of(caller, "list", "dljobs", std::move(all));
        if (!visible) co_return std::unexpected(std::move(visible.error()));
        visible_ = std::move(*visible);
        co_return std::expected<void, Problem>();
    }
    // Who waits for a stream looks each second.
    bool Waits() const override { return Clock::now() >= due_; }
    kube::Awaitable<std::vector<std::string>> Take(const Caller& caller) override {
        due_ = Clock::now() + kApprovalsInterval;
        std::vector<AskingJob> jobs =
            approvals_.questions.Select({model::ApprovalStatus::Awaiting},
                                        [&](const std::string& ns) { return visible_.Has(ns); });
        jobs.resize(std::min(jobs.size(), kMostCounted));
        int waiting = 0;
        for (const AskingJob& job : jobs) {
            const std::string why_not =
                co_await WhyNotDecide(approvals_.backend.visibility, caller, *job);
            waiting += why_not.empty() ? 1 : 0;
        }
        std::vector<std::string> events;
        if (std::exchange(told_, waiting) != waiting)
            events.push_back(EventText(
                "approvals", fmt::format(R"({{"topic":"approvals","waiting":{}}})", waiting)));
        co_return events;
    }
    void Begin(Hub&, std::optional<std::uint64_t>, std::function<void()>) override {}
    std::uint64_t About() const override { return Fnv(topic_); }
    const std::string& topic() const override { return topic_; }

  private:
    using Clock = std::chrono::steady_clock;
    const Approvals& approvals_;
    const std::string topic_;
    Visible visible_;
    std::optional<int> told_;
    Clock::time_point due_{};
};

}  // namespace

std::unique_ptr<Feed> MakeApprovalsFeed(const Approvals& approvals, const Topic& topic) {
    return std::make_unique<ApprovalsFeed>(approvals, topic.text);
}

}  // namespace dlws::portal
