// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/api.h"
#include "kube/events.h"
#include "model/resources.h"
#include "operator/job/decide.h"

namespace dlws::job {

/// The highest resourceVersion our own writes about one job have made, by resource. A cache that
/// has not come so far does not know what we did.
struct WrittenVersions {
    std::uint64_t job = 0, pods = 0, services = 0;
};

/// Performs the writes of one Decision, in order, each with its precondition: a deterministic name
/// (creates), a UID (deletes), UID and resourceVersion (status). Thin: everything worth
/// thinking about is in Decide.
class Executor {
  public:
    /// How a round ended short of its last write.
    struct Failed {
        std::optional<WriteProblem> problem;  ///< for the user to know; else just look again
        std::string log;                      ///< for the administrator
        bool conflict = false;  ///< the cache was behind: expected, not worth a backoff
    };

    Executor(kube::Api& api, kube::EventRecorder& events, int parallel_writes);

    kube::Awaitable<std::expected<void, Failed>> Perform(const World& world,
                                                         const Decision& decision,
                                                         WrittenVersions& written);

    using Pods = std::expected<std::vector<model::PodView>, Failed>;
    /// The job's pods as the API server itself knows them.
    kube::Awaitable<Pods> ListPods(const World& world);
    /// Closes fences, then lists the job's pods: one that is not among them and waits for such a
    /// fence can no longer start.
    kube::Awaitable<Pods> CloseFences(const World& world, const std::vector<std::string>& names);

  private:
    using Outcome = std::expected<void, Failed>;

    kube::Awaitable<Outcome> CreateOwned(const World& world, kube::Resource resource,
                                         std::string name, std::string body,
                                         std::uint64_t& written);
    kube::Awaitable<Outcome> CreateSshSecret(const World& world);
    kube::Awaitable<Outcome> CreateGang(const World& world, const Decision& decision,
                                        const CreatePods& create, WrittenVersions& written);
    /// A pod that may reach its node: only while the permit holds, and only as it was meant.
    kube::Awaitable<Outcome> CreateGuarded(const World& world, const Decision& decision,
                                           const CreatePods& create, Slot slot,
                                           WrittenVersions& written);
    kube::Awaitable<Outcome> MustBeUnaltered(kube::ObjectKey key, std::string posted);
    kube::Awaitable<Outcome> MustHoldFiles(kube::ObjectKey key, std::string wanted);
    void AuditApproval(const World& world, const model::JobStatus& was,
                       const model::JobStatus& now) const;
    kube::Awaitable<Outcome> Delete(const World& world, const DeletePods& targets);
    kube::Awaitable<Outcome> DeleteOne(kube::ObjectKey key, DeletePods::Target target);
    kube::Awaitable<Outcome> DeleteJobItself(const World& world, std::string resource_version);
    kube::Awaitable<Outcome> OpenFences(const World& world, const std::vector<std::string>& names);
    kube::Awaitable<Outcome> CloseFence(const World& world, std::string name);
    struct Batch;
    kube::Awaitable<Outcome> InParallel(std::shared_ptr<Batch> batch);
    kube::Awaitable<void> TakeFrom(std::shared_ptr<Batch> batch);
    kube::Awaitable<Outcome> WriteStatus(const World& world, const model::JobStatus& was,
                                         const Publish& publish, std::string& resource_version,
                                         WrittenVersions& written);

    kube::Api& api_;
    kube::EventRecorder& events_;
    int parallel_writes_;
};

/// How a refused write is told to the user; empty when it is nobody's business (network, conflict).
/// Pure.
std::optional<WriteProblem> ExplainRefusal(const kube::Error& error, const std::string& what);

}  // namespace dlws::job
