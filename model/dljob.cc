// SPDX-License-Identifier: Apache-2.0
#include "model/dljob.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/decode.h"
#include "model/names.h"

namespace dlws::model {

namespace {

using FrameworkName = std::pair<Framework, std::string_view>;
constexpr std::array<FrameworkName, 6> kFrameworks = {{{Framework::None, "None"},
                                                       {Framework::Torch, "Torch"},
                                                       {Framework::MPI, "MPI"},
                                                       {Framework::JAX, "JAX"},
                                                       {Framework::TensorFlow, "TensorFlow"},
                                                       {Framework::DeepSpeed, "DeepSpeed"}}};

std::vector<EnvVar> ReadEnv(const Node& list) {
    std::vector<EnvVar> env;
    list.Each([&](const Node& item) {
        EnvVar& e = env.emplace_back();
        e.name = item["name"].Text();
        e.value = item["value"].Text();
        if (const Node ref = item["valueFrom"]["secretKeyRef"]; ref.Present())
            e.secret = SecretKeyRef{ref["name"].Text(), ref["key"].Text()};
    });
    return env;
}

Role ReadRole(const Node& node) {
    Role role;
    role.name = node["name"].Text();
    role.replicas = node["replicas"].Int(role.replicas);
    role.gpus = node["gpus"].Int(role.gpus);
    if (role.replicas < 0) node["replicas"].Wrong("0 or more");
    if (role.gpus < 0) node["gpus"].Wrong("0 or more");
    role.gpuType = node["gpuType"].Text();
    const Node resources = node["resources"];
    role.resources.cpu = resources["cpu"].QuantityText(role.resources.cpu);
    role.resources.memory = resources["memory"].QuantityText();
    role.resources.shm = resources["shm"].QuantityText();
    role.image = node["image"].Text();
    if (const Node command = node["command"]; command.Present()) role.command = command.Texts();
    if (const Node args = node["args"]; args.Present()) role.args = args.Texts();
    role.env = ReadEnv(node["env"]);
    node["exitCodes"].Each([&](const Node& item) {
        const Node codes = item["codes"];
        auto set = ParseExitCodes(codes.Text());
        if (!set) return codes.Fail(set.error());
        const std::string action = item["action"].Text();
        role.exitCodes.push_back({*set, action == "Fail"     ? ExitAction::Fail
                                        : action == "Ignore" ? ExitAction::Ignore
                                                             : ExitAction::Retry});
    });
    node["startAfter"].Each([&](const Node& item) {
        role.startAfter.push_back({item["role"].Text(), item["when"].Text() == "Succeeded"
                                                            ? StartAfter::Succeeded
                                                            : StartAfter::Ready});
    });
    return role;
}

PodOverrides ReadOverrides(const Node& node) {
    PodOverrides overrides;
    overrides.nodeSelector = node["nodeSelector"].TextMap();
    node["tolerations"].Each([&](const Node& item) {
        Toleration& t = overrides.tolerations.emplace_back();
        t.key = item["key"].Text();
        t.op = item["operator"].Text(t.op);
        t.value = item["value"].Text();
        t.effect = item["effect"].Text();
        if (const Node seconds = item["tolerationSeconds"]; seconds.Present())
            t.tolerationSeconds = seconds.Int64();
    });
    overrides.labels = node["labels"].TextMap();
    overrides.annotations = node["annotations"].TextMap();
    if (const Node grace = node["terminationGracePeriodSeconds"]; grace.Present())
        overrides.terminationGracePeriodSeconds = grace.Int64();
    return overrides;
}

Retry ReadRetry(const Node& node) {
    Retry retry;
    retry.limit = node["limit"].Int(retry.limit);
    retry.infrastructureLimit = node["infrastructureLimit"].Int(retry.infrastructureLimit);
    if (node["onNodeLost"].Text() == "ForceDelete") retry.onNodeLost = OnNodeLost::ForceDelete;
    if (node["scope"].Text() == "Pod") retry.scope = RetryScope::Pod;
    return retry;
}

Success ReadSuccess(const Node& node) {
    Success success;
    success.role = node["role"].Text();
    const std::string policy = node["policy"].Text();
    if (policy == "Any") success.policy = Success::Any;
    if (policy == "RankZero") success.policy = Success::RankZero;
    return success;
}

// When and how the job ends.
void ReadLife(const Node& node, DLJobSpec& spec) {
    spec.suspend = node["suspend"].Bool();
    spec.stop = node["stop"].Bool();
    spec.retry = ReadRetry(node["retry"]);
    if (const Node seconds = node["activeDeadlineSeconds"]; seconds.Present())
        spec.activeDeadlineSeconds = seconds.Int64();
    if (const Node seconds = node["ttlSecondsAfterFinished"]; seconds.Present())
        spec.ttlSecondsAfterFinished = seconds.Int64();
    spec.success = ReadSuccess(node["success"]);
    const std::string cleanup = node["cleanupPods"].Text();
    if (cleanup == "All") spec.cleanupPods = CleanupPods::All;
    if (cleanup == "None") spec.cleanupPods = CleanupPods::None;
    spec.managedBy = node["managedBy"].Text();
    if (const Node by = node["submittedBy"]; by.Present())
        spec.submittedBy = User{by["username"].Text(), by["uid"].Text()};
}

Permissions ReadPermissions(const Node& node, const Node& devices) {
    Permissions p;
    p.privileged = node["privileged"].Bool();
    p.hostNetwork = node["hostNetwork"].Bool();
    p.hostIPC = node["hostIPC"].Bool();
    p.hostPID = node["hostPID"].Bool();
    p.runAsRoot = node["runAsRoot"].Bool();
    p.unconfinedSeccomp = node["unconfinedSeccomp"].Bool();
    node["hostPaths"].Each([&](const Node& item) {
        p.hostPaths.push_back(
            {item["path"].Text(), item["mountPath"].Text(), item["readOnly"].Bool(true)});
    });
    p.capabilities = node["capabilities"].Texts();
    node["hostPorts"].Each([&](const Node& item) { p.hostPorts.push_back(item.Int()); });
    p.devices = devices.Texts();
    return p;
}

void ReadElastic(const Node& node, DLJobSpec& spec) {
    if (!node.Present()) return;
    Elastic e;
    e.role = node["role"].Text();
    e.replicas = node["replicas"].Int(e.replicas);
    e.minReplicas = node["minReplicas"].Int(e.minReplicas);
    e.maxReplicas = node["maxReplicas"].Int(e.maxReplicas);
    if (e.replicas < 0 || e.replicas > kMaxPods) node["replicas"].Wrong("0 to 10000");
    for (Role& role : spec.roles)
        if (role.name == e.role) role.replicas = e.replicas;
    spec.elastic = std::move(e);
}

DLJobSpec ReadSpec(const Node& node) {
    DLJobSpec spec;
    spec.image = node["image"].Text();
    spec.command = node["command"].Texts();
    spec.args = node["args"].Texts();
    spec.workingDir = node["workingDir"].Text();
    const Node framework = node["framework"];
    const std::string name = framework.Text("None");
    if (auto known = ParseFramework(name))
        spec.framework = *known;
    else
        framework.Fail(fmt::format("this version does not know the framework {}", name));
    node["roles"].Each([&](const Node& role) { spec.roles.push_back(ReadRole(role)); });
    if (!node["roles"].Present()) spec.roles.emplace_back().name = "worker";
    ReadElastic(node["elastic"], spec);
    std::int64_t pods = 0;
    for (const Role& role : spec.roles)
        pods += role.replicas;
    if (pods > kMaxPods) node["roles"].Fail(fmt::format("more than {} pods", kMaxPods));
    node["storage"].Each([&](const Node& item) {
        StorageMount& s = spec.storage.emplace_back();
        s.name = item["name"].Text();
        s.path = item["path"].Text();
        s.mountPath = item["mountPath"].Text();
        s.readOnly = item["readOnly"].Bool();
    });
    spec.env = ReadEnv(node["env"]);
    node["imagePullSecrets"].Each(
        [&](const Node& item) { spec.imagePullSecrets.push_back(item["name"].Text()); });
    node["files"].Each([&](const Node& item) {
        File& f = spec.files.emplace_back();
        f.name = item["name"].Text();
        f.content = item["content"].Text();
        f.mode = item["mode"].Int(f.mode);
    });
    ReadLife(node, spec);
    if (UsesSsh(spec.framework) && spec.success.role.empty()) spec.success.role = kLauncherRole;
    spec.podOverrides = ReadOverrides(node["podOverrides"]);
    spec.permissions = ReadPermissions(node["permissions"], node["devices"]);
    return spec;
}

}  // namespace

std::string_view ToString(Framework f) {
    return std::ranges::find(kFrameworks, f, &FrameworkName::first)->second;
}

std::optional<Framework> ParseFramework(std::string_view text) {
    const auto known = std::ranges::find(kFrameworks, text, &FrameworkName::second);
    if (known == kFrameworks.end()) return std::nullopt;
    return known->first;
}

bool UsesSsh(Framework f) {
    return f == Framework::MPI || f == Framework::DeepSpeed;
}

std::expected<DLJob, std::string> ParseDLJob(std::string_view json) {
    Document doc(json);
    DLJob job;
    if (doc.error().empty()) {
        job.meta = ReadMetadata(doc.Root()["metadata"]);
        if (job.meta.uid.empty()) doc.SetError("metadata.uid is missing");
        if (job.meta.name.empty()) doc.SetError("metadata.name is missing");
        job.spec = ReadSpec(doc.Root()["spec"]);
        job.status = ReadStatus(doc.Root()["status"]);
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return job;
}

int TotalPods(const DLJobSpec& spec) {
    int pods = 0;
    for (const Role& role : spec.roles)
        pods += role.replicas;
    return pods;
}

int TotalGpus(const DLJobSpec& spec) {
    int gpus = 0;
    for (const Role& role : spec.roles)
        gpus += role.replicas * role.gpus;
    return gpus;
}

}  // namespace dlws::model
