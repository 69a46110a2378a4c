// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// @file
/// What stands in a request's target, decoded (RFC 3986). Pure; thread-safe.
///
///     static constexpr HttpParameter kKnown[] = {{"limit"}, {"phase", true}};
///     auto query = ParseHttpQuery(request.query, kKnown);
///     if (!query) ... 400, query.error() ...
///     if (const std::string* limit = query->Find("limit")) ...
///     for (const std::string& phase : query->All("phase")) ...
///
/// Errors are one sentence for who sent the request: which parameter, and what to write instead.
/// Text that is taken is UTF-8 without NUL.

namespace dlws::kube {

inline constexpr std::size_t kMaxHttpQuery = 8 * 1024;  ///< bytes, encoded
inline constexpr std::size_t kMaxHttpParameters = 128;

/// One parameter that an operation knows.
struct HttpParameter {
    std::string_view name;
    bool repeated = false;  ///< a list: `a=1&a=2`
};

class HttpParameters {
  public:
    /// The value (the first of a list), maybe empty; null: not given.
    const std::string* Find(std::string_view name) const;
    std::vector<std::string> All(std::string_view name) const;

  private:
    friend std::expected<HttpParameters, std::string> ParseHttpQuery(std::string_view,
                                                                     std::span<const HttpParameter>,
                                                                     std::string*);
    std::vector<std::pair<std::string, std::string>> given_;
};

/// `query` is what follows the '?'. A '+' is a space, as forms send it; a plus is %2B. `wrong`, if
/// given, gets the name of the parameter that the error is about; empty: it is about the whole, or
/// the name cannot be read.
std::expected<HttpParameters, std::string> ParseHttpQuery(std::string_view query,
                                                          std::span<const HttpParameter> known,
                                                          std::string* wrong = nullptr);

/// The segments of a path, each decoded after the split: "/a/b%2Fc" is "a" and "b/c", "/" is one
/// empty segment. Also an error: a path that does not begin with '/', and the segments "." and
/// "..", which stand for other paths.
std::expected<std::vector<std::string>, std::string> SplitHttpPath(std::string_view path);

/// One segment. A '+' is a plus.
std::expected<std::string, std::string> DecodeHttpSegment(std::string_view segment);

}  // namespace dlws::kube
