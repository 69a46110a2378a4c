// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "kube/http_query.h"
#include "portal/server/jobs/cursor.h"
#include "portal/server/problem.h"

/// @file
/// Pages of lists that are short enough to be made whole: `limit` and `cursor` of the request, and
/// `items`, `total` and `nextCursor` of the answer. Pure. (Jobs have page.h.)

namespace dlws::portal {

inline constexpr int kMostLimit = 500;

/// Which page is asked for.
struct Paging {
    std::size_t limit = 50;
    std::optional<Cursor> after;
    std::uint64_t question = 0;
};

/// `question`: all that makes the list what it is, so that a cursor of another list is refused.
/// Problem: 400 that names the parameter.
std::expected<Paging, Problem> ReadPaging(const kube::HttpParameters& query,
                                          std::string_view question);

/// Part of a list, as JSON.
struct ListPage {
    std::string items;  ///< of the array, with commas between
    std::size_t total = 0;
    std::string next;  ///< cursor; empty: there is no more

    /// The whole answer; `more`: further members, each with a comma before it.
    std::string Json(std::string_view more) const;
    /// With the total.
    std::string Json() const;
};

/// `rows` in the order of `place` (Row to Place); `json`: Row to its text.
template <typename Rows, typename PlaceOf, typename JsonOf>
ListPage MakeListPage(const Rows& rows, const Paging& paging, bool descending, PlaceOf place,
                      JsonOf json) {
    ListPage page;
    std::size_t count = 0;
    std::optional<Place> last;
    for (const auto& row : rows) {
        ++page.total;
        const Place at = place(row);
        if (paging.after && !Before(paging.after->At(), at, descending)) continue;
        if (count == paging.limit) {
            if (page.next.empty())
                page.next = EncodeCursor({paging.question, last->number, std::string(last->text),
                                          std::string(last->uid)});
            continue;
        }
        page.items.append(count++ > 0 ? "," : "").append(json(row));
        last = at;
    }
    return page;
}

}  // namespace dlws::portal
