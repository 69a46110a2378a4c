// SPDX-License-Identifier: Apache-2.0
#include "operator/job/metrics.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "model/names.h"
#include "model/reason.h"

namespace dlws::job {

namespace {

constexpr const char* kFinished = "dlws_dljob_finished_total";
constexpr const char* kStart = "dlws_dljob_start_seconds";
constexpr const char* kPodsCreated = "dlws_pods_created_total";

// A status that an operator of another version wrote must not add a series for each word of its.
std::string KnownReason(const std::string& reason) {
    return model::FindReason(reason) ? reason : "Other";
}

std::string_view PhaseLabel(model::Phase phase) {
    return phase == model::Phase::None ? "Unknown" : model::ToString(phase);
}

double Seconds(model::Time time) {
    return double(time.time_since_epoch().count());
}

kube::Metrics::Labels FinishedLabels(std::string_view outcome, std::string_view reason) {
    return {{"outcome", std::string(outcome)}, {"reason", std::string(reason)}};
}

}  // namespace

JobFacts ToFacts(const model::DLJob& job) {
    const model::JobStatus& status = job.status;
    JobFacts facts{.ns = job.meta.ns,
                   .name = job.meta.name,
                   .uid = job.meta.uid,
                   .phase = status.phase,
                   .gpus = model::TotalGpus(job.spec),
                   .pods = model::TotalPods(job.spec),
                   .restarts = status.restarts,
                   .created = job.meta.creationTimestamp,
                   .started = status.startTime,
                   .completed = status.finishTime};
    for (const model::RoleStatus& role : status.roles)
        facts.ready_pods += role.ready;
    if (status.pending) {
        facts.pending_class = status.pending->cls;
        facts.pending_reason = KnownReason(status.pending->reason);
    }
    if (model::IsFinal(status.phase))
        facts.finish_reason = KnownReason(status.failure ? status.failure->reason
                                                         : std::string(ToString(status.phase)));
    return facts;
}

void WriteSamples(const std::vector<const JobFacts*>& jobs, kube::Samples& out) {
    using kube::Samples;
    // `value` says nothing of a job: it has no sample.
    auto each = [&](std::string_view name, std::string_view help, auto value) {
        if (!out.Family(name, Samples::kGauge, help)) return;
        for (const JobFacts* job : jobs) {
            const std::optional<double> number = value(*job);
            if (number) out.Add({{"namespace", job->ns}, {"dljob", job->name}}, *number);
        }
    };
    auto time = [](const std::optional<model::Time>& t) {
        return t ? std::optional(Seconds(*t)) : std::nullopt;
    };

    each("kube_dlws_dljob_created", "Unix creation timestamp in seconds",
         [&](const JobFacts& job) { return time(job.created); });
    each("kube_dlws_dljob_spec_gpus", "GPUs that all pods of the job ask for together",
         [](const JobFacts& job) { return std::optional<double>(job.gpus); });
    each("kube_dlws_dljob_spec_pods", "Pods that the job wants",
         [](const JobFacts& job) { return std::optional<double>(job.pods); });
    each("kube_dlws_dljob_status_ready_pods", "Pods of the job that are ready",
         [](const JobFacts& job) { return std::optional<double>(job.ready_pods); });
    each("kube_dlws_dljob_status_start_time",
         "Unix timestamp in seconds of when all pods of the job first ran",
         [&](const JobFacts& job) { return time(job.started); });
    each("kube_dlws_dljob_status_completion_time",
         "Unix timestamp in seconds of when the job ended, well or not",
         [&](const JobFacts& job) { return time(job.completed); });

    // Only the phase it is in: one series a job instead of ten.
    if (out.Family("kube_dlws_dljob_status_phase", Samples::kGauge,
                   "1 for the phase that the job is in; its other phases have no series"))
        for (const JobFacts* job : jobs)
            out.Add(
                {{"namespace", job->ns}, {"dljob", job->name}, {"phase", PhaseLabel(job->phase)}},
                1);
    if (out.Family("kube_dlws_dljob_status_pending", Samples::kGauge,
                   "1 for the reason why the job does not run yet; class says who can end that"))
        for (const JobFacts* job : jobs)
            if (job->pending_class)
                out.Add({{"namespace", job->ns},
                         {"dljob", job->name},
                         {"class", model::ToString(*job->pending_class)},
                         {"reason", job->pending_reason}},
                        1);
    if (out.Family("kube_dlws_dljob_status_restarts", Samples::kGauge,
                   "Attempts of the job that failed, by whose fault it was"))
        for (const JobFacts* job : jobs)
            for (auto [cause, count] :
                 {std::pair(model::Cause::User, job->restarts.user),
                  std::pair(model::Cause::Infrastructure, job->restarts.infrastructure)})
                out.Add({{"namespace", job->ns},
                         {"dljob", job->name},
                         {"cause", model::ToString(cause)}},
                        count);
}

JobMetrics::JobMetrics(kube::Metrics& metrics, std::function<bool()> leading)
    : metrics_(metrics), leading_(std::move(leading)) {
    metrics.Describe(kFinished, "Jobs that ended while this process led, by how and why");
    metrics.Describe(kStart, "Time from a job's creation until all of its pods ran, in seconds",
                     {1, 2, 5, 10, 30, 60, 120, 300, 600, 1'800, 3'600, 14'400, 86'400});
    metrics.Describe(kPodsCreated, "Pods of jobs that appeared while this process led");
    // A counter that is not there before its first count makes that count invisible to increase().
    using model::Phase;
    for (Phase phase : {Phase::Succeeded, Phase::Stopped})
        metrics.Count(kFinished, FinishedLabels(ToString(phase), ToString(phase)), 0);
    for (const model::Reason& reason : model::AllReasons()) {
        const bool of_a_job = model::IsFinal(model::ParsePhase(reason.name));
        if (reason.cls == model::ReasonClass::Outcome && !of_a_job)
            metrics.Count(kFinished, FinishedLabels(ToString(Phase::Failed), reason.name), 0);
    }
    metrics.Count(kPodsCreated, {}, 0);
    metrics.Prepare(kStart, {});
    metrics.AddCollector([this](kube::Samples& out) { Collect(out); });
}

void JobMetrics::OnJob(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    if (!after) {
        if (before) jobs_.erase(before->meta.Key());
        return;
    }
    auto job = model::ParseDLJob(after->raw);
    if (!job) return;  // the controller says so in the log
    JobFacts facts = ToFacts(*job);
    auto [known, is_new] = jobs_.try_emplace(after->meta.Key());
    // One that appears is compared with nothing: it may have ended long ago.
    if (!is_new && known->second.uid == facts.uid && leading_()) CountChange(known->second, facts);
    known->second = std::move(facts);
}

void JobMetrics::CountChange(const JobFacts& before, const JobFacts& after) {
    if (!before.started && after.started && after.created) {
        const std::chrono::duration<double> took = *after.started - *after.created;
        metrics_.Observe(kStart, {}, std::max(0.0, took.count()));
    }
    if (!model::IsFinal(before.phase) && model::IsFinal(after.phase))
        metrics_.Count(kFinished, FinishedLabels(ToString(after.phase), after.finish_reason));
}

void JobMetrics::OnPod(const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    if (before || !after || after->meta.controller_kind != model::kDLJobKind) return;
    if (leading_()) metrics_.Count(kPodsCreated, {});
}

void JobMetrics::Collect(kube::Samples& out) const {
    if (!leading_()) return;
    std::vector<const JobFacts*> jobs;
    jobs.reserve(jobs_.size());
    for (const auto& [key, facts] : jobs_)
        jobs.push_back(&facts);
    const std::size_t omitted = jobs.size() - std::min(jobs.size(), kMaxJobs);
    if (omitted > 0) {
        std::ranges::partition(jobs,
                               [](const JobFacts* job) { return !model::IsFinal(job->phase); });
        jobs.resize(kMaxJobs);
    }
    WriteSamples(jobs, out);
    if (out.Family("dlws_dljob_metrics_omitted", kube::Samples::kGauge,
                   "Jobs without series of their own because there are too many"))
        out.Add({}, double(omitted));
}

}  // namespace dlws::job
