// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
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
/// A pod as a list shows it; ParsePod gives `pod` back.
kube::ObjectPtr PodObject(const model::PodView& pod);
/// RFC 7386.
void MergePatch(boost::json::value& target, const boost::json::value& patch);

}  // namespace dlws::job::sim
