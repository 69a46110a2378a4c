// SPDX-License-Identifier: Apache-2.0
// One connection through a fault proxy. Internal to test/faults/proxy: Beast and OpenSSL stay in
// two .cc files.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "test/faults/proxy/proxy.h"

namespace dlws::faults {

class Conversation;

/// What the connections of one proxy share. Confined to `executor` but for what `mutex` guards.
struct ProxyState {
    using Clock = std::chrono::steady_clock;
    using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
    ProxyState(Strand strand, const std::string& host, const std::string& port,
               const std::string& ca_file);

    /// A request's place in the log, and what shall be done to it.
    struct Seat {
        std::size_t index = 0;
        std::optional<Fault> fault;
    };
    Seat Take(const Call& call);
    void Answered(const Seat& seat, int code);
    void Delivered(const Seat& seat, std::size_t bytes);
    void Trigger();
    bool Stale() const { return Clock::now() < stale_until; }  ///< guarded
    /// Until when watches of that resource show nothing new; long ago when they do.
    Clock::time_point StaleUntil(const std::string& resource);
    void GoStale(const Fault& why);
    void Invoke(std::function<void()> FaultProxy::Callbacks::* callback);

    Strand executor;
    boost::asio::ssl::context tls;
    std::string host;
    boost::asio::ip::tcp::endpoint server;
    std::vector<std::weak_ptr<Conversation>> conversations;
    /// By resource, the bytes of its newest watch since its list began.
    std::map<std::string, std::string> views;

    std::mutex mutex;
    // Guarded by mutex:
    std::optional<Fault> fault;
    FaultProxy::Callbacks callbacks;
    std::vector<Seen> log;
    std::map<std::string, int> counts;
    bool triggered = false;
    int held = 0;  ///< delays that are running
    Clock::time_point stale_until{};
    std::string stale_view;  ///< empty: all
};

class Conversation {
  public:
    Conversation(std::shared_ptr<ProxyState> state, boost::asio::ip::tcp::socket client);
    ~Conversation();
    void Close();
    /// Serves one request. False: it was the connection's last.
    boost::asio::awaitable<bool> One();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// Until one side ends it.
boost::asio::awaitable<void> Converse(std::shared_ptr<Conversation> conversation);

}  // namespace dlws::faults
