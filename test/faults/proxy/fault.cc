// SPDX-License-Identifier: Apache-2.0
#include "test/faults/proxy/fault.h"

#include <fmt/format.h>

#include <array>

namespace dlws::faults {

bool Call::Writes() const {
    return verb == "create" || verb == "update" || verb == "patch" || verb == "delete";
}

bool Call::Counts() const {
    return Writes() && resource != "leases" && resource != "events";
}

Call Classify(std::string_view method, std::string_view target) {
    const auto question = target.find('?');
    const std::string_view query =
        question == std::string_view::npos ? "" : target.substr(question + 1);
    std::vector<std::string> part;
    for (std::string_view rest = target.substr(0, question); !rest.empty();) {
        rest.remove_prefix(1);
        const auto slash = rest.find('/');
        part.emplace_back(rest.substr(0, slash));
        rest = slash == std::string_view::npos ? "" : rest.substr(slash);
    }
    // /api/v1/… or /apis/GROUP/VERSION/…
    std::size_t at = !part.empty() && part[0] == "api" ? 2 : 3;
    Call call;
    if (part.size() <= at || (part[0] != "api" && part[0] != "apis")) return call;
    if (part[at] == "namespaces" && part.size() > at + 2) {
        call.ns = part[at + 1];
        at += 2;
    }
    call.resource = part[at];
    if (part.size() > at + 1) call.name = part[at + 1];
    if (part.size() > at + 2) call.resource += "/" + part[at + 2];
    const bool watch = query.find("watch=1") != std::string_view::npos ||
                       query.find("watch=true") != std::string_view::npos;
    call.verb = method == "GET"      ? (watch               ? "watch"
                                        : call.name.empty() ? "list"
                                                            : "get")
                : method == "POST"   ? "create"
                : method == "PUT"    ? "update"
                : method == "PATCH"  ? "patch"
                : method == "DELETE" ? "delete"
                                     : "";
    return call;
}

std::string_view ToString(FaultKind kind) {
    static constexpr std::array<std::string_view, 20> kNames = {
        "crash-before", "crash-after", "never-sent", "reply-lost",    "answer",
        "answer-after", "delay",       "half-open",  "freeze-before", "freeze-after",
        "stale-views",  "time-travel", "stall",      "lag",           "cut",
        "split",        "twice",       "gone-event", "gone-status",   "mute"};
    return kNames.at(std::size_t(kind));
}

std::string Fault::Name() const {
    std::string name = fmt::format("{}.{}/{}", call, nth, ToString(kind));
    if (code != 0) name += fmt::format("-{}", code);
    if (!view.empty()) name += "-" + view;
    if (OnWatch() && kind < FaultKind::GoneStatus) name += fmt::format("@{}", event);
    if (kind == FaultKind::Cut) name += fmt::format("+{}%", percent);
    return name;
}

std::string StatusBody(int code) {
    const char* reason = code == 409   ? "Conflict"
                         : code == 410 ? "Expired"
                         : code == 429 ? "TooManyRequests"
                         : code == 500 ? "InternalError"
                         : code == 503 ? "ServiceUnavailable"
                                       : "Timeout";
    return fmt::format(R"({{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure",)"
                       R"("message":"by the fault proxy","reason":"{}","code":{}}})",
                       reason, code);
}

}  // namespace dlws::faults
