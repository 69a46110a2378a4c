// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/prober.h"

#include <fmt/format.h>

#include <utility>

#include "agent/storage/check_command.h"

namespace dlws::agent {
namespace {

// Whether `now` is merely on the way out of what `before` was.
bool StillFull(const StorageFact& before, const StorageFact& now, const MountToCheck& mount) {
    const auto short_of = [](std::int64_t free, std::int64_t least) {
        return double(free) < 1.1 * double(least);
    };
    if (before.state != StorageState::Full || now.state != StorageState::Healthy) return false;
    if (mount.read_only) return false;
    if (before.reason == "FewBytesFree") return short_of(now.bytes_free, mount.min_free_bytes);
    if (before.reason == "FewInodesFree")
        return now.inodes_total > 0 && short_of(now.inodes_free, mount.min_free_inodes);
    return false;
}

// Full and ReadOnly take nothing away from a job that runs: it is told by its own writes.
bool Usable(StorageState state) {
    return state != StorageState::Hung && state != StorageState::Missing;
}

void NoteLoss(StorageRecord& record, StorageState state, model::Time now) {
    const bool was_lost = record.lost_since && !record.lost_until;
    if (Usable(state) != was_lost) return;
    if (was_lost) {
        record.lost_until = now;
    } else {
        record.lost_since = now;
        record.lost_until.reset();
    }
}

void NoteMount(StorageRecord& record, const std::string& mount, model::Time now) {
    if (mount.empty() || mount == record.mount) return;
    if (!record.mount.empty()) record.remounted_at = now;
    record.mount = mount;
}

}  // namespace

kube::Awaitable<StorageFact> Prober::Check(MountToCheck mount) {
    std::vector<std::string> arguments = CheckArguments(mount);
    arguments.insert(arguments.begin(), "check-mount");
    std::string key = mount.path + "\n" + mount.below;
    const ChildRunner::Answer answer = co_await runner_.Run(std::move(key), std::move(arguments));
    StorageFact fact;
    if (answer.kind == ChildRunner::Answer::kNoAnswer) {
        fact.state = StorageState::Hung;
        fact.reason = "NoAnswer";
        fact.message = fmt::format(
            "{} does not answer within {:g} s; see whether its server is up and the network "
            "between, or unmount it with umount -f -l and mount it again.",
            mount.path, double(runner_.Deadline().count()) / 1000);
        co_return fact;
    }
    std::string why = answer.text;
    if (answer.kind == ChildRunner::Answer::kDone) {
        auto parsed = ParseFact(answer.text);
        if (parsed) co_return std::move(*parsed);
        why = parsed.error();
    }
    // Not knowing is no reason to let jobs start there.
    fact.state = StorageState::Missing;
    fact.reason = "CheckFailed";
    fact.message =
        fmt::format("The check of {} failed ({}); look into the log of the agent on this node.",
                    mount.path, why);
    co_return fact;
}

const StorageRecord& StorageFacts::Update(const std::string& storage, const MountToCheck& mount,
                                          StorageFact fact, model::Time now) {
    const auto [place, fresh] = records_.try_emplace(storage);
    StorageRecord& record = place->second;
    if (!fresh && StillFull(record.fact, fact, mount)) {
        fact.state = record.fact.state;
        fact.reason = record.fact.reason;
        fact.message = record.fact.message;
    }
    if (fresh || record.fact.state != fact.state) record.since = now;
    NoteLoss(record, fact.state, now);
    NoteMount(record, fact.mount, now);
    record.fact = std::move(fact);
    return record;
}

void StorageFacts::Restore(const std::string& storage, StorageRecord record) {
    records_.insert_or_assign(storage, std::move(record));
}

void StorageFacts::KeepOnly(const std::set<std::string>& storages) {
    std::erase_if(records_, [&](const auto& entry) { return !storages.contains(entry.first); });
}

}  // namespace dlws::agent
