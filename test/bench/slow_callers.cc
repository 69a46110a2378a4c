// SPDX-License-Identifier: Apache-2.0
#include "test/bench/slow_callers.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <random>
#include <string_view>
#include <thread>

#include "kube/api.h"
#include "test/bench/common.h"

namespace dlws::bench {

namespace asio = boost::asio;
using asio::ip::tcp;
using kube::Awaitable;

namespace {

// Hands that are shaken at once: many more would be another attack, one on processor time.
constexpr int kConnecting = 32;
// Milliseconds; the server closes an idle connection after a minute.
constexpr int kLeastSilence = 5'000, kMostSilence = 50'000;
constexpr std::string_view kRequest = "POST /validate HTTP/1.1\r\nHost: webhook\r\n";

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// OpenSSL on the socket itself: Asio's stream has 70 KB of buffers, too much ten thousand times.
struct Line {
    explicit Line(asio::any_io_executor executor) : socket(executor) {}

    bool IsOpen() {
        tcp_info info{};
        socklen_t size = sizeof(info);
        return getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
               info.tcpi_state == TCP_ESTABLISHED;
    }

    tcp::socket socket;
    std::unique_ptr<SSL, FreeSsl> ssl;
};

}  // namespace

class SlowCallers::Impl {
  public:
    Impl(int port, int connections)
        : port_(port), wanted_(connections), context_(SSL_CTX_new(TLS_client_method())) {
        signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that the server has closed
        SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
        for (int i = 0; i < kConnecting; ++i)
            asio::co_spawn(io_, Connect(), asio::detached);
        thread_ = std::thread([this] { io_.run(); });
    }
    ~Impl() {
        io_.stop();
        thread_.join();
    }
    int Standing() const { return standing_; }

  private:
    Awaitable<void> Sleep(int milliseconds) {
        asio::steady_timer timer(io_, std::chrono::milliseconds(milliseconds));
        co_await timer.async_wait(asio::use_awaitable);
    }

    Awaitable<void> Connect() {
        while (true) {
            if (standing_ + connecting_ >= wanted_) {
                co_await Sleep(10);
                continue;
            }
            ++connecting_;
            auto line = std::make_unique<Line>(io_.get_executor());
            const bool connected = co_await ShakeHands(*line);
            --connecting_;
            if (connected)
                asio::co_spawn(io_, Stand(std::move(line)), asio::detached);
            else
                co_await Sleep(100);
        }
    }

    Awaitable<bool> ShakeHands(Line& line) {
        boost::system::error_code error;
        line.socket.open(tcp::v4(), error);
        // The port is picked with the destination known: else one waits for every closed one.
        const int on = 1;
        if (!error)
            setsockopt(line.socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
                       sizeof(on));
        if (!error) line.socket.bind({asio::ip::make_address_v4("127.0.0.2"), 0}, error);
        if (error) co_return false;
        std::tie(error) = co_await line.socket.async_connect(
            {asio::ip::address_v4::loopback(), static_cast<unsigned short>(port_)},
            asio::as_tuple(asio::use_awaitable));
        if (error) co_return false;
        line.socket.native_non_blocking(true);
        line.ssl.reset(SSL_new(context_.get()));
        SSL_set_fd(line.ssl.get(), line.socket.native_handle());
        while (true) {
            ERR_clear_error();  // another connection's
            const int done = SSL_connect(line.ssl.get());
            if (done == 1) co_return true;
            const int why = SSL_get_error(line.ssl.get(), done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) co_return false;
            std::tie(error) = co_await line.socket.async_wait(
                why == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write,
                asio::as_tuple(asio::use_awaitable));
            if (error) co_return false;
        }
    }

    Awaitable<void> Stand(std::unique_ptr<Line> line) {
        ++standing_;
        co_await Sleep(std::uniform_int_distribution(kLeastSilence, kMostSilence)(random_));
        for (std::size_t i = 0; line->IsOpen() && i < kRequest.size(); ++i) {
            ERR_clear_error();
            if (SSL_write(line->ssl.get(), &kRequest[i], 1) != 1) break;
            co_await Sleep(1000);
        }
        --standing_;
    }

    int port_, wanted_;
    int connecting_ = 0;
    std::atomic<int> standing_ = 0;  // the only thing that both threads look at
    std::mt19937 random_{1};
    std::unique_ptr<SSL_CTX, FreeSsl> context_;
    asio::io_context io_{1};
    std::thread thread_;
};

SlowCallers::SlowCallers(int port, int connections)
    : impl_(std::make_unique<Impl>(port, connections)) {}
SlowCallers::~SlowCallers() = default;

int SlowCallers::Standing() const {
    return impl_->Standing();
}

void AllowFiles(int files) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const auto wanted = static_cast<rlim_t>(files);
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    limit.rlim_cur = std::max(limit.rlim_cur, wanted);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        Die(fmt::format("this process may not have {} files open: raise `ulimit -Hn`", files));
}

}  // namespace dlws::bench
