// SPDX-License-Identifier: Apache-2.0
#include "model/permission_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "model/render_check.h"

namespace dlws::model {

namespace {

using Result = std::expected<void, RenderError>;

// One thing that is asked for.
struct Ask {
    PermissionClass cls = PermissionClass::Privileged;
    std::string name;                ///< of a capability or device
    const HostPath* path = nullptr;  ///< of HostPaths

    std::string Words() const {
        switch (cls) {
            case PermissionClass::Capabilities:
                return "capability " + name;
            case PermissionClass::Devices:
                return "device " + name;
            case PermissionClass::HostPorts:
                return "hostPort " + name;
            case PermissionClass::HostPaths:
                return fmt::format("hostPath {} at {}, {}", path->path, path->mountPath,
                                   path->readOnly ? "read-only" : "writable");
            default:
                return std::string(ToString(cls));
        }
    }
};

std::vector<Ask> Asks(const Permissions& p) {
    std::vector<Ask> asks;
    const auto flag = [&](bool on, PermissionClass cls) {
        if (on) asks.push_back({.cls = cls});
    };
    flag(p.privileged, PermissionClass::Privileged);
    flag(p.hostNetwork, PermissionClass::HostNetwork);
    flag(p.hostIPC, PermissionClass::HostIPC);
    flag(p.hostPID, PermissionClass::HostPID);
    for (const HostPath& path : p.hostPaths)
        asks.push_back({.cls = PermissionClass::HostPaths, .path = &path});
    for (const std::string& name : p.capabilities)
        asks.push_back({.cls = PermissionClass::Capabilities, .name = name});
    flag(p.runAsRoot, PermissionClass::RunAsRoot);
    for (const std::string& name : p.devices)
        asks.push_back({.cls = PermissionClass::Devices, .name = name});
    for (int port : p.hostPorts)
        asks.push_back({.cls = PermissionClass::HostPorts, .name = std::to_string(port)});
    flag(p.unconfinedSeccomp, PermissionClass::UnconfinedSeccomp);
    return asks;
}

bool Has(const std::vector<std::string>& list, const std::string& what) {
    return list.empty() || std::ranges::find(list, what) != list.end();
}

// The folder of the rule that has the one that is asked for in it, if it may be had like that.
const PathPrefix* Prefix(const PermissionRule& rule, const HostPath& wanted) {
    const auto found = std::ranges::find_if(rule.paths, [&](const PathPrefix& p) {
        return IsBelow(p.prefix, wanted.path) && (wanted.readOnly || !p.readOnly);
    });
    return found == rule.paths.end() ? nullptr : &*found;
}

// A rule that restricts also speaks of what has its folder in it, however it is asked for.
bool SpeaksOf(const PermissionRule& rule, const HostPath& wanted) {
    if (rule.policy == PermissionPolicy::Allow) return Prefix(rule, wanted) != nullptr;
    return std::ranges::any_of(rule.paths, [&](const PathPrefix& p) {
        return IsBelow(p.prefix, wanted.path) || IsBelow(wanted.path, p.prefix);
    });
}

const PermissionRule* RuleFor(const Ask& ask, const DLJob& job, const DLCluster& cluster) {
    const auto speaks_of_it = [&](const PermissionRule& rule) {
        return rule.cls == ask.cls && Has(rule.names, ask.name) &&
               Has(rule.namespaces, job.meta.ns) && (!ask.path || SpeaksOf(rule, *ask.path));
    };
    const auto found = std::ranges::find_if(cluster.permissions, speaks_of_it);
    return found == cluster.permissions.end() ? nullptr : &*found;
}

Result CheckDuration(const Ask& ask, const PermissionRule& rule, const DLJob& job) {
    if (!rule.maxDurationSeconds) return {};
    const auto& limit = job.spec.activeDeadlineSeconds;
    if (limit && *limit <= *rule.maxDurationSeconds) return {};
    return Error(reason::kPermissionDenied,
                 fmt::format("{} is for at most {} s on this cluster: set activeDeadlineSeconds to "
                             "that or less.",
                             ask.Words(), *rule.maxDurationSeconds));
}

// "name@sha256:" and 64 hexadecimal digits.
bool HasDigest(std::string_view image) {
    const std::size_t at = image.find("@sha256:");
    if (at == std::string_view::npos || at == 0) return false;
    const std::string_view digest = image.substr(at + 8);
    return digest.size() == 64 &&
           digest.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result CheckDigests(const DLJobSpec& spec) {
    for (const Role& role : spec.roles) {
        const std::string& image = role.image.empty() ? spec.image : role.image;
        if (HasDigest(image)) continue;
        return Error(
            reason::kImageWithoutDigest,
            fmt::format("The job's permissions need an approval, which is for exact bytes, "
                        "and image {} can change: name it by digest, for example "
                        "registry.example/digits@sha256:… (64 digits).",
                        image));
    }
    return {};
}

// What would take the guard from pods that reach their node.
Result CheckLife(const DLJobSpec& spec) {
    if (spec.cleanupPods == CleanupPods::None)
        return Error(reason::kPermissionDenied,
                     "A job with permissions ends all of its pods when it ends: write cleanupPods "
                     "Running or All.");
    Permissions more = spec.permissions;
    more.devices.clear();
    if (more.Any() && UsesSsh(spec.framework))
        return Error(reason::kPermissionDenied,
                     fmt::format("Framework {} lets in whoever can read the job's ssh keys, which "
                                 "are a Secret of the namespace: it goes with devices, and with no "
                                 "other permission.",
                                 ToString(spec.framework)));
    return {};
}

// The schema has checked it; a job that came past it must still not harm.
Result CheckForm(const Permissions& p) {
    const auto plain = [](const std::string& path) {
        return path.size() > 1 && path.starts_with('/') && !path.ends_with('/') &&
               std::filesystem::path(path).lexically_normal().string() == path;
    };
    for (const HostPath& path : p.hostPaths)
        if (!plain(path.path) || !plain(path.mountPath))
            return Error(reason::kSpecInvalid,
                         fmt::format("hostPaths of {} at {}: both must be absolute, and "
                                     "written plainly, without '.', '..' or double slashes.",
                                     path.path, path.mountPath));
    for (const std::string& name : p.capabilities)
        if (name == "ALL" || name.starts_with("CAP_"))
            return Error(reason::kSpecInvalid,
                         fmt::format("Capability {}: name them one by one and without CAP_, for "
                                     "example IPC_LOCK.",
                                     name));
    return {};
}

}  // namespace

std::expected<Ruling, RenderError> CheckPermissions(const DLJob& job, const DLCluster& cluster) {
    const Permissions& wanted = job.spec.permissions;
    if (auto ok = CheckForm(wanted); !ok) return std::unexpected(ok.error());
    if (wanted.Any())
        if (auto ok = CheckLife(job.spec); !ok) return std::unexpected(ok.error());
    Ruling ruling;
    for (const Ask& ask : Asks(wanted)) {
        const PermissionRule* rule = RuleFor(ask, job, cluster);
        if (!rule || rule->policy == PermissionPolicy::Deny ||
            (ask.path && !Prefix(*rule, *ask.path)))
            return Error(
                reason::kPermissionDenied,
                fmt::format("This cluster does not allow {} in namespace {}: remove it, or ask an "
                            "administrator for a rule in spec.permissions of DLCluster 'cluster'.",
                            ask.Words(), job.meta.ns));
        if (auto ok = CheckDuration(ask, *rule, job); !ok) return std::unexpected(ok.error());
        if (rule->policy == PermissionPolicy::RequireApproval &&
            std::ranges::find(ruling.toApprove, ask.cls) == ruling.toApprove.end())
            ruling.toApprove.push_back(ask.cls);
        ruling.asks.push_back(ask.Words());
        if (ask.path) ruling.prefixes.push_back(Prefix(*rule, *ask.path)->prefix);
    }
    for (const std::string& device : wanted.devices)
        if (std::ranges::find(cluster.devices, device, &Device::name) == cluster.devices.end())
            return Error(
                reason::kPermissionDenied,
                fmt::format("There is no device named '{}' in DLCluster's spec.devices.", device));
    if (!ruling.toApprove.empty())
        if (auto ok = CheckDigests(job.spec); !ok) return std::unexpected(ok.error());
    std::ranges::sort(ruling.toApprove);
    return ruling;
}

}  // namespace dlws::model
