// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

/// @file
/// What a fault proxy knows of a request, and what it can do to one. Plain values.

namespace dlws::faults {

/// A request to the API server, as its method and path tell it
/// (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris).
struct Call {
    std::string verb;      ///< get, list, watch, create, update, patch, delete; "" for no resource
    std::string resource;  ///< with its subresource: "pods", "dljobs/status"
    std::string ns, name;

    /// "pods.create", "dljobs/status.patch", "pods.watch": what a Fault's `call` names.
    std::string Kind() const { return resource + "." + verb; }
    bool Writes() const;
    /// Writes that make up a job's life: neither the leader's Lease nor Events, which may be lost.
    bool Counts() const;
};
Call Classify(std::string_view method, std::string_view target);

enum class FaultKind {
    // A call.
    CrashBefore,   ///< the operator is killed, the call never arrives
    CrashAfter,    ///< the call is performed, the operator killed before it is answered
    NeverSent,     ///< the connection ends, the call never arrives
    ReplyLost,     ///< the call is performed, then the connection ends
    Answer,        ///< `code` is answered, nothing performed
    AnswerAfter,   ///< the call is performed, and `code` answered
    Delay,         ///< the call is performed `time` later
    HalfOpen,      ///< accepted, never performed, never answered
    FreezeBefore,  ///< SIGSTOP for `time`; the call arrives just before SIGCONT
    FreezeAfter,   ///< the call is performed; SIGSTOP for `time`, with the answer waiting
    StaleViews,    ///< the call is performed; for `time` no watch tells anything new
    TimeTravel,    ///< CrashAfter, and what comes up next reads for `time` what was true before
    // A watch; at its `event`, counted from 1.
    Stall,      ///< for `time` no byte comes, though events are there
    Lag,        ///< from then on every event is `time` late
    Cut,        ///< the connection ends after `percent` of the event's bytes; 100: all but the last
    Split,      ///< from then on every byte comes alone
    Twice,      ///< the event comes a second time
    GoneEvent,  ///< an ERROR event with code 410 instead
    GoneStatus,  ///< the watch itself is answered with 410
    MuteWatch,   ///< the watch is never answered
};
std::string_view ToString(FaultKind kind);

/// At the `nth` call of its kind, counted from 1.
struct Fault {
    FaultKind kind = FaultKind::Delay;
    std::string call;
    int nth = 1;
    int code = 0;
    int event = 1;
    int percent = 0;
    std::chrono::milliseconds time{0};
    std::string view;  ///< of StaleViews and TimeTravel: this resource alone; empty: all

    bool OnWatch() const { return kind >= FaultKind::Stall; }
    /// "pods.create.2/crash-after", "pods.watch.1/cut@3+50%".
    std::string Name() const;
};

/// A Status object as the API server answers it, with its reason.
std::string StatusBody(int code);

}  // namespace dlws::faults
