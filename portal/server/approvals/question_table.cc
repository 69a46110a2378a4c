// SPDX-License-Identifier: Apache-2.0
#include "portal/server/approvals/question_table.h"

#include <algorithm>

#include "model/status.h"

namespace dlws::portal {

model::Time AskedSince(const model::DLJob& job) {
    const auto found = std::ranges::find(job.status.conditions, model::kConditionApproved,
                                         &model::Condition::type);
    return found == job.status.conditions.end() ? job.meta.creationTimestamp.value_or(model::Time{})
                                                : found->lastTransitionTime;
}

void QuestionTable::Follow(kube::Informer& informer) {
    informer.OnChange([this](const kube::Change& change) { Apply(change); });
}

void QuestionTable::Apply(const kube::Change& change) {
    const std::string& uid = (change.after ? change.after : change.before)->meta.uid;
    if (auto known = since_.find(uid); known != since_.end()) {
        jobs_.erase({known->second, uid});
        since_.erase(known);
    }
    if (!change.after) return;
    auto job = model::ParseDLJob(change.after->raw);
    if (!job || !job->status.approval) return;
    const model::Time since = AskedSince(*job);
    since_[uid] = since;
    jobs_[{since, uid}] = std::make_shared<const model::DLJob>(std::move(*job));
}

}  // namespace dlws::portal
