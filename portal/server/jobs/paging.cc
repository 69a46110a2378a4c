// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/paging.h"

#include <fmt/format.h>

#include <charconv>

namespace dlws::portal {

std::expected<Paging, Problem> ReadPaging(const kube::HttpParameters& query,
                                          std::string_view question) {
    Paging paging;
    paging.question = Fnv(question);
    if (const std::string* text = query.Find("limit")) {
        int limit = 0;
        const char* const end = text->data() + text->size();
        const auto read = std::from_chars(text->data(), end, limit);
        if (read.ec != std::errc() || read.ptr != end || limit < 1 || limit > kMostLimit)
            return std::unexpected(BadRequest(
                "query.limit", fmt::format("must be a whole number from 1 to {}", kMostLimit)));
        paging.limit = std::size_t(limit);
    }
    if (const std::string* text = query.Find("cursor")) {
        paging.after = DecodeCursor(*text);
        if (!paging.after || paging.after->question != paging.question)
            return std::unexpected(
                CursorInvalid("must be nextCursor of the page before, with all else as it was"));
    }
    return paging;
}

std::string ListPage::Json(std::string_view more) const {
    std::string text = fmt::format(R"({{"items":[{}]{})", items, more);
    if (!next.empty()) text += fmt::format(R"(,"nextCursor":"{}")", next);
    return text + "}";
}

std::string ListPage::Json() const {
    return Json(fmt::format(R"(,"total":{})", total));
}

}  // namespace dlws::portal
