// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/subscription.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "portal/server/sse.h"

namespace dlws::portal {

namespace json = boost::json;

Subscription::Subscription(std::string topic, Filter filter, std::string me, Visible visible)
    : topic_(json::serialize(json::value(topic))),
      filter_(std::move(filter)),
      me_(std::move(me)),
      visible_(std::move(visible)) {}

bool Subscription::Sees(const Row& row) const {
    return visible_.Has(row.ns) && FitsNamespace(row.ns, filter_);
}

void Subscription::Changed(const RowPtr& before, const RowPtr& after) {
    if (!Sees(after ? *after : *before)) return;
    if (after && Fits(*after, filter_, me_))
        Put({after, false});
    else if (before && Fits(*before, filter_, me_))
        Put({before, true});
}

void Subscription::Tell(const RowPtr& row) {
    if (!Sees(*row) || !MayEverFit(*row, filter_, me_)) return;
    Put({row, !Fits(*row, filter_, me_)});
}

void Subscription::TellGone(const RowPtr& row) {
    if (Sees(*row) && MayEverFit(*row, filter_, me_)) Put({row, true});
}

void Subscription::SetVisible(Visible visible, const JobTable& jobs) {
    const Visible before = std::exchange(visible_, std::move(visible));
    for (const auto& [ns, rows] : jobs.Namespaces()) {
        const bool gone = before.Has(ns) && !visible_.Has(ns);
        const bool came = !before.Has(ns) && visible_.Has(ns);
        if ((!gone && !came) || !FitsNamespace(ns, filter_)) continue;
        for (const RowPtr& row : rows)
            if (Fits(*row, filter_, me_)) Put({row, gone});
    }
}

void Subscription::Put(Item item) {
    if (!reset_.empty()) return;
    const auto [place, is_new] = by_uid_.try_emplace(item.row->uid, waiting_.size());
    if (!is_new) {
        waiting_[place->second] = std::move(item);
    } else if (waiting_.size() < kMostWaiting) {
        waiting_.push_back(std::move(item));
    } else {
        Reset(fmt::format("More than {} jobs have changed.", kMostWaiting));
    }
}

void Subscription::Reset(std::string why) {
    waiting_ = {};
    by_uid_ = {};
    reset_ = std::move(why);
}

std::vector<std::string> Subscription::Take() {
    std::vector<std::string> events;
    if (!reset_.empty())
        events.push_back(EventText("reset", fmt::format(R"({{"topic":{},"why":{}}})", topic_,
                                                        json::serialize(json::value(reset_)))));
    for (const auto& [row, gone] : waiting_)
        events.push_back(
            gone
                ? EventText("gone",
                            fmt::format(R"({{"topic":{},"namespace":"{}","name":"{}","uid":"{}"}})",
                                        topic_, row->ns, row->name, row->uid))
                : EventText("row", fmt::format(R"({{"topic":{},"row":{}}})", topic_, row->json)));
    waiting_ = {};
    by_uid_ = {};
    reset_.clear();
    return events;
}

}  // namespace dlws::portal
