// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kube/http_message.h"

/// @file
/// Compressed answers (RFC 9110, 8.4 and 12.5.3; RFC 1952). Pure; thread-safe.

namespace dlws::kube {

inline constexpr std::size_t kLeastCompressed = 4 * 1024;   ///< bytes; below it is not worth it
inline constexpr std::size_t kMostCompressed = 512 * 1024;  ///< bytes; some 20 ms of the thread

/// Whether Accept-Encoding lets us send gzip, and does not like the plain text better.
bool AcceptsGzip(const HttpRequest& request);

/// One gzip member. Takes about 1 ms for 25 KiB of JSON, so mind the thread.
std::string Gzip(std::string_view text);

/// Compresses what is text, of a length between the two above, not compressed yet and no stream, if
/// the caller accepts it; says Vary where that decides. A strong ETag becomes a weak one.
///
///     ApplyIfNoneMatch(request, answer);
///     Compress(request, answer);
///
/// Never for answers that hold a secret beside something that an attacker chooses: their length
/// would tell it (BREACH). So not under /auth.
void Compress(const HttpRequest& request, HttpAnswer& answer);

}  // namespace dlws::kube
