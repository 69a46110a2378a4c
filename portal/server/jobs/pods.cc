// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/pods.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "model/decode.h"
#include "model/encode.h"
#include "model/names.h"
#include "portal/server/jobs/paging.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;
using model::ContainerView;
using model::PodPhase;
using model::PodView;

constexpr std::array<std::string_view, 5> kStates = {"Pending", "Running", "Succeeded", "Failed",
                                                     "Ending"};

PodState StateOf(const PodView& pod) {
    if (pod.phase == PodPhase::Succeeded) return PodState::Succeeded;
    if (pod.phase == PodPhase::Failed) return PodState::Failed;
    if (pod.deleting) return PodState::Ending;
    return pod.phase == PodPhase::Running ? PodState::Running : PodState::Pending;
}

std::string Sentence(const std::string& reason, const std::string& message) {
    if (reason.empty() || message.empty()) return reason + message;
    return fmt::format("{}: {}", reason, message);
}

// What keeps it from running, or how it ended.
std::string WhyOf(const PodView& pod) {
    if (!pod.reason.empty() || !pod.message.empty()) return Sentence(pod.reason, pod.message);
    if (pod.scheduled.status == "False") return pod.scheduled.message;
    for (const ContainerView* container : {&pod.init, &pod.main}) {
        if (container->state == ContainerView::Running) continue;
        const bool ended_well =
            container->state == ContainerView::Terminated && container->exitCode == 0;
        if (!ended_well && (!container->reason.empty() || !container->message.empty()))
            return Sentence(container->reason, container->message);
    }
    return "";
}

std::optional<model::Time> StartOf(std::string_view pod) {
    std::optional<model::Time> started;
    model::Document document(pod);
    document.Root()["status"]["containerStatuses"].Each([&](const model::Node& container) {
        if (container["name"].Text() != model::kMainContainer) return;
        const model::Node state = container["state"];
        for (const model::Node& at :
             {state["running"]["startedAt"], state["terminated"]["startedAt"]})
            if (at.Present()) started = at.AsTime();
    });
    return started;
}

int RankOf(const model::DLJob& job, const PodView& pod) {
    int rank = pod.index;
    for (const model::Role& role : job.spec.roles) {
        if (role.name == pod.role) return rank;
        rank += role.replicas;
    }
    return -1;
}

struct Asked {
    std::string role;
    std::array<bool, kStates.size()> states{};
    Paging paging;
};

std::expected<Asked, Problem> Read(const Call& call) {
    Asked asked;
    if (const std::string* role = call.query.Find("role")) {
        if (std::string wrong = WrongName("role", *role); !wrong.empty())
            return std::unexpected(BadRequest("query.role", std::move(wrong)));
        asked.role = *role;
    }
    for (const std::string& word : call.query.All("state")) {
        const auto state = std::ranges::find(kStates, word);
        if (state == kStates.end())
            return std::unexpected(BadRequest(
                "query.state", fmt::format("must be one of {}", fmt::join(kStates, ", "))));
        bool& named = asked.states[std::size_t(state - kStates.begin())];
        if (named) return std::unexpected(BadRequest("query.state", "must be each once"));
        named = true;
    }
    if (std::ranges::none_of(asked.states, std::identity())) asked.states.fill(true);
    std::string question =
        fmt::format("pods/{}/{}/{}\xff", call.Namespace(), call.Name("job"), asked.role);
    for (const bool state : asked.states)
        question += state ? '1' : '0';
    auto paging = ReadPaging(call.query, question);
    if (!paging) return std::unexpected(std::move(paging.error()));
    asked.paging = std::move(*paging);
    return asked;
}

Place PlaceOf(const PodRow& row) {
    return {(std::int64_t(row.rank) << 32) + row.attempt, {}, row.uid};
}

std::string PageOf(std::vector<PodRow> pods, const Asked& asked) {
    std::erase_if(pods, [&](const PodRow& row) {
        return !asked.states[std::size_t(row.state)] ||
               (!asked.role.empty() && row.role != asked.role);
    });
    return MakeListPage(pods, asked.paging, false, PlaceOf, PodJson).Json();
}

kube::Awaitable<Outcome> ListJobPods(const Jobs& jobs, const kube::Store& pods, Call call) {
    const auto asked = Read(call);
    if (!asked) co_return std::unexpected(asked.error());
    const std::string &ns = call.Namespace(), &name = call.Name("job");
    const Visibility& visibility = jobs.backend.visibility;
    Question get("get", std::string(model::kGroup), "dljobs", ns, name);
    auto may = co_await visibility.Must(call.caller, std::move(get));
    if (!may) co_return std::unexpected(std::move(may.error()));
    Question list("list", "", "pods", ns);
    may = co_await visibility.Must(call.caller, std::move(list));
    if (!may) co_return std::unexpected(std::move(may.error()));
    const kube::ObjectPtr stored = jobs.store.Get({ns, name});
    if (!stored) co_return std::unexpected(NotFound("job"));
    const auto job = model::ParseDLJob(stored->raw);
    std::vector<PodRow> rows;
    if (job) rows = PodsOf(*job, pods);
    co_return TaggedJson(PageOf(std::move(rows), *asked));
}

}  // namespace

std::string_view ToString(PodState state) {
    return kStates[std::size_t(state)];
}

std::optional<PodRow> MakePodRow(std::string_view text, const model::DLJob& job) {
    const auto pod = model::ParsePod(text);
    if (!pod || pod->ns != job.meta.ns || pod->ownerUid != job.meta.uid || pod->index < 0 ||
        pod->attempt < 0)
        return std::nullopt;
    PodRow row;
    row.rank = RankOf(job, *pod);
    if (row.rank < 0 || row.rank >= model::kMaxPods) return std::nullopt;
    row.name = pod->name;
    row.uid = pod->uid;
    row.role = pod->role;
    row.node = pod->node;
    row.why = model::Cut(WhyOf(*pod));
    row.index = pod->index;
    row.attempt = pod->attempt;
    row.gpus = pod->gpus;
    row.state = StateOf(*pod);
    row.ready = pod->ready;
    if (pod->main.state == ContainerView::Terminated && pod->main.exitCode >= 0 &&
        pod->main.exitCode <= 255)
        row.exit_code = pod->main.exitCode;
    row.started = StartOf(text);
    row.finished = pod->main.finishedAt;
    return row;
}

std::string PodJson(const PodRow& row) {
    json::object o{{"name", row.name},
                   {"uid", row.uid},
                   {"role", row.role},
                   {"index", row.index},
                   {"rank", row.rank},
                   {"attempt", row.attempt},
                   {"state", ToString(row.state)},
                   {"ready", row.ready}};
    model::PutText(o, "why", row.why);
    model::PutText(o, "node", row.node, 253);
    model::PutNumber(o, "gpus", row.gpus);
    if (row.exit_code) o["exitCode"] = *row.exit_code;
    model::PutTime(o, "startedAt", row.started);
    model::PutTime(o, "finishedAt", row.finished);
    return json::serialize(o);
}

std::vector<PodRow> PodsOf(const model::DLJob& job, const kube::Store& pods) {
    std::vector<PodRow> rows;
    for (const kube::ObjectPtr& pod : pods.ByIndex(kPodsByJob, JobKey(job.meta.ns, job.meta.uid)))
        if (auto row = MakePodRow(pod->raw, job)) rows.push_back(std::move(*row));
    std::ranges::sort(rows, [](const PodRow& a, const PodRow& b) {
        return Before(PlaceOf(a), PlaceOf(b), false);
    });
    return rows;
}

kube::Informer::Settings PodCacheSettings() {
    return {.resource = kube::kPods,
            .label_selector = std::string(model::kJobLabel),
            .transform = [](kube::Object& pod) {
                pod.raw = model::PodProjection(pod.raw);
                pod.meta.labels.clear();
            }};
}

std::vector<std::string> JobKeysOf(const kube::Object& pod) {
    if (pod.meta.controller_uid.empty()) return {};
    return {JobKey(pod.meta.ns, pod.meta.controller_uid)};
}

std::string JobKey(const std::string& ns, const std::string& uid) {
    return ns + "/" + uid;
}

void AddJobPods(Router& router, const Jobs& jobs, const kube::Store& pods) {
    router.Add({.id = "ListJobPods",
                .method = "GET",
                .path = "/api/v1/namespaces/{namespace}/jobs/{job}/pods",
                .query = {{"role"}, {"state", true}, {"limit"}, {"cursor"}},
                .handler = [&jobs, &pods](Call call) {
                    return ListJobPods(jobs, pods, std::move(call));
                }});
}

}  // namespace dlws::portal
