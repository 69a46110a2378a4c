// SPDX-License-Identifier: Apache-2.0
#include "kube/http_server.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <list>
#include <stdexcept>
#include <utility>

#include "kube/http_session.h"
#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds kAcceptBackoff{100};

}  // namespace

class HttpServer::Impl {
  public:
    Impl(asio::any_io_executor executor, std::string address, unsigned short port, Handler handler,
         Settings settings, ServerTls* tls)
        : serving_(executor, std::move(handler), std::move(settings), tls),
          address_(std::move(address)),
          port_(port),
          acceptor_(executor),
          connections_(serving_.settings.max_connections,
                       serving_.settings.max_connections_per_address == 0
                           ? serving_.settings.max_connections
                           : serving_.settings.max_connections_per_address),
          sessions_ended_(executor) {}

    Result<unsigned short> Listen() {
        boost::system::error_code error;
        const auto address = asio::ip::make_address(address_, error);
        if (error) return CannotBind("it is no IP address");
        const tcp::endpoint endpoint(address, port_);
        acceptor_.open(endpoint.protocol(), error);
        if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        if (!error) acceptor_.bind(endpoint, error);
        if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
        if (error) {
            boost::system::error_code ignored;
            acceptor_.close(ignored);
            return CannotBind(error.message());
        }
        port_ = acceptor_.local_endpoint().port();
        return port_;
    }

    Awaitable<void> Run() {
        if (!acceptor_.is_open()) {
            auto bound = Listen();
            if (!bound) throw std::runtime_error(bound.error().message);
        }
        co_await AcceptLoop();
        // Told to stop: wait for the sessions, which use our handler.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        const Settings& settings = serving_.settings;
        serving_.draining = true;
        for (internal::HttpSession& session : sessions_)
            session.Drain();
        if (settings.drain_delay.count() > 0) co_await GoOnFor(settings.drain_delay);
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (internal::HttpSession& session : sessions_)
            if (!session.Busy()) session.Cut();
        const auto deadline = WaitList::Clock::now() + settings.drain_deadline;
        bool in_time = true;
        while (!sessions_.empty() && in_time)
            in_time = co_await sessions_ended_.Wait(deadline);
        for (internal::HttpSession& session : sessions_)
            session.Cut();
        while (!sessions_.empty())
            co_await sessions_ended_.Wait();
    }

    std::size_t Connections() const { return connections_.size(); }
    std::size_t Streams() const { return serving_.streams.size(); }

  private:
    using Sessions = std::list<internal::HttpSession>;

    Result<unsigned short> CannotBind(const std::string& why) const {
        Error error;
        error.kind = ErrorKind::kInvalidArgument;
        error.message =
            fmt::format("cannot listen on address {} port {}: {}", address_, port_, why);
        return std::unexpected(std::move(error));
    }

    // Accepts for a while yet: others are told only by and by that we go.
    Awaitable<void> GoOnFor(std::chrono::milliseconds time) {
        asio::cancellation_signal end;
        bool ended = false;
        WaitList waiting(serving_.executor);
        asio::co_spawn(serving_.executor, AcceptLoop(),
                       asio::bind_cancellation_slot(end.slot(), [&](std::exception_ptr) {
                           ended = true;
                           waiting.NotifyAll();
                       }));
        co_await SleepFor(time);
        end.emit(asio::cancellation_type::terminal);
        while (!ended)
            co_await waiting.Wait();
    }

    Awaitable<void> AcceptLoop() {
        while (true) {
            // A flood of handshakes waits in the queue of the kernel.
            while (!serving_.handshakes.HasRoom()) {
                const bool one_ended = co_await serving_.handshakes.WaitForRoom();
                if (!one_ended) co_return;
            }
            auto [error, socket] =
                co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
            if (error) {
                // EMFILE and its like: the waiting connection stays in the queue, so without a
                // pause this would spin.
                LogWarning(serving_.settings.name, "accept: {}", error.message());
                const bool slept = co_await SleepFor(kAcceptBackoff);
                if (!slept) co_return;
                continue;
            }
            boost::system::error_code gone;
            const auto peer = PlainAddress(socket.remote_endpoint(gone).address());
            // Else it is closed.
            if (!gone && connections_.HasRoomFor(peer)) Start(std::move(socket), peer);
        }
    }

    void Start(tcp::socket socket, const asio::ip::address& peer) {
        auto session = sessions_.emplace(sessions_.end(), serving_, peer);
        connections_.Add(peer);
        asio::co_spawn(serving_.executor, session->Run(std::move(socket)),
                       asio::bind_cancellation_slot(session->Slot(),
                                                    [this, session](std::exception_ptr exception) {
                                                        OnSessionEnd(session, exception);
                                                    }));
    }

    void OnSessionEnd(Sessions::iterator session, const std::exception_ptr& exception) {
        connections_.Remove(session->peer());
        sessions_.erase(session);
        sessions_ended_.NotifyAll();
        try {
            if (exception) std::rethrow_exception(exception);
        } catch (const std::exception& error) {
            LogDebug(serving_.settings.name, "connection: {}", error.what());
        }
    }

    internal::HttpServing serving_;
    std::string address_;
    unsigned short port_;
    tcp::acceptor acceptor_;
    internal::AddressCaps connections_;
    Sessions sessions_;
    WaitList sessions_ended_;
};

HttpServer::HttpServer(asio::any_io_executor executor, std::string address, unsigned short port,
                       Handler handler, Settings settings, ServerTls* tls)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(address), port,
                                   std::move(handler), std::move(settings), tls)) {}
HttpServer::~HttpServer() = default;

Result<unsigned short> HttpServer::Listen() {
    return impl_->Listen();
}
Awaitable<void> HttpServer::Run() {
    return impl_->Run();
}
std::size_t HttpServer::Connections() const {
    return impl_->Connections();
}
std::size_t HttpServer::Streams() const {
    return impl_->Streams();
}

}  // namespace dlws::kube
