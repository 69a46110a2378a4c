// SPDX-License-Identifier: Apache-2.0
#include "model/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/accounts.h"
#include "model/environment.h"
#include "model/names.h"
#include "model/owned.h"
#include "model/permission_check.h"
#include "model/pod_template.h"
#include "model/render_check.h"
#include "model/render_permissions.h"
#include "model/render_storage.h"
#include "model/ssh.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

using Result = std::expected<void, RenderError>;

/// One job with its cluster; makes a role's template at a time.
class Renderer {
  public:
    Renderer(const DLJob& job, const DLCluster& cluster, const PodUser& user)
        : job_(job),
          spec_(job.spec),
          cluster_(cluster),
          user_(user),
          pods_(TotalPods(job.spec)),
          // An elastic job of one pod may grow: its names must not change then.
          peers_(pods_ > 1 || job.spec.elastic) {
        for (const File& f : spec_.files)
            files_.push_back({f.name, f.name, f.content, f.mode});
    }

    std::expected<Rendered, RenderError> Run();

  private:
    std::expected<json::object, RenderError> RoleTemplate(const Role& role);
    Result Overrides(PodTemplate& pod);
    void AddAccounts(PodTemplate& pod);
    Result AddUserKeys(json::object& target, std::string_view what,
                       const std::map<std::string, std::string>& keys);
    void Safety(PodTemplate& pod);
    void SetResources(PodTemplate& pod, const Role& role);
    void SetMain(PodTemplate& pod, const Role& role);
    void LeaveLostNodes(PodTemplate& pod);
    void AddFiles(PodTemplate& pod);
    void AddSsh(PodTemplate& pod, const Role& role);
    void AddDriver(PodTemplate& pod);
    void RequireGpuType(PodTemplate& pod, const std::string& type);
    void AddVolume(PodTemplate& pod, json::object volume);
    void AddMount(PodTemplate& pod, json::object mount);

    json::object Service() const;
    json::object FilesConfigMap() const;

    const DLJob& job_;
    const DLJobSpec& spec_;
    const DLCluster& cluster_;
    const PodUser& user_;
    int pods_;
    bool peers_;
    std::vector<JobFile> files_;
    Ruling ruling_;
};

std::expected<Rendered, RenderError> Renderer::Run() {
    if (auto ok = CheckJob(job_, user_); !ok) return std::unexpected(ok.error());
    auto ruling = CheckPermissions(job_, cluster_);
    if (!ruling) return std::unexpected(ruling.error());
    ruling_ = std::move(*ruling);
    const bool ssh = UsesSsh(spec_.framework);
    if (ssh) std::ranges::move(SshFiles(job_), std::back_inserter(files_));
    Rendered out;
    out.job = job_.meta.name;
    out.ns = job_.meta.ns;
    out.jobUid = job_.meta.uid;
    out.framework = spec_.framework;
    out.elastic = spec_.elastic.has_value();
    out.retryScope = spec_.retry.scope;
    out.totalPods = pods_;
    out.reachesHost = spec_.permissions.Any();
    out.toApprove = ruling_.toApprove;
    out.asks = ruling_.asks;
    int rank = 0;
    for (const Role& role : spec_.roles) {
        auto pod = RoleTemplate(role);
        if (!pod) return std::unexpected(pod.error());
        out.roles.push_back({role.name, role.replicas, role.gpus, rank, std::move(*pod)});
        rank += role.replicas;
    }
    if (peers_) out.service = Service();
    if (!files_.empty()) out.files = FilesConfigMap();
    out.sshKeys = ssh;
    if (auto ok = CheckSizes(out, files_); !ok) return std::unexpected(ok.error());
    return out;
}

