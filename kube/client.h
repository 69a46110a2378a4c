// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/config.h"
#include "kube/error.h"
#include "kube/object.h"

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

/// A typed-enough Kubernetes client: what client-go's dynamic client is to Go.
///
///     Client client(io.get_executor(), config.value());
///     auto pod = co_await client.Get(kPods, {"vision", "digits-worker-0-1"});
///     if (!pod && pod.error().IsNotFound()) ...
///
/// - Keep-alive pool (default 32 connections); a call that finds all of them busy waits its turn.
/// - Every call has a deadline. GET and DELETE/PATCH/PUT with a precondition are retried on a fresh
///   connection when a kept one turns out to be closed; POST only when no byte had been sent.
///   429/503 with Retry-After are obeyed exactly, within the deadline. A 401 reloads credentials
///   once and tries again.
/// - `Warning:` headers are logged once per text. `User-Agent` carries our version.
/// - Cancelled calls end with kCancelled, or with the exception that Asio throws into a cancelled
///   coroutine at its next co_await.
/// - Not thread-safe: call it from the (single-threaded or strand) executor it was made with; it
///   must outlive every call. Cancelling the awaiting coroutine closes that call's connection.
class Client {
  public:
    struct Settings {
        int max_connections = 32;
        std::chrono::milliseconds default_deadline{30'000};
        std::chrono::milliseconds connect_timeout{5'000};
        std::chrono::seconds idle_connection_timeout{55};
        std::size_t max_response_bytes = 256u << 20;
        std::string user_agent;                                 ///< empty: "dlworkspace/VERSION"
        std::chrono::milliseconds token_reload{60'000};         ///< token file read again
        std::chrono::milliseconds certificate_reload{300'000};  ///< CA and client certificate files
        std::chrono::milliseconds exec_patience{30'000};        ///< one run of a credential plugin
        std::uint64_t seed = 0;  ///< of the random watch times; 0: from the system
    };

    Client(boost::asio::any_io_executor executor, Config config);
    Client(boost::asio::any_io_executor executor, Config config, Settings settings);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    boost::asio::any_io_executor Executor() const;

    Awaitable<Result<ObjectPtr>> Get(Resource resource, ObjectKey key,
                                     CallOptions options = CallOptions());
    Awaitable<Result<ListPage>> List(Resource resource, ListOptions options = ListOptions());
    Awaitable<Result<std::unique_ptr<WatchStream>>> Watch(Resource resource, WatchOptions options);
    /// `body` is the whole object as JSON. The answer is what the server stored.
    Awaitable<Result<ObjectPtr>> Create(Resource resource, std::string ns, std::string body,
                                        WriteOptions options = WriteOptions());
    /// `body` must carry metadata.resourceVersion: an update without a precondition loses writes.
    Awaitable<Result<ObjectPtr>> Update(Resource resource, ObjectKey key, std::string body,
                                        WriteOptions options = WriteOptions());
    Awaitable<Result<ObjectPtr>> Patch(Resource resource, ObjectKey key, PatchType type,
                                       std::string body, WriteOptions options = WriteOptions());
    /// Ok also when the server answered that deletion has merely begun; NotFound is an error.
    Awaitable<Result<void>> Delete(Resource resource, ObjectKey key, DeleteOptions options);
    /// A raw GET, e.g. "/version" or "/readyz"; the body as text.
    Awaitable<Result<std::string>> GetRaw(std::string target, CallOptions options = CallOptions());

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube
