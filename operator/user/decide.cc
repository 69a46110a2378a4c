// SPDX-License-Identifier: Apache-2.0
#include "operator/user/decide.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "operator/storage/decide.h"

namespace dlws::user {

std::map<std::string, std::vector<model::NodeHome>> HomesByUser(
    const std::vector<const model::DLNode*>& nodes, model::Time now) {
    std::vector<const model::DLNode*> newest_first;
    for (const model::DLNode* node : nodes)
        if (storage::IsFresh(*node, now)) newest_first.push_back(node);
    std::ranges::sort(newest_first,
                      [](const auto* a, const auto* b) { return a->checkedAt > b->checkedAt; });
    std::map<std::string, std::vector<model::NodeHome>> by_user;
    for (const model::DLNode* node : newest_first)
        for (const model::NodeHome& home : node->homes) {
            std::vector<model::NodeHome>& known = by_user[home.user];
            if (std::ranges::find(known, home.storage, &model::NodeHome::storage) == known.end())
                known.push_back(home);
        }
    return by_user;
}

model::UserStatus StatusOf(const model::DLUser& user, const std::string& problem,
                           const std::vector<model::NodeHome>& homes,
                           const std::vector<model::UserStatus::Quota>& keep) {
    model::UserStatus status;
    status.observedGeneration = user.meta.generation;
    status.state = "Ready";
    for (const model::NodeHome& home : homes) {
        if (!home.reason.empty()) {
            status.state = "NoFolder";
            status.message = home.message;
        } else if (home.bytesTotal > 0) {
            status.quotas.push_back({home.storage, home.bytesTotal, home.bytesFree});
        }
    }
    std::ranges::sort(status.quotas, {}, &model::UserStatus::Quota::storage);
    if (homes.empty()) status.quotas = keep;
    if (!problem.empty()) {
        status.state = "Refused";
        status.message = problem;
    }
    return status;
}

bool IsNews(const model::UserStatus& was, model::UserStatus now) {
    for (model::UserStatus::Quota& quota : now.quotas) {
        const auto before =
            std::ranges::find(was.quotas, quota.storage, &model::UserStatus::Quota::storage);
        if (before != was.quotas.end() &&
            std::abs(before->bytesFree - quota.bytesFree) < quota.bytesTotal / 100)
            quota.bytesFree = before->bytesFree;
    }
    return was != now;
}

}  // namespace dlws::user
