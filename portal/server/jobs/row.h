// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/object.h"
#include "model/dljob.h"

/// @file
/// What a list shows of a job: JobRow of portal/openapi.yaml. Pure.

namespace dlws::portal {

/// What filter and order look at, and the JSON, made once for all answers and streams.
/// A plain value; shared as RowPtr, any thread may read it.
struct alignas(64) Row {
    // What every pass looks at comes first: it is in one line of the processor's cache.
    model::Time created{};
    std::uint64_t resource_version = 0;
    int gpus = 0;
    model::Phase phase = model::Phase::None;
    std::optional<model::ReasonClass> pending;
    std::int64_t name_prefix = 0, owner_prefix = 0;  ///< PrefixOf() them
    std::string text;                                ///< what `q` searches, in lower case
    std::string uid;
    std::string name;
    std::string owner;  ///< username of who submitted it; empty: admission was not there
    std::string ns;
    std::vector<std::string> gpu_types;
    std::string reason;  ///< of the table of reasons: why it waits, failed, or ended
    std::string json;
};
using RowPtr = std::shared_ptr<const Row>;

/// Texts are cut to the lengths of the contract, at characters' borders.
Row MakeRow(const model::DLJob& job);

/// Of a DLJob as the informer has it. One that this version cannot read gets a row that says so.
RowPtr MakeRow(const kube::Object& object);

/// ASCII letters in lower case; all else as it is.
std::string Lower(std::string_view text);

/// The word of the contract; "None" until the operator has seen the job.
std::string_view PhaseWord(model::Phase phase);
inline constexpr int kPhases = 11;

}  // namespace dlws::portal
