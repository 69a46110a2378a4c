// SPDX-License-Identifier: Apache-2.0
#include "test/faults/proxy/conversation.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <tuple>

namespace dlws::faults {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using asio::awaitable;
using asio::use_awaitable;
using std::chrono::milliseconds;

ProxyState::ProxyState(Strand strand, const std::string& server_host, const std::string& port,
                       const std::string& ca_file)
    : executor(std::move(strand)),
      tls(asio::ssl::context::tls_client),
      host(server_host),
      server(asio::ip::make_address(server_host), (unsigned short)std::stoi(port)) {
    tls.load_verify_file(ca_file);
    tls.set_verify_mode(asio::ssl::verify_peer);
}

ProxyState::Seat ProxyState::Take(const Call& call) {
    std::lock_guard lock(mutex);
    const int nth = ++counts[call.Kind()];
    Seat seat{.index = log.size()};
    log.push_back({.call = call, .nth = nth, .at = Clock::now()});
    if (fault && !triggered && fault->call == call.Kind() && fault->nth == nth) seat.fault = fault;
    return seat;
}

void ProxyState::Answered(const Seat& seat, int code) {
    std::lock_guard lock(mutex);
    log[seat.index].code = code;
}

void ProxyState::Delivered(const Seat& seat, std::size_t bytes) {
    std::lock_guard lock(mutex);
    log[seat.index].events.push_back(bytes);
}

void ProxyState::Trigger() {
    std::lock_guard lock(mutex);
    triggered = true;
}

ProxyState::Clock::time_point ProxyState::StaleUntil(const std::string& resource) {
    std::lock_guard lock(mutex);
    return stale_view.empty() || stale_view == resource ? stale_until : Clock::time_point();
}

void ProxyState::GoStale(const Fault& why) {
    std::lock_guard lock(mutex);
    stale_until = Clock::now() + why.time;
    stale_view = why.view;
}

void ProxyState::Invoke(std::function<void()> FaultProxy::Callbacks::* callback) {
    std::lock_guard lock(mutex);
    if (callbacks.*callback) (callbacks.*callback)();
}

class Conversation::Impl {
  public:
    Impl(std::shared_ptr<ProxyState> state, tcp::socket client)
        : state_(std::move(state)), client_(std::move(client)) {}

    void Close() {
        boost::system::error_code ignored;
        std::ignore = client_.close(ignored);
        if (server_) std::ignore = server_->lowest_layer().close(ignored);
    }

    awaitable<bool> One() {
        http::request_parser<http::string_body> parser;
        parser.body_limit(64u << 20);
        co_await http::async_read(client_, from_client_, parser, use_awaitable);
        Request request = parser.release();
        call_ = Classify({request.method_string().data(), request.method_string().size()},
                         {request.target().data(), request.target().size()});
        seat_ = state_->Take(call_);
        if (call_.verb != "watch") co_return co_await Exchange(request);
        using namespace asio::experimental::awaitable_operators;
        co_await (Watch(request) || ClientGone());
        co_return false;
    }

  private:
    using Request = http::request<http::string_body>;
    using Response = http::response<http::string_body>;

    // While one lives, the fault is not over.
    class Hold {
      public:
        explicit Hold(ProxyState& state) : state_(state) { Add(1); }
        ~Hold() { Add(-1); }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

      private:
        void Add(int n) {
            std::lock_guard lock(state_.mutex);
            state_.held += n;
        }
        ProxyState& state_;
    };

    awaitable<void> SleepUntil(ProxyState::Clock::time_point time) {
        asio::steady_timer timer(state_->executor, time);
        co_await timer.async_wait(use_awaitable);
    }
    awaitable<void> Sleep(milliseconds time) {
        co_await SleepUntil(ProxyState::Clock::now() + time);
    }

    // Nothing more comes from a client that waits for its answer, so a read ends with it.
    awaitable<void> ClientGone() {
        std::array<char, 1> byte{};
        boost::system::error_code ended;
        co_await client_.async_read_some(asio::buffer(byte),
                                         asio::redirect_error(use_awaitable, ended));
    }

