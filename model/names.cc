// SPDX-License-Identifier: Apache-2.0
#include "model/names.h"

#include <fmt/format.h>

namespace dlws::model {

std::string PodName(std::string_view job, std::string_view role, int index, int attempt) {
    return fmt::format("{}-{}-{}-{}", job, role, index, attempt);
}

std::string Hostname(std::string_view role, int index) {
    return fmt::format("{}-{}", role, index);
}

std::string ServiceName(std::string_view job) {
    return std::string(job);
}

std::string FilesConfigMapName(std::string_view job) {
    return fmt::format("{}-files", job);
}

std::string SshSecretName(std::string_view job, std::string_view uid) {
    return fmt::format("{}-ssh-{}", job, uid);
}

std::string TemplateRevisionName(std::string_view job, std::string_view uid) {
    return fmt::format("{}-template-{}", job, uid);
}

bool IsReservedKey(std::string_view key) {
    const std::size_t slash = key.find('/');
    // Container runtimes take orders from such keys (io.katacontainers…, run.oci…, org.systemd…).
    if (slash == std::string_view::npos) return key.find('.') != std::string_view::npos;
    const std::string_view domain = key.substr(0, slash);
    // Asking the autoscaler to spare a pod is harmless, and training jobs want it.
    if (domain == "cluster-autoscaler.kubernetes.io") return false;
    for (std::string_view reserved : {"dlworkspace.io", "kubernetes.io", "k8s.io", "cncf.io"}) {
        if (!domain.ends_with(reserved)) continue;
        const std::size_t rest = domain.size() - reserved.size();
        if (rest == 0 || domain[rest - 1] == '.') return true;
    }
    return false;
}

}  // namespace dlws::model
