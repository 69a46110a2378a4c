// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"

/// @file
/// AdmissionReview (admission.k8s.io/v1) from its bytes and back. Pure.
///
///     auto review = ParseReview(body);
///     if (!review) return Refuse(400, review.error());
///     return AnswerReview(review->uid, Validate(*review));

namespace dlws::webhook {

/// What the API server asks about one request.
struct Review {
    std::string uid;        ///< of this question; the answer repeats it
    std::string operation;  ///< CREATE, UPDATE, DELETE or CONNECT
    std::string group, resource, subresource;
    std::string ns, name;  ///< the name may be empty: generateName
    bool dry_run = false;
    model::User user;
    std::vector<std::string> groups;
    /// The object and the one before it, as JSON; empty: there is none.
    std::string object, old_object;
};

struct Verdict {
    bool allowed = true;
    int code = 403;       ///< HTTP status of a refusal
    std::string reason;   ///< of a refusal, one of metav1.StatusReason
    std::string message;  ///< of a refusal: what is wrong, and what to write instead
    std::string patch;    ///< JSON patch (RFC 6902); empty: none
    std::vector<std::string> warnings;
};

/// `reason` is one of metav1.StatusReason, `code` the HTTP status that goes with it.
Verdict Refuse(int code, std::string reason, std::string message);

/// Deepest nesting that is read.
inline constexpr int kMaxDepth = 64;

/// Error: one sentence. Refuses invalid UTF-8, nesting deeper than kMaxDepth, and a key that an
/// object has twice: which of them counts would be a matter of taste.
std::expected<Review, std::string> ParseReview(std::string_view body);

/// The AdmissionReview that answers.
std::string AnswerReview(const std::string& uid, const Verdict& verdict);

}  // namespace dlws::webhook
