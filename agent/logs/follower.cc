// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/follower.h"

#include <algorithm>
#include <thread>

#include "agent/logs/pod_log.h"
#include "kube/log.h"

namespace dlws::agent {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kHousekeeping{1};

}  // namespace

Follower::Follower(const NodeFolder& node, int root, FollowerSettings settings,
                   kube::Random& random)
    : node_(node),
      root_(root),
      settings_(std::move(settings)),
      random_(random),
      buffers_(std::make_unique<LogBuffers>()) {}

Follower::~Follower() = default;

bool Follower::Round() {
    const auto now = Clock::now();
    std::string version = node_.Version();
    const bool housekeeping = now - housekept_ >= kHousekeeping;
    if ((housekeeping || version != version_) && Refresh()) version_ = std::move(version);
    bool more = false;
    for (auto& [uid, pod] : pods_)
        more = pod->Step(Clock::now()) || more;
    if (housekeeping) {
        housekept_ = now;
        for (auto& [uid, pod] : pods_)
            pod->Tidy();
        KeepBacklog();
    }
    std::erase_if(pods_, [](const auto& pod) { return pod.second->Finished(); });
    stats_.pods = pods_.size();
    stats_.failing_pods = std::uint64_t(
        std::ranges::count_if(pods_, [](const auto& pod) { return pod.second->Failing(); }));
    const std::lock_guard lock(mutex_);
    published_ = stats_;
    return more;
}

void Follower::Run(std::stop_token stop) {
    while (!stop.stop_requested())
        if (!Round()) std::this_thread::sleep_for(settings_.poll);
    for (auto& [uid, pod] : pods_)
        pod->Flush();
}

FollowerStats Follower::Stats() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

bool Follower::Refresh() {
    // The marks before the links: the linker makes no link of a pod after it is marked.
    const auto gone = node_.GonePods();
    auto links = node_.Links();
    const auto with_facts = node_.PodsWithFacts();
    if (!gone || !links || !with_facts) {
        ++stats_.errors["node"];
        stats_.last_error = !gone ? gone.error() : !links ? links.error() : with_facts.error();
        return false;
    }
    for (const std::string& uid : *with_facts) {
        auto& pod = pods_[uid];
        if (!pod) {
            const auto facts = node_.ReadFacts(uid);
            if (!facts || facts->storage != settings_.storage) {
                pods_.erase(uid);
                continue;
            }
            pod = std::make_unique<PodLog>(node_, root_, settings_, *facts, random_, *buffers_,
                                           stats_);
        }
        pod->See(gone->contains(uid), std::move((*links)[uid]));
    }
    return true;
}

void Follower::KeepBacklog() {
    stats_.backlog_bytes = 0;
    for (const auto& [uid, pod] : pods_)
        stats_.backlog_bytes += pod->Backlog();
    while (stats_.backlog_bytes > settings_.backlog_limit) {
        PodLog* oldest = nullptr;
        std::time_t since = 0;
        for (const auto& [uid, pod] : pods_) {
            const auto written = pod->Droppable();
            if (!written || (oldest != nullptr && *written >= since)) continue;
            oldest = pod.get();
            since = *written;
        }
        const std::uint64_t bytes = oldest == nullptr ? 0 : oldest->Drop();
        if (bytes == 0) break;
        stats_.backlog_bytes -= std::min(bytes, stats_.backlog_bytes);
        kube::LogWarning("logs", "{} bytes of logs were dropped: more than {} wait for the storage",
                         bytes, settings_.backlog_limit);
    }
}

}  // namespace dlws::agent
