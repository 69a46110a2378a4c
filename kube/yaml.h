// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace dlws::kube {

/// The document as people write it: text of several lines in a block, quotes only where a reader
/// would else take a string for something else. Reading it again gives the same. Pure; thread-safe.
std::string ToYaml(const boost::json::value& document);

}  // namespace dlws::kube