std::expected<json::object, RenderError> Renderer::RoleTemplate(const Role& role) {
    PodTemplate pod = PodTemplate::Parse(cluster_.podTemplate);
    if (auto ok = Overrides(pod); !ok) return std::unexpected(ok.error());
    LeaveLostNodes(pod);
    if (auto ok = CheckTemplate(pod); !ok) return std::unexpected(ok.error());
    Safety(pod);
    AddPermissions(pod, spec_.permissions);
    SetMain(pod, role);
    SetResources(pod, role);
    if (auto ok = AddStorage(pod, job_, cluster_, user_); !ok) return std::unexpected(ok.error());
    AddAccounts(pod);
    AddHostPaths(pod, spec_.permissions.hostPaths, ruling_.prefixes);
    if (!files_.empty()) AddFiles(pod);
    if (cluster_.gpu.driver == DriverMode::HostPath && role.gpus > 0) AddDriver(pod);
    if (!role.gpuType.empty()) RequireGpuType(pod, role.gpuType);
    if (UsesSsh(spec_.framework)) AddSsh(pod, role);

    json::object& meta = pod.metadata();
    json::object& labels = pod.ObjectAt(meta, "labels");
    for (const auto& [key, value] : OwnedLabels(job_.meta))
        labels[key] = value;
    labels[kRoleLabel] = role.name;
    if (spec_.permissions.Any()) {
        labels[kReachesHostLabel] = "true";
        if (spec_.submittedBy)
            pod.ObjectAt(meta, "annotations")[kSubmittedByAnnotation] = spec_.submittedBy->username;
    }
    pod.ObjectAt(meta, "annotations")[kJobFolderAnnotation] =
        fmt::format("{}/{}", user_.name, JobFolder(job_.meta));
    meta["ownerReferences"] = OwnerReferences(job_.meta);
    if (pod.ArrayAt(pod.spec(), "containers").size() > 1) {
        // So that `kubectl logs` shows the job, not a container of the administrator's.
        json::object& annotations = pod.ObjectAt(meta, "annotations");
        annotations.emplace("kubectl.kubernetes.io/default-container", kMainContainer);
    }
    if (meta["annotations"].get_object().empty()) meta.erase("annotations");

    if (!pod.error().empty())
        return Error(
            reason::kBaseTemplateInvalid,
            fmt::format("DLCluster's spec.podTemplate cannot be used: {}. An administrator "
                        "must correct it.",
                        pod.error()));
    return json::object{{"metadata", std::move(meta)}, {"spec", std::move(pod.spec())}};
}

Result Renderer::AddUserKeys(json::object& target, std::string_view what,
                             const std::map<std::string, std::string>& keys) {
    for (const auto& [key, value] : keys) {
        if (what != "nodeSelector" && IsReservedKey(key))
            return Error(
                reason::kSpecInvalid,
                fmt::format("podOverrides.{} must not have the key {}; choose one of your own.",
                            what, key));
        const auto [at, added] = target.emplace(key, value);
        // The administrator's word stands; to drop the user's silently would surprise both.
        if (!added && at->value() != json::value(value))
            return Error(reason::kConflictsWithCluster,
                         fmt::format("podOverrides.{} sets {} to '{}', but the administrator's "
                                     "podTemplate says {}; remove it from the job.",
                                     what, key, value, json::serialize(at->value())));
    }
    return {};
}

Result Renderer::Overrides(PodTemplate& pod) {
    const PodOverrides& user = spec_.podOverrides;
    json::object& meta = pod.metadata();
    if (auto ok = AddUserKeys(pod.ObjectAt(meta, "labels"), "labels", user.labels); !ok) return ok;
    if (auto ok = AddUserKeys(pod.ObjectAt(meta, "annotations"), "annotations", user.annotations);
        !ok)
        return ok;
    if (!user.nodeSelector.empty())
        if (auto ok = AddUserKeys(pod.ObjectAt(pod.spec(), "nodeSelector"), "nodeSelector",
                                  user.nodeSelector);
            !ok)
            return ok;
    for (const Toleration& t : user.tolerations) {
        json::object item{{"key", t.key}, {"operator", t.op}};
        if (!t.value.empty()) item["value"] = t.value;
        if (!t.effect.empty()) item["effect"] = t.effect;
        if (t.tolerationSeconds) item["tolerationSeconds"] = *t.tolerationSeconds;
        pod.ArrayAt(pod.spec(), "tolerations").push_back(std::move(item));
    }
    if (user.terminationGracePeriodSeconds)
        pod.spec()["terminationGracePeriodSeconds"] = *user.terminationGracePeriodSeconds;
    return {};
}

