// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/api.h"
#include "kube/informer.h"
#include "kube/wait_list.h"
#include "portal/server/access/refused.h"
#include "portal/server/session/record.h"

namespace dlws::portal {

/// Who renews a session's token, and until when nobody else should (annotation
/// dlworkspace.io/renewing). Not encrypted: it says nothing.
struct Lease {
    std::string holder;  ///< empty: nobody
    Seconds until{};
};

/// A session as it is stored.
struct Session {
    Session() {}
    Record record;
    Lease lease;
    std::uint64_t version = 0;  ///< resourceVersion of its Secret
    std::string uid;            ///< of its Secret
};
using SessionPtr = std::shared_ptr<const Session>;

struct StoreError {
    enum Kind {
        kAway,      ///< the API server did not answer, or refused; it is in the log
        kBusy,      ///< too many look for sessions that nobody knows
        kFull,      ///< no more sessions than Settings::most
        kTooLarge,  ///< of `message`
        kConflict,  ///< somebody else has written it meanwhile
        kGone,      ///< there is no such session, or the key is not its
    };
    Kind kind = kAway;
    std::string message = {};  ///< for people, where there is more to say than `kind` says
};
template <typename T>
using Stored = std::expected<T, StoreError>;

/// The sessions of all replicas: Secrets of one namespace, read and written with our own token.
///
///     SessionStore store(own_client, {.now = …});
///     kube::Informer secrets(own_client, SessionStore::Watched("dlws-sessions"), random);
///     secrets.OnChange([&](const kube::Change& change) { store.Observe(change); });
///     auto session = co_await store.Read(key);
///
/// What was decrypted is kept for `idle` after its last use, under SHA-256 of ID.KEY and kind, and
/// no longer than the watch shows it unchanged: a logout at another replica counts here as soon as
/// the watch has told. Confined to the API's executor; the API outlives it.
class SessionStore {
  public:
    struct Settings {
        std::string ns = "dlws-sessions";
        std::size_t most = 20'000;
        std::size_t most_of_one = 20;  ///< of one user; the one that ends first gives way
        std::chrono::seconds idle{60};
        std::chrono::seconds reread{300};  ///< used or not, should the watch have missed something
        int unknown_a_second = 50;         ///< reads of sessions that the watch has not shown
        std::chrono::seconds refused{
            10};  ///< what there is not, or has another key, is not asked for
        std::size_t most_refused = 10'000;
        std::function<Seconds()> now;
    };

    SessionStore(kube::Api& own, Settings settings);

    /// The informer that Observe wants. It keeps name, label and annotations of a Secret.
    static kube::Informer::Settings Watched(const std::string& ns);
    void Observe(const kube::Change& change);
    /// Called with the id of a session that was deleted, whoever did it: its streams end.
    void OnEnd(std::function<void(const std::string& id)> handler) {
        on_end_.push_back(std::move(handler));
    }
    boost::asio::any_io_executor Executor() const { return own_.Executor(); }
    /// Notified after each change of any session: for those who wait for a renewal elsewhere.
    kube::WaitList& Changes() { return changes_; }

    kube::Awaitable<Stored<SessionKey>> Create(Record record);
    /// Also one that is over (WhyOver). `anew`: not out of memory. kAway, kBusy, kGone.
    kube::Awaitable<Stored<SessionPtr>> Read(SessionKey key, bool anew = false);
    /// Replaces it, if it is still of `version` and `uid`. kAway, kConflict, kGone, kTooLarge.
    kube::Awaitable<Stored<SessionPtr>> Write(SessionKey key, Session session);
    /// Also fine when it is gone.
    kube::Awaitable<Stored<void>> Delete(std::string id);
    /// Deletes it, if it is still of `version` and `uid`: of several who try, at any replica, one
    /// succeeds. kAway, kConflict, kGone.
    kube::Awaitable<Stored<void>> Take(std::string id, std::string uid, std::uint64_t version);
    /// All sessions of a user, also those that the watch has not shown yet.
    kube::Awaitable<Stored<void>> DeleteAllOf(std::string username);

    /// Deletes what has ended; for each replica to do now and then. How many.
    kube::Awaitable<std::size_t> Sweep();
    /// Drops what was not used for `idle`; for each replica to do often.
    void Forget();

    std::size_t Size() const { return seen_.size(); }
    std::size_t Decrypted() const { return read_.size(); }

  private:
    struct Seen {
        std::string user;  ///< the label
        Seconds ends{};
        std::uint64_t version = 0;
        std::string uid;
    };
    struct Cached {
        SessionPtr session;
        Seconds read{}, used{};
    };

    std::string Body(const SessionKey& key, const Session& session,
                     const std::string& sealed) const;
    SessionPtr Keep(const SessionKey& key, const kube::Object& secret, Record record, Lease lease);
    StoreError Failed(const kube::Error& error);
    bool MayAsk();
    void Drop(const std::string& id);
    kube::Awaitable<Stored<void>> MakeRoom(std::string user);

    kube::Api& own_;
    Settings settings_;
    kube::WaitList changes_;
    std::vector<std::function<void(const std::string&)>> on_end_;
    std::unordered_map<std::string, Seen> seen_;          ///< by id
    std::unordered_map<std::string, Cached> read_;        ///< by SHA-256 of ID.KEY and kind
    std::unordered_map<std::string, std::string> names_;  ///< id to the key of read_
    Refused<Seconds> refused_;                            ///< as read_
    Seconds asked_at_{}, logged_at_{};
    int asked_ = 0;
};

}  // namespace dlws::portal
