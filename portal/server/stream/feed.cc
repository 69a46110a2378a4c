// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/feed.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <map>
#include <utility>

#include "portal/server/jobs/pods.h"
#include "portal/server/sse.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;
using Events = std::vector<std::string>;

class JobsFeed final : public Feed {
  public:
    JobsFeed(const Jobs& jobs, const Topic& topic, Filter filter, const std::string& me)
        : jobs_(jobs),
          topic_(topic.text),
          told_(std::make_shared<Subscription>(topic.text, std::move(filter), me, Visible())) {}

    kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) override {
        auto visible = co_await jobs_.backend.visibility.Of(caller, "watch", "dljobs",
                                                            told_->filter().namespaces);
        if (!visible) co_return std::unexpected(std::move(visible.error()));
        // Before it has begun nothing was told, so nothing has come into sight.
        if (begun_)
            told_->SetVisible(std::move(*visible), jobs_.table);
        else
            told_->StartWith(std::move(*visible));
        co_return std::expected<void, Problem>();
    }
    bool Waits() const override { return told_->Waits(); }
    kube::Awaitable<Events> Take(const Caller&) override { co_return told_->Take(); }
    void Begin(Hub& hub, std::optional<std::uint64_t> since, std::function<void()> wake) override {
        begun_ = true;
        if (since) hub.Resume(*told_, *since);
        hub.Add(told_, std::move(wake));
    }
    std::uint64_t About() const override {
        const Visible& visible = told_->visible();
        std::uint64_t hash = Fnv(topic_ + (visible.everywhere ? "\n*\n" : "\n"));
        for (const std::string& ns : visible.namespaces)
            hash = Fnv(ns + "\n", hash);
        return hash;
    }
    const std::string& topic() const override { return topic_; }

  private:
    const Jobs& jobs_;
    const std::string topic_;
    const std::shared_ptr<Subscription> told_;
    bool begun_ = false;
};

// What has changed of one job: the newest state of each of its pods only.
class OneJob final : public Listener {
  public:
    explicit OneJob(JobTopic job) : job_(std::move(job)) {}
    void Changed(const RowPtr& before, const RowPtr& after) override {
        const Row& row = after ? *after : *before;
        if (row.ns != job_.ns || row.name != job_.name) return;
        changed_ = true;
        if (!after) gone_ = before;
    }
    void PodChanged(const kube::Change& change) override {
        const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
        if (all_pods_ || meta.ns != job_.ns || meta.controller_name != job_.name) return;
        pods_[meta.uid] = change;
        if (pods_.size() <= Subscription::kMostWaiting) return;
        pods_.clear();
        all_pods_ = reset_ = true;
    }
    void Reset(std::string) override { changed_ = all_pods_ = reset_ = true; }
    bool Waits() const override { return changed_ || all_pods_ || !pods_.empty(); }

    const JobTopic job_;
    bool changed_ = true, all_pods_ = true;  // it begins with the whole state
    bool reset_ = false;
    RowPtr gone_;
    std::map<std::string, kube::Change> pods_;
};

class JobFeed final : public Feed {
  public:
    JobFeed(const Jobs& jobs, const Topic& topic, JobTopic job)
        : jobs_(jobs),
          topic_(topic.text),
          quoted_(json::serialize(json::value(topic.text))),
          job_(std::make_shared<OneJob>(std::move(job))) {}

    kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) override {
        const std::string &ns = job_->job_.ns, &name = job_->job_.name;
        Question list("list", "", "pods", ns);
        const bool could = may_list_;
        may_list_ = co_await jobs_.backend.visibility.May(caller, std::move(list));
        if (may_list_ && !could) job_->all_pods_ = true;
        Question get("get", "dlworkspace.io", "dljobs", ns, name);
        auto may = co_await jobs_.backend.visibility.Must(caller, std::move(get));
        co_return may;
    }
    bool Waits() const override { return job_->Waits(); }
    kube::Awaitable<Events> Take(const Caller& caller) override {
        Events events;
        if (std::exchange(job_->reset_, false))
            events.push_back(EventText("reset", fmt::format(R"({{"topic":{}}})", quoted_)));
        if (const RowPtr gone = std::exchange(job_->gone_, nullptr))
            events.push_back(EventText(
                "gone", fmt::format(R"({{"topic":{},"namespace":"{}","name":"{}","uid":"{}"}})",
                                    quoted_, gone->ns, gone->name, gone->uid)));
        TakePods(events);
        if (!std::exchange(job_->changed_, false)) co_return events;
        const auto detail = co_await DetailOf(jobs_, caller, job_->job_.ns, job_->job_.name);
        if (detail)
            events.push_back(EventText(
                "detail", fmt::format(R"({{"topic":{},"detail":{}}})", quoted_, *detail)));
        co_return events;
    }
    void Begin(Hub& hub, std::optional<std::uint64_t>, std::function<void()> wake) override {
        hub.Add(job_, std::move(wake));
    }
    std::uint64_t About() const override { return Fnv(topic_); }
    const std::string& topic() const override { return topic_; }

  private:
    void TakePods(Events& events) {
        const auto pods = std::exchange(job_->pods_, {});
        const bool all = std::exchange(job_->all_pods_, false);
        const kube::ObjectPtr stored = jobs_.store.Get({job_->job_.ns, job_->job_.name});
        if (!may_list_ || !jobs_.pods || !stored) return;
        const auto job = model::ParseDLJob(stored->raw);
        if (!job) return;
        const auto tell = [&](const PodRow& row, const char* more) {
            events.push_back(EventText(
                "pod", fmt::format(R"({{"topic":{},"pod":{}{}}})", quoted_, PodJson(row), more)));
        };
        if (all)
            for (const PodRow& row : PodsOf(*job, *jobs_.pods))
                tell(row, "");
        for (const auto& [uid, change] : pods)
            if (const auto row =
                    MakePodRow((change.after ? change.after : change.before)->raw, *job))
                tell(*row, change.after ? "" : R"(,"gone":true)");
    }

    const Jobs& jobs_;
    const std::string topic_, quoted_;
    const std::shared_ptr<OneJob> job_;
    bool may_list_ = false;
};

}  // namespace

std::unique_ptr<Feed> MakeJobFeed(const Jobs& jobs, const Topic& topic, const std::string& me) {
    if (const auto* all = std::get_if<JobsTopic>(&topic.what))
        return std::make_unique<JobsFeed>(jobs, topic, all->filter, me);
    if (const auto* one = std::get_if<JobTopic>(&topic.what))
        return std::make_unique<JobFeed>(jobs, topic, *one);
    return nullptr;
}

}  // namespace dlws::portal