// How long pods stay on a node that does not answer, unless the administrator's podTemplate says
// it.
void Renderer::LeaveLostNodes(PodTemplate& pod) {
    json::array& tolerations = pod.ArrayAt(pod.spec(), "tolerations");
    auto text = [](const json::object& t, std::string_view field) -> std::string_view {
        const json::value* value = t.if_contains(field);
        return value && value->is_string() ? std::string_view(value->get_string()) : "";
    };
    for (std::string_view taint :
         {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
        // An empty key or effect stands for every one.
        auto tolerates = [&](const json::value& item) {
            const json::object* t = item.if_object();
            if (!t) return false;
            const std::string_view key = text(*t, "key"), effect = text(*t, "effect");
            return (key.empty() || key == taint) && (effect.empty() || effect == "NoExecute");
        };
        if (std::ranges::any_of(tolerations, tolerates)) continue;
        tolerations.push_back(json::object{{"key", taint},
                                           {"operator", "Exists"},
                                           {"effect", "NoExecute"},
                                           {"tolerationSeconds", kLostNodeSeconds}});
    }
}

void Renderer::Safety(PodTemplate& pod) {
    json::object& spec = pod.spec();
    spec["restartPolicy"] = "Never";
    spec["automountServiceAccountToken"] = false;
    spec["enableServiceLinks"] = false;
    spec.erase("hostname");
    spec.erase("subdomain");
    if (peers_) spec["subdomain"] = ServiceName(job_.meta.name);

    json::object& user = pod.ObjectAt(spec, "securityContext");
    user["runAsNonRoot"] = true;
    user["runAsUser"] = user_.uid;
    user["runAsGroup"] = user_.gid;
    if (!user_.groups.empty()) {
        json::array& groups = pod.ArrayAt(user, "supplementalGroups");
        for (std::int64_t group : user_.groups)
            groups.push_back(group);
    }
    user["seccompProfile"] = json::object{{"type", "RuntimeDefault"}};

    // Of the administrator's own settings for `main` only those that narrow are kept.
    json::object narrow;
    for (const auto& [key, value] : pod.ObjectAt(pod.main(), "securityContext"))
        if (key == "readOnlyRootFilesystem" || key == "seLinuxOptions") narrow[key] = value;
    narrow["allowPrivilegeEscalation"] = false;
    narrow["capabilities"] = json::object{{"drop", json::array{"ALL"}}};
    pod.main()["securityContext"] = std::move(narrow);
}

void Renderer::SetMain(PodTemplate& pod, const Role& role) {
    json::object& main = pod.main();
    main["image"] = role.image.empty() ? spec_.image : role.image;
    const auto& command = role.command ? *role.command : spec_.command;
    // Arguments belong to a command: a role with its own does not get those of another.
    const std::vector<std::string> none;
    const auto& args = role.args ? *role.args : role.command ? none : spec_.args;
    main.erase("command");
    main.erase("args");
    if (!command.empty()) main["command"] = json::value_from(command);
    if (!args.empty()) main["args"] = json::value_from(args);
    if (!spec_.workingDir.empty()) main["workingDir"] = spec_.workingDir;
    // The end of the log stands in the pod's status when the command fails: a failure explains
    // itself.
    main.emplace("terminationMessagePolicy", "FallbackToLogsOnError");
    const json::array base = pod.ArrayAt(main, "env");
    main["env"] = RoleEnvironment(job_, role, cluster_, user_, base);

    for (const std::string& secret : spec_.imagePullSecrets)
        pod.PutByKey(pod.ArrayAt(pod.spec(), "imagePullSecrets"), "name", {{"name", secret}});
}

void Renderer::SetResources(PodTemplate& pod, const Role& role) {
    json::object& resources = pod.ObjectAt(pod.main(), "resources");
    json::object requests = std::move(pod.ObjectAt(resources, "requests"));
    json::object limits = std::move(pod.ObjectAt(resources, "limits"));
    requests.erase(kGpuResource);
    limits.erase(kGpuResource);
    if (!role.resources.cpu.empty()) requests["cpu"] = role.resources.cpu;
    if (!role.resources.memory.empty())
        requests["memory"] = limits["memory"] = role.resources.memory;
    for (const std::string& name : spec_.permissions.devices) {
        const auto device = std::ranges::find(cluster_.devices, name, &Device::name);
        requests[device->resource] = limits[device->resource] = "1";
    }
    if (role.gpus > 0) requests[kGpuResource] = limits[kGpuResource] = std::to_string(role.gpus);
    resources.erase("requests");
    resources.erase("limits");
    if (!requests.empty()) resources["requests"] = std::move(requests);
    if (!limits.empty()) resources["limits"] = std::move(limits);
    if (!role.resources.shm.empty()) {
        AddVolume(pod, {{"name", "dlws-shm"},
                        {"emptyDir", {{"medium", "Memory"}, {"sizeLimit", role.resources.shm}}}});
        AddMount(pod, {{"name", "dlws-shm"}, {"mountPath", "/dev/shm"}});
    }
}

void Renderer::AddAccounts(PodTemplate& pod) {
    PodUser user = user_;
    // Its sessions need a shell that every image has.
    if (UsesSsh(spec_.framework)) user.shell = "/bin/sh";
    json::object& annotations = pod.ObjectAt(pod.metadata(), "annotations");
    json::array items;
    const auto add = [&](std::string_view file, std::string_view annotation,
                         const std::string& text, std::string_view folder = "/etc") {
        annotations[annotation] = text;
        items.push_back(json::object{
            {"path", file},
            {"fieldRef", {{"fieldPath", fmt::format("metadata.annotations['{}']", annotation)}}}});
        AddMount(pod, {{"name", "dlws-accounts"},
                       {"mountPath", fmt::format("{}/{}", folder, file)},
                       {"subPath", file},
                       {"readOnly", true}});
    };
    add("passwd", kPasswdAnnotation, PasswdFile(user, Home(spec_)));
    add("group", kGroupAnnotation, GroupFile(user));
    // For images that run sshd: AuthorizedKeysFile /etc/ssh/authorized_keys.
    if (!user.sshPublicKeys.empty())
        add("authorized_keys", kSshKeysAnnotation,
            fmt::format("{}\n", fmt::join(user.sshPublicKeys, "\n")), "/etc/ssh");
    AddVolume(pod, {{"name", "dlws-accounts"}, {"downwardAPI", {{"items", std::move(items)}}}});
}

void Renderer::AddFiles(PodTemplate& pod) {
    json::array items;
    for (const JobFile& f : files_)
        items.push_back(json::object{{"key", f.key}, {"path", f.path}, {"mode", f.mode}});
    AddVolume(pod, {{"name", "dlws-files"},
                    {"configMap",
                     {{"name", FilesConfigMapName(job_.meta.name)}, {"items", std::move(items)}}}});
    AddMount(pod, {{"name", "dlws-files"}, {"mountPath", kFilesMountPath}, {"readOnly", true}});
}

// Keys and files of Secrets and ConfigMaps are root's, and ssh takes a key that is not its user's
// own from anybody: 0444 is for this pod alone, which the kubelet keeps from others.
void Renderer::AddSsh(PodTemplate& pod, const Role& role) {
    AddVolume(
        pod,
        {{"name", "dlws-ssh"},
         {"secret",
          {{"secretName", SshSecretName(job_.meta.name, job_.meta.uid)}, {"defaultMode", 0444}}}});
    AddMount(pod, {{"name", "dlws-ssh"}, {"mountPath", kSshKeysPath}, {"readOnly", true}});
    const auto put = [&](std::string_view file, std::string_view at) {
        AddMount(pod, {{"name", "dlws-files"},
                       {"mountPath", at},
                       {"subPath", fmt::format(".dlws/{}", file)},
                       {"readOnly", true}});
    };
    // Debian's, Ubuntu's, Fedora's and Alpine's own settings include this folder: a plain `ssh` and
    // pdsh find the job's pods, too.
    put("ssh_config", "/etc/ssh/ssh_config.d/dlws.conf");

    json::object& main = pod.main();
    if (role.name != kLauncherRole) {
        if (role.command || role.args) return;
        main["command"] = json::array{"/bin/sh", SshWorkerScript()};
        main.erase("args");
        return;
    }
    json::object wait{{"name", "dlws-wait"},
                      {"image", main["image"]},
                      {"command", json::array{"/bin/sh", SshWaitScript()}},
                      {"terminationMessagePolicy", "FallbackToLogsOnError"},
                      {"securityContext", main["securityContext"]},
                      {"volumeMounts", main["volumeMounts"]}};
    // A quota may ask for it, and a pod needs the larger of the two, not the sum.
    if (const json::value* resources = main.if_contains("resources")) {
        wait["resources"] = *resources;
        for (auto& [kind, amounts] : wait["resources"].get_object())
            if (amounts.is_object()) amounts.get_object().erase(kGpuResource);
    }
    if (const json::value* policy = main.if_contains("imagePullPolicy"))
        wait["imagePullPolicy"] = *policy;
    pod.ArrayAt(pod.spec(), "initContainers").push_back(std::move(wait));
}

void Renderer::AddDriver(PodTemplate& pod) {
    AddVolume(pod, {{"name", "dlws-driver"},
                    {"hostPath", {{"path", cluster_.gpu.driverHostPath}, {"type", "Directory"}}}});
    AddMount(pod, {{"name", "dlws-driver"}, {"mountPath", kDriverMountPath}, {"readOnly", true}});
}

void Renderer::RequireGpuType(PodTemplate& pod, const std::string& type) {
    const json::object wanted{
        {"key", cluster_.gpu.typeLabel}, {"operator", "In"}, {"values", json::array{type}}};
    json::object& node = pod.ObjectAt(pod.ObjectAt(pod.spec(), "affinity"), "nodeAffinity");
    json::object& required = pod.ObjectAt(node, "requiredDuringSchedulingIgnoredDuringExecution");
    json::array& terms = pod.ArrayAt(required, "nodeSelectorTerms");
    const bool none = terms.empty();
    if (none) terms.push_back(json::object{});
    // Terms are alternatives: to hold in each of them it must stand in each of them.
    for (json::value& term : terms) {
        if (!term.is_object()) {
            pod.SetError("nodeSelectorTerms must be a list of objects");
            return;
        }
        // A term that asks for nothing matches no node; it must not begin to match some.
        if (term.get_object().empty() && !none) continue;
        pod.ArrayAt(term.get_object(), "matchExpressions").push_back(wanted);
    }
}

void Renderer::AddVolume(PodTemplate& pod, json::object volume) {
    pod.PutByKey(pod.ArrayAt(pod.spec(), "volumes"), "name", std::move(volume));
}

void Renderer::AddMount(PodTemplate& pod, json::object mount) {
    pod.PutByKey(pod.ArrayAt(pod.main(), "volumeMounts"), "mountPath", std::move(mount));
}

json::object Renderer::Service() const {
    // No ports: it exists for the names of the pods only. Names are there before a pod is Ready,
    // because pods become Ready by finding each other.
    return {{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata", OwnedMeta(job_.meta, ServiceName(job_.meta.name))},
            {"spec",
             {{"clusterIP", "None"},
              {"publishNotReadyAddresses", true},
              {"selector", {{kJobLabel, job_.meta.name}, {kJobUidLabel, job_.meta.uid}}}}}};
}

json::object Renderer::FilesConfigMap() const {
    json::object data;
    for (const JobFile& f : files_)
        data[f.key] = f.content;
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", OwnedMeta(job_.meta, FilesConfigMapName(job_.meta.name))},
            {"immutable", true},
            {"data", std::move(data)}};
}

}  // namespace

