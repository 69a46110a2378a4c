// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "model/decode.h"
#include "model/encode.h"
#include "model/names.h"
#include "portal/server/jobs/paging.h"

namespace dlws::portal {

namespace {

namespace json = boost::json;

constexpr int kPage = 500;
constexpr std::size_t kMostLookedAt = 5'000;  // of the namespace's pods

struct Events {
    std::vector<EventRow> rows;
    bool complete = true;
};

model::Time TimeOf(std::initializer_list<model::Node> nodes) {
    for (const model::Node& node : nodes)
        if (node.Present())
            if (const auto time = node.AsTime()) return *time;
    return {};
}

// Adds those of one kind of object that `take` says yes to.
template <typename Take>
kube::Awaitable<std::optional<Problem>> Read(const Jobs& jobs, const Caller& caller, std::string ns,
                                             std::string selector, Take take, Events& events) {
    auto options = AsCaller(caller, kube::ListOptions());
    options.ns = std::move(ns);
    options.field_selector = std::move(selector);
    options.limit = kPage;
    for (std::size_t seen = 0; seen < kMostLookedAt;) {
        auto page = co_await jobs.backend.users.List(kube::kEvents, options);
        if (!page) co_return FromError(page.error());
        for (const kube::ObjectPtr& object : page->items)
            if (auto event = ReadEvent(object->raw); event && take(*event))
                events.rows.push_back(std::move(*event));
        seen += page->items.size();
        options.continue_token = page->continue_token;
        if (options.continue_token.empty()) co_return std::nullopt;
    }
    events.complete = false;
    co_return std::nullopt;
}

// What follows `<job>-<role>-<index>-<attempt>`; nothing: it does not begin so.
std::optional<std::string_view> BehindPodOf(std::string_view name, std::string_view job) {
    constexpr std::string_view kDigits = "0123456789", kLetters = "abcdefghijklmnopqrstuvwxyz";
    static const std::string both = fmt::format("{}{}", kLetters, kDigits);
    if (!name.starts_with(job)) return std::nullopt;
    name.remove_prefix(job.size());
    const auto take = [&name](std::string_view first, std::string_view others) {
        if (name.size() < 2 || name[0] != '-' || first.find(name[1]) == first.npos) return false;
        name.remove_prefix(std::min(name.find_first_not_of(others, 1), name.size()));
        return true;
    };
    if (!take(kLetters, both) || !take(kDigits, kDigits) || !take(kDigits, kDigits))
        return std::nullopt;
    return name;
}

struct Asked {
    std::string type;
    Paging paging;
};

std::expected<Asked, Problem> Read(const Call& call) {
    Asked asked;
    if (const std::string* type = call.query.Find("type")) {
        if (*type != "Normal" && *type != "Warning")
            return std::unexpected(BadRequest("query.type", "must be Normal or Warning"));
        asked.type = *type;
    }
    auto paging = ReadPaging(
        call.query, fmt::format("events/{}/{}/{}", call.Namespace(), call.Name("job"), asked.type));
    if (!paging) return std::unexpected(std::move(paging.error()));
    asked.paging = std::move(*paging);
    return asked;
}

Place PlaceOf(const EventRow& event) {
    return {event.at.time_since_epoch().count(), {}, event.uid};
}

std::string PageOf(Events events, const Asked& asked) {
    std::ranges::sort(events.rows, [](const EventRow& a, const EventRow& b) {
        return Before(PlaceOf(a), PlaceOf(b), true);
    });
    return MakeListPage(events.rows, asked.paging, true, PlaceOf, EventJson)
        .Json(fmt::format(R"(,"complete":{})", events.complete));
}

std::vector<std::string> MountedClaims(const Jobs& jobs, const std::string& ns,
                                       const std::string& name) {
    const kube::ObjectPtr stored = jobs.store.Get({ns, name});
    if (!stored || !jobs.storages) return {};
    const auto job = model::ParseDLJob(stored->raw);
    return job ? ClaimsOf(*job, jobs.storages()) : std::vector<std::string>();
}

kube::Awaitable<Outcome> ListEvents(const Jobs& jobs, Call call) {
    const auto asked = Read(call);
    if (!asked) co_return std::unexpected(asked.error());
    const std::string &ns = call.Namespace(), &name = call.Name("job");
    Question question("get", std::string(model::kGroup), "dljobs", ns, name);
    auto may = co_await jobs.backend.visibility.Must(call.caller, std::move(question));
    if (!may) co_return std::unexpected(std::move(may.error()));
    const RowPtr job = jobs.table.ByName(ns, name);
    if (!job) co_return std::unexpected(NotFound("job"));
    Events events;
    const auto wanted = [&](const EventRow& e) {
        return asked->type.empty() || e.type == asked->type;
    };
    auto problem = co_await Read(
        jobs, call.caller, ns,
        fmt::format("regarding.kind={},regarding.name={}", model::kDLJobKind, name),
        [&](const EventRow& e) {
            return wanted(e) && (e.object_uid.empty() || e.object_uid == job->uid);
        },
        events);
    if (!problem)
        problem = co_await Read(
            jobs, call.caller, ns, "regarding.kind=Pod",
            [&](const EventRow& e) { return wanted(e) && IsPodOf(e.name, name); }, events);
    const auto claims = MountedClaims(jobs, ns, name);
    for (const char* kind : {"PersistentVolumeClaim", "ResourceClaim"}) {
        if (problem) break;
        const auto of_job = [&](const EventRow& e) {
            return wanted(e) && (IsClaimOfPodOf(e.name, name) ||
                                 std::ranges::find(claims, e.name) != claims.end());
        };
        problem = co_await Read(jobs, call.caller, ns, fmt::format("regarding.kind={}", kind),
                                of_job, events);
    }
    if (problem) co_return std::unexpected(std::move(*problem));
    co_return JsonAnswer(PageOf(std::move(events), *asked));
}

}  // namespace

std::optional<EventRow> ReadEvent(std::string_view text) {
    model::Document document(text);
    const model::Node root = document.Root();
    const model::Node metadata = root["metadata"], series = root["series"],
                      regarding = root["regarding"];
    EventRow event;
    const model::Node created = metadata["creationTimestamp"];
    event.at = TimeOf(
        {series["lastObservedTime"], root["deprecatedLastTimestamp"], root["eventTime"], created});
    event.first = TimeOf({root["eventTime"], root["deprecatedFirstTimestamp"], created});
    event.count = std::clamp<std::int64_t>(
        series.Present() ? series["count"].Int64(1) : root["deprecatedCount"].Int64(1), 1,
        10'000'000);
    event.type = root["type"].Text();
    event.reason = root["reason"].Text();
    event.message = root["note"].Text();
    event.kind = regarding["kind"].Text();
    event.name = regarding["name"].Text();
    event.object_uid = regarding["uid"].Text();
    event.reporter = root["reportingController"].Text();
    if (event.reporter.empty()) event.reporter = root["deprecatedSource"]["component"].Text();
    event.uid = metadata["uid"].Text();
    if (!document.error().empty()) return std::nullopt;
    return event;
}

bool IsPodOf(std::string_view pod, std::string_view job) {
    return BehindPodOf(pod, job) == "";
}

bool IsClaimOfPodOf(std::string_view claim, std::string_view job) {
    const auto rest = BehindPodOf(claim, job);
    return rest && rest->size() > 1 && rest->front() == '-';
}

std::vector<std::string> ClaimsOf(const model::DLJob& job,
                                  const std::vector<model::Storage>& storages) {
    std::vector<std::string> claims;
    for (const model::StorageMount& mount : job.spec.storage) {
        const auto storage = std::ranges::find(storages, mount.name, &model::Storage::name);
        if (storage != storages.end() && !storage->claim.empty()) claims.push_back(storage->claim);
    }
    return claims;
}

std::string EventJson(const EventRow& event) {
    json::object o{{"at", model::FormatTime(event.at)},
                   {"firstAt", model::FormatTime(event.first)},
                   {"count", event.count},
                   {"type", model::Cut(event.type, 64)},
                   {"reason", model::Cut(event.reason, 128)},
                   {"message", model::Cut(event.message, 1024)},
                   {"kind", model::Cut(event.kind, 63)},
                   {"name", model::Cut(event.name, 253)}};
    model::PutText(o, "reporter", event.reporter, 253);
    return json::serialize(o);
}

void AddJobEvents(Router& router, const Jobs& jobs) {
    router.Add({.id = "ListEvents",
                .method = "GET",
                .path = "/api/v1/namespaces/{namespace}/jobs/{job}/events",
                .query = {{"type"}, {"limit"}, {"cursor"}},
                .handler = [&jobs](Call call) { return ListEvents(jobs, std::move(call)); }});
}

}  // namespace dlws::portal
