// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace dlws::kube {

/// What went wrong, coarsely: decides whether trying again can help.
enum class ErrorKind {
    kInvalidArgument,  ///< our caller's mistake or a bad configuration; never retried
    kNetwork,          ///< resolve, connect, TLS, reset, unexpected end; the request may have run
    kTimeout,          ///< our deadline passed; the request may have run
    kProtocol,         ///< the peer did not speak HTTP or JSON as it must
    kStatus,           ///< the API server answered with a `Status` (see reason and code)
    kCancelled,        ///< we were told to stop
};

/// One failed operation, with the API server's own words when it gave some.
///
/// `reason` and `causes` are those of meta/v1 Status
/// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
/// A plain value: copy it, keep it, read it from any thread.
struct Error {
    struct Cause {
        std::string field;    ///< e.g. "spec.roles[0].gpus"
        std::string reason;   ///< e.g. "FieldValueInvalid"
        std::string message;  ///< for people
    };

    ErrorKind kind = ErrorKind::kNetwork;
    int code = 0;         ///< HTTP status, 0 when there was no answer
    std::string reason;   ///< Status.reason, e.g. "AlreadyExists"; empty when there was none
    std::string message;  ///< one sentence for people, names the request it is about
    std::vector<Cause> causes;
    std::optional<std::chrono::milliseconds> retry_after;  ///< from the Retry-After header

    bool IsNotFound() const { return code == 404; }
    bool IsAlreadyExists() const { return code == 409 && reason == "AlreadyExists"; }
    bool IsConflict() const { return code == 409 && reason == "Conflict"; }
    bool IsExpired() const { return code == 410; }  ///< resourceVersion too old: list again
    bool IsInvalid() const { return code == 422; }
    bool IsForbidden() const { return code == 403; }
    bool IsUnauthorized() const { return code == 401; }
    /// True when the same request may succeed later without anybody changing it.
    bool IsTransient() const {
        return kind == ErrorKind::kNetwork || kind == ErrorKind::kTimeout || code == 429 ||
               code == 408 || code >= 500;
    }
};

template <typename T>
using Result = std::expected<T, Error>;

}  // namespace dlws::kube
