// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/error.h"
#include "kube/object.h"

/// @file
/// The calls of the Kubernetes API, apart from how they travel: `Client` (client.h) sends them over
/// HTTP, a simulation answers them from memory.

namespace dlws::kube {

template <typename T>
using Awaitable = boost::asio::awaitable<T>;

/// Options of one call. Zero values mean "the client's default".
///
/// These structs have constructors of their own (they are no aggregates) because g++ 12 copies an
/// aggregate temporary inside a co_await expression bit by bit, which frees its strings twice.
struct CallOptions {
    CallOptions() {}
    std::chrono::milliseconds deadline{0};  ///< whole call including retries; default 30 s
    /// Whose call it is, in place of the client: this token (RFC 6750), sent as it is, never logged
    /// and, after a 401, not replaced by another. Empty: the client's own identity.
    /// kInvalidArgument with a client that has a certificate (its connections are the client's
    /// whatever a request says): make one of WithoutIdentity(config).
    std::string bearer;
};

struct ListOptions : CallOptions {
    ListOptions() {}
    std::string ns;  ///< empty: all namespaces
    std::string label_selector;
    std::string field_selector;
    int limit = 500;  ///< page size
    std::string continue_token;
    std::string resource_version;        ///< empty: quorum read
    std::string resource_version_match;  ///< "", "NotOlderThan" or "Exact"
};

struct ListPage {
    std::vector<ObjectPtr> items;
    std::uint64_t resource_version = 0;
    std::string continue_token;  ///< empty on the last page
};

struct WatchOptions : CallOptions {
    WatchOptions() {}
    std::string ns;
    std::string label_selector;
    std::string field_selector;
    std::string resource_version;  ///< start after this one; with send_initial_events may be empty
    bool send_initial_events = false;        ///< WatchList, KEP-3157
    std::chrono::seconds server_timeout{0};  ///< timeoutSeconds; 0: random 5 to 10 min
    std::chrono::seconds idle_timeout{
        120};  ///< no byte for so long: kTimeout (bookmarks come each minute)
};

enum class WatchEventType { kAdded, kModified, kDeleted, kBookmark };

struct WatchEvent {
    WatchEventType type = WatchEventType::kAdded;
    ObjectPtr object;                 ///< for kBookmark: only meta.resource_version is meaningful
    bool initial_events_end = false;  ///< bookmark annotated k8s.io/initial-events-end
};

/// A running watch. One reader at a time; destroying it closes its connection.
class WatchStream {
  public:
    virtual ~WatchStream() = default;
    /// The next event. Errors: kStatus (an in-stream ERROR event, e.g. 410), kNetwork, kTimeout;
    /// a stream the server ended properly is kNetwork with reason "EndOfStream". After an error the
    /// stream is dead.
    virtual Awaitable<Result<WatchEvent>> Next() = 0;
};

struct WriteOptions : CallOptions {
    WriteOptions() {}
    std::string field_manager;  ///< required by server-side apply
    bool dry_run = false;
    bool strict = false;      ///< fieldValidation=Strict
    std::string subresource;  ///< e.g. "status"
    bool force = false;       ///< server-side apply: take fields from other managers
};

enum class PatchType { kMerge, kJson, kApply };

struct DeleteOptions : CallOptions {
    DeleteOptions() {}
    std::string uid;                         ///< precondition; empty: none (say so at the call)
    std::string resource_version;            ///< precondition
    std::int64_t grace_period_seconds = -1;  ///< -1: the object's own
    std::string propagation;                 ///< "", "Background", "Foreground", "Orphan"
};

/// What one can do with objects. Take this where single objects are read and written, and `Client`
/// where watches or raw paths are needed.
///
///     auto pod = co_await api.Get(kPods, {"vision", "digits-worker-0-1"});
///     if (!pod && pod.error().IsNotFound()) ...
///
/// Confined to Executor(); must outlive every call.
class Api {
  public:
    virtual ~Api() = default;
    virtual boost::asio::any_io_executor Executor() const = 0;

    virtual Awaitable<Result<ObjectPtr>> Get(Resource resource, ObjectKey key,
                                             CallOptions options = CallOptions()) = 0;
    virtual Awaitable<Result<ListPage>> List(Resource resource,
                                             ListOptions options = ListOptions()) = 0;
    /// `body` is the whole object as JSON. The answer is what the server stored.
    virtual Awaitable<Result<ObjectPtr>> Create(Resource resource, std::string ns, std::string body,
                                                WriteOptions options = WriteOptions()) = 0;
    /// `body` must carry metadata.resourceVersion: an update without a precondition loses writes.
    virtual Awaitable<Result<ObjectPtr>> Update(Resource resource, ObjectKey key, std::string body,
                                                WriteOptions options = WriteOptions()) = 0;
    virtual Awaitable<Result<ObjectPtr>> Patch(Resource resource, ObjectKey key, PatchType type,
                                               std::string body,
                                               WriteOptions options = WriteOptions()) = 0;
    /// Posts what is answered and not stored, a SubjectAccessReview for example; the answer as
    /// JSON.
    virtual Awaitable<Result<std::string>> Ask(Resource resource, std::string body,
                                               CallOptions options = CallOptions()) = 0;
    /// What the API server's clock shows now (server_clock.h).
    virtual std::chrono::system_clock::time_point ServerTime() const = 0;
    /// Ok also when the server answered that deletion has merely begun; NotFound is an error.
    virtual Awaitable<Result<void>> Delete(Resource resource, ObjectKey key,
                                           DeleteOptions options) = 0;
};

}  // namespace dlws::kube
