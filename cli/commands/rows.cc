// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/rows.h"

#include <algorithm>

#include "cli/json.h"

namespace dlws::cli {
namespace {

constexpr std::size_t kPage = 500;

// Calls `page` with each answer's items; true: go on.
template <typename Each>
void Pages(Session& session, const std::string& path,
           std::vector<std::pair<std::string, std::string>> query, std::size_t limit, Each each) {
    std::size_t got = 0;
    query.emplace_back("limit", "");
    const std::size_t at_limit = query.size() - 1;
    for (std::string cursor;;) {
        query.resize(at_limit + 1);
        query[at_limit].second = std::to_string(limit == 0 ? kPage : std::min(kPage, limit - got));
        if (!cursor.empty()) query.emplace_back("cursor", cursor);
        const json::value answer = session.Get(WithQuery(path, query));
        const json::array& items = ListAt(answer, "items");
        each(answer, items);
        got += items.size();
        cursor = TextAt(answer, "nextCursor");
        if (cursor.empty() || items.empty() || (limit != 0 && got >= limit)) return;
    }
}

}  // namespace

JobPages ReadJobs(Session& session, std::vector<std::pair<std::string, std::string>> query,
                  std::size_t limit) {
    JobPages pages;
    Pages(session, "/api/v1/jobs", std::move(query), limit,
          [&](const json::value& answer, const json::array& items) {
              pages.total = NumberAt(answer, "total", 0);
              pages.rows.insert(pages.rows.end(), items.begin(), items.end());
          });
    return pages;
}

json::array ReadItems(Session& session, const std::string& path,
                      const std::vector<std::pair<std::string, std::string>>& query,
                      std::size_t limit) {
    json::array all;
    Pages(session, path, query, limit, [&](const json::value&, const json::array& items) {
        all.insert(all.end(), items.begin(), items.end());
    });
    return all;
}

json::array ReadItemsIfAllowed(Session& session, const std::string& path, std::size_t limit) try {
    return ReadItems(session, path, {}, limit);
} catch (const Failure& failure) {
    if (failure.code != kRefused && failure.code != kNotThere) throw;
    session.Note(failure.text);
    return {};
}

std::string NameOf(const json::value& row) {
    return TextAt(row, "namespace") + "/" + TextAt(row, "name");
}

void AddNamespace(const Session& session, std::vector<std::pair<std::string, std::string>>& query) {
    if (session.ns_given) query.emplace_back("namespace", session.ns);
}

}  // namespace dlws::cli
