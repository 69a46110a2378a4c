// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "kube/api.h"
#include "operator/job/sim/cluster.h"

/// @file
/// Between the JSON that the operator sends and reads and the values of a simulated Cluster. Pure.

namespace dlws::job::sim {

/// metadata.name of a request's body.
std::string NameIn(const std::string& body);
/// Owner, and whether it is an open fence.
Owned OwnedFrom(const std::string& body);
/// The keys without which the pod's container does not start.
std::vector<FenceKey> FencesIn(const std::string& body);
/// The pod as the API server stores it.
model::PodView PodFrom(const std::string& body, const std::string& uid, std::uint64_t version,
                       model::Time created);
/// An answer of which only the header is read.
kube::ObjectPtr Header(const std::string& name, const std::string& uid, std::uint64_t version,
                       const std::string& owner_uid, const std::string& owner_name);
/// A DLJob with what is read of it beside its header.
kube::ObjectPtr JobObject(const model::DLJob& job);
kube::ObjectPtr ApprovalObject(const model::Approval& approval);
/// What was posted, as it is stored.
kube::ObjectPtr WithUid(const std::string& body, const std::string& uid, std::uint64_t version);
/// The approval that a pod which reaches its node names; none: it does not reach it.
std::optional<std::string> ApprovalOf(const std::string& body);
/// A pod as a list shows it; ParsePod gives `pod` back.
kube::ObjectPtr PodObject(const model::PodView& pod);
/// RFC 7386.
void MergePatch(boost::json::value& target, const boost::json::value& patch);

}  // namespace dlws::job::sim
