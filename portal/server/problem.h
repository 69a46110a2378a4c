// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kube/error.h"
#include "kube/http_message.h"

namespace dlws::portal {

/// One field that is wrong: its path in the body as the API server writes it, `query.NAME` or
/// `header.NAME`.
struct FieldError {
    std::string field;
    std::string reason;  ///< a word of the API server's, e.g. "FieldValueInvalid"; or empty
    std::string message;
    std::uint32_t line = 0, column = 0;  ///< from 1, where the body was YAML; 0: not known
};

/// Why something was not done: schema Problem of portal/openapi.yaml (RFC 9457). A plain value.
struct Problem {
    Problem(int status, std::string reason, std::string title, std::string detail = "")
        : status(status),
          reason(std::move(reason)),
          title(std::move(title)),
          detail(std::move(detail)) {}

    int status;
    std::string reason;  ///< a word that programs rely on
    std::string title;   ///< the same for every problem of this reason
    std::string detail;  ///< one sentence for people: what to do
    std::vector<FieldError> errors;
    std::optional<std::chrono::seconds> retry_after;
    std::string allow;  ///< of a 405: the methods that there are
    /// The API server said it of the caller's own token: verdicts about it are not to be believed.
    bool by_api_server = false;
};

/// More errors of fields are not told.
inline constexpr std::size_t kMostErrors = 100;

/// The request cannot be read: 400. `field` such as "query.limit"; `message`: what it must be.
Problem BadRequest(std::string field, std::string message);
/// A cursor that is none of this list: 400.
Problem CursorInvalid(std::string message);
/// A mistake of ours, which is in the log and nobody else's business: 500.
Problem Internal();
/// 403 with the words that it always has, whether the object exists or not; `ns` empty: of the
/// cluster. `verb` and `resource` as in RBAC.
Problem Forbidden(const std::string& verb, const std::string& resource, const std::string& ns);
/// 404; `what` such as "job".
Problem NotFound(const std::string& what);
/// The token is none that the API server takes (any more): 401.
Problem LoginExpired();
/// What the API server, or the way to it, said of a call with the caller's token. What it says of
/// its own insides (addresses, certificates) stays in the log.
Problem FromError(const kube::Error& error);

/// application/problem+json. Texts are made valid UTF-8 and cut to the contract's lengths.
kube::HttpAnswer ToAnswer(const Problem& problem, const std::string& request_id);

}  // namespace dlws::portal
