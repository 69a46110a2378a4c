// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dlws::portal {
namespace {

constexpr int kMaxRank = 9999;
constexpr std::uint64_t kMaxTail = 100'000;
constexpr std::size_t kMaxLimit = 5000;

std::optional<std::uint64_t> Number(const std::string& text, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > most)
        return std::nullopt;
    return number;
}

bool IsAttempt(const std::string& text) {
    constexpr std::uint64_t kMost = 999'999'999;
    return text == "latest" || text == "previous" || text == "all" ||
           (Number(text, kMost) && (text == "0" || text[0] != '0'));
}

bool IsContainer(const std::string& text) {
    constexpr std::size_t kMost = 63;
    return !text.empty() && text.size() <= kMost && text.front() != '-' && text.back() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == text.npos;
}

}  // namespace

std::expected<LogQuery, Problem> ReadLogQuery(const kube::HttpParameters& parameters) {
    LogQuery query;
    const auto wrong = [](std::string_view name, std::string message) {
        return std::unexpected(BadRequest(fmt::format("query.{}", name), std::move(message)));
    };
    for (const std::string& text : parameters.All("rank")) {
        const auto rank = Number(text, kMaxRank);
        if (!rank) return wrong("rank", fmt::format("must be a whole number up to {}", kMaxRank));
        query.ranks.push_back(int(*rank));
    }
    std::ranges::sort(query.ranks);
    if (std::ranges::adjacent_find(query.ranks) != query.ranks.end())
        return wrong("rank", "must not be given twice");
    if (query.ranks.size() > kMaxLogRanks)
        return wrong("rank", fmt::format("must be at most {} ranks", kMaxLogRanks));
    if (const std::string* text = parameters.Find("attempt")) {
        if (!IsAttempt(*text))
            return wrong("attempt", "must be latest, previous, all, or a number");
        query.attempt = *text;
    }
    for (const char* name : {"since", "until"}) {
        const std::string* text = parameters.Find(name);
        if (!text) continue;
        auto& time = name[0] == 's' ? query.since : query.until;
        time = ParseQueryTime(*text);
        if (!time) return wrong(name, "must be a time such as 2026-11-29T10:00:00Z");
    }
    if (const std::string* text = parameters.Find("tail")) {
        query.tail = Number(*text, kMaxTail);
        if (!query.tail)
            return wrong("tail", fmt::format("must be a whole number up to {}", kMaxTail));
    }
    if (const std::string* text = parameters.Find("container")) {
        if (!IsContainer(*text)) return wrong("container", "must be the name of a container");
        query.container = *text;
    }
    if (const std::string* text = parameters.Find("limit")) {
        const auto limit = Number(*text, kMaxLimit);
        if (!limit || *limit == 0)
            return wrong("limit", fmt::format("must be a whole number from 1 to {}", kMaxLimit));
        query.limit = std::size_t(*limit);
    }
    if (const std::string* text = parameters.Find("timestamps")) {
        if (*text != "true" && *text != "false")
            return wrong("timestamps", "must be true or false");
        query.timestamps = *text == "true";
    }
    if (const std::string* text = parameters.Find("cursor")) {
        if (text->empty())
            return std::unexpected(CursorInvalid("must be one of an earlier answer, or left out"));
        query.cursor = *text;
        if (query.since || query.tail) return wrong("cursor", "cannot be given with since or tail");
    }
    if (query.since && query.tail) return wrong("tail", "cannot be given with since");
    return query;
}

std::string CursorAbout(const LogQuery& query, const JobLogs& job) {
    return job.job().meta.uid + "/" + query.container;
}

std::expected<LogStart, Problem> StartOf(const LogQuery& query, const JobLogs& job, bool lenient) {
    std::vector<int> ranks = query.ranks;
    if (ranks.empty()) {
        if (job.Ranks() > int(kMaxLogRanks))
            return std::unexpected(BadRequest(
                "query.rank", fmt::format("must name at most {} ranks, since the job has {}",
                                          kMaxLogRanks, job.Ranks())));
        for (int rank = 0; rank < job.Ranks(); ++rank)
            ranks.push_back(rank);
    }
    std::optional<std::vector<RankPosition>> told;
    if (!query.cursor.empty()) {
        told = DecodeLogCursor(query.cursor, CursorAbout(query, job));
        if (!told && !lenient)
            return std::unexpected(
                CursorInvalid("must be one of an earlier answer about this job and container"));
    }
    LogStart start;
    start.tail = told ? std::nullopt : query.tail;
    for (const int rank : ranks) {
        auto source = job.At(rank);
        if (!source)
            return std::unexpected(BadRequest(
                "query.rank", fmt::format("must be below {}, the number of pods", job.Ranks())));
        const auto known = told ? std::ranges::find(*told, rank, &RankPosition::rank)
                                : std::vector<RankPosition>::iterator{};
        RankPosition position;
        position.rank = rank;
        if (told && known != told->end()) {
            position = *known;
        } else {
            // The last lines are in the last attempt.
            const bool last = query.attempt == "all" && query.tail;
            const auto attempt = job.Attempt(*source, last ? "latest" : query.attempt);
            if (!attempt)
                return std::unexpected(
                    NotFound(fmt::format("{} attempt of rank {}", query.attempt, rank)));
            position.attempt = *attempt;
            if (query.since) position.at = LogPosition(*query.since);
        }
        source->attempt = position.attempt;
        start.sources.push_back(std::move(*source));
        start.from.push_back(position);
    }
    return start;
}

}  // namespace dlws::portal
