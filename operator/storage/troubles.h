// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/dlnode.h"
#include "model/pod.h"
#include "model/time.h"

namespace dlws::storage {

/// What a storage is like on a node, as far as anybody knows; none: Unknown.
using SeenState = std::optional<model::StorageState>;
inline constexpr std::size_t kSeenStates = model::kStorageStates + 1;

/// As the label of the node has it.
std::string_view ToString(SeenState state);

/// Where storages are not healthy.
///
///     troubles.Availability("work")   // "Storage work is healthy on 2 of 3 nodes; node-3: Hung
///                                     // since 2026-01-02T12:03:01Z."
///     if (const auto* trouble = troubles.Find("work", "node-3")) …
///
/// A plain value.
class StorageTroubles {
  public:
    struct Trouble {
        SeenState state;
        std::optional<model::Time> since;  ///< none: the node's agent has never told of it
        bool operator==(const Trouble&) const = default;
    };
    /// Nodes by state; Unknown is the last.
    using Counts = std::array<int, kSeenStates>;

    /// Each node once for each storage.
    void Add(const std::string& storage, std::string_view node, SeenState state,
             std::optional<model::Time> since);

    /// It is healthy on that node since it was mounted anew: pods from before do not reach it.
    void AddRemount(const std::string& storage, std::string_view node, model::Time at);
    std::optional<model::Time> RemountedAt(std::string_view storage, std::string_view node) const;

    /// Null: it is healthy there, or nobody asks that node. Valid as long as this is not changed.
    const Trouble* Find(std::string_view storage, std::string_view node) const;
    /// Of a storage that no node is asked about: all 0.
    Counts CountsOf(std::string_view storage) const;
    bool operator==(const StorageTroubles&) const = default;

    /// One sentence that names up to three nodes.
    std::string Availability(std::string_view storage) const;

  private:
    struct Storage {
        Counts counts{};
        std::map<std::string, Trouble, std::less<>> troubles;      // by node
        std::map<std::string, model::Time, std::less<>> remounts;  // by node
        bool operator==(const Storage&) const = default;
    };
    std::map<std::string, Storage, std::less<>> storages_;
};

/// What to tell a job whose pods these are: which of its storages does not work where one of them
/// runs; or, while one waits for a node, which is healthy on no node that it could go to. Empty:
/// nothing. `troubles` tells Healthy of no PersistentVolumeClaim, so those are never named.
std::string TroubleOf(const StorageTroubles& troubles, const model::DLJob& job,
                      const std::vector<model::PodView>& pods);

/// Of those pods the ones that must be made anew, because a storage of theirs was mounted anew on
/// their node: a sentence for each, by its name.
std::map<std::string, std::string> StalePods(const StorageTroubles& troubles,
                                             const model::DLJob& job,
                                             const std::vector<model::PodView>& pods);

/// Of all states.
int Total(const StorageTroubles::Counts& counts);
int Healthy(const StorageTroubles::Counts& counts);

}  // namespace dlws::storage
