// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/container_hash/hash.hpp>
#include <cstddef>
#include <numeric>

#include "operator/job/policy.h"

namespace dlws::job::sim {

namespace {

// Puts what is left until a moment in place of the moment.
model::JobStatus WithoutTimes(model::JobStatus status, model::Time now) {
    constexpr model::Time kSomeTime{};
    auto forget = [&](std::optional<model::Time>& time) {
        if (time) time = kSomeTime;
    };
    const auto left = [&](model::Time due) {
        return kSomeTime + std::max(due - now, std::chrono::seconds(0));
    };
    std::optional<model::Time> due;
    if (!status.attempts.empty()) due = status.attempts.back().finishTime + RestartDelay(status);
    for (auto& a : status.attempts) {
        forget(a.startTime);
        a.finishTime = kSomeTime;
    }
    if (due) status.attempts.back().finishTime = left(*due);
    for (auto& c : status.conditions)
        c.lastTransitionTime = kSomeTime;
    for (auto& n : status.avoidedNodes)
        n.until = left(n.until);
    if (status.pending) status.pending->since = kSomeTime;
    for (auto* time :
         {&status.startTime, &status.finishTime, &status.launchTime, &status.activeSince})
        forget(*time);
    status.activeSeconds = 0;
    return status;
}

// A text, and where it names pods by their numbers: "worker-0-1" and "index":0.
class Numbered {
  public:
    Numbered(std::string text, int numbers) : text_(std::move(text)) {
        for (std::string_view before : {"worker-", "\"index\":"})
            for (std::size_t at = text_.find(before); at != std::string::npos;
                 at = text_.find(before, at)) {
                at += before.size();
                const int number = text_[at] - '0';
                if (number >= 0 && number < numbers) places_.push_back({at, std::size_t(number)});
            }
        hash_ = std::hash<std::string>{}(text_);
    }

    std::size_t Hash(const std::vector<int>& numbers) {
        if (places_.empty()) return hash_;
        for (const auto& [at, number] : places_)
            text_[at] = char('0' + numbers[number]);
        return std::hash<std::string>{}(text_);
    }

  private:
    std::string text_;
    std::size_t hash_;
    std::vector<std::pair<std::size_t, std::size_t>> places_;
};

}  // namespace

// Most of an exploration's time would go into this text, and most states have their job from the
// state before: it is kept for a while.
void Fingerprint::Add(std::shared_ptr<const model::DLJob> job) {
    struct Kept {
        std::shared_ptr<const model::DLJob> job;
        model::Time now;
        std::string text;
    };
    thread_local std::vector<Kept> all_kept(4096);
    Kept& kept =
        all_kept[std::hash<const void*>{}(job.get()) / alignof(std::max_align_t) % all_kept.size()];
    if (kept.job != job || kept.now != now_)
        kept = {job, now_,
                fmt::format("{}{}{}{}{}", job->meta.uid, job->meta.generation, job->spec.suspend,
                            job->spec.stop, model::ToJson(WithoutTimes(job->status, now_)))};
    Add(kept.text);
}

std::string Fingerprint::Text(const model::PodView& pod) const {
    return fmt::format("{} {}{}{}{} {} {} {}", pod.name, int(pod.phase), pod.deleting, pod.ready,
                       pod.disrupted, pod.node, pod.main.exitCode,
                       pod.deletionTimestamp ? (*pod.deletionTimestamp - now_).count() : 0);
}

void Fingerprint::Add(const std::map<std::string, model::PodView>& pods,
                      const std::map<std::string, model::PodView>& truth) {
    std::vector<std::string>& texts = pods_.emplace_back();
    for (const auto& [name, pod] : pods) {
        auto held = truth.find(name);
        const bool true_now = held != truth.end() && held->second.uid == pod.uid &&
                              held->second.resourceVersion == pod.resourceVersion;
        // Which of those that have ended was the first to.
        const auto earlier = std::ranges::count_if(pods, [&](const auto& other) {
            return other.second.main.finishedAt && pod.main.finishedAt &&
                   *other.second.main.finishedAt < *pod.main.finishedAt;
        });
        texts.push_back(fmt::format("{} {}{}", Text(pod), true_now, earlier));
    }
}

std::uint64_t Fingerprint::Hash(int interchangeable) const {
    std::vector<int> numbers(std::size_t(std::max(interchangeable, 1)));
    std::iota(numbers.begin(), numbers.end(), 0);
    std::vector<Numbered> texts;
    for (const std::string& text : texts_)
        texts.emplace_back(text, int(numbers.size()));
    const std::size_t fixed = texts.size();
    for (const auto& view : pods_)
        for (const std::string& text : view)
            texts.emplace_back(text, int(numbers.size()));

    std::uint64_t least = ~std::uint64_t(0);
    do {
        std::size_t hash = 0, n = 0;
        for (; n < fixed; ++n)
            boost::hash_combine(hash, texts[n].Hash(numbers));
        for (const auto& view : pods_) {
            std::size_t sum = view.size();  // in no order
            for (std::size_t i = 0; i < view.size(); ++i)
                sum += texts[n++].Hash(numbers);
            boost::hash_combine(hash, sum);
        }
        least = std::min<std::uint64_t>(least, hash);
    } while (std::ranges::next_permutation(numbers).found);
    return least;
}

}  // namespace dlws::job::sim
