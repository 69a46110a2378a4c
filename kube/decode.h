// SPDX-License-Identifier: Apache-2.0
// How answers of the API server become values. Internal to kube/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kube/client.h"

namespace dlws::kube::internal {

/// One page of a List. Each item's bytes are copied once, without managedFields. `body` is grown by
/// some unused capacity.
Result<ListPage> DecodeList(std::string& body);

/// One line of a watch: {"type":…,"object":…}. `capacity` is how many bytes may be read from
/// `data`: at least size + kPadding. ERROR events become a kStatus error.
Result<WatchEvent> DecodeWatchLine(const char* data, std::size_t size, std::size_t capacity);

/// A Status body (or any other text) as an error. `request` such as "GET /api/v1/pods" begins the
/// message.
Error DecodeStatus(std::string_view request, int code, std::string_view body);

/// What simdjson wants readable behind a document.
inline constexpr std::size_t kPadding = 64;

}  // namespace dlws::kube::internal
