// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <tuple>

#include "portal/server/logs/job_sources.h"
#include "portal/server/logs/page.h"
#include "portal/server/logs/query.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;

/// Of all ranks of one request together, so that it holds some 4 MiB: bytes of pages that are no
/// lines yet, and lines, which are objects of 64 bytes and their text.
constexpr std::size_t kPages = 2 << 20, kLines = 32 << 10;
constexpr std::size_t kLeastPage = 32 << 10, kMostPage = 256 << 10, kMostLines = 2'000;

Question MayGetJob(const std::string& ns, const std::string& job) {
    return {"get", std::string(model::kGroup), std::string(model::kDLJobPlural), ns, job};
}
Question MayReadLogs(const std::string& ns) {
    return {"get", "", "pods", ns, "", "log"};
}

kube::Awaitable<std::expected<void, Problem>> MayRead(const Logs& logs, const Caller& caller,
                                                      const std::string& ns,
                                                      const std::string& job) {
    auto may = co_await logs.backend.visibility.Must(caller, MayGetJob(ns, job));
    if (may) may = co_await logs.backend.visibility.Must(caller, MayReadLogs(ns));
    co_return may;
}

kube::Awaitable<std::expected<JobLogs, Problem>> FindJob(const Logs& logs, const Call& call) {
    auto may = co_await MayRead(logs, call.caller, call.Namespace(), call.Name("job"));
    if (!may) co_return std::unexpected(may.error());
    auto job = logs.find(call.Namespace(), call.Name("job"));
    if (!job) co_return std::unexpected(NotFound("job"));
    co_return std::move(*job);
}

Problem Denied(int status, const std::string& ns) {
    return status == 401 ? LoginExpired() : Forbidden("get", "pods/log", ns);
}

/// What one request reads from.
struct Opened {
    std::shared_ptr<JobSources> sources;
    std::vector<RankReader> readers;
    Limits::Ticket ticket;  // of each source
};
/// Held by a body that comes piece by piece.
struct Held {
    std::shared_ptr<JobSources> sources;
    Limits::Ticket of_sources, of_stream;
};

/// Problem: 429.
std::expected<Opened, Problem> Open(const Logs& logs, const Call& call, const LogQuery& query,
                                    const LogStart& start, const JobLogs& job, bool follow,
                                    bool whole) {
    auto ticket = logs.backend.limits.Take(call.caller.username, Limits::kLogSources,
                                           int(start.sources.size()));
    if (!ticket) return std::unexpected(ticket.error());
    ArchiveOf of;
    of.ns = call.Namespace();
    of.job = call.Name("job");
    of.user = logs.user(job.job());
    JobSources::Parts parts{.caller = call.caller,
                            .look = [find = logs.find, of] { return find(of.ns, of.job); },
                            .archive_of = of,
                            .archive = of.user.empty() ? nullptr : logs.archive,
                            .kubelet = logs.kubelet,
                            .container = query.container,
                            .later = query.Later()};
    parts.page_bytes =
        std::clamp(kPages / std::max<std::size_t>(start.sources.size(), 1), kLeastPage, kMostPage);
    Opened opened;
    opened.ticket = std::move(*ticket);
    opened.sources = std::make_shared<JobSources>(std::move(parts), job);
    for (std::size_t i = 0; i < start.sources.size(); ++i) {
        RankReader::Settings settings;
        settings.position = start.from[i].at;
        settings.since = query.since.value_or(0);
        settings.tail = start.tail;
        settings.follow = follow;
        settings.whole = whole;
        settings.most_lines = std::min(kLines / start.sources.size(), kMostLines);
        opened.readers.emplace_back(*opened.sources, start.sources[i], settings);
    }
    return opened;
}

// --- operations ---

kube::Awaitable<Outcome> GetJobLogs(const Logs& logs, Call call) {
    const auto query = ReadLogQuery(call.query);
    if (!query) co_return std::unexpected(query.error());
    const auto job = co_await FindJob(logs, call);
    if (!job) co_return std::unexpected(job.error());
    const auto start = StartOf(*query, *job, false);
    if (!start) co_return std::unexpected(start.error());
    auto opened = Open(logs, call, *query, *start, *job, false, false);
    if (!opened) co_return std::unexpected(opened.error());
    LogPageSettings settings;
    settings.about = CursorAbout(*query, *job);
    settings.limit = query->limit;
    settings.until = query->until;
    auto page = co_await ReadLogPage(std::move(opened->readers), start->from, std::move(settings));
    if (page.denied != 0) co_return std::unexpected(Denied(page.denied, call.Namespace()));
    co_return JsonAnswer(std::move(page.json));
}

