// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "portal/server/access/visible.h"
#include "portal/server/jobs/job_table.h"
#include "portal/server/jobs/query.h"

/// @file
/// One page of ListJobs. Pure.
///
///     const Page page = MakePage(jobs, query, visible, me);
///     answer.body = PageJson(page, visible, stream_id);

namespace dlws::portal {

struct Page {
    std::vector<RowPtr> rows;
    std::uint64_t total = 0;                      ///< that fit, on all pages
    std::array<std::uint64_t, kPhases> phases{};  ///< of those, by phase
    std::string next_cursor;                      ///< empty: there are no more
};

/// One pass over the visible rows, and a heap of `limit`.
Page MakePage(const JobTable& jobs, const Query& query, const Visible& visible,
              std::string_view me);

/// Schema JobList.
std::string PageJson(const Page& page, const Visible& visible, std::string_view stream_id);

/// Weak: equal for pages that say the same of the same rows, whatever `streamId` they carry.
std::string ETagOf(const Page& page, const Query& query, const Visible& visible);

}  // namespace dlws::portal
