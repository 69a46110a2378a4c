// SPDX-License-Identifier: Apache-2.0
// How a JobStatus is written: the document, and the patch from one status to the next.
#include <boost/json.hpp>

#include "model/encode.h"
#include "model/names.h"
#include "model/status.h"

namespace dlws::model {

namespace {

namespace json = boost::json;

json::array Roles(const std::vector<RoleStatus>& roles) {
    json::array list;
    for (const RoleStatus& r : roles)
        list.push_back(json::object{{"name", r.name},
                                    {"replicas", r.replicas},
                                    {"pending", r.pending},
                                    {"running", r.running},
                                    {"ready", r.ready},
                                    {"succeeded", r.succeeded},
                                    {"failed", r.failed}});
    return list;
}

json::array Conditions(const std::vector<Condition>& conditions) {
    json::array list;
    for (const Condition& c : conditions) {
        json::object o;
        o["type"] = c.type;
        o["status"] = c.status;
        PutText(o, "reason", c.reason, 64);
        PutText(o, "message", c.message);
        o["lastTransitionTime"] = FormatTime(c.lastTransitionTime);
        if (c.observedGeneration != 0) o["observedGeneration"] = c.observedGeneration;
        list.push_back(std::move(o));
    }
    return list;
}

void PutTexts(json::object& o, std::string_view key, const std::vector<std::string>& texts,
              std::size_t most_items, std::size_t most) {
    json::array list;
    for (const std::string& text : texts)
        if (list.size() < most_items) list.emplace_back(Cut(text, most));
    if (!list.empty()) o[key] = std::move(list);
}

json::object ApprovalObject(const ApprovalStatus& a) {
    json::object o{{"state", ToString(a.state)}, {"templateHash", a.templateHash}};
    PutText(o, "revision", a.revision, 253);
    json::array classes;
    for (PermissionClass c : a.classes)
        classes.emplace_back(ToString(c));
    o["classes"] = std::move(classes);
    PutTexts(o, "asks", a.asks, 80, 1100);
    PutTexts(o, "mounts", a.mounts, 256, 300);
    PutText(o, "diff", a.diff, kMaxDiff);
    PutText(o, "manifest", a.manifest, 2048);
    PutText(o, "mayDecide", a.mayDecide);
    PutText(o, "approval", a.approval, 253);
    json::object approver;
    PutText(approver, "username", a.approver, 512);
    PutText(approver, "uid", a.approverUid, 256);
    if (!approver.empty()) o["approver"] = std::move(approver);
    PutText(o, "reason", a.reason, 512);
    PutTime(o, "expiresAt", a.expiresAt);
    return o;
}

json::object FailureObject(const Failure& f) {
    json::object o;
    PutText(o, "pod", f.pod, 253);
    PutText(o, "role", f.role, 15);
    if (!f.role.empty()) o["index"] = f.index;
    PutText(o, "node", f.node, 253);
    if (f.exitCode) o["exitCode"] = *f.exitCode;
    if (f.signal) o["signal"] = *f.signal;
    PutText(o, "reason", f.reason, 64);
    PutText(o, "message", f.message);
    PutText(o, "log", f.log, 512);
    o["cause"] = ToString(f.cause);
    return o;
}

json::array Attempts(const std::vector<AttemptRecord>& attempts) {
    json::array list;
    for (const AttemptRecord& a : attempts) {
        json::object o{{"attempt", a.attempt}};
        PutTime(o, "startTime", a.startTime);
        PutTime(o, "finishTime", a.finishTime);
        o["failure"] = FailureObject(a.failure);
        list.push_back(std::move(o));
    }
    return list;
}

void PutAttempts(json::object& o, const JobStatus& s) {
    PutTime(o, "launchTime", s.launchTime);
    PutTime(o, "activeSince", s.activeSince);
    if (s.activeSeconds != 0) o["activeSeconds"] = s.activeSeconds;
    if (s.restarts != Restarts{})
        o["restarts"] = {{"user", s.restarts.user}, {"infrastructure", s.restarts.infrastructure}};
    if (!s.attempts.empty()) o["attempts"] = Attempts(s.attempts);
    json::array avoided;
    for (const AvoidedNode& n : s.avoidedNodes)
        avoided.push_back(json::object{
            {"node", n.node}, {"failures", n.failures}, {"until", FormatTime(n.until)}});
    if (!avoided.empty()) o["avoidedNodes"] = std::move(avoided);
    json::array replaced;
    for (const ReplacedPod& r : s.replaced)
        replaced.push_back(json::object{{"role", r.role},
                                        {"index", r.index},
                                        {"attempt", r.attempt},
                                        {"replaces", r.replaces},
                                        {"created", r.created}});
    if (!replaced.empty()) o["replaced"] = std::move(replaced);
    if (s.elastic) {
        json::object e{{"replicas", s.elastic->replicas}, {"launched", s.elastic->launched}};
        PutText(e, "selector", s.elastic->selector, 256);
        o["elastic"] = std::move(e);
    }
}

// What turns `was` into `now` by RFC 7386. Lists are replaced whole.
json::object Difference(const json::object& was, const json::object& now) {
    json::object patch;
    for (const auto& [key, value] : now) {
        const json::value* old = was.if_contains(key);
        if (!old) {
            patch[key] = value;
        } else if (*old != value) {
            if (old->is_object() && value.is_object())
                patch[key] = Difference(old->get_object(), value.get_object());
            else
                patch[key] = value;
        }
    }
    for (const auto& [key, value] : was)
        if (!now.contains(key)) patch[key] = nullptr;
    return patch;
}

}  // namespace

json::object ToJsonObject(const JobStatus& s) {
    json::object o;
    PutText(o, "phase", ToString(s.phase));
    PutText(o, "message", s.message);
    if (s.observedGeneration != 0) o["observedGeneration"] = s.observedGeneration;
    // A status that says nothing is written as one.
    if (s.phase != Phase::None || s.attempt != 0) o["attempt"] = s.attempt;
    if (s.launchedAttempt) o["launchedAttempt"] = *s.launchedAttempt;
    PutText(o, "ready", s.ready, 24);
    if (s.phase != Phase::None || s.gpus != 0) o["gpus"] = s.gpus;
    PutTime(o, "startTime", s.startTime);
    PutTime(o, "finishTime", s.finishTime);
    if (!s.roles.empty()) o["roles"] = Roles(s.roles);
    if (!s.conditions.empty()) o["conditions"] = Conditions(s.conditions);
    if (s.pending) {
        json::object p;
        p["class"] = ToString(s.pending->cls);
        PutText(p, "reason", s.pending->reason, 64);
        PutText(p, "message", s.pending->message);
        p["since"] = FormatTime(s.pending->since);
        o["pending"] = std::move(p);
    }
    if (s.approval) o["approval"] = ApprovalObject(*s.approval);
    PutAttempts(o, s);
    if (s.failure) o["failure"] = FailureObject(*s.failure);
    return o;
}

std::string ToJson(const JobStatus& status) {
    return json::serialize(ToJsonObject(status));
}

std::string StatusMergePatch(const JobStatus& was, const JobStatus& now, std::string_view uid,
                             std::string_view resourceVersion) {
    json::object status = Difference(ToJsonObject(was), ToJsonObject(now));
    if (status.empty()) return {};
    json::object patch, meta;
    if (!uid.empty()) meta["uid"] = uid;
    if (!resourceVersion.empty()) meta["resourceVersion"] = resourceVersion;
    if (!meta.empty()) patch["metadata"] = std::move(meta);
    patch["status"] = std::move(status);
    return json::serialize(patch);
}

}  // namespace dlws::model
