// SPDX-License-Identifier: Apache-2.0
// The lives of a job that the campaign breaks.
#include "test/faults/plans/stage.h"

namespace dlws::faults {

using e2e::Text;

namespace {

constexpr const char* kTwo = "roles: [{name: worker, replicas: 2}]\n";

void Single(Stage& s) {
    s.Submit("roles: [{name: worker, replicas: 1}]");
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
}

void Gang(Stage& s) {
    s.Submit("roles: [{name: worker, replicas: 3}]\nfiles: [{name: train.py, content: pass}]");
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
}

void Restart(Stage& s) {
    s.Submit(std::string(kTwo) + "retry: {limit: 1}");
    s.AwaitPhase("Running");
    s.EndPod("job-worker-1-0", 1);
    s.AwaitPhase("Running", 1);
    s.EndPods(1);
    s.AwaitPhase("Succeeded", 1);
}

void Fails(Stage& s) {
    s.Submit(std::string(kTwo) + "retry: {limit: 1}");
    s.AwaitPhase("Running");
    s.EndPod("job-worker-0-0", 1);
    s.AwaitPhase("Running", 1);
    s.EndPod("job-worker-1-1", 3);
    s.AwaitPhase("Failed", 1);
}

void Suspend(Stage& s) {
    s.Submit(kTwo);
    s.AwaitPhase("Running");
    s.PatchSpec("{suspend: true}");
    s.AwaitPhase("Suspended");
    s.PatchSpec("{suspend: false}");
    s.AwaitPhase("Running", 1);
    s.EndPods(1);
    s.AwaitPhase("Succeeded", 1);
}

void Stop(Stage& s) {
    s.Submit(kTwo);
    s.AwaitPhase("Running");
    s.PatchSpec("{stop: true}");
    s.AwaitPhase("Stopped");
}

void Deadline(Stage& s) {
    s.Submit(std::string(kTwo) + "activeDeadlineSeconds: 4");
    s.AwaitPhase("Failed");
}

void Elastic(Stage& s) {
    s.Submit(std::string(kTwo) +
             "elastic: {role: worker, replicas: 2, minReplicas: 1, maxReplicas: 4}");
    s.AwaitPhase("Running");
    s.PatchSpec("{elastic: {replicas: 3}}");
    s.AwaitPods(3);
    s.Await("grown", [](const Json& job) { return Text(job, "status/ready") == "3/3"; });
    s.PatchSpec("{elastic: {replicas: 1}}");
    s.AwaitPods(1);
    s.EndPod("job-worker-0-0", 0);
    s.AwaitPhase("Succeeded");
}

void Ttl(Stage& s) {
    s.Submit("ttlSecondsAfterFinished: 2");
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitGone();
}

void Squat(Stage& s) {
    s.MakeForeignPod("job-worker-0-0");
    s.Submit("roles: [{name: worker, replicas: 1}]");
    s.Await("told that the name is taken",
            [](const Json& job) { return Text(job, "status/pending/reason") == "NameTaken"; });
    s.DeletePod("job-worker-0-0");
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
}

void Order(Stage& s) {
    s.Submit(R"(roles:
- {name: server, replicas: 1}
- {name: worker, replicas: 2, startAfter: [{role: server, when: Ready}]})");
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
}

// Deleted, and submitted again under its name. Its pods have ended: of a pod that has not, KWOK
// would delete the successor too, because it deletes by name, and sometimes late.
void Again(Stage& s) {
    s.Submit(kTwo);
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
    s.DeleteJob();
    s.AwaitPods(0);
    s.Submit(kTwo);
    s.AwaitPhase("Running");
    s.EndPods(0);
    s.AwaitPhase("Succeeded");
}

}  // namespace

const std::vector<Workload>& Workloads() {
    static const std::vector<Workload> all = {
        {"single", Single},   {"gang", Gang},   {"restart", Restart},   {"fails", Fails},
        {"suspend", Suspend}, {"stop", Stop},   {"deadline", Deadline}, {"elastic", Elastic},
        {"ttl", Ttl},         {"squat", Squat}, {"order", Order},       {"again", Again},
    };
    return all;
}

}  // namespace dlws::faults
