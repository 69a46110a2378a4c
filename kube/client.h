// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "kube/api.h"
#include "kube/byte_stream.h"
#include "kube/config.h"
#include "kube/metrics.h"

namespace dlws::kube {

struct StreamOptions : CallOptions {
    StreamOptions() {}
    /// No byte for so long: kTimeout. `deadline` is for the head of the answer, and this long by
    /// default: a kubelet sends none before the container has said something.
    std::chrono::milliseconds idle_timeout{120'000};
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
class Client : public Api {
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
        std::uint64_t seed = 0;      ///< of the random watch times; 0: from the system
        Metrics* metrics = nullptr;  ///< optional, outlives us: rest_client_* as in client-go
    };

    Client(boost::asio::any_io_executor executor, Config config);
    Client(boost::asio::any_io_executor executor, Config config, Settings settings);
    ~Client() override;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    boost::asio::any_io_executor Executor() const override;

    std::chrono::system_clock::time_point ServerTime() const override;

    Awaitable<Result<ObjectPtr>> Get(Resource resource, ObjectKey key,
                                     CallOptions options = CallOptions()) override;
    Awaitable<Result<ListPage>> List(Resource resource,
                                     ListOptions options = ListOptions()) override;
    Awaitable<Result<ObjectPtr>> Create(Resource resource, std::string ns, std::string body,
                                        WriteOptions options = WriteOptions()) override;
    Awaitable<Result<ObjectPtr>> Update(Resource resource, ObjectKey key, std::string body,
                                        WriteOptions options = WriteOptions()) override;
    Awaitable<Result<ObjectPtr>> Patch(Resource resource, ObjectKey key, PatchType type,
                                       std::string body,
                                       WriteOptions options = WriteOptions()) override;
    Awaitable<Result<std::string>> Ask(Resource resource, std::string body,
                                       CallOptions options = CallOptions()) override;
    Awaitable<Result<void>> Delete(Resource resource, ObjectKey key,
                                   DeleteOptions options) override;
    Awaitable<Result<std::unique_ptr<WatchStream>>> Watch(Resource resource, WatchOptions options);
    /// A raw GET, e.g. "/version" or "/readyz"; the body as text.
    Awaitable<Result<std::string>> GetRaw(std::string target, CallOptions options = CallOptions());
    /// A raw GET whose answer is read as it comes, on a connection of its own:
    /// "/api/v1/namespaces/a/pods/b/log?follow=true". What is not 2xx is an error as everywhere.
    Awaitable<Result<std::unique_ptr<ByteStream>>> OpenRaw(std::string target,
                                                           StreamOptions options);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube
