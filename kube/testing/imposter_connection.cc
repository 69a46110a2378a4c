// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>

#include "kube/testing/imposter_impl.h"

namespace dlws::kube::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
template <typename T>
using Awaitable = asio::awaitable<T>;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string Decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string Lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

Request ParseHead(std::string_view head) {
    Request request;
    std::size_t line_end = head.find("\r\n");
    const std::string_view first = head.substr(0, line_end);
    const std::size_t space = first.find(' ');
    const std::size_t second = first.find(' ', space + 1);
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, second - space - 1);
    const std::size_t mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    std::string_view query;
    if (mark != std::string::npos) query = std::string_view(request.target).substr(mark + 1);
    while (!query.empty()) {
        const std::size_t amp = query.find('&');
        const std::string_view pair = query.substr(0, amp);
        const std::size_t equals = pair.find('=');
        request.query[Decode(pair.substr(0, equals))] =
            equals == std::string_view::npos ? "" : Decode(pair.substr(equals + 1));
        query = amp == std::string_view::npos ? std::string_view() : query.substr(amp + 1);
    }
    while (line_end != std::string_view::npos && line_end + 2 < head.size()) {
        head.remove_prefix(line_end + 2);
        line_end = head.find("\r\n");
        const std::string_view line = head.substr(0, line_end);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' '))
            value.remove_prefix(1);
        request.headers[Lower(line.substr(0, colon))] = value;
    }
    request.at = std::chrono::steady_clock::now();
    return request;
}

tcp::socket& Lowest(tcp::socket& socket) {
    return socket;
}
tcp::socket& Lowest(asio::ssl::stream<tcp::socket>& stream) {
    return stream.next_layer();
}

std::string PeerName(tcp::socket&) {
    return "";
}
std::string PeerName(asio::ssl::stream<tcp::socket>& stream) {
    X509* certificate = SSL_get1_peer_certificate(stream.native_handle());
    if (certificate == nullptr) return "";
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return name;
}

