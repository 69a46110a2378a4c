// SPDX-License-Identifier: Apache-2.0
#include "test/bench/population.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>
#include <optional>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/names.h"
#include "model/render.h"
#include "test/bench/etcd.h"

namespace dlws::bench {

namespace {

namespace json = boost::json;
using kube::Awaitable;

std::string JobName(int i) {
    return fmt::format("job-{:05}", i);
}
std::string JobKey(const std::string& ns, const std::string& name) {
    return fmt::format("/registry/dlworkspace.io/dljobs/{}/{}", ns, name);
}
std::string PodKey(const std::string& ns, const std::string& name) {
    return fmt::format("/registry/pods/{}/{}", ns, name);
}
std::string PodName(int job, int index) {
    return model::PodName(JobName(job), "worker", index, 0);
}

std::string SucceededStatus(const model::DLJob& job) {
    const model::Time now = model::Time(std::chrono::seconds(1'800'000'000));
    model::JobStatus status;
    status.phase = model::Phase::Succeeded;
    status.message = "Every pod ended with exit code 0.";
    status.observedGeneration = job.meta.generation;
    status.launchedAttempt = 0;
    status.ready = fmt::format("{0}/{0}", Population::kPodsPerJob);
    status.startTime = status.launchTime = status.finishTime = now;
    status.roles = {{.name = "worker",
                     .replicas = Population::kPodsPerJob,
                     .succeeded = Population::kPodsPerJob}};
    for (const auto type : {model::kConditionRunning, model::kConditionFinished})
        model::SetCondition(status.conditions,
                            {.type = std::string(type),
                             .status = type == model::kConditionFinished ? "True" : "False",
                             .reason = std::string(model::reason::kSucceeded.name),
                             .message = status.message,
                             .observedGeneration = job.meta.generation},
                            now);
    return model::StatusMergePatch({}, status, job.meta.uid, "");
}

// As a kubelet says that a pod runs.
std::string RunningStatus(int index) {
    const char* now = "2027-01-15T08:00:00Z";
    json::array conditions;
    for (const char* type :
         {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"})
        conditions.push_back(json::object{{"type", type},
                                          {"status", "True"},
                                          {"lastProbeTime", nullptr},
                                          {"lastTransitionTime", now}});
    const std::string id = std::string(64, 'c'), ip = fmt::format("10.244.1.{}", index + 2);
    json::object container{{"name", model::kMainContainer},
                           {"image", "registry.example/bench:1"},
                           {"imageID", "registry.example/bench@sha256:" + id},
                           {"containerID", "containerd://" + id},
                           {"ready", true},
                           {"started", true},
                           {"restartCount", 0},
                           {"lastState", json::object{}},
                           {"state", {{"running", {{"startedAt", now}}}}}};
    json::object status{{"phase", "Running"},
                        {"conditions", std::move(conditions)},
                        {"hostIP", "192.0.2.11"},
                        {"hostIPs", json::array{json::object{{"ip", "192.0.2.11"}}}},
                        {"podIP", ip},
                        {"podIPs", json::array{json::object{{"ip", ip}}}},
                        {"startTime", now},
                        {"containerStatuses", json::array{std::move(container)}}};
    return json::serialize(json::object{{"status", std::move(status)}});
}

Awaitable<void> PatchStatus(kube::Client& client, kube::Resource resource, kube::ObjectKey key,
                            std::string patch, const char* manager) {
    kube::WriteOptions options;
    options.subresource = "status";
    options.field_manager = manager;
    auto done = co_await client.Patch(resource, std::move(key), kube::PatchType::kMerge,
                                      std::move(patch), std::move(options));
    Must(std::move(done), "status");
}

struct Sample {
    std::string job_uid;
    std::vector<std::string> pod_uids;
};

// The one job that is made through the API, and its pods, which nobody but the operator may make.
Awaitable<void> MakeSample(kube::Client& client, kube::Client& op, std::string ns, Sample& sample) {
    std::string body = JobBody(ns, JobName(0), Population::kPodsPerJob, R"(,"cleanupPods":"None")");
    auto made = co_await client.Create(kDLJobs, ns, std::move(body));
    const auto job = model::ParseDLJob(Must(std::move(made), "sample job")->raw);
    if (!job) Die(job.error());
    sample.job_uid = job->meta.uid;
    auto rendered = model::Render(*job, model::DLCluster());
    if (!rendered) Die(rendered.error().message);
    for (int i = 0; i < Population::kPodsPerJob; ++i) {
        json::value pod = json::parse(model::MakePod(*rendered, 0, i, 0));
        pod.at("spec").as_object()["schedulerName"] = "nobody";
        std::string text = json::serialize(pod);
        auto created = co_await op.Create(kube::kPods, ns, std::move(text));
        sample.pod_uids.push_back(Must(std::move(created), "sample pod")->meta.uid);
        kube::ObjectKey key(ns, PodName(0, i));
        std::string patch = RunningStatus(i);
        co_await PatchStatus(client, kube::kPods, std::move(key), std::move(patch), "kubelet");
    }
    kube::ObjectKey key(ns, JobName(0));
    std::string patch = SucceededStatus(*job);
    co_await PatchStatus(op, kDLJobs, std::move(key), std::move(patch), "dlworkspace-operator");
}

// Of the same length, or the bytes would no longer be what their length fields say.
void Replace(std::string& bytes, const std::string& from, const std::string& to) {
    if (from.size() != to.size()) Die("a clone's name is of another length: " + to);
    for (std::size_t at = 0; (at = bytes.find(from, at)) != std::string::npos; at += to.size())
        bytes.replace(at, from.size(), to);
}

std::string Uid(int job, int number) {
    return fmt::format("be9c0000-{:04x}-4000-8000-{:012x}", number, job);
}

// Puts the pairs together until a request is full; slowly enough for those who watch.
class Filler {
  public:
    explicit Filler(const Etcd& etcd) : etcd_(etcd) {}
    void Add(std::string key, std::string value) {
        pairs_.emplace_back(std::move(key), std::move(value));
        if (pairs_.size() == Etcd::kMost) Flush();
    }
    void Flush() {
        if (pairs_.empty()) return;
        etcd_.Put(pairs_);
        pairs_.clear();
        usleep(20'000);
    }

  private:
    const Etcd& etcd_;
    Etcd::Pairs pairs_;
};

int PodsAtServer(const Setup& setup, const std::string& ns) {
    const json::value list = json::parse(Output(
        fmt::format("{} get --raw '/api/v1/namespaces/{}/pods?limit=1'", setup.kubectl, ns)));
    const json::value* more = list.at("metadata").as_object().if_contains("remainingItemCount");
    return int(list.at("items").as_array().size()) + (more ? more->to_number<int>() : 0);
}

}  // namespace

Population::Population(const Setup& setup, int jobs) : setup_(setup), jobs_(jobs) {
    if (jobs > 100'000) Die("a population has at most 100000 jobs");
    Say(fmt::format("making {} jobs with {} pods", jobs, pods()));
    MakeNamespace(setup, ns_);
    sleep(3);  // its ServiceAccount
    Sample sample;
    {
        boost::asio::io_context io(1);
        kube::Client client = MakeClient(io, setup.admin, 1);
        kube::Client op = MakeClient(io, setup.account, 1);
        boost::asio::co_spawn(io, MakeSample(client, op, ns_, sample), Rethrow);
        io.run_for(std::chrono::seconds(60));
        if (sample.pod_uids.size() != kPodsPerJob) Die("the sample job was not made within 60 s");
    }
    const Etcd etcd(setup.etcd);
    const std::string job = etcd.Get(JobKey(ns_, JobName(0)));
    std::vector<std::string> pod;
    for (int i = 0; i < kPodsPerJob; ++i)
        pod.push_back(etcd.Get(PodKey(ns_, PodName(0, i))));
    // First the jobs: the garbage collector removes pods without an owner.
    Filler filler(etcd);
    for (int j = 1; j < jobs; ++j) {
        std::string copy = job;
        Replace(copy, JobName(0), JobName(j));
        Replace(copy, sample.job_uid, Uid(j, 0));
        filler.Add(JobKey(ns_, JobName(j)), std::move(copy));
    }
    filler.Flush();
    for (int j = 1; j < jobs; ++j) {
        for (int i = 0; i < kPodsPerJob; ++i) {
            std::string copy = pod[std::size_t(i)];
            Replace(copy, JobName(0), JobName(j));
            Replace(copy, sample.job_uid, Uid(j, 0));
            Replace(copy, sample.pod_uids[std::size_t(i)], Uid(j, i + 1));
            filler.Add(PodKey(ns_, PodName(j, i)), std::move(copy));
        }
    }
    filler.Flush();
    const int there = PodsAtServer(setup, ns_);
    if (there != pods()) Die(fmt::format("the API server knows {} pods", there));
    sleep(10);  // Kubernetes' own controllers read them too
    Say("made");
}

Population::~Population() {
    try {
        Say("removing jobs and pods");
        const Etcd etcd(setup_.etcd);
        // A hundred jobs a prefix.
        for (int j = 0; j < jobs_; j += 100) {
            const std::string prefix = JobName(j).substr(0, JobName(j).size() - 2);
            etcd.RemovePrefixes({PodKey(ns_, prefix), JobKey(ns_, prefix)});
            usleep(50'000);
        }
        RemoveNamespace(setup_, ns_);
    } catch (const std::exception& error) {
        Say(fmt::format("namespace {} is left behind: {}", ns_, error.what()));
    }
}

}  // namespace dlws::bench
