// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "model/names.h"
#include "operator/job/decide.h"

/// @file
/// Small worlds for the tests of this folder.

namespace dlws::job::testing {

inline model::Time At(int seconds) {
    return model::Time(std::chrono::seconds(1'800'000'000 + seconds));
}

inline std::shared_ptr<const model::DLCluster> Cluster() {
    auto cluster = std::make_shared<model::DLCluster>();
    cluster->meta.name = "cluster";
    cluster->storages = model::SharedFolder("/srv/dlws");
    return cluster;
}

/// A job "digits" in "vision" with one role "worker".
inline model::DLJob Job(int replicas = 2) {
    model::DLJob job;
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "job-uid";
    job.meta.resourceVersion = "1";
    job.meta.generation = 1;
    job.spec.image = "digits:1";
    job.spec.command = {"python3", "train.py"};
    job.spec.roles = {model::Role{.name = "worker", .replicas = replicas, .gpus = 1}};
    return job;
}

inline World WorldOf(model::DLJob job) {
    World world;
    world.job = std::move(job);
    world.cluster = Cluster();
    world.pods_listed = true;  // as if they came from the API server
    world.now = At(0);
    return world;
}

inline model::PodView Pod(const std::string& role, int index, int attempt,
                          model::PodPhase phase = model::PodPhase::Pending) {
    model::PodView pod;
    pod.name = model::PodName("digits", role, index, attempt);
    pod.ns = "vision";
    pod.uid = "uid-of-" + pod.name;
    pod.job = "digits";
    pod.role = role;
    pod.index = index;
    pod.attempt = attempt;
    pod.ownerUid = "job-uid";
    pod.phase = phase;
    pod.ready = phase == model::PodPhase::Running;
    if (phase != model::PodPhase::Pending) pod.node = "node-1";
    return pod;
}

inline model::PodView PodThatFailed(const std::string& role, int index, int attempt, int exit_code,
                                    model::Time at = At(0)) {
    model::PodView pod = Pod(role, index, attempt, model::PodPhase::Failed);
    pod.main.state = model::ContainerView::Terminated;
    pod.main.exitCode = exit_code;
    pod.main.reason = "Error";
    pod.main.finishedAt = at;
    return pod;
}

/// The status the decision publishes last; the world's own when it publishes none.
inline model::JobStatus Published(const World& world, const Decision& decision) {
    model::JobStatus status = world.job.status;
    for (const Write& w : decision.writes)
        if (auto* p = std::get_if<Publish>(&w)) status = p->status;
    return status;
}

/// The world in which that status is published.
inline World Settled(World world) {
    world.job.status = Published(world, Decide(world));
    return world;
}

template <typename T>
const T* Find(const Decision& decision) {
    for (const Write& w : decision.writes)
        if (auto* p = std::get_if<T>(&w)) return p;
    return nullptr;
}

}  // namespace dlws::job::testing
