// SPDX-License-Identifier: Apache-2.0
#include "model/pod_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <span>

#include "model/field_tree.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

// What may be there.
constexpr std::array kCapabilities{Field{"add"}, Field{"drop"}};
// Not procMount, not windowsOptions.
constexpr std::array kSecurity{Field{"allowPrivilegeEscalation"},
                               Field{"appArmorProfile"},
                               Field{"capabilities", kCapabilities},
                               Field{"privileged"},
                               Field{"readOnlyRootFilesystem"},
                               Field{"runAsGroup"},
                               Field{"runAsNonRoot"},
                               Field{"runAsUser"},
                               Field{"seLinuxOptions"},
                               Field{"seccompProfile"}};
// Not sysctls, not windowsOptions.
constexpr std::array kPodSecurity{Field{"appArmorProfile"},
                                  Field{"fsGroup"},
                                  Field{"fsGroupChangePolicy"},
                                  Field{"runAsGroup"},
                                  Field{"runAsNonRoot"},
                                  Field{"runAsUser"},
                                  Field{"seLinuxOptions"},
                                  Field{"seccompProfile"},
                                  Field{"supplementalGroups"},
                                  Field{"seLinuxChangePolicy"},
                                  Field{"supplementalGroupsPolicy"}};
constexpr std::array kPort{Field{"name"}, Field{"containerPort"}, Field{"protocol"},
                           Field{"hostPort"}};
// Not mountPropagation: mounts of the host would come in, or the container's go out.
constexpr std::array kMount{Field{"name"},        Field{"mountPath"}, Field{"subPath"},
                            Field{"subPathExpr"}, Field{"readOnly"},  Field{"recursiveReadOnly"}};
// Not claims: they are devices.
constexpr std::array kResources{Field{"limits"}, Field{"requests"}};
// Not volumeDevices.
constexpr std::array kContainer{Field{"name"},
                                Field{"image"},
                                Field{"command"},
                                Field{"args"},
                                Field{"workingDir"},
                                Field{"ports", kPort},
                                Field{"env"},
                                Field{"envFrom"},
                                Field{"resources", kResources},
                                Field{"resizePolicy"},
                                Field{"restartPolicy"},
                                Field{"volumeMounts", kMount},
                                Field{"livenessProbe"},
                                Field{"readinessProbe"},
                                Field{"startupProbe"},
                                Field{"lifecycle"},
                                Field{"terminationMessagePath"},
                                Field{"terminationMessagePolicy"},
                                Field{"imagePullPolicy"},
                                Field{"securityContext", kSecurity},
                                Field{"stdin"},
                                Field{"stdinOnce"},
                                Field{"tty"}};
// Not csi: what an inline driver does is its own affair.
constexpr std::array kVolume{Field{"name"},      Field{"configMap"}, Field{"downwardAPI"},
                             Field{"emptyDir"},  Field{"ephemeral"}, Field{"hostPath"},
                             Field{"image"},     Field{"nfs"},       Field{"persistentVolumeClaim"},
                             Field{"projected"}, Field{"secret"}};
// Not nodeName (it passes the scheduler by), not resourceClaims, not ephemeralContainers.
constexpr std::array kSpec{Field{"activeDeadlineSeconds"},
                           Field{"affinity"},
                           Field{"automountServiceAccountToken"},
                           Field{"containers", kContainer},
                           Field{"dnsConfig"},
                           Field{"dnsPolicy"},
                           Field{"enableServiceLinks"},
                           Field{"hostAliases"},
                           Field{"hostIPC"},
                           Field{"hostNetwork"},
                           Field{"hostPID"},
                           Field{"hostUsers"},
                           Field{"hostname"},
                           Field{"imagePullSecrets"},
                           Field{"initContainers", kContainer},
                           Field{"nodeSelector"},
                           Field{"os"},
                           Field{"overhead"},
                           Field{"preemptionPolicy"},
                           Field{"priority"},
                           Field{"priorityClassName"},
                           Field{"readinessGates"},
                           Field{"resources", kResources},
                           Field{"restartPolicy"},
                           Field{"runtimeClassName"},
                           Field{"schedulerName"},
                           Field{"schedulingGates"},
                           Field{"securityContext", kPodSecurity},
                           Field{"serviceAccount"},
                           Field{"serviceAccountName"},
                           Field{"setHostnameAsFQDN"},
                           Field{"shareProcessNamespace"},
                           Field{"subdomain"},
                           Field{"terminationGracePeriodSeconds"},
                           Field{"tolerations"},
                           Field{"topologySpreadConstraints"},
                           Field{"volumes", kVolume}};

std::string Unknown(const json::value& value, std::span<const Field> fields,
                    const std::string& path) {
    if (fields.empty()) return "";
    if (const json::array* list = value.if_array()) {
        for (std::size_t i = 0; i < list->size(); ++i)
            if (std::string found = Unknown((*list)[i], fields, fmt::format("{}[{}]", path, i));
                !found.empty())
                return found;
        return "";
    }
    const json::object* object = value.if_object();
    if (!object) return "";  // of the wrong type: somebody else complains
    for (const auto& [key, inner] : *object) {
        std::string below = fmt::format("{}.{}", path, std::string_view(key));
        const auto field = std::ranges::find(fields, std::string_view(key), &Field::name);
        if (field == fields.end()) return below;
        if (std::string found = Unknown(inner, field->inner, below); !found.empty()) return found;
    }
    return "";
}

}  // namespace

std::string UnknownPodField(const json::object& pod_template) {
    return Unknown(pod_template.at("spec"), kSpec, "spec");
}

}  // namespace dlws::model