/// Of the event `end`.
std::string ReasonOf(const Problem& problem) {
    if (problem.status != 401) return "Renew";
    return problem.reason == "LoggedOut" ? "LoggedOut" : "LoginExpired";
}

kube::Awaitable<std::string> MayGoOn(const Logs& logs, Caller caller, std::string ns,
                                     std::string job) {
    if (caller.current_token) {
        auto token = co_await caller.current_token();
        if (!token) co_return ReasonOf(token.error());
        if (*token != caller.token) caller.key = KeyOf(*token);
        caller.token = std::move(*token);
    }
    const auto may = co_await MayRead(logs, caller, ns, job);
    if (may) co_return "";
    // Whoever comes again is told why. An API server that is away ends nothing as long as the
    // verdict counts (Verdicts).
    co_return ReasonOf(may.error());
}

kube::Awaitable<Outcome> StreamJobLogs(const Logs& logs, Call call) {
    auto query = ReadLogQuery(call.query);
    if (!query) co_return std::unexpected(query.error());
    const std::string_view last = call.request.Field("Last-Event-ID");
    const bool resumed = !last.empty();
    if (resumed) query->cursor = last;
    const auto job = co_await FindJob(logs, call);
    if (!job) co_return std::unexpected(job.error());
    const auto start = StartOf(*query, *job, resumed);
    if (!start) co_return std::unexpected(start.error());
    auto ticket = logs.backend.limits.Take(call.caller.username, Limits::kLogs);
    if (!ticket) co_return std::unexpected(ticket.error());
    auto opened = Open(logs, call, *query, *start, *job, true, false);
    if (!opened) co_return std::unexpected(opened.error());
    LogStreamBody::Settings settings;
    settings.about = CursorAbout(*query, *job);
    settings.how_ended = [sources = opened->sources] { return sources->HowEnded(); };
    settings.ask_again = logs.ask_again;
    settings.may_go_on = [&logs, caller = call.caller, ns = call.Namespace(),
                          name = call.Name("job")] { return MayGoOn(logs, caller, ns, name); };
    settings.keep = std::make_shared<Held>(opened->sources, opened->ticket, *ticket);
    auto body =
        std::make_shared<LogStreamBody>(logs.backend.users.Executor(), std::move(opened->readers),
                                        start->from, std::move(settings));
    if (logs.session_ends)
        logs.session_ends->Add(call.caller.session, body, [body = body.get()] { body->LogOut(); });
    co_return EventStream(std::move(body));
}

kube::Awaitable<Outcome> DownloadJobLogs(const Logs& logs, Call call) {
    const auto query = ReadLogQuery(call.query);
    if (!query) co_return std::unexpected(query.error());
    const auto job = co_await FindJob(logs, call);
    if (!job) co_return std::unexpected(job.error());
    const auto start = StartOf(*query, *job, false);
    if (!start) co_return std::unexpected(start.error());
    auto ticket = logs.backend.limits.Take(call.caller.username, Limits::kLogs);
    if (!ticket) co_return std::unexpected(ticket.error());
    auto opened = Open(logs, call, *query, *start, *job, false, true);
    if (!opened) co_return std::unexpected(opened.error());
    LogTextBody::Settings settings;
    settings.until = query->until;
    settings.timestamps = query->timestamps;
    const bool several = start->sources.size() > 1 || query->attempt == "all";
    for (const LogSource& source : start->sources)
        settings.names.push_back(several ? fmt::format("{}-{}.", source.role, source.index) : "");
    settings.keep = std::make_shared<Held>(opened->sources, opened->ticket, *ticket);
    auto body = std::make_shared<LogTextBody>(std::move(opened->readers), std::move(settings));
    if (logs.session_ends)
        logs.session_ends->Add(call.caller.session, body, [body = body.get()] { body->Stop(); });
    kube::HttpAnswer answer;
    answer.content_type = "application/octet-stream";
    answer.fields.emplace_back("Content-Disposition",
                               fmt::format("attachment; filename=\"{}.log\"", call.Name("job")));
    answer.stream = std::move(body);
    co_return answer;
}

/// By rank, then attempt.
using SourceKey = std::pair<int, int>;
struct SourceRow {
    LogSource source;
    bool live = false;
    std::optional<std::uint64_t> archived;
};

