// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kube/error.h"

namespace dlws::kube {

/// RFC 4648, with padding, in one line.
std::string EncodeBase64(std::string_view bytes);
/// White space inside is skipped, as other readers of kubeconfigs do. kInvalidArgument says what is
/// wrong.
Result<std::string> DecodeBase64(std::string_view text);

}  // namespace dlws::kube