template <typename S>
class Connection final : public ImposterConnection,
                         public std::enable_shared_from_this<Connection<S>> {
  public:
    Connection(Imposter::Impl& server, S stream, int number)
        : server_(server), stream_(std::move(stream)), number_(number) {}
    Connection(Imposter::Impl& server, tcp::socket socket, asio::ssl::context& tls, int number)
        : server_(server), stream_(std::move(socket), tls), number_(number) {}

    void Close() override {
        error_code ignored;
        Lowest(stream_).close(ignored);
    }

    S& stream() { return stream_; }

    Awaitable<void> Run() {
        while (true) {
            const bool there = co_await ReadRequest();
            if (!there) break;
            request_.connection = number_;
            request_.client_name = PeerName(stream_);
            const Answer answer = server_.AnswerTo(request_);
            if (answer.delay.count() > 0 && !co_await Pause(answer.delay)) break;
            bool kept = false;
            if (answer.stream) {
                kept = co_await ServeStream(answer);
                answer.stream->MarkGone();
            } else {
                kept = co_await Send(answer);
            }
            if (!kept) break;
        }
        Close();
    }

  private:
    Awaitable<bool> Pause(std::chrono::milliseconds time) {
        asio::steady_timer timer(stream_.get_executor(), time);
        const auto [error] = co_await timer.async_wait(kTuple);
        co_return !error && Lowest(stream_).is_open();
    }

    Awaitable<bool> Write(std::string text) {
        const auto buffer = asio::buffer(text);
        const auto [error, n] = co_await asio::async_write(stream_, buffer, kTuple);
        co_return !error;
    }

    Awaitable<bool> ReadMore() {
        char chunk[16384];
        const auto buffer = asio::buffer(chunk);
        const auto [error, n] = co_await stream_.async_read_some(buffer, kTuple);
        if (error) co_return false;
        in_.append(chunk, n);
        co_return true;
    }

    Awaitable<bool> ReadRequest() {
        std::size_t end = 0;
        while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
            if (!co_await ReadMore()) co_return false;
        }
        request_ = ParseHead(std::string_view(in_).substr(0, end + 2));
        in_.erase(0, end + 4);
        const std::string length = request_.Header("content-length");
        const std::size_t size = length.empty() ? 0 : std::stoul(length);
        while (in_.size() < size) {
            if (!co_await ReadMore()) co_return false;
        }
        request_.body = in_.substr(0, size);
        in_.erase(0, size);
        co_return true;
    }

    static std::string Head(const Answer& answer) {
        std::string head = fmt::format("HTTP/1.1 {} Imposter\r\n", answer.status);
        bool typed = false;
        for (const auto& [name, value] : answer.headers) {
            typed = typed || Lower(name) == "content-type";
            head += fmt::format("{}: {}\r\n", name, value);
        }
        if (!typed) head += "Content-Type: application/json\r\n";
        return head;
    }

    static std::string Chunked(std::string_view body) {
        std::string out;
        for (std::size_t at = 0; at < body.size(); at += 7) {
            const auto part = body.substr(at, 7);
            out += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
        }
        return out + "0\r\n\r\n";
    }

    void Abort() {
        error_code ignored;
        Lowest(stream_).set_option(asio::socket_base::linger(true, 0), ignored);
        Lowest(stream_).close(ignored);
    }

    /// Waits until the client leaves; what it sends is thrown away.
    Awaitable<void> WaitForLeave() {
        bool there = true;  // g++ 12 miscompiles a co_await in the condition of a loop
        while (there) {
            in_.clear();
            there = co_await ReadMore();
        }
    }

    /// True: the connection may serve another request.
    Awaitable<bool> Send(const Answer& answer) {
        const std::string head = Head(answer);
        const std::string whole =
            answer.chunked ? head + "Transfer-Encoding: chunked\r\n\r\n" + Chunked(answer.body)
                           : head + fmt::format("Content-Length: {}\r\n\r\n", answer.body.size()) +
                                 (request_.method == "HEAD" ? "" : answer.body);
        switch (answer.fault) {
            case Fault::kNone:
                co_return co_await Write(whole);
            case Fault::kCloseBeforeReply:
                co_return false;
            case Fault::kCloseMidHeader:
                co_await Write(head.substr(0, head.size() / 2));
                co_return false;
            case Fault::kCloseMidBody:
                co_await Write(whole.substr(0, whole.size() - (answer.body.size() + 1) / 2));
                co_return false;
            case Fault::kReset:
                Abort();
                co_return false;
            case Fault::kGarbage:
                co_await Write("\x01\x02 this is not HTTP at all\r\n\r\n");
                co_return false;
            case Fault::kTruncatedChunk:
                co_await Write(head + "Transfer-Encoding: chunked\r\n\r\n" +
                               fmt::format("{:x}\r\n{}", answer.body.size() + 50, answer.body));
                co_return false;
            case Fault::kBadChunk:
                co_await Write(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + answer.body);
                co_return false;
            case Fault::kNeverAnswer:
                co_await WaitForLeave();
                co_return false;
            case Fault::kHugeHeader: {
                const std::string huge(1u << 20, 'x');
                co_await Write(head + "X-Huge: " + huge + "\r\nContent-Length: 0\r\n\r\n");
                co_return false;
            }
            case Fault::kSlowDrip:
                for (const char c : whole) {
                    if (!co_await Write(std::string(1, c))) co_return false;
                    if (!co_await Pause(std::chrono::milliseconds(50))) co_return false;
                }
                co_return true;
            case Fault::kLengthTooLong:
                co_await Write(head + fmt::format("Content-Length: {}\r\n\r\n{}",
                                                  answer.body.size() + 100, answer.body));
                co_await WaitForLeave();
                co_return false;
            case Fault::kLengthTooShort:
                co_return co_await Write(
                    head +
                    fmt::format("Content-Length: {}\r\n\r\n{}",
                                answer.body.size() - std::min<std::size_t>(5, answer.body.size()),
                                answer.body));
            case Fault::kCloseAfterReply:
                co_await Write(whole);
                co_return false;
        }
        co_return false;
    }

    Awaitable<bool> ServeStream(const Answer& answer) {
        Stream::State& state = *answer.stream;
        const auto timer = std::make_shared<asio::steady_timer>(stream_.get_executor());
        {
            const std::lock_guard lock(state.mutex);
            state.wake = [timer] {
                asio::post(timer->get_executor(), [timer] { timer->cancel(); });
            };
        }
        // Notices that the client has left while we have nothing to say.
        struct Watch {
            bool reading = true;
            char byte = 0;
        };
        const auto watch = std::make_shared<Watch>();
        const auto self = this->shared_from_this();
        stream_.async_read_some(asio::buffer(&watch->byte, 1),
                                [self, watch, timer](error_code, std::size_t) {
                                    watch->reading = false;
                                    timer->cancel();
                                });
        if (!co_await Write(Head(answer) + "Transfer-Encoding: chunked\r\n\r\n")) co_return false;
        while (true) {
            std::string text;
            auto ending = Stream::State::Ending::kOpen;
            {
                const std::lock_guard lock(state.mutex);
                if (!state.queue.empty()) {
                    text = std::move(state.queue.front());
                    state.queue.pop_front();
                } else {
                    ending = state.ending;
                }
            }
            if (!text.empty()) {
                if (!co_await Write(fmt::format("{:x}\r\n{}\r\n", text.size(), text))) break;
                continue;
            }
            if (ending == Stream::State::Ending::kCut) break;
            if (ending == Stream::State::Ending::kReset) {
                Abort();
                break;
            }
            if (ending == Stream::State::Ending::kEnd) {
                if (!co_await Write("0\r\n\r\n")) break;
                error_code ignored;
                Lowest(stream_).cancel(ignored);
                while (watch->reading)
                    co_await Wait(*timer);
                co_return true;
            }
            if (!watch->reading) break;
            co_await Wait(*timer);
        }
        co_return false;
    }

    static Awaitable<void> Wait(asio::steady_timer& timer) {
        timer.expires_after(std::chrono::seconds(60));
        co_await timer.async_wait(kTuple);
    }

    Imposter::Impl& server_;
    S stream_;
    const int number_;
    std::string in_;
    Request request_;
};

}  // namespace

