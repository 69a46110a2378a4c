// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"

namespace dlws::cli {

/// Rows of ListJobs, page by page, until `limit` or their end (0: no limit).
struct JobPages {
    boost::json::array rows;
    long long total = 0;
};
JobPages ReadJobs(Session& session, std::vector<std::pair<std::string, std::string>> query,
                  std::size_t limit);

/// All pages of `items` at `path`, 500 at a time, `limit` at most.
boost::json::array ReadItems(Session& session, const std::string& path,
                             const std::vector<std::pair<std::string, std::string>>& query,
                             std::size_t limit);

/// The same, of what is shown beside something else: where it may not be read there is a note that
/// says so, in the words of the portal, and nothing.
boost::json::array ReadItemsIfAllowed(Session& session, const std::string& path, std::size_t limit);

/// "NAMESPACE/NAME" of a row.
std::string NameOf(const boost::json::value& row);

/// `-n` as a parameter of a list, where it is given.
void AddNamespace(const Session& session, std::vector<std::pair<std::string, std::string>>& query);

}  // namespace dlws::cli
