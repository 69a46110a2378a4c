// SPDX-License-Identifier: Apache-2.0
#include "model/status.h"

#include <algorithm>
#include <array>

#include "model/decode.h"

namespace dlws::model {

namespace {

constexpr std::array kPhases = {
    Phase::AwaitingApproval, Phase::Queued,   Phase::Starting,  Phase::Running, Phase::Restarting,
    Phase::Suspended,        Phase::Stopping, Phase::Succeeded, Phase::Failed,  Phase::Stopped};

ReasonClass ParseClass(std::string_view text) {
    if (text == "Ask") return ReasonClass::Ask;
    if (text == "Change") return ReasonClass::Change;
    return ReasonClass::Wait;
}

std::optional<int> OptionalInt(const Node& node) {
    if (!node.Present()) return std::nullopt;
    return node.Int();
}

Failure ReadFailure(const Node& f) {
    const std::string cause = f["cause"].Text();
    return {.pod = f["pod"].Text(),
            .role = f["role"].Text(),
            .index = f["index"].Int(),
            .node = f["node"].Text(),
            .exitCode = OptionalInt(f["exitCode"]),
            .signal = OptionalInt(f["signal"]),
            .reason = f["reason"].Text(),
            .message = f["message"].Text(),
            .log = f["log"].Text(),
            .cause = cause == "Infrastructure" ? Cause::Infrastructure
                     : cause == "Change"       ? Cause::Change
                                               : Cause::User};
}

// How often the job started anew, and why.
void ReadAttempts(const Node& node, JobStatus& s) {
    s.launchTime = node["launchTime"].AsTime();
    s.activeSince = node["activeSince"].AsTime();
    s.activeSeconds = node["activeSeconds"].Int64();
    s.restarts = {node["restarts"]["user"].Int(), node["restarts"]["infrastructure"].Int()};
    node["attempts"].Each([&](const Node& item) {
        s.attempts.push_back({item["attempt"].Int(), item["startTime"].AsTime(),
                              item["finishTime"].AsTime().value_or(Time{}),
                              ReadFailure(item["failure"])});
    });
    node["avoidedNodes"].Each([&](const Node& item) {
        s.avoidedNodes.push_back(
            {item["node"].Text(), item["failures"].Int(), item["until"].AsTime().value_or(Time{})});
    });
    node["replaced"].Each([&](const Node& item) {
        s.replaced.push_back({item["role"].Text(), item["index"].Int(), item["attempt"].Int(),
                              item["replaces"].Int(), item["created"].Bool()});
    });
    if (const Node e = node["elastic"]; e.Present())
        s.elastic = ElasticStatus{e["replicas"].Int(), e["launched"].Int(), e["selector"].Text()};
}

constexpr std::array kApprovalStates = {ApprovalStatus::Awaiting, ApprovalStatus::Approved,
                                        ApprovalStatus::Denied, ApprovalStatus::Revoked,
                                        ApprovalStatus::Expired};

ApprovalStatus ReadApproval(const Node& node) {
    ApprovalStatus a;
    const std::string state = node["state"].Text();
    for (auto s : kApprovalStates)
        if (state == ToString(s)) a.state = s;
    a.templateHash = node["templateHash"].Text();
    a.revision = node["revision"].Text();
    node["classes"].Each([&](const Node& item) {
        if (auto known = ParsePermissionClass(item.Text())) a.classes.push_back(*known);
    });
    std::ranges::sort(a.classes);
    a.asks = node["asks"].Texts();
    a.mounts = node["mounts"].Texts();
    a.diff = node["diff"].Text();
    a.manifest = node["manifest"].Text();
    a.mayDecide = node["mayDecide"].Text();
    a.approval = node["approval"].Text();
    a.approver = node["approver"]["username"].Text();
    a.approverUid = node["approver"]["uid"].Text();
    a.reason = node["reason"].Text();
    a.expiresAt = node["expiresAt"].AsTime();
    return a;
}

}  // namespace

std::string_view ToString(ApprovalStatus::State state) {
    switch (state) {
        case ApprovalStatus::Awaiting:
            return "Awaiting";
        case ApprovalStatus::Approved:
            return "Approved";
        case ApprovalStatus::Denied:
            return "Denied";
        case ApprovalStatus::Revoked:
            return "Revoked";
        case ApprovalStatus::Expired:
            return "Expired";
    }
    return "";
}

std::string_view ToString(Cause cause) {
    switch (cause) {
        case Cause::User:
            return "User";
        case Cause::Infrastructure:
            return "Infrastructure";
        case Cause::Change:
            return "Change";
    }
    return "";
}

std::string_view ToString(Phase p) {
    switch (p) {
        case Phase::None:
            break;
        case Phase::AwaitingApproval:
            return "AwaitingApproval";
        case Phase::Queued:
            return "Queued";
        case Phase::Starting:
            return "Starting";
        case Phase::Running:
            return "Running";
        case Phase::Restarting:
            return "Restarting";
        case Phase::Suspended:
            return "Suspended";
        case Phase::Stopping:
            return "Stopping";
        case Phase::Succeeded:
            return "Succeeded";
        case Phase::Failed:
            return "Failed";
        case Phase::Stopped:
            return "Stopped";
    }
    return "";
}

Phase ParsePhase(std::string_view text) {
    for (Phase p : kPhases)
        if (text == ToString(p)) return p;
    return Phase::None;
}

bool IsFinal(Phase p) {
    return p == Phase::Succeeded || p == Phase::Failed || p == Phase::Stopped;
}

JobStatus ReadStatus(Node node) {
    JobStatus s;
    s.phase = ParsePhase(node["phase"].Text());
    s.message = node["message"].Text();
    s.observedGeneration = node["observedGeneration"].Int64();
    s.attempt = node["attempt"].Int();
    s.launchedAttempt = OptionalInt(node["launchedAttempt"]);
    s.ready = node["ready"].Text();
    s.gpus = node["gpus"].Int();
    s.startTime = node["startTime"].AsTime();
    s.finishTime = node["finishTime"].AsTime();
    node["roles"].Each([&](const Node& item) {
        s.roles.push_back({item["name"].Text(), item["replicas"].Int(), item["pending"].Int(),
                           item["running"].Int(), item["ready"].Int(), item["succeeded"].Int(),
                           item["failed"].Int()});
    });
    node["conditions"].Each([&](const Node& item) {
        s.conditions.push_back({item["type"].Text(), item["status"].Text(), item["reason"].Text(),
                                item["message"].Text(),
                                item["lastTransitionTime"].AsTime().value_or(Time{}),
                                item["observedGeneration"].Int64()});
    });
    if (const Node p = node["pending"]; p.Present())
        s.pending = Pending{ParseClass(p["class"].Text()), p["reason"].Text(), p["message"].Text(),
                            p["since"].AsTime().value_or(Time{})};
    if (const Node a = node["approval"]; a.Present()) s.approval = ReadApproval(a);
    ReadAttempts(node, s);
    if (const Node f = node["failure"]; f.Present()) s.failure = ReadFailure(f);
    return s;
}

std::expected<JobStatus, std::string> ParseStatus(std::string_view dljobJson) {
    Document doc(dljobJson);
    JobStatus status;
    if (doc.error().empty()) status = ReadStatus(doc.Root()["status"]);
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return status;
}

bool SetCondition(std::vector<Condition>& conditions, Condition c, Time now) {
    const auto found = std::ranges::find(conditions, c.type, &Condition::type);
    c.lastTransitionTime = now;
    if (found == conditions.end()) {
        conditions.push_back(std::move(c));
        return true;
    }
    // The end of a job is said once: whoever waited for it may have acted on it already.
    if (found->type == kConditionFinished && found->status == "True") return false;
    if (found->status == c.status) c.lastTransitionTime = found->lastTransitionTime;
    if (*found == c) return false;
    *found = std::move(c);
    return true;
}

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
    const auto found = std::ranges::find(conditions, type, &Condition::type);
    return found == conditions.end() ? nullptr : &*found;
}

bool IsTrue(const std::vector<Condition>& conditions, std::string_view type) {
    const Condition* c = FindCondition(conditions, type);
    return c && c->status == "True";
}

}  // namespace dlws::model
