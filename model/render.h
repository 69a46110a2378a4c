// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/reason.h"

/// @file
/// From a job and the administrator's settings to the Kubernetes objects that run it.
///
///     auto rendered = Render(job, cluster, user);
///     if (!rendered) return Wait(rendered.error().cls, rendered.error().message);
///     if (rendered->files) create(Serialize(*rendered->files));
///     if (rendered->service) create(Serialize(*rendered->service));
///     create(MakePod(*rendered, 0, 1, 0));   // pod `<job>-<role 0>-1-0`
///
/// Render is pure: the same job, cluster and user give the same bytes. It starts from the
/// administrator's `podTemplate`; whatever it sets itself wins. Nothing that reaches the host comes
/// from the job. `Rendered` is a value: keep it as long as you like; const use from many threads is
/// fine.

namespace dlws::model {

/// Why a job cannot become pods: class Ask or Change, a reason of reason.h, and a sentence that
/// says what to do.
struct RenderError {
    ReasonClass cls = ReasonClass::Change;
    std::string reason;
    std::string message;
};

struct RenderedRole {
    std::string name;
    int replicas = 0;
    int gpus = 0;       ///< of one pod
    int firstRank = 0;  ///< rank of index 0; ranks run over the roles in order
    /// PodTemplateSpec with metadata.labels, annotations and ownerReferences: all but what
    /// differs between the pods of the role.
    boost::json::object podTemplate;
};

struct Rendered {
    std::string job;
    std::string ns;
    std::string jobUid;
    Framework framework = Framework::None;
    bool elastic = false;  ///< the number of pods may change while they run
    RetryScope retryScope = RetryScope::Gang;
    int totalPods = 0;
    std::vector<RenderedRole> roles;
    /// Headless Service, when the job has more than one pod, or may have.
    std::optional<boost::json::object> service;
    /// Immutable ConfigMap, when the job has files; a hostfile and what ssh needs are among them.
    std::optional<boost::json::object> files;
    /// True: the pods mount the Secret of MakeSshSecret (ssh.h), whose content is random.
    bool sshKeys = false;
    /// The job asks for permissions: its pods may reach the host.
    bool reachesHost = false;
    PermissionClasses toApprove;    ///< those that need somebody's approval
    std::vector<std::string> asks;  ///< all permissions it asks for, in words
};

/// How long a pod stays on a node that does not answer before it is evicted, in seconds;
/// Kubernetes' own 300 s would keep a gang's other GPUs idle for that long.
/// docs/decisions/0016-lost-nodes.md.
inline constexpr int kLostNodeSeconds = 60;

/// An elastic job that needs an approval is rendered with as many pods as it may ever have: what is
/// approved does not depend on how many there are now.
/// `user`: whom the pods run as (dluser.h).
std::expected<Rendered, RenderError> Render(const DLJob& job, const DLCluster& cluster,
                                            const PodUser& user);
/// As the cluster's default user.
std::expected<Rendered, RenderError> Render(const DLJob& job, const DLCluster& cluster);

/// What lets a pod with special permissions be created; it is told in annotations of the pod.
struct PodApproval {
    std::string approvalUid, templateHash;
};

/// The attempt in a pod's name, and its gang's: another one where the pod was replaced alone.
struct PodAttempt {
    PodAttempt(int both) : pod(both), gang(both) {}  // NOLINT(google-explicit-constructor)
    PodAttempt(int of_pod, int of_gang) : pod(of_pod), gang(of_gang) {}
    int pod, gang;
};

/// The Pod document of role number `role` (0 <= role < roles.size()). It differs from the role's
/// template only in: metadata.name and namespace, the labels of index and attempt, spec.hostname,
/// the annotations of `approved`,
/// the environment names of PodEnvironment in container `main`, and the node affinity that keeps
/// it from `avoided` nodes: elsewhere if possible after one failure there, not there after two.
std::string MakePod(const Rendered& rendered, std::size_t role, int index, PodAttempt attempt,
                    std::span<const AvoidedNode> avoided = {},
                    const PodApproval* approved = nullptr);

/// JSON bytes of an object for a request body.
std::string Serialize(const boost::json::object& object);

/// Everything Render decided with object keys sorted: equal renderings give equal bytes. What is
/// approved is their SHA-256.
std::string CanonicalBytes(const Rendered& rendered);
/// The rendering again, of which those are the bytes. Error: a sentence.
std::expected<Rendered, std::string> ParseRendered(std::string_view canonical);

/// SHA-256 in 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

/// Environment names that a job may not set: DLWS_* always, and those of its framework.
bool IsReservedEnv(Framework framework, std::string_view name);

}  // namespace dlws::model
