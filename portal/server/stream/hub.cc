// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace dlws::portal {

namespace {

// What is remembered of a job that is gone.
RowPtr Short(const Row& row) {
    auto kept = std::make_shared<Row>();
    kept->ns = row.ns;
    kept->name = row.name;
    kept->uid = row.uid;
    kept->owner = row.owner;
    kept->created = row.created;
    return kept;
}

template <typename Number>
bool ReadAll(std::string_view text, Number& number, int base) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace

std::string ToString(const StreamId& id) {
    return id.about ? fmt::format("r{}-{:x}", id.version, *id.about)
                    : fmt::format("r{}", id.version);
}

std::optional<StreamId> ParseStreamId(std::string_view text) {
    if (!text.starts_with('r')) return std::nullopt;
    const std::size_t dash = text.find('-');
    StreamId id;
    if (!ReadAll(text.substr(0, dash).substr(1), id.version, 10)) return std::nullopt;
    if (dash == std::string_view::npos) return id;
    if (!ReadAll(text.substr(dash + 1), id.about.emplace(), 16)) return std::nullopt;
    return id;
}

Hub::Hub(JobTable& jobs) : jobs_(jobs) {
    jobs.OnChange([this](const RowPtr& before, const RowPtr& after) { Changed(before, after); });
}

void Hub::Follow(kube::Informer& informer) {
    informer.OnProgress([this](std::uint64_t version) { Progress(version); });
}

void Hub::FollowPods(kube::Informer& informer) {
    informer.OnChange([this](const kube::Change& change) { PodChanged(change); });
}

void Hub::PodChanged(const kube::Change& change) {
    ForEach([&](Listener& listener) { listener.PodChanged(change); });
}

void Hub::Changed(const RowPtr& before, const RowPtr& after) {
    changed_ = true;
    if (!after) {
        deleted_.push_back({0, Short(*before)});
        while (deleted_.size() > kMostDeleted) {
            forgot_ = forgot_ || deleted_.front().version == 0;
            floor_ = std::max(floor_, deleted_.front().version);
            deleted_.pop_front();
        }
    }
    ForEach([&](Listener& listener) { listener.Changed(before, after); });
}

void Hub::Progress(std::uint64_t version) {
    const bool first = seen_ == 0;
    const bool went_back = version < seen_;  // etcd was restored
    seen_ = version;
    for (auto deleted = deleted_.rbegin(); deleted != deleted_.rend() && deleted->version == 0;
         ++deleted)
        deleted->version = version;
    if (first || went_back) {
        told_ = floor_ = version;
        deleted_.clear();
    } else if (changed_) {
        told_ = version;
    }
    if (std::exchange(forgot_, false)) floor_ = version;
    changed_ = false;
    if (went_back) ForEach([](Listener& l) { l.Reset("The cluster was restored from a backup."); });
}

void Hub::Add(const std::shared_ptr<Listener>& listener, std::function<void()> wake) {
    listeners_.push_back({listener, std::move(wake)});
}

void Hub::ForEach(const std::function<void(Listener&)>& tell) {
    std::erase_if(listeners_, [&](const Hearing& hearing) {
        const auto listener = hearing.listener.lock();
        if (!listener) return true;
        tell(*listener);
        if (listener->Waits()) hearing.wake();
        return false;
    });
}

void Hub::Resume(Subscription& subscription, std::uint64_t since) const {
    if (since < floor_)
        return subscription.Reset("It is too long ago for this replica to know what changed.");
    // The oldest news first: what was deleted may have been made anew under its name.
    for (const Deleted& deleted : deleted_)
        if (deleted.version == 0 || deleted.version > since) subscription.TellGone(deleted.row);
    for (const auto& [ns, rows] : jobs_.Namespaces())
        for (const RowPtr& row : rows)
            if (row->resource_version > since) subscription.Tell(row);
}

}  // namespace dlws::portal