namespace {

// What is kept for an approval goes into one object.
constexpr std::size_t kMaxKept = 700'000;

std::expected<Rendered, RenderError> RenderAsItIs(const DLJob& job, const DLCluster& cluster,
                                                  const PodUser& user) {
    auto rendered = Renderer(job, cluster, user).Run();
    if (rendered && !rendered->toApprove.empty() && CanonicalBytes(*rendered).size() > kMaxKept)
        return Error(reason::kSpecInvalid,
                     fmt::format("What would be approved has more than {} bytes; shorten env, "
                                 "commands and files, or have fewer roles.",
                                 kMaxKept));
    return rendered;
}

}  // namespace

std::expected<Rendered, RenderError> Render(const DLJob& job, const DLCluster& cluster,
                                            const PodUser& user) {
    auto rendered = RenderAsItIs(job, cluster, user);
    const auto& elastic = job.spec.elastic;
    if (!rendered || rendered->toApprove.empty() || !elastic ||
        elastic->replicas == elastic->maxReplicas)
        return rendered;
    DLJob largest = job;
    largest.spec.elastic->replicas = elastic->maxReplicas;
    for (Role& role : largest.spec.roles)
        if (role.name == elastic->role) role.replicas = elastic->maxReplicas;
    return RenderAsItIs(largest, cluster, user);
}

std::expected<Rendered, RenderError> Render(const DLJob& job, const DLCluster& cluster) {
    return Render(job, cluster, cluster.defaultUser);
}

}  // namespace dlws::model
