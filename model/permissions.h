// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// What a job may do to the node it runs on: what DLJob.spec.permissions asks for, and what
/// DLCluster.spec.permissions says of it. Plain values.
/// docs/decisions/0019-special-permissions.md.

namespace dlws::model {

/// A kind of permission, named as the field of spec.permissions (or spec.devices) that asks for it.
enum class PermissionClass {
    Privileged,
    HostNetwork,
    HostIPC,
    HostPID,
    HostPaths,
    Capabilities,
    RunAsRoot,
    Devices,
    HostPorts,
    UnconfinedSeccomp,
};
inline constexpr std::array kPermissionClasses = {
    PermissionClass::Privileged,       PermissionClass::HostNetwork, PermissionClass::HostIPC,
    PermissionClass::HostPID,          PermissionClass::HostPaths,   PermissionClass::Capabilities,
    PermissionClass::RunAsRoot,        PermissionClass::Devices,     PermissionClass::HostPorts,
    PermissionClass::UnconfinedSeccomp};

std::string_view ToString(PermissionClass c);
std::optional<PermissionClass> ParsePermissionClass(std::string_view text);

/// Sorted, each once.
using PermissionClasses = std::vector<PermissionClass>;

/// A folder of the node.
struct HostPath {
    std::string path;       ///< absolute
    std::string mountPath;  ///< absolute, in the container
    bool readOnly = true;
    bool operator==(const HostPath&) const = default;
};

/// What a job asks for.
struct Permissions {
    bool privileged = false, hostNetwork = false, hostIPC = false, hostPID = false;
    bool runAsRoot = false, unconfinedSeccomp = false;
    std::vector<HostPath> hostPaths;
    std::vector<std::string> capabilities;
    std::vector<int> hostPorts;
    std::vector<std::string> devices;  ///< spec.devices
    /// True when anything is asked for: the job's pods reach the host.
    bool Any() const { return *this != Permissions{}; }
    bool operator==(const Permissions&) const = default;
};

enum class PermissionPolicy { Deny, RequireApproval, Allow };

/// A folder and all below it.
struct PathPrefix {
    std::string prefix;  ///< absolute
    bool readOnly = true;
    bool operator==(const PathPrefix&) const = default;
};

/// One rule of the administrator's. An empty list does not narrow it.
struct PermissionRule {
    PermissionClass cls = PermissionClass::Privileged;
    PermissionPolicy policy = PermissionPolicy::Deny;
    std::vector<std::string> names;  ///< capabilities or devices
    std::vector<PathPrefix> paths;   ///< of HostPaths: only these
    std::vector<std::string> namespaces;
    std::optional<std::int64_t> maxDurationSeconds;
    bool operator==(const PermissionRule&) const = default;
};

/// Their names with `between` between them.
std::string Join(const PermissionClasses& classes, std::string_view between);

/// The classes of what is asked for.
PermissionClasses ClassesOf(const Permissions& permissions);

/// True when `path` is `prefix` or below it, by its letters: both absolute; dots, double slashes
/// and a slash at the end are cleaned away first.
bool IsBelow(std::string_view prefix, std::string_view path);

}  // namespace dlws::model
