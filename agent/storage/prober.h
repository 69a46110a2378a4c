// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "agent/storage/child_runner.h"
#include "agent/storage/mount_check.h"
#include "model/time.h"

namespace dlws::agent {

/// Checks storages without ever blocking on one.
///
///     Prober prober(runner);
///     StorageFact fact = co_await prober.Check(mount);
///     const StorageRecord& record = facts.Update("data", mount, fact, now);
///
/// Lifetime and threads: as ChildRunner's, which must outlive it.
class Prober {
  public:
    explicit Prober(ChildRunner& runner) : runner_(runner) {}

    /// Hung when no answer comes within the runner's deadline, and as long as an earlier child is
    /// stuck there. One check of a storage at a time. Throws operation_aborted when cancelled.
    kube::Awaitable<StorageFact> Check(MountToCheck mount);

  private:
    ChildRunner& runner_;
};

struct StorageRecord {
    StorageFact fact;
    model::Time since;  ///< when `fact.state` became what it is
    /// The last time that jobs could not use it: from when, and until when; not set: never, and not
    /// yet again.
    std::optional<model::Time> lost_since, lost_until;
    /// The last mount that was seen, and when it took the place of another one.
    std::string mount;
    std::optional<model::Time> remounted_at;
};

/// Since when each storage is in its state. A storage that was Full stays so until a tenth more
/// than its minimum is free: a job that writes and removes files around it does not flap its
/// state. Pure: times are given.
class StorageFacts {
  public:
    /// What is known now; valid until the next call. `storage` is its name.
    const StorageRecord& Update(const std::string& storage, const MountToCheck& mount,
                                StorageFact fact, model::Time now);
    /// What an earlier life of this process has published: `since` outlives it.
    void Restore(const std::string& storage, StorageRecord record);
    /// Forgets all others.
    void KeepOnly(const std::set<std::string>& storages);
    const std::map<std::string, StorageRecord>& All() const { return records_; }

  private:
    std::map<std::string, StorageRecord> records_;
};

}  // namespace dlws::agent
