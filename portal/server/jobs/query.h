// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/http_query.h"
#include "portal/server/jobs/cursor.h"
#include "portal/server/jobs/row.h"

/// @file
/// What ListJobs is asked: which jobs, in which order, from where. Pure.
///
///     auto query = ParseQuery(call.query);
///     if (!query) co_return std::unexpected(BadRequest("query." + query.error().name, …));

namespace dlws::portal {

/// Which jobs. Conditions that are empty hold for all jobs.
struct Filter {
    std::vector<std::string> namespaces;  ///< in order; one of them
    bool mine = false;                    ///< whose owner is who asks
    std::vector<std::string> owners;      ///< in order; one of them
    std::bitset<kPhases> phases;          ///< one of them
    std::bitset<3> pending;               ///< of ReasonClass Wait, Ask, Change; one of them
    std::string gpu_type;
    std::optional<model::Time> created_after;   ///< then or later
    std::optional<model::Time> created_before;  ///< before
    std::vector<std::string> words;             ///< in lower case; all of them
    bool operator==(const Filter&) const = default;
};

enum class SortKey { Created, Changed, Name, Owner, Phase, Gpus };
struct Sort {
    SortKey key = SortKey::Created;
    bool descending = true;
    bool operator==(const Sort&) const = default;
};

struct Query {
    Filter filter;
    Sort sort;
    int limit = 50;
    std::optional<Cursor> after;
};

/// The parameter of that name is wrong; `message` says what it must be.
struct ParameterError {
    std::string name;
    std::string message;
};
/// Parameters of ListJobs.
inline constexpr std::array<kube::HttpParameter, 12> kJobParameters = {{{"namespace", true},
                                                                        {"mine"},
                                                                        {"owner", true},
                                                                        {"phase", true},
                                                                        {"pending", true},
                                                                        {"gpuType"},
                                                                        {"createdAfter"},
                                                                        {"createdBefore"},
                                                                        {"q"},
                                                                        {"sort"},
                                                                        {"limit"},
                                                                        {"cursor"}}};
std::expected<Query, ParameterError> ParseQuery(const kube::HttpParameters& given);
/// A kind of GPU as a node's label has it (schema GpuType).
bool IsGpuType(std::string_view text);
/// Of a stream's topic: order and page have no effect.
std::expected<Filter, ParameterError> ParseFilter(const kube::HttpParameters& given);

/// True when the row fits; namespaces are not looked at. `me`: username of who asks.
bool Fits(const Row& row, const Filter& filter, std::string_view me);
/// False when it cannot have fitted before either, nor will: whose it is and when it was made never
/// changes.
bool MayEverFit(const Row& row, const Filter& filter, std::string_view me);
/// True when jobs of that namespace can fit.
bool FitsNamespace(const std::string& ns, const Filter& filter);

/// Where the row stands in that order: of Name and Owner by text (and its prefix), else by number.
/// Valid as long as the row.
Place PlaceOf(const Row& row, SortKey key);

/// The same for questions that differ in nothing but page and order of parameters; on all replicas.
std::uint64_t QuestionOf(const Filter& filter, Sort sort);

}  // namespace dlws::portal
