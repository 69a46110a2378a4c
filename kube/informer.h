// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/backoff.h"
#include "kube/client.h"
#include "kube/random.h"
#include "kube/store.h"
#include "kube/wait_list.h"

namespace dlws::kube {

/// One change of the cache. `before` null: appeared; `after` null: gone (`before` is the last state
/// seen, maybe from a diff after a relist). Both set: changed. An object deleted and made again
/// under its name is always two changes, gone and appeared: both sides of one have the same uid.
struct Change {
    ObjectPtr before;
    ObjectPtr after;
};

/// Keeps a Store equal to what the API server holds, for ever (client-go's reflector + informer).
///
/// States: empty -> listing -> watching; any error leads back with backoff (0.8 s to 30 s, factor
/// 2, full jitter, reset after 2 min of health). WatchList first; list+watch (pages of 500) when
/// the server does not know it. A 410, as answer or in the stream, lists anew and hands out the
/// difference, deletions included. Never lists below the highest resourceVersion seen.
/// Handlers run on the client's executor, one at a time, in order, after the store has changed; the
/// read loop waits for them, which is the back pressure towards the server. They must not block. An
/// exception in one is logged and does not keep the others from running.
///
///     Informer pods(client, {.resource = kPods, .label_selector = "dlworkspace.io/job"}, random);
///     pods.store().AddIndex(...);
///     pods.OnChange([&](const Change& c) { queue.Add(...); });
///     co_await pods.Run();   // until cancelled
///
/// `client` and `random` must outlive it. Confined to the client's executor. Sources: KEP-3157
/// (WatchList),
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
class Informer {
  public:
    struct Settings {
        Resource resource;
        std::string ns;  ///< empty: all
        std::string label_selector;
        std::string field_selector;
        bool watch_list = true;
        int page_size = 500;
        Backoff::Settings backoff = {};
        /// What it says no to is neither stored nor handed out; an object that was kept and is so
        /// no more is gone. Asked before `transform`, with the whole object; must not throw.
        std::function<bool(const Object&)> keep = {};
        /// Changes each object before it is stored and handed out, to keep less of it (client-go's
        /// SetTransform). It must leave name, namespace, uid and resource_version alone, and not
        /// throw.
        std::function<void(Object&)> transform = {};
        /// A watch that held so long and then ended is resumed at once, without backoff.
        std::chrono::milliseconds healthy_watch{5'000};
    };
    using Handler = std::function<void(const Change&)>;

    Informer(Client& client, Settings settings, Random& random);
    Informer(const Informer&) = delete;
    Informer& operator=(const Informer&) = delete;

    Store& store() { return store_; }
    const Store& store() const { return store_; }
    void OnChange(Handler handler) { handlers_.push_back(std::move(handler)); }
    /// Called after every step forward, events and bookmarks alike, with LastResourceVersion().
    void OnProgress(std::function<void(std::uint64_t)> handler) {
        progress_.push_back(std::move(handler));
    }

    /// True once the first complete list is in the store.
    bool HasSynced() const { return synced_; }
    /// Since when no watch is open that tells of changes; empty while one is. What the store has
    /// may be old by so much, though HasSynced(). A watch that ends by itself, each five to ten
    /// minutes, is open again in milliseconds; a peer that has vanished is noticed after a minute,
    /// by TCP.
    std::optional<std::chrono::steady_clock::time_point> BrokenSince() const {
        return broken_since_;
    }
    /// Everything up to here is in the store (and possibly more). Bookmarks move it too.
    std::uint64_t LastResourceVersion() const { return last_rv_; }
    /// Complete lists after the first one: each means that a watch could not be resumed.
    std::uint64_t Relists() const { return relists_; }

    /// Runs until its coroutine is cancelled. Call once.
    Awaitable<void> Run();
    /// Returns when HasSynced(), or false when `deadline` has passed.
    Awaitable<bool> WaitForSync(std::chrono::milliseconds deadline);

  private:
    /// Objects of a list that is not complete yet.
    using Staged = std::unordered_map<ObjectKey, ObjectPtr, ObjectKeyHash>;

    Awaitable<Result<void>> ListPages();
    Awaitable<Result<void>> WatchFrom(bool initial_events);
    /// Chooses the next step after `error`; how long to wait before it.
    std::chrono::milliseconds Recover(const Error& error, bool list_failed);
    bool UseWatchList() const;
    /// True when `event` ended the list that `staged` collects.
    Result<bool> Stage(Staged& staged, const WatchEvent& event, bool kept);
    bool Keeps(const Object& object) const { return !settings_.keep || settings_.keep(object); }
    ObjectPtr Transformed(ObjectPtr object) const;
    void Apply(const WatchEvent& event, bool kept);
    void Drop(const Meta& not_kept);
    void Replace(std::vector<ObjectPtr> objects, std::uint64_t resource_version);
    void PutAndNotify(ObjectPtr object, bool even_if_older);
    void RemoveAndNotify(const ObjectKey& key, ObjectPtr last_state);
    void Advance(std::uint64_t resource_version);
    void Notify(ObjectPtr before, ObjectPtr after);

    Client& client_;
    Settings settings_;
    Backoff backoff_;
    std::string logger_;
    Store store_;
    std::vector<Handler> handlers_;
    std::vector<std::function<void(std::uint64_t)>> progress_;
    WaitList sync_waiters_;
    bool synced_ = false;
    std::uint64_t last_rv_ = 0;
    std::uint64_t relists_ = 0;

    std::optional<std::chrono::steady_clock::time_point> broken_since_;
    bool listed_ = false;              // false: the next step is a list
    bool watch_list_refused_ = false;  // the server does not know sendInitialEvents
    bool quorum_list_ = false;         // the server is behind last_rv_: ask etcd's newest instead
    int failures_in_row_ = 0;          // without one event in between
    std::chrono::steady_clock::time_point step_began_{};
};

}  // namespace dlws::kube