asio::awaitable<void> Imposter::Impl::Accept(std::shared_ptr<tcp::acceptor> acceptor) {
    while (acceptor->is_open()) {
        auto [error, socket] = co_await acceptor->async_accept(kTuple);
        if (error) co_return;
        const int number = ++accepted_;
        asio::co_spawn(io_, Serve(std::move(socket), number), asio::detached);
    }
}

asio::awaitable<void> Imposter::Impl::Serve(tcp::socket socket, int number) {
    struct Count {
        explicit Count(std::atomic<int>& open) : open(open) { ++open; }
        ~Count() { --open; }
        Count(const Count&) = delete;
        Count& operator=(const Count&) = delete;
        std::atomic<int>& open;
    };
    const Count count(open_);
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (!tls_) {
        const auto connection =
            std::make_shared<Connection<tcp::socket>>(*this, std::move(socket), number);
        connections_[number] = connection;
        co_await connection->Run();
    } else {
        using Tls = asio::ssl::stream<tcp::socket>;
        const auto connection =
            std::make_shared<Connection<Tls>>(*this, std::move(socket), *tls_, number);
        connections_[number] = connection;
        if (settings_.never_handshake) {
            char byte = 0;
            const auto buffer = asio::buffer(&byte, 1);
            error_code error;
            while (!error) {
                std::tie(error, std::ignore) =
                    co_await connection->stream().next_layer().async_read_some(buffer, kTuple);
            }
            co_return;
        }
        const auto [error] =
            co_await connection->stream().async_handshake(asio::ssl::stream_base::server, kTuple);
        if (!error) co_await connection->Run();
    }
    connections_.erase(number);
}

}  // namespace dlws::kube::testing
