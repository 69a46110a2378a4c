// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kube/error.h"

namespace dlws::kube {

/// RFC 4648, with padding, in one line.
std::string EncodeBase64(std::string_view bytes);
/// White space inside is skipped, as other readers of kubeconfigs do. kInvalidArgument says what is
/// wrong.
Result<std::string> DecodeBase64(std::string_view text);

/// base64url without padding (RFC 7515, appendix C).
std::string EncodeBase64Url(std::string_view bytes);
/// Nothing where the text is not what EncodeBase64Url would write: padding, white space and stray
/// bits at the end are refused, so that one value has one spelling.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace dlws::kube
