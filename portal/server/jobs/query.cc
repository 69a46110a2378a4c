// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "portal/server/jobs/paging.h"
#include "portal/server/jobs/text_search.h"
#include "portal/server/router.h"

namespace dlws::portal {

namespace {

using model::Phase;
using Text = std::string_view;
using Verdict = std::optional<std::string>;  // what is wrong with a value

constexpr std::array<std::pair<Text, SortKey>, 6> kSortKeys = {{{"created", SortKey::Created},
                                                                {"changed", SortKey::Changed},
                                                                {"name", SortKey::Name},
                                                                {"owner", SortKey::Owner},
                                                                {"phase", SortKey::Phase},
                                                                {"gpus", SortKey::Gpus}}};
constexpr std::array<Text, 3> kPendingClasses = {"Wait", "Ask", "Change"};
constexpr std::size_t kMostNamespaces = 16;
constexpr std::size_t kMostOwners = 16;
constexpr std::size_t kMostCharacters = 256;  // of q

bool IsLower(char c) {
    return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
    return c >= '0' && c <= '9';
}

std::size_t Characters(Text text) {
    return std::size_t(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<Text> PhaseWords() {
    std::vector<Text> words;
    for (int i = 0; i < kPhases; ++i)
        words.push_back(PhaseWord(Phase(i)));
    return words;
}

// Of a list: one more that is not there yet, kept in order.
Verdict Add(std::vector<std::string>& list, const std::string& value, std::size_t most) {
    const auto place = std::ranges::lower_bound(list, value);
    if (place != list.end() && *place == value) return "must not name anything twice";
    if (list.size() == most) return fmt::format("must be given at most {} times", most);
    list.insert(place, value);
    return std::nullopt;
}

template <std::size_t N>
Verdict AddWord(std::bitset<N>& set, Text value, const auto& words) {
    const auto word = std::ranges::find(words, value);
    if (word == words.end()) return fmt::format("must be one of {}", fmt::join(words, ", "));
    const auto index = std::size_t(word - words.begin());
    if (set[index]) return "must not name anything twice";
    set.set(index);
    return std::nullopt;
}

Verdict ReadBool(bool& out, Text value) {
    if (value != "true" && value != "false") return "must be true or false";
    out = value == "true";
    return std::nullopt;
}

Verdict ReadTime(std::optional<model::Time>& out, Text value) {
    const auto time = value.size() <= 35 ? model::ParseTime(value) : std::unexpected("");
    if (!time) return "must be a time such as 2026-11-29T10:00:00Z (write + of an offset as %2B)";
    out = *time;
    return std::nullopt;
}

Verdict ReadSort(Sort& out, Text value) {
    const bool descending = value.starts_with('-');
    const auto key = std::ranges::find(kSortKeys, value.substr(descending ? 1 : 0),
                                       &decltype(kSortKeys)::value_type::first);
    if (key == kSortKeys.end())
        return "must be created, changed, name, owner, phase or gpus, or one of them after a "
               "'-', which begins with the greatest";
    out = {key->second, descending};
    return std::nullopt;
}

Verdict ReadLimit(int& out, Text value) {
    int limit = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size() || limit < 1 ||
        limit > kMostLimit)
        return fmt::format("must be a whole number from 1 to {}", kMostLimit);
    out = limit;
    return std::nullopt;
}

Verdict ReadWords(std::vector<std::string>& out, Text value) {
    if (value.empty() || Characters(value) > kMostCharacters)
        return fmt::format("must have 1 to {} characters", kMostCharacters);
    const std::string lower = Lower(value);
    constexpr Text kSpace = " \t\r\n";
    for (std::size_t end = 0; true;) {
        const std::size_t begin = lower.find_first_not_of(kSpace, end);
        if (begin == std::string::npos) return std::nullopt;
        end = std::min(lower.find_first_of(kSpace, begin), lower.size());
        std::string word = lower.substr(begin, end - begin);
        if (std::ranges::find(out, word) == out.end()) out.push_back(std::move(word));
    }
}

Verdict ReadNamespace(std::vector<std::string>& out, const std::string& value) {
    if (std::string wrong = WrongName("namespace", value); !wrong.empty()) return wrong;
    return Add(out, value, kMostNamespaces);
}

Verdict ReadOwner(std::vector<std::string>& out, const std::string& value) {
    if (value.empty() || Characters(value) > 512) return "must have 1 to 512 characters";
    return Add(out, value, kMostOwners);
}

Verdict ReadGpuType(std::string& out, const std::string& value) {
    if (!IsGpuType(value))
        return "must be a kind of GPU, such as A100: letters, digits, '-', '_' and '.'";
    out = value;
    return std::nullopt;
}

Verdict ReadCursor(std::optional<Cursor>& out, Text value) {
    out = DecodeCursor(value);
    if (!out) return "must be nextCursor of the page before";
    return std::nullopt;
}

// Reads parameters; keeps what was wrong first.
class Reader {
  public:
    explicit Reader(const kube::HttpParameters& given) : given_(given) {}

    template <typename Read>
    void Each(const char* name, Read read) {
        for (const std::string& value : given_.All(name))
            if (auto wrong = read(value); wrong && !error_)
                error_ = ParameterError{name, std::move(*wrong)};
    }
    const std::optional<ParameterError>& error() const { return error_; }

  private:
    const kube::HttpParameters& given_;
    std::optional<ParameterError> error_;
};

void ReadFilter(Reader& reader, Filter& f) {
    using String = const std::string&;
    reader.Each("namespace", [&](String value) { return ReadNamespace(f.namespaces, value); });
    reader.Each("mine", [&](String value) { return ReadBool(f.mine, value); });
    reader.Each("owner", [&](String value) { return ReadOwner(f.owners, value); });
    reader.Each("phase", [&](String value) { return AddWord(f.phases, value, PhaseWords()); });
    reader.Each("pending",
                [&](String value) { return AddWord(f.pending, value, kPendingClasses); });
    reader.Each("gpuType", [&](String value) { return ReadGpuType(f.gpu_type, value); });
    reader.Each("createdAfter", [&](String value) { return ReadTime(f.created_after, value); });
    reader.Each("createdBefore", [&](String value) { return ReadTime(f.created_before, value); });
    reader.Each("q", [&](String value) { return ReadWords(f.words, value); });
}

// Of another order it would name no place.
bool IsOfOrder(const Cursor& cursor, SortKey key) {
    const bool by_text = key == SortKey::Name || key == SortKey::Owner;
    return by_text ? cursor.number == PrefixOf(cursor.text) : cursor.text.empty();
}

}  // namespace

bool IsGpuType(Text text) {
    const auto alnum = [](char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && text.size() <= 63 && alnum(text.front()) && alnum(text.back()) &&
           std::ranges::all_of(
               text, [&](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::expected<Query, ParameterError> ParseQuery(const kube::HttpParameters& given) {
    Query query;
    Reader reader(given);
    using String = const std::string&;
    ReadFilter(reader, query.filter);
    reader.Each("sort", [&](String value) { return ReadSort(query.sort, value); });
    reader.Each("limit", [&](String value) { return ReadLimit(query.limit, value); });
    reader.Each("cursor", [&](String value) { return ReadCursor(query.after, value); });
    if (reader.error()) return std::unexpected(*reader.error());
    if (query.after && (query.after->question != QuestionOf(query.filter, query.sort) ||
                        !IsOfOrder(*query.after, query.sort.key)))
        return std::unexpected(ParameterError{
            "cursor", "is of another question: all parameters but limit must be as they were"});
    return query;
}

std::expected<Filter, ParameterError> ParseFilter(const kube::HttpParameters& given) {
    Filter filter;
    Reader reader(given);
    ReadFilter(reader, filter);
    if (reader.error()) return std::unexpected(*reader.error());
    return filter;
}

bool FitsNamespace(const std::string& ns, const Filter& filter) {
    return filter.namespaces.empty() || std::ranges::binary_search(filter.namespaces, ns);
}

bool MayEverFit(const Row& row, const Filter& filter, std::string_view me) {
    if (filter.created_after && row.created < *filter.created_after) return false;
    if (filter.created_before && row.created >= *filter.created_before) return false;
    if (filter.mine && (row.owner.empty() || row.owner != me)) return false;
    return filter.owners.empty() || std::ranges::binary_search(filter.owners, row.owner);
}

bool Fits(const Row& row, const Filter& filter, std::string_view me) {
    if (filter.phases.any() && !filter.phases[std::size_t(row.phase)]) return false;
    if (filter.pending.any() && (!row.pending || std::size_t(*row.pending) >= 3 ||
                                 !filter.pending[std::size_t(*row.pending)]))
        return false;
    if (!MayEverFit(row, filter, me)) return false;
    if (!filter.gpu_type.empty() &&
        std::ranges::find(row.gpu_types, filter.gpu_type) == row.gpu_types.end())
        return false;
    return std::ranges::all_of(filter.words,
                               [&](const std::string& word) { return Contains(row.text, word); });
}

Place PlaceOf(const Row& row, SortKey key) {
    switch (key) {
        case SortKey::Created:
            return {row.created.time_since_epoch().count(), {}, row.uid};
        case SortKey::Changed:
            return {std::int64_t(row.resource_version), {}, row.uid};
        case SortKey::Name:
            return {row.name_prefix, row.name, row.uid};
        case SortKey::Owner:
            return {row.owner_prefix, row.owner, row.uid};
        case SortKey::Phase:
            return {std::int64_t(row.phase), {}, row.uid};
        case SortKey::Gpus:
            break;
    }
    return {row.gpus, {}, row.uid};
}

std::uint64_t QuestionOf(const Filter& f, Sort sort) {
    // What a value cannot contain stands between them.
    const auto seconds = [](const std::optional<model::Time>& t) {
        return t ? std::to_string(t->time_since_epoch().count()) : "-";
    };
    std::string all =
        fmt::format("1\xff{}\xff{}\xff{}\xff{}\xff{}\xff{}\xff{}\xff{}\xff", f.mine,
                    f.phases.to_ulong(), f.pending.to_ulong(), f.gpu_type, seconds(f.created_after),
                    seconds(f.created_before), int(sort.key), sort.descending);
    for (const auto* list : {&f.namespaces, &f.owners, &f.words}) {
        for (const std::string& item : *list)
            all.append(item).append("\xff");
        all += "\xfe";
    }
    return Fnv(all);
}

}  // namespace dlws::portal
