// SPDX-License-Identifier: Apache-2.0
#include "cli/loopback.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "cli/failure.h"

namespace dlws::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxHeader = 8 * 1024;
constexpr std::chrono::seconds kPerCall{2};

// Whether something can be read before then.
bool Readable(int fd, Clock::time_point until) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return false;
        pollfd wanted{fd, POLLIN, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(std::min<long long>(left, 60'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

std::string ReadHeader(int fd) {
    const auto until = Clock::now() + kPerCall;
    std::string header;
    char piece[1024];
    while (header.size() < kMaxHeader && header.find("\r\n\r\n") == std::string::npos &&
           Readable(fd, until)) {
        const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
        if (got <= 0) break;
        header.append(piece, static_cast<std::size_t>(got));
    }
    return header;
}

std::string Page(std::string_view words) {
    return fmt::format(
        "<!doctype html><html lang=en><meta charset=utf-8><title>dlws</title><p>{} You can close "
        "this page and go back to the terminal.",
        words);
}

// `page` empty: there is none.
void Answer(int fd, const std::string& page) {
    const bool good = !page.empty();
    const std::string body = good ? page : "There is nothing here.";
    const std::string answer = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: {}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: "
        "no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src "
        "'none'\r\nConnection: close\r\n\r\n{}",
        good ? "200 OK" : "404 Not Found", good ? "text/html" : "text/plain", body.size(), body);
    (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
}

}  // namespace

namespace {

// A name that leads here (DNS rebinding) has another Host.
bool IsForPort(std::string_view header, unsigned short port) {
    std::string lower(header);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    return lower.find(fmt::format("\r\nhost: 127.0.0.1:{}\r\n", port)) != std::string::npos;
}

}  // namespace

bool SaysNo(std::string_view header, unsigned short port) {
    return header.starts_with("GET /?error=access_denied ") && IsForPort(header, port);
}

std::string CodeOf(std::string_view header, unsigned short port) {
    constexpr std::string_view kStart = "GET /?code=";
    if (!header.starts_with(kStart) || !IsForPort(header, port)) return "";
    const std::string_view rest = header.substr(kStart.size());
    const std::string_view code = rest.substr(0, rest.find_first_of(" &\r"));
    const bool plain = std::ranges::all_of(
        code, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; });
    return plain && code.size() >= 16 && code.size() <= 256 ? std::string(code) : "";
}

Loopback::Loopback() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, plain, size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, plain, &size) != 0) {
        const int why = errno;
        if (socket_ >= 0) ::close(socket_);
        throw Failure(kCommandLine, fmt::format("cannot listen on 127.0.0.1 for the browser: {}; "
                                                "log in with --token-file",
                                                std::strerror(why)));
    }
    port_ = ntohs(address.sin_port);
}

Loopback::~Loopback() {
    ::close(socket_);
}

std::string Loopback::WaitForCode(std::chrono::milliseconds timeout) {
    const auto until = Clock::now() + timeout;
    while (Readable(socket_, until)) {
        const int call = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        if (call < 0) continue;
        const std::string header = ReadHeader(call), code = CodeOf(header, port_);
        const bool no = SaysNo(header, port_);
        Answer(call, no             ? Page("You said no: the command line is not logged in.")
                     : code.empty() ? ""
                                    : Page("You are logged in."));
        ::close(call);
        if (!code.empty()) return code;
        if (no)
            throw Failure(kNotLoggedIn,
                          "you said no in the browser, so this command line is not logged in");
    }
    throw Failure(kNotLoggedIn,
                  "nobody has logged in in the browser; try again, or use --token-file");
}

}  // namespace dlws::cli
