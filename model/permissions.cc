// SPDX-License-Identifier: Apache-2.0
#include "model/permissions.h"

#include <algorithm>
#include <filesystem>

namespace dlws::model {

std::string_view ToString(PermissionClass c) {
    switch (c) {
        case PermissionClass::Privileged:
            return "privileged";
        case PermissionClass::HostNetwork:
            return "hostNetwork";
        case PermissionClass::HostIPC:
            return "hostIPC";
        case PermissionClass::HostPID:
            return "hostPID";
        case PermissionClass::HostPaths:
            return "hostPaths";
        case PermissionClass::Capabilities:
            return "capabilities";
        case PermissionClass::RunAsRoot:
            return "runAsRoot";
        case PermissionClass::Devices:
            return "devices";
        case PermissionClass::HostPorts:
            return "hostPorts";
        case PermissionClass::UnconfinedSeccomp:
            return "unconfinedSeccomp";
    }
    return "";
}

std::optional<PermissionClass> ParsePermissionClass(std::string_view text) {
    const auto found = std::ranges::find_if(kPermissionClasses,
                                            [&](PermissionClass c) { return ToString(c) == text; });
    if (found == kPermissionClasses.end()) return std::nullopt;
    return *found;
}

std::string Join(const PermissionClasses& classes, std::string_view between) {
    std::string names;
    for (PermissionClass c : classes) {
        if (!names.empty()) names += between;
        names += ToString(c);
    }
    return names;
}

PermissionClasses ClassesOf(const Permissions& p) {
    PermissionClasses classes;
    const auto add = [&](bool on, PermissionClass c) {
        if (on) classes.push_back(c);
    };
    add(p.privileged, PermissionClass::Privileged);
    add(p.hostNetwork, PermissionClass::HostNetwork);
    add(p.hostIPC, PermissionClass::HostIPC);
    add(p.hostPID, PermissionClass::HostPID);
    add(!p.hostPaths.empty(), PermissionClass::HostPaths);
    add(!p.capabilities.empty(), PermissionClass::Capabilities);
    add(p.runAsRoot, PermissionClass::RunAsRoot);
    add(!p.devices.empty(), PermissionClass::Devices);
    add(!p.hostPorts.empty(), PermissionClass::HostPorts);
    add(p.unconfinedSeccomp, PermissionClass::UnconfinedSeccomp);
    return classes;
}

bool IsBelow(std::string_view prefix, std::string_view path) {
    const auto clean = [](std::string_view text) {
        std::string plain = std::filesystem::path(text).lexically_normal().string();
        while (plain.size() > 1 && plain.ends_with('/'))
            plain.pop_back();
        return plain;
    };
    const std::string top = clean(prefix), below = clean(path);
    if (!top.starts_with('/') || !below.starts_with('/')) return false;
    return below == top || top == "/" || below.starts_with(top + "/");
}

}  // namespace dlws::model
