// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/names.h"
#include "model/permissions.h"
#include "model/storage.h"

namespace dlws::model {

enum class DriverMode {
    None,      ///< the node gives containers what they need (or there are no GPUs)
    HostPath,  ///< a folder of the host with the driver's libraries is mounted read-only
};

std::string_view ToString(DriverMode m);

struct GpuSettings {
    DriverMode driver = DriverMode::None;
    std::string driverHostPath = "/opt/nvidia-driver";
    std::string typeLabel = "dlworkspace.io/gpu-type";  ///< node label that `gpuType` selects by
    bool operator==(const GpuSettings&) const = default;
};

/// Whom a job's pods run as. Never 0.
struct PodUser {
    std::int64_t uid = 1000;
    std::int64_t gid = 1000;
    std::string name{kDefaultUserName};  ///< in the pods, and of the folder below work/
    std::vector<std::int64_t> groups{};  ///< further ones
    std::string shell = "/bin/sh";
    std::vector<std::string> sshPublicKeys{};  ///< lines of authorized_keys
    bool operator==(const PodUser&) const = default;
};

/// A device of nodes that a device plugin gives to pods.
struct Device {
    std::string name;      ///< as jobs call it
    std::string resource;  ///< "rdma/hca"
    bool operator==(const Device&) const = default;
};

/// How long what jobs print stays in their folders. 0: for ever, and as much as there is.
struct LogSettings {
    std::int64_t keepDays = 0;     ///< since the job ended
    std::int64_t keepPerUser = 0;  ///< bytes: the logs of all jobs of one user
    bool operator==(const LogSettings&) const = default;
};

/// What becomes of jobs of somebody without a DLUser.
enum class UnknownUsers {
    Default,  ///< they run as `defaultUser`
    Refuse,   ///< they wait
};

/// What becomes of a running job whose approval ends.
enum class OnRevoke { Stop, Continue };

/// A typed view of the administrator's settings, the DLCluster named `cluster`. A plain value.
struct DLCluster {
    Metadata meta;
    /// `spec.podTemplate`, a PodTemplateSpec as the administrator wrote it, as raw JSON bytes;
    /// empty = none. Only Render looks into it.
    std::string podTemplate;
    std::vector<Storage> storages;  ///< those of `sharedFolder` too
    std::string systemRoot{kSystemRoot};
    std::vector<SystemFolder> systemFolders;
    /// Has the agent's program: makes folders in pods. Empty: the kubelet makes them, as root.
    std::string helperImage;
    bool checkStorages = false;  ///< nodes have labels that tell which storages are healthy there
    LogSettings logs;
    GpuSettings gpu;
    PodUser defaultUser;
    UnknownUsers unknownUsers = UnknownUsers::Default;
    std::vector<PermissionRule> permissions;  ///< in order: the first that speaks of it counts
    OnRevoke onRevoke = OnRevoke::Stop;
    std::vector<Device> devices;
    bool operator==(const DLCluster&) const = default;
};

/// Null: there is none of that name. Valid as long as the cluster.
const Storage* FindStorage(const DLCluster& cluster, std::string_view name);

/// As ParseDLJob: tolerant of unknown and absent fields; error: a sentence with the field's path.
std::expected<DLCluster, std::string> ParseDLCluster(std::string_view json);

}  // namespace dlws::model
