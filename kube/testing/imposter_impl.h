// SPDX-License-Identifier: Apache-2.0
// What imposter.cc and imposter_connection.cc share; not for tests.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kube/testing/imposter.h"
#include "kube/testing/imposter_certificates.h"

namespace dlws::kube::testing {

struct Stream::State {
    enum class Ending { kOpen, kEnd, kCut, kReset };

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> queue;  // guarded by mutex, as all that follows
    Ending ending = Ending::kOpen;
    bool taken = false;
    bool gone = false;
    std::function<void()> wake;  // posts to the server's thread; empty when not served

    void MarkGone() {
        const std::lock_guard lock(mutex);
        gone = true;
        wake = nullptr;
        changed.notify_all();
    }
};

struct Imposter::Rule::Data {
    struct Step {
        Answer answer;
        std::function<Answer(const Request&)> function;
    };
    std::string method, path;
    Query query;

    std::mutex mutex;
    std::vector<Step> steps;  // guarded by mutex
    std::size_t next = 0;     // guarded by mutex

    bool Matches(const Request& request) const;
    /// The next step, or nothing when this rule has no answer (any more).
    std::optional<Step> Take();
};

/// One accepted connection; lives on the server's thread.
class ImposterConnection {
  public:
    virtual ~ImposterConnection() = default;
    virtual void Close() = 0;
};

class Imposter::Impl {
  public:
    explicit Impl(Settings settings);
    ~Impl();

    void Listen();
    void CloseAll();
    /// Runs `work` on the server's thread and waits for it.
    void OnThread(const std::function<void()>& work);
    Answer AnswerTo(Request& request);
    /// imposter_connection.cc: serves one connection until it ends.
    boost::asio::awaitable<void> Serve(boost::asio::ip::tcp::socket socket, int number);
    boost::asio::awaitable<void> Accept(std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor);

    const Settings settings_;
    std::optional<TestCertificates> certificates_;
    // Before io_: what is still running when that ends counts down here.
    std::atomic<int> open_{0};
    boost::asio::io_context io_;
    std::optional<boost::asio::ssl::context> tls_;
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
    std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;      // server's thread
    std::map<int, std::weak_ptr<ImposterConnection>> connections_;  // server's thread
    std::atomic<unsigned short> port_{0};
    std::atomic<int> accepted_{0};

    mutable std::mutex mutex_;
    mutable std::condition_variable arrived_;
    std::vector<std::shared_ptr<Rule::Data>> rules_;  // guarded by mutex_
    std::vector<Request> requests_;                   // guarded by mutex_
    std::thread thread_;
};

}  // namespace dlws::kube::testing
