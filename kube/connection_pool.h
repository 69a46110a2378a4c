// SPDX-License-Identifier: Apache-2.0
// Keep-alive connections to one server. Internal to kube/.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "kube/connection.h"

namespace dlws::kube::internal {

/// At most `max_connections` at a time, in use or idle. Who finds all of them in use waits its
/// turn, first come first served. The most recently used idle one is taken first, so that a burst's
/// connections grow old and are closed. Confined to its executor; leases may outlive the pool.
class ConnectionPool {
    struct State;

  public:
    struct Settings {
        int max_connections = 32;
        std::chrono::seconds idle_timeout{55};
    };

    /// The right to use one connection, given back at the end of its life. Without KeepForNext()
    /// the connection is closed then: a call that failed or was cancelled leaves nothing behind.
    class Lease {
      public:
        Lease() = default;
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&& other) noexcept;
        ~Lease() { Release(); }
        void Release();
        void KeepForNext();  ///< gives the connection back for others
        explicit operator bool() const { return connection_ != nullptr; }
        Connection& operator*() const { return *connection_; }
        Connection* operator->() const { return connection_.get(); }

      private:
        friend class ConnectionPool;
        std::shared_ptr<State> state_;
        ConnectionPtr connection_;
    };

    ConnectionPool(boost::asio::any_io_executor executor, Endpoint endpoint, Settings settings);
    ~ConnectionPool();
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// A connection made with `tls`: a kept one (unless `fresh`) or a new one.
    Awaitable<Result<Lease>> Acquire(TlsContextPtr tls, bool fresh, Clock::time_point deadline);
    int InUse() const;
    int Idle() const;

  private:
    std::shared_ptr<State> state_;
};

}  // namespace dlws::kube::internal
