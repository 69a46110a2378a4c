// SPDX-License-Identifier: Apache-2.0
#include "model/render_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/names.h"
#include "model/quantity.h"
#include "model/storage.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

using Result = std::expected<void, RenderError>;

// What one environment value (the kernel's MAX_ARG_STRLEN) and one ConfigMap can hold, with room
// for the rest.
constexpr std::size_t kMaxEnvValue = 128 << 10;
constexpr std::size_t kMaxConfigMap = 1'000'000;

// The roles that can never start, because each waits for another of them.
std::vector<std::string_view> RolesInACircle(const DLJobSpec& spec) {
    std::vector<std::string_view> left;
    for (const Role& role : spec.roles)
        left.push_back(role.name);
    const auto waits = [&](std::string_view role, std::string_view other) {
        const auto& list = std::ranges::find(spec.roles, role, &Role::name)->startAfter;
        return std::ranges::find(list, other, &StartAfter::role) != list.end();
    };
    // Who waits for nobody that is left starts; who is waited for by nobody that is left is behind
    // the circle, not in it.
    while (std::erase_if(left, [&, now = left](std::string_view role) {
        return std::ranges::none_of(now, [&](auto other) { return waits(role, other); }) ||
               std::ranges::none_of(now, [&](auto other) { return waits(other, role); });
    })) {
    }
    return left;
}

Result CheckRoles(const DLJobSpec& spec) {
    for (const Role& role : spec.roles)
        for (const StartAfter& a : role.startAfter)
            if (std::ranges::find(spec.roles, a.role, &Role::name) == spec.roles.end())
                return Error(reason::kSpecInvalid,
                             fmt::format("Role {} starts after {}, which is no role of the job; "
                                         "write the name of one of spec.roles.",
                                         role.name, a.role));
    if (const auto circle = RolesInACircle(spec); !circle.empty())
        return Error(reason::kSpecInvalid,
                     fmt::format("Roles {} wait for one another in a circle (startAfter), so none "
                                 "can start; remove startAfter from one of them.",
                                 fmt::join(circle, ", ")));
    const auto launcher = std::ranges::find(spec.roles, kLauncherRole, &Role::name);
    if (UsesSsh(spec.framework) &&
        (spec.roles.size() < 2 || launcher == spec.roles.end() || launcher->replicas != 1))
        return Error(reason::kSpecInvalid,
                     fmt::format("Framework {} needs a role {} with one pod, and one more role.",
                                 ToString(spec.framework), kLauncherRole));
    return {};
}

}  // namespace

std::unexpected<RenderError> Error(const Reason& why, std::string message) {
    return std::unexpected(RenderError{why.cls, std::string(why.name), std::move(message)});
}

// The API server has checked all of this; a job that came past it must still not harm.
Result CheckJob(const DLJob& job, const PodUser& user) {
    const auto too_long = [](const Role& r) { return r.name.size() > kMaxRoleName; };
    if (job.meta.name.size() > kMaxJobName || std::ranges::any_of(job.spec.roles, too_long))
        return Error(reason::kSpecInvalid,
                     fmt::format("A job's name has at most {} characters and a role's at most {}: "
                                 "host names are made of them.",
                                 kMaxJobName, kMaxRoleName));
    if (user.uid < 1 || user.gid < 1)
        return Error(reason::kClusterInvalid,
                     "Jobs never run as root: an administrator must set DLCluster's "
                     "spec.defaultUser.uid and gid to 1 or more.");
    for (const StorageMount& s : job.spec.storage) {
        if (!StaysBelow(s.path))
            return Error(
                reason::kSpecInvalid,
                fmt::format("Storage path '{}' must be relative and without '..'.", s.path));
        if (!s.mountPath.starts_with('/') || !StaysBelow(s.mountPath.substr(1)))
            return Error(
                reason::kSpecInvalid,
                fmt::format("mountPath '{}' must be absolute and without '..'.", s.mountPath));
    }
    for (const Role& role : job.spec.roles) {
        if (role.image.empty() && job.spec.image.empty())
            return Error(reason::kSpecInvalid,
                         fmt::format("Role {} has no image: set spec.image.", role.name));
        const Resources& r = role.resources;
        for (const std::string& text : {r.cpu, r.memory, r.shm})
            if (!text.empty())
                if (auto q = ParseQuantity(text); !q)
                    return Error(reason::kSpecInvalid,
                                 fmt::format("Resources of role {}: {}.", role.name, q.error()));
    }
    return CheckRoles(job.spec);
}

// What only very large jobs meet: the API server or the kernel would refuse it later, in words that
// help nobody.
Result CheckSizes(const Rendered& rendered, const std::vector<JobFile>& files) {
    std::size_t bytes = 0;
    for (const JobFile& f : files)
        bytes += f.key.size() + f.content.size();
    if (bytes > kMaxConfigMap)
        return Error(reason::kSpecInvalid,
                     fmt::format("The job's files and hostfile have {} bytes together, and a "
                                 "ConfigMap holds {}; ask for fewer pods, or put the files on "
                                 "shared storage.",
                                 bytes, kMaxConfigMap));
    for (const RenderedRole& role : rendered.roles)
        for (const json::value& item :
             role.podTemplate.at("spec").at("containers").at(0).at("env").as_array()) {
            const json::value* value = item.as_object().if_contains("value");
            if (value && value->is_string() && value->get_string().size() >= kMaxEnvValue)
                return Error(reason::kSpecInvalid,
                             fmt::format("{} of role {} has {} bytes, and an environment variable "
                                         "holds {}; ask for fewer pods.",
                                         std::string_view(item.at("name").as_string()), role.name,
                                         value->get_string().size(), kMaxEnvValue));
        }
    return {};
}

}  // namespace dlws::model
