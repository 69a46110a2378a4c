// SPDX-License-Identifier: Apache-2.0
// Paths, queries and request heads. Internal to kube/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kube/client.h"
#include "kube/config.h"

namespace dlws::kube::internal {

/// Percent-encodes everything but RFC 3986's unreserved characters.
std::string Encode(std::string_view text);

/// Builds "?a=b&c=d" from what is not empty.
class QueryString {
  public:
    QueryString& Add(std::string_view name, std::string_view value);
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

/// /api/v1/namespaces/NS/PLURAL. `ns` empty: over all namespaces (or cluster-scoped).
/// kInvalidArgument when the resource is not namespaced and `ns` is given.
Result<std::string> CollectionPath(const Resource& resource, std::string_view ns);
/// ... /NAME[/SUBRESOURCE]; the key must name what the resource's scope asks for.
Result<std::string> ObjectPath(const Resource& resource, const ObjectKey& key,
                               std::string_view subresource);

std::string HostHeader(const Config& config);

/// "Authorization: Bearer TOKEN" as a whole line. kInvalidArgument when the token holds what could
/// begin another line; the message does not repeat it.
Result<std::string> BearerLine(std::string_view token);

/// The whole head of a request, the empty line included.
struct HeadParts {
    std::string_view method;
    std::string_view target;
    std::string_view constant;  ///< "Host: ...\r\nUser-Agent: ...\r\n"
    std::string_view accept;
    std::string_view authorization;  ///< a whole line, or empty
    std::string_view content_type;   ///< empty: no body
    std::size_t body_size = 0;
};
std::string BuildHead(const HeadParts& parts);

/// True when `body` pins the object it is about, so that sending it twice cannot hit a newer state.
bool HasPrecondition(PatchType type, std::string_view body);

/// The text of a `Warning:` header (RFC 9111, 5.5 of RFC 7234): 299 - "text".
std::string WarningText(std::string_view header);

}  // namespace dlws::kube::internal
