// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/faults/proxy/fault.h"

namespace dlws::faults {

/// One answered, lost or refused request that went through a proxy.
struct Seen {
    Call call;
    int nth = 0;   ///< of its kind
    int code = 0;  ///< what the API server answered; 0: it was not asked, or did not answer
    std::chrono::steady_clock::time_point at{};
    std::vector<std::size_t> events;  ///< bytes of each event of a watch that is over or running
};

/// The threads of all proxies. Must outlive them.
class ProxyThreads {
  public:
    explicit ProxyThreads(int threads = 1);
    ~ProxyThreads();
    ProxyThreads(const ProxyThreads&) = delete;
    ProxyThreads& operator=(const ProxyThreads&) = delete;

  private:
    friend class FaultProxy;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Stands between one client and the API server: plain HTTP/1.1 on a loopback port towards the
/// client, TLS towards the server, the client's bearer token passed on. One connection of the
/// client is one connection to the server. It lets everything through, and does one Fault.
///
///     FaultProxy proxy(threads, {.host = "198.18.6.1", .port = "6443", .ca_file = ca});
///     proxy.Arm(fault, {.kill = [&] { op.Kill(); }, .stop = …, .cont = …});
///     // the client talks to http://127.0.0.1:proxy.port()
///     proxy.Triggered(), proxy.Log()
///
/// Thread-safe. The callbacks run on a proxy's thread, must not block and must not call the proxy.
/// Destroying it closes its connections; callbacks never run after that.
class FaultProxy {
  public:
    struct Settings {
        std::string host;     ///< of the API server: a name or an address
        std::string port;     ///< decimal
        std::string ca_file;  ///< PEM
    };
    struct Callbacks {
        std::function<void()> kill, stop, cont;  ///< of the client's process
    };

    FaultProxy(ProxyThreads& threads, Settings settings);
    ~FaultProxy();
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;

    unsigned short port() const;
    /// Once, before the client starts.
    void Arm(Fault fault, Callbacks callbacks);
    /// The armed fault's call (and event) came.
    bool Triggered() const;
    /// Triggered, and nothing is held back any more.
    bool Over() const;
    /// All requests so far, oldest first.
    std::vector<Seen> Log() const;

  private:
    struct State;
    struct Conversation;
    std::shared_ptr<State> state_;
};

}  // namespace dlws::faults
