// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <expected>
#include <optional>
#include <string_view>

#include "kube/yaml_reader.h"
#include "portal/server/problem.h"

namespace dlws::portal {

/// What a request's body says, and where.
struct Body {
    boost::json::value value;
    std::optional<kube::YamlLines> lines;  ///< where it was YAML

    /// Gives each error the line of its field.
    void AddLines(Problem& problem) const;
};

/// JSON or YAML within the limits of the contract: 64 levels, 20,000 nodes, no key twice. Problem:
/// 400 that says what is wrong, and where.
std::expected<Body, Problem> ReadBody(std::string_view text, bool yaml);

}  // namespace dlws::portal
