// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kube/client.h"

namespace dlws::kube {

/// The object an event is about.
struct ObjectReference {
    std::string api_version, kind, ns, name, uid;
};

/// Records events.k8s.io/v1 Events: what `kubectl describe` and `kubectl events` show.
///
/// Record() returns at once; a background coroutine writes, one request at a time, never more than
/// `kMaxQueued` waiting (the oldest is dropped and counted). The same (object, type, reason, note)
/// again within 6 min updates the series of the first event instead of writing a new one.
/// Failures are logged and forgotten: an event is advice, never state.
class EventRecorder {
  public:
    static constexpr std::size_t kMaxQueued = 1000;

    /// `reporter` e.g. "dlworkspace.io/operator", `instance` the pod's name.
    EventRecorder(Client& client, std::string reporter, std::string instance);
    ~EventRecorder();

    /// type "Normal" or "Warning"; reason CamelCase; note at most 1024 bytes (cut).
    void Record(const ObjectReference& about, std::string type, std::string reason,
                std::string action, std::string note);
    /// Writes until cancelled.
    Awaitable<void> Run();
    std::uint64_t Dropped() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube
