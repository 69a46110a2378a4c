// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/client.h"
#include "kube/random.h"
#include "kube/store.h"

namespace dlws::kube {

/// One change of the cache. `before` null: appeared; `after` null: gone (`before` is the last state
/// seen, maybe from a diff after a relist). Both set: changed.
struct Change {
    ObjectPtr before;
    ObjectPtr after;
};

/// Keeps a Store equal to what the API server holds, for ever (client-go's reflector + informer).
///
/// States: empty -> listing -> watching; any error leads back with backoff (0.8 s to 30 s, factor
/// 2, full jitter, reset after 2 min of health). WatchList first; list+watch (pages of 500) when the
/// server does not know it. A 410, as answer or in the stream, lists anew and hands out the
/// difference, deletions included. Never lists below the highest resourceVersion seen.
/// Handlers run on the client's executor, one at a time, in order; the read loop waits for them,
/// which is the back pressure towards the server. They must not block.
///
///     Informer pods(client, {.resource = kPods, .label_selector = "dlworkspace.io/job"}, random);
///     pods.store().AddIndex(...);
///     pods.OnChange([&](const Change& c) { queue.Add(...); });
///     co_await pods.Run();   // until cancelled
class Informer {
  public:
    struct Settings {
        Resource resource;
        std::string ns;  ///< empty: all
        std::string label_selector;
        std::string field_selector;
        bool watch_list = true;
    };
    using Handler = std::function<void(const Change&)>;

    Informer(Client& client, Settings settings, Random& random);

    Store& store() { return store_; }
    const Store& store() const { return store_; }
    void OnChange(Handler handler) { handlers_.push_back(std::move(handler)); }
    /// Called after every step forward, events and bookmarks alike, with LastResourceVersion().
    void OnProgress(std::function<void(std::uint64_t)> handler) {
        progress_.push_back(std::move(handler));
    }

    /// True once the first complete list is in the store.
    bool HasSynced() const { return synced_; }
    /// Everything up to here is in the store (and possibly more). Bookmarks move it too.
    std::uint64_t LastResourceVersion() const { return last_rv_; }
    std::uint64_t Relists() const { return relists_; }

    /// Runs until its coroutine is cancelled. Call once.
    Awaitable<void> Run();
    /// Returns when HasSynced(), or false when `deadline` has passed.
    Awaitable<bool> WaitForSync(std::chrono::milliseconds deadline);

  private:
    Awaitable<Result<void>> ListAndWatch();
    Awaitable<Result<void>> ListPages();
    Awaitable<Result<void>> WatchFrom(bool initial_events);
    void Apply(const WatchEvent& event);
    void Replace(std::vector<ObjectPtr> objects, std::uint64_t resource_version);
    void Advance(std::uint64_t resource_version);
    void Notify(ObjectPtr before, ObjectPtr after);

    Client& client_;
    Settings settings_;
    Random& random_;
    Store store_;
    std::vector<Handler> handlers_;
    std::vector<std::function<void(std::uint64_t)>> progress_;
    bool synced_ = false;
    std::uint64_t last_rv_ = 0;
    std::uint64_t relists_ = 0;
};

}  // namespace dlws::kube
