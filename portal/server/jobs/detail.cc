// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/detail.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/decode.h"
#include "model/encode.h"
#include "portal/server/jobs/advice.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;
using model::Time;

TimelineStep Approved(const model::DLJob& job) {
    TimelineStep step{.name = "Approved"};
    const auto* condition = model::FindCondition(job.status.conditions, model::kConditionApproved);
    const bool yes = condition && condition->status == "True";
    step.skipped = !job.spec.permissions.Any() ||
                   (yes && condition->reason == model::reason::kApprovalNotRequired.name);
    if (yes && !step.skipped) step.at = condition->lastTransitionTime;
    return step;
}

// When its first pods were all made. Of a job that has been started anew too often to have kept
// that, not after its pods first ran.
std::optional<Time> Admitted(const model::JobStatus& status) {
    std::optional<Time> at = status.launchTime;
    for (const model::AttemptRecord& attempt : status.attempts)
        if (attempt.startTime && (!at || *attempt.startTime < *at)) at = attempt.startTime;
    if (status.startTime && (!at || *status.startTime < *at)) at = status.startTime;
    return at;
}

json::array TimelineJson(const model::DLJob& job) {
    json::array list;
    for (const TimelineStep& step : TimelineOf(job)) {
        json::object o{{"step", step.name}};
        model::PutTime(o, "at", step.at);
        if (step.seconds) o["seconds"] = *step.seconds;
        if (step.skipped) o["skipped"] = true;
        list.push_back(std::move(o));
    }
    return list;
}

// A part of the stored document as it is.
void Append(std::string& out, const char* key, const model::Node& node) {
    out += fmt::format(R"(,"{}":{})", key,
                       node.Present() && node.element().is_object()
                           ? std::string(simdjson::minify(node.element()))
                           : "{}");
}

}  // namespace

std::vector<TimelineStep> TimelineOf(const model::DLJob& job) {
    const model::JobStatus& status = job.status;
    std::vector<TimelineStep> steps = {{.name = "Submitted", .at = job.meta.creationTimestamp},
                                       Approved(job),
                                       {.name = "Admitted", .at = Admitted(status)},
                                       {.name = "Running", .at = status.startTime},
                                       {.name = "Finished", .at = status.finishTime}};
    std::optional<Time> before;
    for (TimelineStep& step : steps) {
        if (!step.at && model::IsFinal(status.phase)) step.skipped = true;
        if (!step.at) continue;
        if (before) step.seconds = std::max<std::int64_t>((*step.at - *before).count(), 0);
        before = step.at;
    }
    return steps;
}

std::string DetailJson(const kube::Object& object, const Row& row, const Can& can,
                       const std::string& folder) {
    const auto job = model::ParseDLJob(object.raw);
    std::string out = R"({"row":)" + row.json;
    {
        model::Document document(object.raw);  // a thread can have one at a time
        model::Node root = document.Root();
        Append(out, "spec", root["spec"]);
        Append(out, "status", root["status"]);
        if (const model::Node labels = root["metadata"]["labels"]; labels.Present())
            Append(out, "labels", labels);
    }
    json::object rest;
    rest["timeline"] = job ? TimelineJson(*job) : json::array();
    model::PutText(rest, "advice", AdviceFor(row));
    rest["can"] = {{"change", can.change},
                   {"delete", can.remove},
                   {"readLogs", can.read_logs},
                   {"listPods", can.list_pods},
                   {"approve", can.approve}};
    model::PutText(rest, "folder", folder, 512);
    return out + "," + json::serialize(rest).substr(1);
}

std::string JobFolderFor(const model::DLJob& job, const model::DLCluster& cluster,
                         const model::UserDirectory& users) {
    const model::Storage* storage = model::FindStorage(cluster, model::kJobFilesStorage);
    if (!storage || !storage->problem.empty() || storage->kind != model::StorageKind::HostMount)
        return "";
    const auto user = users.RunsAs(job, cluster);
    if (!user) return "";
    const auto shown = std::ranges::find(cluster.systemFolders, model::kJobFilesStorage,
                                         &model::SystemFolder::storage);
    const std::string root = shown == cluster.systemFolders.end()
                                 ? model::HostFolder(*storage)
                                 : fmt::format("{}/{}", cluster.systemRoot, shown->folder);
    return fmt::format("{}/{}/{}", root, user->name, model::JobFolder(job.meta));
}

}  // namespace dlws::portal
