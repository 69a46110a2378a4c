// SPDX-License-Identifier: Apache-2.0
#include "portal/server/approvals/feed.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "portal/server/sse.h"

namespace dlws::portal {

namespace {

// Hears of jobs that begin to wait, or do not wait any more.
class Asking final : public Listener {
  public:
    void Changed(const RowPtr& before, const RowPtr& after) override {
        const auto waits = [](const RowPtr& row) {
            return row && row->phase == model::Phase::AwaitingApproval;
        };
        if (waits(before) || waits(after)) changed_ = true;
    }
    void Reset(std::string) override { changed_ = true; }
    bool Waits() const override { return changed_; }

    bool changed_ = true;  // it begins with the number
};

class ApprovalsFeed final : public Feed {
  public:
    ApprovalsFeed(const Approvals& approvals, const Topic& topic)
        : approvals_(approvals), topic_(topic.text), asking_(std::make_shared<Asking>()) {}

    kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) override {
        auto visible =
            co_await approvals_.backend.visibility.Of(caller, "list", "dljobs", NoNamespaces());
        if (!visible) co_return std::unexpected(std::move(visible.error()));
        visible_ = std::move(*visible);
        asking_->changed_ = true;  // they may decide over others now
        co_return std::expected<void, Problem>();
    }
    bool Waits() const override { return asking_->Waits(); }
    kube::Awaitable<std::vector<std::string>> Take(const Caller& caller) override {
        asking_->changed_ = false;
        const std::vector<AskingJob> jobs =
            approvals_.questions.Select({model::ApprovalStatus::State::Awaiting},
                                        [this](const std::string& ns) { return visible_.Has(ns); });
        int waiting = 0;
        for (std::size_t i = 0; i < jobs.size() && i < kMostCounted; ++i) {
            const std::string why_not =
                co_await WhyNotDecide(approvals_.backend.visibility, caller, *jobs[i]);
            if (why_not.empty()) ++waiting;
        }
        std::vector<std::string> events;
        if (std::exchange(told_, waiting) != waiting)
            events.push_back(
                EventText("approvals", fmt::format(R"({{"topic":{},"waiting":{}}})",
                                                   boost::json::serialize(topic_), waiting)));
        co_return events;
    }
    void Begin(Hub& hub, std::optional<std::uint64_t>, std::function<void()> wake) override {
        hub.Add(asking_, std::move(wake));
    }
    std::uint64_t About() const override { return Fnv(topic_); }
    const std::string& topic() const override { return topic_; }

  private:
    static std::vector<std::string> NoNamespaces() { return {}; }

    const Approvals& approvals_;
    const std::string topic_;
    const std::shared_ptr<Asking> asking_;
    Visible visible_;
    int told_ = -1;
};

}  // namespace

std::unique_ptr<Feed> MakeApprovalsFeed(const Approvals& approvals, const Topic& topic) {
    return std::make_unique<ApprovalsFeed>(approvals, topic);
}

}  // namespace dlws::portal
