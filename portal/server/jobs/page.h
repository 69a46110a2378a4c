// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "portal/server/jobs/job_table.h"
#include "portal/server/jobs/query.h"

/// @file
/// One page of ListJobs. Pure.
///
///     const Page page = MakePage(jobs, query, scope, me);
///     answer.body = PageJson(page, scope, stream_id);

namespace dlws::portal {

/// The namespaces whose jobs somebody may see.
struct Scope {
    bool all = false;
    std::set<std::string, std::less<>> namespaces;  ///< if not all
    bool complete = true;  ///< false: there are more namespaces than were asked about

    bool Has(std::string_view ns) const { return all || namespaces.contains(ns); }
    bool operator==(const Scope&) const = default;
};

struct Page {
    std::vector<RowPtr> rows;
    std::uint64_t total = 0;                       ///< that fit, on all pages
    std::array<std::uint64_t, kPhases> phases{};  ///< of those, by phase
    std::string next_cursor;                       ///< empty: there are no more
};

/// One pass over the rows of the scope, and a heap of `limit`.
Page MakePage(const JobTable& jobs, const Query& query, const Scope& scope, std::string_view me);

/// Schema JobList.
std::string PageJson(const Page& page, const Scope& scope, std::string_view stream_id);

/// Weak: equal for pages that say the same of the same rows, whatever `streamId` they carry.
std::string ETagOf(const Page& page, const Query& query, const Scope& scope);

}  // namespace dlws::portal
