// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/fwd.hpp>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"

/// @file
/// DLJobApproval: one person's yes or no to the permissions of one job, bound to the bytes that
/// run.
///
///     auto approval = ParseDLJobApproval(raw->bytes());
///     if (std::string why = WhyItDoesNotCount(*approval, question, now); why.empty()) …
///
/// Plain values without clock or I/O.

namespace dlws::model {

struct Approver : User {
    std::vector<std::string> groups;
    bool operator==(const Approver&) const = default;
};

struct Approval {
    Metadata meta;
    std::string jobName, jobUid, templateHash;
    PermissionClasses classes;
    bool approves = false;  ///< false: it denies
    std::string reason;
    std::optional<Time> expiresAt;
    std::optional<Approver> approver;  ///< stamped by admission; none: it was not there
    bool operator==(const Approval&) const = default;
};

/// Tolerant of unknown and absent fields; error: a sentence with the field's path. A class that
/// this version does not know is an error: it must not be taken for none.
std::expected<Approval, std::string> ParseDLJobApproval(std::string_view json);

/// What an approval must answer.
struct Question {
    std::string ns, jobName, jobUid, templateHash;
    PermissionClasses classes;  ///< all of them must be approved
    std::optional<User> submitter;
};

/// Four eyes: nobody decides over their own job, under another name of the same UID neither, and
/// nobody decides over a job whose submitter is not known. Empty: it is so.
/// A ServiceAccount of the job's own namespace (`ns`) is anybody's who may make pods there.
std::string FourEyes(const std::optional<User>& submitter, const std::optional<Approver>& approver,
                     std::string_view ns = "");

/// Empty: it answers the question, for or against, whoever asks at `now`. Otherwise why not. An
/// approval that was made before `since` does not count: whatever vouches for its approver's name
/// (admission) was not there then.
std::string WhyItDoesNotCount(const Approval& approval, const Question& question, Time now,
                              std::optional<Time> since = std::nullopt);

/// True once it has ended to hold; it is not asked whether it would count otherwise.
bool IsExpired(const Approval& approval, Time now);

/// A DLJobApproval that answers with yes, for `kubectl create -f -`.
std::string ApprovalManifest(const Question& question);

/// SubjectAccessReviews (authorization.k8s.io/v1) that ask whether somebody may approve: verb
/// `approve` on dljobs, and on permissionclasses of the name of each class. All must say yes.
std::vector<std::string> MayApproveReviews(const Approver& approver, const Question& question);

/// `status.allowed` of an answered SubjectAccessReview.
bool IsAllowed(std::string_view review);

}  // namespace dlws::model