    awaitable<void> Connect() {
        if (server_) co_return;
        auto server = std::make_unique<Tls>(state_->executor, state_->tls);
        server->set_verify_callback(asio::ssl::host_name_verification(state_->host));
        co_await server->lowest_layer().async_connect(state_->server, use_awaitable);
        server->lowest_layer().set_option(tcp::no_delay(true));
        co_await server->async_handshake(asio::ssl::stream_base::client, use_awaitable);
        server_ = std::move(server);
    }

    // ---- a call ----

    awaitable<bool> Exchange(Request& request) {
        std::optional<Fault> fault = seat_.fault;
        std::optional<Hold> hold;
        if (fault) {
            hold.emplace(*state_);
            state_->Trigger();
            switch (fault->kind) {
                case FaultKind::CrashBefore:
                    state_->Invoke(&FaultProxy::Callbacks::kill);
                    co_return false;
                case FaultKind::NeverSent:
                    co_return false;
                case FaultKind::HalfOpen:
                    co_await ClientGone();
                    co_return false;
                case FaultKind::Answer:
                    co_await Answer(fault->code);
                    co_return true;
                case FaultKind::FreezeBefore:
                    state_->Invoke(&FaultProxy::Callbacks::stop);
                    co_await Sleep(fault->time);
                    break;
                case FaultKind::Delay:
                    co_await Sleep(fault->time);
                    break;
                default:
                    break;
            }
        }
        co_await Connect();
        co_await http::async_write(*server_, request, use_awaitable);
        http::response_parser<http::string_body> parser;
        parser.body_limit(boost::none);
        co_await http::async_read(*server_, from_server_, parser, use_awaitable);
        Response response = parser.release();
        state_->Answered(seat_, int(response.result_int()));
        if (fault) {
            switch (fault->kind) {
                case FaultKind::TimeTravel:
                    state_->GoStale(*fault);
                    [[fallthrough]];
                case FaultKind::CrashAfter:
                    state_->Invoke(&FaultProxy::Callbacks::kill);
                    co_return false;
                case FaultKind::ReplyLost:
                    co_return false;
                case FaultKind::AnswerAfter:
                    co_await Answer(fault->code);
                    co_return true;
                case FaultKind::StaleViews:
                    state_->GoStale(*fault);
                    break;
                case FaultKind::FreezeBefore:
                    state_->Invoke(&FaultProxy::Callbacks::cont);
                    break;
                case FaultKind::FreezeAfter:
                    state_->Invoke(&FaultProxy::Callbacks::stop);
                    break;
                default:
                    break;
            }
        }
        co_await http::async_write(client_, response, use_awaitable);
        if (fault && fault->kind == FaultKind::FreezeAfter) {
            co_await Sleep(fault->time);
            state_->Invoke(&FaultProxy::Callbacks::cont);
        }
        if (!response.keep_alive()) server_.reset();
        co_return response.keep_alive() && request.keep_alive();
    }

    awaitable<void> Answer(int code) {
        Response response{http::status(code), 11};
        response.set(http::field::content_type, "application/json");
        if (code == 429) response.set(http::field::retry_after, "1");
        response.body() = StatusBody(code);
        response.prepare_payload();
        co_await http::async_write(client_, response, use_awaitable);
    }

    // ---- a watch ----

