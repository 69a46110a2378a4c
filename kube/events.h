// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kube/api.h"

namespace dlws::kube {

/// The object an event is about.
struct ObjectReference {
    std::string api_version, kind, ns, name, uid;
};

/// Records events.k8s.io/v1 Events: what `kubectl describe` and `kubectl events` show.
///
///     EventRecorder events(api, "dlworkspace.io/operator", pod_name);
///     manager.Add("caches", "events", [&] { return events.Run(); });
///     events.Record(about, "Warning", "PodFailed", "Restart", "digits-worker-0-1 exited with 3");
///
/// Record() returns at once; a background coroutine writes, one request at a time, never more than
/// `kMaxQueued` waiting (the oldest is dropped and counted). The same (object, type, reason, note)
/// again within 6 min updates the series of the first event instead of writing a new one; a series
/// is written at most every 10 s, with the count of then.
/// Failures are logged and forgotten: an event is advice, never state.
///
/// `api` must outlive it. Confined to its executor. Source: KEP-383 and
/// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/.
class EventRecorder {
  public:
    static constexpr std::size_t kMaxQueued = 1000;
    struct Settings {
        std::chrono::milliseconds series_window{360'000};   ///< since the last of its kind
        std::chrono::milliseconds series_interval{10'000};  ///< between writes of one series
        std::chrono::milliseconds write_deadline{10'000};
        std::function<std::chrono::system_clock::time_point()> wall_clock =
            std::chrono::system_clock::now;
    };

    /// `reporter` e.g. "dlworkspace.io/operator", `instance` the pod's name.
    EventRecorder(Api& api, std::string reporter, std::string instance);
    EventRecorder(Api& api, std::string reporter, std::string instance, Settings settings);
    ~EventRecorder();
    EventRecorder(const EventRecorder&) = delete;
    EventRecorder& operator=(const EventRecorder&) = delete;

    /// type "Normal" or "Warning"; reason CamelCase; note at most 1024 bytes (cut). An object with
    /// no namespace has its events in "default".
    void Record(const ObjectReference& about, std::string type, std::string reason,
                std::string action, std::string note);
    /// Writes until cancelled.
    Awaitable<void> Run();
    std::uint64_t Dropped() const;
    std::size_t Queued() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube
