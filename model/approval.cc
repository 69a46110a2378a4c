// SPDX-License-Identifier: Apache-2.0
#include "model/approval.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/decode.h"
#include "model/names.h"

namespace dlws::model {

namespace json = boost::json;

std::expected<Approval, std::string> ParseDLJobApproval(std::string_view text) {
    Document doc(text);
    Approval a;
    if (doc.error().empty()) {
        a.meta = ReadMetadata(doc.Root()["metadata"]);
        const Node spec = doc.Root()["spec"];
        a.jobName = spec["jobName"].Text();
        a.jobUid = spec["jobUID"].Text();
        a.templateHash = spec["templateHash"].Text();
        spec["classes"].Each([&](const Node& item) {
            if (auto known = ParsePermissionClass(item.Text()))
                a.classes.push_back(*known);
            else
                item.Fail("this version does not know the class");
        });
        std::ranges::sort(a.classes);
        a.approves = spec["decision"].Text() == "Approve";
        a.reason = spec["reason"].Text();
        a.expiresAt = spec["expiresAt"].AsTime();
        if (const Node by = spec["approver"]; by.Present()) {
            Approver& approver = a.approver.emplace();
            approver.username = by["username"].Text();
            approver.uid = by["uid"].Text();
            approver.groups = by["groups"].Texts();
        }
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return a;
}

std::string FourEyes(const std::optional<User>& submitter, const std::optional<Approver>& approver,
                     std::string_view ns) {
    if (!approver || approver->username.empty())
        return "it does not say who made it: admission was not there; create it again";
    if (!submitter || submitter->username.empty())
        return "nobody knows who made the job, because admission was not there; submit the job "
               "again";
    if (!ns.empty() &&
        submitter->username.starts_with(fmt::format("system:serviceaccount:{}:", ns)))
        return fmt::format(
            "{} made the job, and whoever may make pods in namespace {} can act as it; "
            "submit the job as a person",
            submitter->username, ns);
    if (approver->username == submitter->username)
        return fmt::format("{} made the job; somebody else must decide", submitter->username);
    if (!approver->uid.empty() && approver->uid == submitter->uid)
        return fmt::format(
            "{} and {}, who made the job, are one person (UID {}); somebody else "
            "must decide",
            approver->username, submitter->username, approver->uid);
    return "";
}

bool IsExpired(const Approval& approval, Time now) {
    return approval.expiresAt && *approval.expiresAt <= now;
}

std::string WhyItDoesNotCount(const Approval& a, const Question& q, Time now,
                              std::optional<Time> since) {
    if (a.meta.ns != q.ns || a.jobUid != q.jobUid || a.jobName != q.jobName)
        return "it is for another job";
    if (a.meta.Deleting()) return "it is being deleted";
    if (a.templateHash != q.templateHash) return "it is for other bytes than those that would run";
    if (std::string why = FourEyes(q.submitter, a.approver, q.ns); !why.empty()) return why;
    if (!std::ranges::includes(a.classes, q.classes))
        return "it does not name every class that the job asks for";
    if (since && (!a.meta.creationTimestamp || *a.meta.creationTimestamp < *since))
        return "it was made before the policies that vouch for its approver; create it again";
    if (IsExpired(a, now)) return fmt::format("it ended to hold at {}", FormatTime(*a.expiresAt));
    return "";
}

std::string ApprovalManifest(const Question& q) {
    json::array classes;
    for (PermissionClass c : q.classes)
        classes.emplace_back(ToString(c));
    return json::serialize(
        json::object{{"apiVersion", kApiVersion},
                     {"kind", kDLJobApprovalKind},
                     {"metadata", {{"generateName", q.jobName + "-"}, {"namespace", q.ns}}},
                     {"spec",
                      {{"jobName", q.jobName},
                       {"jobUID", q.jobUid},
                       {"templateHash", q.templateHash},
                       {"classes", std::move(classes)},
                       {"decision", "Approve"}}}});
}

std::vector<std::string> MayApproveReviews(const Approver& approver, const Question& q) {
    std::vector<std::string> reviews;
    const auto ask = [&](std::string_view resource, std::string_view name) {
        json::object spec{{"user", approver.username},
                          {"groups", json::value_from(approver.groups)},
                          {"resourceAttributes",
                           {{"namespace", q.ns},
                            {"verb", kApproveVerb},
                            {"group", kGroup},
                            {"resource", resource},
                            {"name", name}}}};
        if (!approver.uid.empty()) spec["uid"] = approver.uid;
        reviews.push_back(json::serialize(json::object{{"apiVersion", "authorization.k8s.io/v1"},
                                                       {"kind", "SubjectAccessReview"},
                                                       {"spec", std::move(spec)}}));
    };
    ask(kDLJobPlural, q.jobName);
    for (PermissionClass c : q.classes)
        ask(kPermissionClassPlural, ToString(c));
    return reviews;
}

bool IsAllowed(std::string_view review) {
    Document doc(review);
    if (!doc.error().empty()) return false;
    const Node status = doc.Root()["status"];
    return status["allowed"].Bool() && !status["denied"].Bool() && doc.error().empty();
}

}  // namespace dlws::model
