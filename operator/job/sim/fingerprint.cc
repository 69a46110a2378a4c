// SPDX-License-Identifier: Apache-2.0
#include "operator/job/sim/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/container_hash/hash.hpp>
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

// Where a text names a pod by its number: "worker-0-1" and "index":0.
void Renumber(std::string& text, const std::vector<int>& numbers) {
    for (std::string_view before : {"worker-", "\"index\":"})
        for (std::size_t at = text.find(before); at != std::string::npos;
             at = text.find(before, at)) {
            at += before.size();
            const int number = text[at] - '0';
            if (number >= 0 && number < int(numbers.size()))
                text[at] = char('0' + numbers[std::size_t(number)]);
        }
}

}  // namespace

void Fingerprint::Add(const model::DLJob& job) {
    Add(fmt::format("{}{}{}{}{}", job.meta.uid, job.meta.generation, job.spec.suspend,
                    job.spec.stop, model::ToJson(WithoutTimes(job.status, now_))));
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
    std::uint64_t least = ~std::uint64_t(0);
    do {
        std::size_t hash = 0;
        auto add = [&](std::string text) {
            Renumber(text, numbers);
            boost::hash_combine(hash, std::hash<std::string>{}(text));
        };
        for (const std::string& text : texts_)
            add(text);
        for (std::vector<std::string> texts : pods_) {
            for (std::string& text : texts)
                Renumber(text, numbers);
            std::ranges::sort(texts);
            for (const std::string& text : texts)
                boost::hash_combine(hash, std::hash<std::string>{}(text));
            boost::hash_combine(hash, texts.size());
        }
        least = std::min<std::uint64_t>(least, hash);
    } while (std::ranges::next_permutation(numbers).found);
    return least;
}

}  // namespace dlws::job::sim