std::map<SourceKey, SourceRow> Rows(const JobLogs& job, const std::vector<ArchivedLog>& archived) {
    std::map<std::pair<std::string, int>, LogSource> places;
    for (int rank = 0; rank < job.Ranks(); ++rank) {
        LogSource place = *job.At(rank);
        places.emplace(std::pair(place.role, place.index), std::move(place));
    }
    std::map<SourceKey, SourceRow> rows;
    const auto row = [&](const std::string& role, int index, int attempt) -> SourceRow* {
        const auto place = places.find({role, index});
        if (place == places.end()) return nullptr;
        SourceRow& made = rows[{place->second.rank, attempt}];
        made.source = place->second;
        made.source.attempt = attempt;
        return &made;
    };
    for (const model::PodView& pod : job.pods())
        if (SourceRow* made = row(pod.role, pod.index, pod.attempt)) made->live = true;
    for (const ArchivedLog& log : archived)
        if (SourceRow* made = row(log.role, log.index, log.attempt)) made->archived = log.bytes;
    return rows;
}

kube::Awaitable<Outcome> ListJobLogSources(const Logs& logs, Call call) {
    std::size_t limit = 50, offset = 0;
    const auto number = [&](const char* name, std::size_t& to, std::size_t most) {
        const std::string* text = call.query.Find(name);
        if (!text) return true;
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), to);
        return error == std::errc() && end == text->data() + text->size() && to <= most &&
               *text == std::to_string(to);
    };
    if (!number("limit", limit, 500) || limit == 0)
        co_return std::unexpected(
            BadRequest("query.limit", "must be a whole number from 1 to 500"));
    if (!number("cursor", offset, 10'000'000))
        co_return std::unexpected(CursorInvalid("must be nextCursor of the page before"));
    const auto job = co_await FindJob(logs, call);
    if (!job) co_return std::unexpected(job.error());
    ArchiveOf of;
    of.ns = call.Namespace();
    of.job = call.Name("job");
    of.user = logs.user(job->job());
    std::string_view state = "NotConfigured";
    ArchivedLogs archived;
    if (logs.archive && !of.user.empty()) {
        auto listed = co_await logs.archive->List(call.caller.token, of);
        if (!listed && listed.error().kind == LogFailure::kDenied)
            co_return std::unexpected(Denied(listed.error().status, of.ns));
        state = listed ? "Available" : "Unavailable";
        if (listed) archived = std::move(*listed);
    }
    const auto rows = Rows(*job, archived.logs);
    json::array items;
    std::size_t at = 0;
    for (const auto& [key, row] : rows) {
        if (at++ < offset) continue;
        if (items.size() == limit) break;
        json::object item{{"rank", row.source.rank},   {"role", row.source.role},
                          {"index", row.source.index}, {"attempt", row.source.attempt},
                          {"live", row.live},          {"archived", row.archived.has_value()}};
        if (row.archived) item["archiveBytes"] = *row.archived;
        items.push_back(std::move(item));
    }
    json::object list{{"total", rows.size()}, {"archive", state}};
    if (archived.cut) list["archiveCut"] = true;
    if (offset + items.size() < rows.size())
        list["nextCursor"] = fmt::to_string(offset + items.size());
    list["items"] = std::move(items);
    co_return JsonAnswer(json::serialize(list));
}

}  // namespace

void AddLogs(Router& router, const Logs& logs) {
    const std::string base = "/api/v1/namespaces/{namespace}/jobs/{job}/logs";
    const auto with = [](std::vector<kube::HttpParameter> more) {
        std::vector<kube::HttpParameter> all{
            {"rank", true}, {"attempt"}, {"since"}, {"tail"}, {"container"}};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    router.Add(
        {.id = "ListJobLogSources",
         .method = "GET",
         .path = base + "/sources",
         .query = {{"limit"}, {"cursor"}},
         .handler = [&logs](Call call) { return ListJobLogSources(logs, std::move(call)); }});
    router.Add({.id = "GetJobLogs",
                .method = "GET",
                .path = base,
                .query = with({{"until"}, {"cursor"}, {"limit"}}),
                .handler = [&logs](Call call) { return GetJobLogs(logs, std::move(call)); }});
    router.Add({.id = "StreamJobLogs",
                .method = "GET",
                .path = base + "/stream",
                .query = with({{"cursor"}}),
                .handler = [&logs](Call call) { return StreamJobLogs(logs, std::move(call)); },
                .stream = true});
    router.Add({.id = "DownloadJobLogs",
                .method = "GET",
                .path = base + "/text",
                .query = with({{"until"}, {"timestamps"}}),
                .handler = [&logs](Call call) { return DownloadJobLogs(logs, std::move(call)); },
                .stream = true});
}

}  // namespace dlws::portal