    awaitable<void> Watch(Request& request) {
        if (seat_.fault && seat_.fault->kind == FaultKind::MuteWatch) {
            Hold hold(*state_);
            state_->Trigger();
            co_await Sleep(std::chrono::hours(1));  // until the client goes
        }
        if (seat_.fault && seat_.fault->kind == FaultKind::GoneStatus) {
            state_->Trigger();
            co_await Answer(410);
            co_return;
        }
        const bool lists =
            request.target().find("sendInitialEvents=true") != std::string_view::npos;
        const auto stale_until = state_->StaleUntil(call_.resource);
        if (ProxyState::Clock::now() < stale_until) {
            std::string past = lists ? state_->views[call_.resource] : "";
            co_await Head();
            if (!past.empty()) co_await Chunk(past);
            co_await SleepUntil(stale_until);
            co_return;
        }
        co_await Connect();
        co_await http::async_write(*server_, request, use_awaitable);
        http::response_parser<http::buffer_body> parser;
        parser.body_limit(boost::none);
        co_await http::async_read_header(*server_, from_server_, parser, use_awaitable);
        const int code = int(parser.get().result_int());
        state_->Answered(seat_, code);
        if (code == 200) {
            co_await Head();
            if (lists) state_->views[call_.resource].clear();
        }
        std::string text;
        std::array<char, 16384> part{};
        while (!parser.is_done()) {
            parser.get().body() = {.data = part.data(), .size = part.size(), .more = true};
            boost::system::error_code error;
            co_await http::async_read_some(*server_, from_server_, parser,
                                           asio::redirect_error(use_awaitable, error));
            if (error && error != http::error::need_buffer)
                throw boost::system::system_error(error);
            text.append(part.data(), part.size() - parser.get().body().size);
            if (code != 200) continue;
            for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
                std::string line = text.substr(0, end + 1);
                text.erase(0, end + 1);
                const bool goes_on = co_await Event(std::move(line));
                if (!goes_on) co_return;
            }
        }
        if (code != 200) {
            Response response{http::status(code), 11};
            response.set(http::field::content_type, "application/json");
            response.body() = text;
            response.prepare_payload();
            co_await http::async_write(client_, response, use_awaitable);
            co_return;
        }
        static const std::string kEnd = "0\r\n\r\n";
        co_await asio::async_write(client_, asio::buffer(kEnd), use_awaitable);
    }

    // False: the watch is over.
    awaitable<bool> Event(std::string line) {
        ++event_;
        state_->Delivered(seat_, line.size());
        const auto stale_until = state_->StaleUntil(call_.resource);
        if (ProxyState::Clock::now() < stale_until) co_await SleepUntil(stale_until);
        bool twice = false;
        if (seat_.fault && event_ >= seat_.fault->event) {
            const Fault fault = *seat_.fault;
            if (fault.kind != FaultKind::Lag) seat_.fault.reset();
            state_->Trigger();
            switch (fault.kind) {
                case FaultKind::Stall:
                case FaultKind::Lag: {
                    Hold hold(*state_);
                    co_await Sleep(fault.time);
                    break;
                }
                case FaultKind::Cut: {
                    line.resize(
                        std::min(line.size() - 1, line.size() * std::size_t(fault.percent) / 100));
                    if (!line.empty()) co_await Chunk(std::move(line));
                    co_return false;
                }
                case FaultKind::Split:
                    split_ = true;
                    break;
                case FaultKind::Twice:
                    twice = true;
                    break;
                case FaultKind::GoneEvent: {
                    std::string gone = R"({"type":"ERROR","object":)" + StatusBody(410) + "}\n";
                    co_await Chunk(std::move(gone));
                    co_return false;
                }
                default:
                    break;
            }
        }
        state_->views[call_.resource] += line;
        if (twice) line += line;
        co_await Chunk(std::move(line));
        co_return true;
    }

    awaitable<void> Head() {
        static const std::string kHead =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n";
        co_await asio::async_write(client_, asio::buffer(kHead), use_awaitable);
    }

    awaitable<void> Chunk(std::string text) {
        std::string chunk = fmt::format("{:x}\r\n", text.size()) + text + "\r\n";
        if (!split_) {
            co_await asio::async_write(client_, asio::buffer(chunk), use_awaitable);
            co_return;
        }
        for (std::size_t i = 0; i < chunk.size(); ++i)
            co_await asio::async_write(client_, asio::buffer(chunk.data() + i, 1), use_awaitable);
    }

    using Tls = asio::ssl::stream<tcp::socket>;
    std::shared_ptr<ProxyState> state_;
    tcp::socket client_;
    std::unique_ptr<Tls> server_;
    boost::beast::flat_buffer from_client_, from_server_;
    Call call_;
    ProxyState::Seat seat_;
    int event_ = 0;
    bool split_ = false;
};

Conversation::Conversation(std::shared_ptr<ProxyState> state, tcp::socket client)
    : impl_(std::make_unique<Impl>(std::move(state), std::move(client))) {}
Conversation::~Conversation() = default;

void Conversation::Close() {
    impl_->Close();
}

awaitable<bool> Conversation::One() {
    return impl_->One();
}

awaitable<void> Converse(std::shared_ptr<Conversation> conversation) {
    bool more = true;
    while (more)
        more = co_await conversation->One();
}

}  // namespace dlws::faults
