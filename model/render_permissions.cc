// SPDX-License-Identifier: Apache-2.0
#include "model/render_permissions.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "model/pod_fields.h"
#include "model/render_check.h"

namespace dlws::model {

namespace json = boost::json;

// What the administrator's podTemplate must not hold: what would give every job the host.
std::expected<void, RenderError> CheckTemplate(PodTemplate& pod) {
    const auto refuse = [](std::string_view field, std::string_view instead) {
        return Error(reason::kBaseTemplateInvalid,
                     fmt::format("DLCluster's spec.podTemplate cannot be used: {} {} An "
                                 "administrator must correct it.",
                                 field, instead));
    };
    if (std::string unknown = UnknownPodField({{"spec", pod.spec()}}); !unknown.empty())
        return refuse(unknown, "is not known to be harmless, so it is refused.");
    for (const char* field : {"hostNetwork", "hostIPC", "hostPID"}) {
        const json::value* value = pod.spec().if_contains(field);
        if (value && *value != json::value(false))
            return refuse(fmt::format("spec.{}", field),
                          "would give the host to every job; remove it and let a rule in "
                          "spec.permissions say who may have it.");
    }
    return {};
}

void AddPermissions(PodTemplate& pod, const Permissions& p) {
    json::object& spec = pod.spec();
    if (p.hostNetwork) {
        spec["hostNetwork"] = true;
        spec["dnsPolicy"] = "ClusterFirstWithHostNet";  // or the job's own names are not found
    }
    if (p.hostIPC) spec["hostIPC"] = true;
    if (p.hostPID) spec["hostPID"] = true;
    json::object& user = pod.ObjectAt(spec, "securityContext");
    if (p.runAsRoot) {
        user["runAsNonRoot"] = false;
        user["runAsUser"] = user["runAsGroup"] = 0;
    }
    if (p.unconfinedSeccomp) user["seccompProfile"] = json::object{{"type", "Unconfined"}};
    json::object& main = pod.ObjectAt(pod.main(), "securityContext");
    if (!p.capabilities.empty())
        pod.ObjectAt(main, "capabilities")["add"] = json::value_from(p.capabilities);
    if (p.privileged) {
        main["privileged"] = true;
        main.erase("allowPrivilegeEscalation");  // Kubernetes refuses both together
        main.erase("capabilities");
    }
    if (p.hostNetwork)  // as Kubernetes would
        for (json::value& c : pod.ArrayAt(spec, "containers"))
            if (json::value* ports = c.as_object().if_contains("ports"); ports && ports->is_array())
                for (json::value& port : ports->get_array())
                    if (port.is_object() && port.get_object().contains("containerPort"))
                        port.get_object()["hostPort"] = port.get_object().at("containerPort");
    for (int port : p.hostPorts)
        pod.ArrayAt(pod.main(), "ports")
            .push_back(json::object{{"containerPort", port}, {"hostPort", port}});
}

// The folder that the administrator's rule names is mounted, and the rest of the path found in it
// by the kubelet, which follows no link out of it.
void AddHostPaths(PodTemplate& pod, const std::vector<HostPath>& paths,
                  const std::vector<std::string>& prefixes) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string& prefix = prefixes.at(i);
        const std::string volume = fmt::format("dlws-host-{}", i);
        pod.PutByKey(pod.ArrayAt(pod.spec(), "volumes"), "name",
                     {{"name", volume}, {"hostPath", {{"path", prefix}, {"type", "Directory"}}}});
        json::object mount{{"name", volume}, {"mountPath", paths[i].mountPath}};
        if (paths[i].path.size() > prefix.size())
            mount["subPath"] = paths[i].path.substr(prefix.size() + 1);
        if (paths[i].readOnly) mount["readOnly"] = true;
        pod.PutByKey(pod.ArrayAt(pod.main(), "volumeMounts"), "mountPath", std::move(mount));
    }
}

}  // namespace dlws::model
