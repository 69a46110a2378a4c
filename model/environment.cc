// SPDX-License-Identifier: Apache-2.0
#include "model/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/frameworks.h"
#include "model/names.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

std::string_view NameOf(const json::object& item) {
    const json::value* name = item.if_contains("name");
    return name && name->is_string() ? std::string_view(name->get_string()) : std::string_view();
}

// A list of variables in which a later one takes the place of an earlier one of the same name, and
// moves to the end, so that it may use what was defined before it.
class Environment {
  public:
    explicit Environment(Framework framework) : framework_(framework) {}

    /// Ours: reserved names are fine.
    void Set(std::string_view name, std::string_view value) {
        Put({{"name", name}, {"value", value}});
    }
    /// The administrator's or the user's: reserved names are left alone.
    void Add(json::object item) {
        const std::string_view name = NameOf(item);
        if (!name.empty() && !IsReservedEnv(framework_, name)) Put(std::move(item));
    }
    /// Puts `front` before the value of a list of folders such as PATH. Without such a variable:
    /// sets it if `create`. One that comes from a Secret is left alone.
    void PutInFront(std::string_view name, std::string_view front, bool create) {
        const auto found = Find(name);
        if (found == list_.end()) {
            if (create) Set(name, front);
            return;
        }
        json::object& item = found->get_object();
        const json::value* value = item.if_contains("value");
        if (item.contains("valueFrom")) return;
        const std::string_view old =
            value && value->is_string() ? std::string_view(value->get_string()) : "";
        item["value"] = old.empty() ? std::string(front) : fmt::format("{}:{}", front, old);
    }

    json::array Take() { return std::move(list_); }

  private:
    json::array::iterator Find(std::string_view name) {
        return std::ranges::find_if(
            list_, [&](const json::value& item) { return NameOf(item.get_object()) == name; });
    }

    void Put(json::object item) {
        const std::string_view name = NameOf(item);
        const auto old = Find(name);
        if (old != list_.end()) list_.erase(old);
        list_.push_back(std::move(item));
    }

    Framework framework_;
    json::array list_;
};

json::object ToJson(const EnvVar& e) {
    if (e.secret)
        return {
            {"name", e.name},
            {"valueFrom", {{"secretKeyRef", {{"name", e.secret->name}, {"key", e.secret->key}}}}}};
    return {{"name", e.name}, {"value", e.value}};
}

}  // namespace

std::string Home(const DLJobSpec& spec) {
    for (const StorageMount& s : spec.storage)
        if (s.name == kWorkStorage && !s.readOnly) return s.mountPath;
    return "/tmp";
}

json::array RoleEnvironment(const DLJob& job, const Role& role, const DLCluster& cluster,
                            const PodUser& user, const json::array& base) {
    const DLJobSpec& spec = job.spec;
    Environment env(spec.framework);
    env.Set("DLWS_JOB", job.meta.name);
    env.Set("DLWS_ROLE", role.name);
    for (const auto& [name, value] : FrameworkRoleEnv(job, role))
        env.Set(name, value);
    env.Set("PYTHONUNBUFFERED", "1");  // what a script prints is seen at once
    env.Set("HOME", Home(spec));
    env.Set("USER", user.name);
    for (const json::value& item : base)
        if (item.is_object()) env.Add(item.get_object());
    for (const EnvVar& e : spec.env)
        env.Add(ToJson(e));
    for (const EnvVar& e : role.env)
        env.Add(ToJson(e));
    if (cluster.gpu.driver == DriverMode::HostPath && role.gpus > 0) {
        env.PutInFront("LD_LIBRARY_PATH", fmt::format("{0}/lib64:{0}/lib", kDriverMountPath), true);
        // A PATH of ours would hide the image's own (conda's, for example), which cannot be known
        // here.
        env.PutInFront("PATH", fmt::format("{}/bin", kDriverMountPath), false);
    }
    return env.Take();
}

json::array PodEnvironment(const Rendered& rendered, int index, int attempt, int rank) {
    Environment env(rendered.framework);
    env.Set("DLWS_INDEX", std::to_string(index));
    env.Set("DLWS_ATTEMPT", std::to_string(attempt));
    for (const auto& [name, value] : FrameworkPodEnv(rendered.framework, rendered.elastic, rank))
        env.Set(name, value);
    return env.Take();
}

std::vector<std::string> PodEnvironmentNames(const Rendered& rendered) {
    std::vector<std::string> names{std::string(kFenceVariable), std::string(kPodFenceVariable)};
    for (int rank : {0, 1})
        for (const json::value& item : PodEnvironment(rendered, rank, 0, rank))
            names.emplace_back(NameOf(item.get_object()));
    return names;
}

}  // namespace dlws::model
