// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/row.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "model/decode.h"
#include "model/encode.h"
#include "model/names.h"
#include "portal/server/jobs/text_search.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;
using model::Cut;
using model::JobStatus;
using model::Phase;

constexpr std::size_t kMostText = 512;  // bytes of owner and image
constexpr std::size_t kMostReason = 64;

std::string Why(const model::DLJob& job) {
    if (!job.status.message.empty()) return std::string(Cut(job.status.message));
    if (!job.spec.managedBy.empty() && job.spec.managedBy != model::kOurselves)
        return fmt::format("Another controller manages the job: {}.", Cut(job.spec.managedBy, 256));
    return job.status.phase == Phase::None ? "The operator has not seen the job yet." : "";
}

std::string ReasonOf(const JobStatus& status) {
    if (status.pending) return status.pending->reason;
    if (status.failure) return status.failure->reason;
    if (status.phase == Phase::Restarting && !status.attempts.empty())
        return status.attempts.back().failure.reason;
    const auto* finished = model::FindCondition(status.conditions, model::kConditionFinished);
    return finished && finished->status == "True" ? finished->reason : "";
}

std::vector<std::string> GpuTypes(const model::DLJobSpec& spec) {
    std::vector<std::string> types;
    for (const model::Role& role : spec.roles)
        if (!role.gpuType.empty()) types.push_back(role.gpuType);
    std::ranges::sort(types);
    types.erase(std::ranges::unique(types).begin(), types.end());
    return types;
}

// The contract's pattern: nothing, or two numbers.
bool IsReady(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto digits = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return text.size() <= 24 && slash != std::string_view::npos && digits(text.substr(0, slash)) &&
           digits(text.substr(slash + 1));
}

std::string JsonOf(const Row& row, const model::DLJob& job, std::string_view image,
                   std::string_view why) {
    const JobStatus& status = job.status;
    json::object o;
    o["namespace"] = row.ns;
    o["name"] = row.name;
    o["uid"] = row.uid;
    o["resourceVersion"] = std::to_string(row.resource_version);
    o["phase"] = PhaseWord(row.phase);
    o["why"] = why;
    if (row.pending) o["pending"] = ToString(*row.pending);
    model::PutText(o, "reason", row.reason, kMostReason);
    o["owner"] = row.owner;
    o["framework"] = ToString(job.spec.framework);
    model::PutText(o, "image", image, kMostText);
    o["gpus"] = row.gpus;
    if (!row.gpu_types.empty()) o["gpuTypes"] = json::value_from(row.gpu_types);
    o["ready"] = IsReady(status.ready) ? status.ready : "";
    o["attempt"] = std::max(status.attempt, 0);
    const std::int64_t restarts =
        std::int64_t(status.restarts.user) + status.restarts.infrastructure;
    if (restarts > 0) o["restarts"] = restarts;
    o["createdAt"] = model::FormatTime(row.created);
    model::PutTime(o, "startedAt", status.startTime);
    model::PutTime(o, "finishedAt", status.finishTime);
    if (status.pending && status.pending->since != model::Time{})
        o["pendingSince"] = model::FormatTime(status.pending->since);
    const auto put_true = [&](std::string_view key, bool value) {
        if (value) o[key] = true;
    };
    put_true("suspend", job.spec.suspend);
    put_true("stop", job.spec.stop);
    put_true("deleting", job.meta.Deleting());
    put_true("storageLost", model::IsTrue(status.conditions, model::kConditionStorageLost));
    return json::serialize(o);
}

}  // namespace

std::string Lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return lower;
}

std::string_view PhaseWord(Phase phase) {
    return phase == Phase::None ? "None" : ToString(phase);
}

Row MakeRow(const model::DLJob& job) {
    Row row;
    row.ns = job.meta.ns;
    row.name = job.meta.name;
    row.uid = job.meta.uid;
    if (job.spec.submittedBy) row.owner = Cut(job.spec.submittedBy->username, kMostText);
    row.name_prefix = PrefixOf(row.name);
    row.owner_prefix = PrefixOf(row.owner);
    const std::string& version = job.meta.resourceVersion;
    std::from_chars(version.data(), version.data() + version.size(), row.resource_version);
    row.created = job.meta.creationTimestamp.value_or(model::Time{});
    row.phase = job.status.phase;
    if (job.status.pending) row.pending = job.status.pending->cls;
    row.gpus = model::TotalGpus(job.spec);
    row.gpu_types = GpuTypes(job.spec);
    row.reason = Cut(ReasonOf(job.status), kMostReason);
    const std::string why = Why(job);
    std::string image = job.spec.image;
    if (!job.spec.roles.empty() && !job.spec.roles.front().image.empty())
        image = job.spec.roles.front().image;
    row.text = Lower(
        fmt::format("{}\n{}\n{}\n{}\n{}", row.name, row.ns, row.owner, Cut(image, kMostText), why));
    row.json = JsonOf(row, job, image, why);
    return row;
}

RowPtr MakeRow(const kube::Object& object) {
    auto job = model::ParseDLJob(object.raw);
    if (!job) {
        model::DLJob unreadable;
        model::Document document(object.raw);
        unreadable.meta = model::ReadMetadata(document.Root()["metadata"]);
        unreadable.status.message =
            fmt::format("This version of the portal cannot read the job: {}.", job.error());
        job = std::move(unreadable);
    }
    return std::make_shared<const Row>(MakeRow(*job));
}

}  // namespace dlws::portal
