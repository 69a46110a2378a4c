// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "portal/server/jobs/page.h"
#include "portal/server/jobs/testing.h"
#include "portal/server/logs/position.h"
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

constexpr Target kTargets[] = {
    {"job-query", JobQuery}, {"cursor", ACursor}, {"log-cursor", ALogCursor}};

}  // namespace

std::span<const Target> PortalTargets() {
    return kTargets;
}

}  // namespace dlws::fuzz
