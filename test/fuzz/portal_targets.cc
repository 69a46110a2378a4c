// SPDX-License-Identifier: Apache-2.0
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "portal/server/jobs/page.h"
#include "portal/server/jobs/testing.h"
#include "portal/server/logs/position.h"
#include "portal/server/metrics/answer.h"
#include "test/fuzz/targets.h"

namespace dlws::fuzz {

namespace {

using namespace portal;

const JobTable& Jobs() {
    static const JobTable jobs = [] {
        JobTable table;
        portal::testing::JobText job;
        for (const char* uid : {"u1", "u2", "u3"}) {
            job.name = job.uid = uid;
            table.Apply(portal::testing::Appeared(job));
        }
        return table;
    }();
    return jobs;
}

// What is taken asks for no more than is allowed, and its pages hold each row that fits once.
void JobQuery(std::string_view bytes) {
    const auto given = kube::ParseHttpQuery(bytes, kJobParameters);
    if (!given) return;
    auto query = ParseQuery(*given);
    if (!query) {
        if (!given->Find(query.error().name) || query.error().message.empty()) std::abort();
        return;
    }
    const Filter& f = query->filter;
    if (query->limit < 1 || query->limit > 500 || f.namespaces.size() > 16 ||
        f.owners.size() > 16 || f.words.size() > 256)
        std::abort();
    Visible scope;
    scope.everywhere = true;
    query->limit = 1;
    query->after.reset();
    std::size_t seen = 0;
    Page page = MakePage(Jobs(), *query, scope, "alice");
    while (!page.next_cursor.empty() && seen <= 3) {
        seen += page.rows.size();
        query->after = DecodeCursor(page.next_cursor);
        if (!query->after) std::abort();
        page = MakePage(Jobs(), *query, scope, "alice");
    }
    if (seen + page.rows.size() != page.total) std::abort();
}

// There is one text of each cursor.
void ACursor(std::string_view bytes) {
    const auto cursor = DecodeCursor(bytes);
    if (cursor && EncodeCursor(*cursor) != bytes) std::abort();
}

// What is taken is written no longer, and then says the same.
void ALogCursor(std::string_view bytes) {
    constexpr std::string_view kAbout = "uid/main";
    const auto ranks = DecodeLogCursor(bytes, kAbout);
    if (!ranks) return;
    if (ranks->size() > kMaxLogRanks) std::abort();
    const std::string again = EncodeLogCursor(*ranks, kAbout);
    if (again.size() > bytes.size() || DecodeLogCursor(again, kAbout) != ranks) std::abort();
}

// Whatever Prometheus says, the browser gets no more than the contract allows, and JSON.
void AMatrix(std::string_view bytes) {
    MetricsPlan plan;
    plan.query.metric = Metric::GpuMemory;
    plan.query.job = "digits";
    for (int rank = 0; rank < 2; ++rank)
        plan.ranks.push_back({.rank = rank, .place = {"worker", rank}, .pod = "digits-worker-0"});
    plan.range = MetricRange{.from = 0, .to = 90, .step = 30};
    const auto all = ReadMatrix(bytes, plan);
    if (!all) return;
    if (all->size() > kMaxSeries) std::abort();
    for (const MetricSeries& series : *all) {
        if (series.points.size() > kMaxPoints || series.rank > 1 || series.device.size() > 64)
            std::abort();
        for (const auto& [at, value] : series.points)
            if (at < 0 || !std::isfinite(value)) std::abort();
    }
    simdjson::dom::parser parser;
    if (parser.parse(MetricsJson(plan, *all)).error()) std::abort();
}

constexpr Target kTargets[] = {
    {"job-query", JobQuery}, {"cursor", ACursor}, {"log-cursor", ALogCursor}, {"matrix", AMatrix}};

}  // namespace

std::span<const Target> PortalTargets() {
    return kTargets;
}

}  // namespace dlws::fuzz
