// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/page.h"

#include <fmt/format.h>

#include <algorithm>

namespace dlws::portal {

namespace {

struct Candidate {
    Place place;
    const RowPtr* row;
};

struct Order {
    bool descending;
    bool operator()(const Candidate& a, const Candidate& b) const {
        return Before(a.place, b.place, descending);
    }
};

// The first `limit` of what is added; the last of them on top of a heap.
class FirstOnes {
  public:
    FirstOnes(std::size_t limit, Order order) : limit_(limit), order_(order) {
        heap_.reserve(limit);
    }
    void Add(const Candidate& candidate) {
        if (heap_.size() < limit_) {
            heap_.push_back(candidate);
            std::ranges::push_heap(heap_, order_);
        } else if (order_(candidate, heap_.front())) {
            std::ranges::pop_heap(heap_, order_);
            heap_.back() = candidate;
            std::ranges::push_heap(heap_, order_);
        }
    }
    std::vector<Candidate> Take() {
        std::ranges::sort_heap(heap_, order_);
        return std::move(heap_);
    }

  private:
    const std::size_t limit_;
    const Order order_;
    std::vector<Candidate> heap_;
};

// Rows lie anywhere in memory, and most of a pass would be waiting for it.
void FetchAhead(const JobTable::Rows& rows, std::size_t i, bool texts) {
    if (i + 16 < rows.size()) __builtin_prefetch(rows[i + 16].get());
    if (!texts || i + 8 >= rows.size()) return;
    const char* text = rows[i + 8]->text.data();
    for (int line = 0; line < 3; ++line)
        __builtin_prefetch(text + std::ptrdiff_t(64) * line);
}

}  // namespace

Page MakePage(const JobTable& jobs, const Query& query, const Visible& visible,
              std::string_view me) {
    Page page;
    FirstOnes first(std::size_t(query.limit), {query.sort.descending});
    const bool searches = !query.filter.words.empty();
    std::uint64_t after = 0;  // how many come behind the cursor
    for (const auto& [ns, rows] : jobs.Namespaces()) {
        if (!visible.Has(ns) || !FitsNamespace(ns, query.filter)) continue;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const RowPtr& row = rows[i];
            FetchAhead(rows, i, searches);
            if (!Fits(*row, query.filter, me)) continue;
            ++page.total;
            ++page.phases[std::size_t(row->phase)];
            const Place place = PlaceOf(*row, query.sort.key);
            if (query.after && !Before(query.after->At(), place, query.sort.descending)) continue;
            ++after;
            first.Add({place, &row});
        }
    }
    const auto chosen = first.Take();
    for (const Candidate& candidate : chosen)
        page.rows.push_back(*candidate.row);
    if (after > chosen.size()) {
        const Place& last = chosen.back().place;
        page.next_cursor = EncodeCursor({QuestionOf(query.filter, query.sort), last.number,
                                         std::string(last.text), std::string(last.uid)});
    }
    return page;
}

std::string PageJson(const Page& page, const Visible& visible, std::string_view stream_id) {
    std::size_t size = 512;
    for (const RowPtr& row : page.rows)
        size += row->json.size() + 1;
    std::string json;
    json.reserve(size);
    json += R"({"items":[)";
    for (const RowPtr& row : page.rows) {
        if (&row != &page.rows.front()) json += ',';
        json += row->json;
    }
    json += fmt::format(R"(],"total":{},"phases":{{)", page.total);
    const char* comma = "";
    for (int i = 0; i < kPhases; ++i) {
        if (page.phases[std::size_t(i)] == 0) continue;
        json += fmt::format(R"({}"{}":{})", comma, PhaseWord(model::Phase(i)),
                            page.phases[std::size_t(i)]);
        comma = ",";
    }
    json += '}';
    if (!visible.complete) json += R"(,"namespacesComplete":false)";
    if (!page.next_cursor.empty()) json += fmt::format(R"(,"nextCursor":"{}")", page.next_cursor);
    json += fmt::format(R"(,"streamId":"{}"}})", stream_id);
    return json;
}

std::string ETagOf(const Page& page, const Query& query, const Visible& visible) {
    std::uint64_t hash = QuestionOf(query.filter, query.sort);
    for (const RowPtr& row : page.rows)
        hash = Fnv(fmt::format("{} {}\n", row->uid, row->resource_version), hash);
    for (const std::uint64_t count : page.phases)
        hash = Fnv(fmt::format("{} ", count), hash);
    hash = Fnv(fmt::format("{} {}", visible.complete, page.next_cursor), hash);
    return fmt::format(R"(W/"{:016x}")", hash);
}

}  // namespace dlws::portal
