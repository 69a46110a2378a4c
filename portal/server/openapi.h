// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace dlws::portal {

/// portal/openapi.yaml, as it was when the program was compiled.
std::string_view OpenApiYaml();

/// The same as JSON, without the operations that are not in `served` (operationIds): what the
/// server answers 404 to is not in the document it serves. Throws std::runtime_error when the
/// document is none.
std::string OpenApiJson(const std::set<std::string, std::less<>>& served);

}  // namespace dlws::portal
