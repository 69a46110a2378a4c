// SPDX-License-Identifier: Apache-2.0
#include "model/frameworks.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <span>

#include "model/names.h"
#include "model/quantity.h"
#include "model/render.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

constexpr std::string_view kTorchNames[] = {
    "MASTER_ADDR",      "MASTER_PORT",       "WORLD_SIZE",    "RANK",
    "LOCAL_RANK",       "PET_NNODES",        "PET_NODE_RANK", "PET_NPROC_PER_NODE",
    "PET_MASTER_ADDR",  "PET_MASTER_PORT",   "PET_RDZV_ID",   "PET_RDZV_CONF",
    "PET_RDZV_BACKEND", "PET_RDZV_ENDPOINT",
};
constexpr std::string_view kJaxNames[] = {"JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES",
                                          "JAX_PROCESS_ID"};
constexpr std::string_view kTensorFlowNames[] = {"TF_CONFIG"};
constexpr std::string_view kMpiNames[] = {
    "OMPI_MCA_orte_default_hostfile",
    "OMPI_MCA_orte_keep_fqdn_hostnames",
    "OMPI_MCA_plm_rsh_args",
};
constexpr std::string_view kDeepSpeedNames[] = {"DLTS_HOSTFILE", "PDSH_SSH_ARGS_APPEND"};

bool IsOne(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

void Torch(EnvList& env, const DLJob& job, const Role& role) {
    const DLJobSpec& spec = job.spec;
    const int pods = TotalPods(spec);
    const std::string master = PeerAddress(job, spec.roles.front(), 0);
    env.emplace_back("PET_NPROC_PER_NODE", std::to_string(std::max(1, role.gpus)));
    if (spec.elastic) {
        // Ranks and their number change while the job runs: torchrun agrees on them, and only it
        // can say them.
        const Elastic& e = *spec.elastic;
        const int others = pods - e.replicas;
        env.emplace_back("PET_NNODES",
                         fmt::format("{}:{}", others + e.minReplicas, others + e.maxReplicas));
        // To those that stay, a pod that is scaled away looks like one that failed.
        env.emplace_back("PET_MAX_RESTARTS", "10");
        env.emplace_back("PET_RDZV_BACKEND", "c10d");
        env.emplace_back("PET_RDZV_ENDPOINT", fmt::format("{}:{}", master, kTorchRendezvousPort));
        // Without the attempt: a pod that is made anew alone has its own, and must find the others.
        // Of an attempt that is over nothing is left to meet, the store least of all.
        env.emplace_back("PET_RDZV_ID", job.meta.uid);
        return;
    }
    const std::string port = std::to_string(kTorchPort);
    env.emplace_back("MASTER_ADDR", master);
    env.emplace_back("MASTER_PORT", port);
    env.emplace_back("WORLD_SIZE", std::to_string(pods));
    env.emplace_back("LOCAL_RANK", "0");
    env.emplace_back("PET_NNODES", std::to_string(pods));
    env.emplace_back("PET_MASTER_ADDR", master);
    env.emplace_back("PET_MASTER_PORT", port);
}

void Jax(EnvList& env, const DLJob& job) {
    const std::string master = PeerAddress(job, job.spec.roles.front(), 0);
    env.emplace_back("JAX_COORDINATOR_ADDRESS", fmt::format("{}:{}", master, kTorchPort));
    env.emplace_back("JAX_NUM_PROCESSES", std::to_string(TotalPods(job.spec)));
}

// The evaluator is in no cluster: the others would wait for it.
void TensorFlow(EnvList& env, const DLJob& job, const Role& role) {
    json::object cluster;
    for (const Role& r : job.spec.roles) {
        if (r.name == "evaluator") continue;
        json::array tasks;
        for (int i = 0; i < r.replicas; ++i)
            tasks.push_back(
                json::value(fmt::format("{}:{}", PeerAddress(job, r, i), kTensorFlowPort)));
        cluster[r.name] = std::move(tasks);
    }
    env.emplace_back("TF_CONFIG",
                     fmt::format(R"({{"cluster":{},"task":{{"type":"{}","index":$(DLWS_INDEX)}}}})",
                                 json::serialize(cluster), role.name));
}

void Mpi(EnvList& env) {
    const std::string ssh = fmt::format("-F {}/ssh_config", kSshFilesPath);
    const std::string hosts = fmt::format("{}/hostfile", kFilesMountPath);
    env.emplace_back("OMPI_MCA_orte_default_hostfile", hosts);
    // The names end in the job's: without it they are no names.
    env.emplace_back("OMPI_MCA_orte_keep_fqdn_hostnames", "true");
    env.emplace_back("OMPI_MCA_plm_rsh_args", ssh);
    // Two pods on one node would both bind their first process to its first core.
    env.emplace_back("OMPI_MCA_hwloc_base_binding_policy", "none");
}

}  // namespace

std::string PeerAddress(const DLJob& job, const Role& role, int index) {
    if (TotalPods(job.spec) == 1 && !job.spec.elastic) return "127.0.0.1";
    return fmt::format("{}.{}", Hostname(role.name, index), ServiceName(job.meta.name));
}

int Slots(Framework framework, const Role& role) {
    if (role.gpus > 0 || framework != Framework::MPI) return std::max(1, role.gpus);
    const auto cpu = ParseQuantity(role.resources.cpu);
    return cpu ? int(std::max<std::int64_t>(1, cpu->milli / 1000)) : 1;
}

EnvList FrameworkRoleEnv(const DLJob& job, const Role& role) {
    EnvList env;
    switch (job.spec.framework) {
        case Framework::None:
            break;
        case Framework::Torch:
            Torch(env, job, role);
            break;
        case Framework::JAX:
            Jax(env, job);
            break;
        case Framework::TensorFlow:
            TensorFlow(env, job, role);
            break;
        case Framework::DeepSpeed:
            // deepspeed's own default is the same file; GPT-NeoX reads this name.
            env.emplace_back("DLTS_HOSTFILE", fmt::format("{}/hostfile", kFilesMountPath));
            env.emplace_back("PDSH_SSH_ARGS_APPEND",
                             fmt::format("-F {}/ssh_config", kSshFilesPath));
            [[fallthrough]];  // deepspeed --launcher openmpi
        case Framework::MPI:
            Mpi(env);
            break;
    }
    return env;
}

EnvList FrameworkPodEnv(Framework framework, bool elastic, int rank) {
    if (framework == Framework::JAX) return {{"JAX_PROCESS_ID", std::to_string(rank)}};
    if (framework != Framework::Torch) return {};
    // Otherwise torchrun guesses from host names who keeps the store.
    if (elastic) return {{"PET_RDZV_CONF", rank == 0 ? "is_host=true" : "is_host=false"}};
    return {{"RANK", std::to_string(rank)}, {"PET_NODE_RANK", std::to_string(rank)}};
}

bool IsReservedEnv(Framework framework, std::string_view name) {
    if (name.starts_with("DLWS_")) return true;
    switch (framework) {
        case Framework::None:
            return false;
        case Framework::Torch:
            return IsOne(kTorchNames, name);
        case Framework::JAX:
            return IsOne(kJaxNames, name);
        case Framework::TensorFlow:
            return IsOne(kTensorFlowNames, name);
        case Framework::DeepSpeed:
            return IsOne(kMpiNames, name) || IsOne(kDeepSpeedNames, name);
        case Framework::MPI:
            return IsOne(kMpiNames, name);
    }
    return false;
}

}  // namespace dlws::model
