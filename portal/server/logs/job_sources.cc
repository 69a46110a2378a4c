// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/job_sources.h"

#include "kube/wait_list.h"
#include "model/names.h"

namespace dlws::portal {

void JobSources::Look() {
    constexpr std::chrono::seconds kFresh{1};
    if (Now() - looked_ < kFresh) return;
    looked_ = Now();
    auto job = parts_.look();
    // Made anew under its name it is another one.
    gone_ = !job || job->job().meta.uid != job_.job().meta.uid;
    if (!gone_) job_ = std::move(*job);
}

const JobLogs& JobSources::Job() {
    Look();
    return job_;
}

std::string JobSources::HowEnded() {
    Look();
    return gone_ ? "JobDeleted" : "JobFinished";
}

LogPlan::Facts JobSources::FactsOf(const LogSource& source) {
    Look();
    LogPlan::Facts facts = job_.FactsOf(source, parts_.later, std::chrono::system_clock::now());
    // Of other containers nothing is kept.
    facts.archive = parts_.archive != nullptr && parts_.container == model::kMainContainer;
    if (gone_) {
        // Without the job nobody can be asked who may read its archive.
        facts = LogPlan::Facts();
        facts.archive = false;
        facts.over = facts.long_over = true;
    }
    return facts;
}

Awaitable<LogResult<std::string>> JobSources::Token() {
    if (!parts_.caller.current_token) co_return parts_.caller.token;
    auto token = co_await parts_.caller.current_token();
    if (token) co_return std::move(*token);
    LogFailure failure;
    failure.kind = LogFailure::kDenied;
    failure.status = 401;
    failure.why = token.error().detail;
    co_return std::unexpected(std::move(failure));
}

Awaitable<LogResult<LogPage>> JobSources::ReadArchive(LogSource source, LogPageAsk ask) {
    auto token = co_await Token();
    if (!token) co_return std::unexpected(token.error());
    co_return co_await parts_.archive->Read(std::move(*token), parts_.archive_of, std::move(source),
                                            ask, parts_.page_bytes);
}

Awaitable<LogResult<std::unique_ptr<LogLive>>> JobSources::OpenLive(LogSource source,
                                                                    LogLiveAsk ask) {
    auto token = co_await Token();
    if (!token) co_return std::unexpected(token.error());
    const model::Metadata& job = job_.job().meta;
    std::string pod = model::PodName(job.name, source.role, source.index, source.attempt);
    co_return co_await parts_.kubelet.Open(std::move(*token), job.ns, std::move(pod),
                                           parts_.container, ask);
}

Awaitable<void> JobSources::Sleep(std::chrono::milliseconds time) {
    co_await kube::SleepFor(time);
}

}  // namespace dlws::portal
