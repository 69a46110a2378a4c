// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <string>

/// @file
/// Internal to model/: which fields of a pod are known not to reach the host by themselves. Denied
/// by default: what a later Kubernetes adds is refused until somebody has looked at it here.

namespace dlws::model {

/// The first field of a PodTemplateSpec that is not known, as a path with what to do instead;
/// empty: all are. `spec` is looked at, metadata is not.
std::string UnknownPodField(const boost::json::object& pod_template);

}  // namespace dlws::model
