// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 connection, plain or TLS. Internal to kube/: Beast and OpenSSL stay in the .cc
// files, because a translation unit that sees both takes over 20 s to compile.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/client.h"
#include "kube/config.h"
#include "kube/error.h"

namespace dlws::kube::internal {

using Clock = std::chrono::steady_clock;

/// The TLS side of an identity: authorities and client certificate. Immutable and shared by all the
/// connections made with it; a reload makes a new one.
class TlsContext;
using TlsContextPtr = std::shared_ptr<TlsContext>;

struct TlsMaterial {
    std::string ca_pem;  ///< empty: the system's store
    std::string certificate_pem, key_pem;
    bool insecure_skip_verify = false;
};

/// TLS 1.2 or newer. kInvalidArgument says which piece is not usable PEM, or that key and
/// certificate do not belong together.
Result<TlsContextPtr> MakeTlsContext(const TlsMaterial& material);

/// Where to connect to.
struct Endpoint {
    std::string host;  ///< name, IPv4, or IPv6 without brackets
    std::string port;
    bool tls = true;
    std::string server_name;                           ///< SNI and name to verify; empty: host
    std::chrono::milliseconds connect_timeout{5'000};  ///< resolve + connect + handshake
};

/// Status line and what we use of the headers.
struct ResponseHead {
    int status = 0;
    std::optional<std::chrono::seconds> retry_after;
    std::vector<std::string> warnings;
    std::string date;
};

/// Why an exchange failed, with what decides whether the request may be sent again.
struct Failure {
    Error error;
    bool sent = false;      ///< at least one byte of the request was handed to the kernel
    bool answered = false;  ///< at least one byte of an answer came
};

/// A connected connection. One exchange at a time:
///
///     auto head = co_await connection->Start(request_head, body, deadline);
///     co_await connection->ReadAll(text, limit, deadline);   // or ReadBody() until it returns 0
///     if (connection->Reusable()) ...
///
/// Everything past a deadline closes the connection and is kTimeout; cancelling the awaiting
/// coroutine is kCancelled and leaves it not reusable. Confined to its executor; the strings passed
/// to Start() must live until it returns. Destroying it closes it.
class Connection {
  public:
    virtual ~Connection() = default;
    virtual Awaitable<std::expected<ResponseHead, Failure>> Start(std::string_view head,
                                                                  std::string_view body,
                                                                  Clock::time_point deadline) = 0;
    /// At least one byte of the decoded body into `data`; 0 when the body has ended properly.
    virtual Awaitable<Result<std::size_t>> ReadBody(char* data, std::size_t size,
                                                    Clock::time_point deadline) = 0;
    /// The whole body; more than `limit` bytes are kProtocol.
    virtual Awaitable<Result<std::string>> ReadAll(std::size_t limit,
                                                   Clock::time_point deadline) = 0;
    /// The answer was read to its end, the server keeps the connection, and nothing is left over.
    virtual bool Reusable() const = 0;
    /// For an idle connection: neither closed by the peer nor with unasked bytes waiting.
    virtual bool StillOpen() = 0;

    Clock::time_point idle_since{};
    TlsContextPtr tls;  ///< what it was made with; null without TLS
    bool used = false;  ///< served a request before this lease
};

using ConnectionPtr = std::unique_ptr<Connection>;

/// Resolves, tries each address in turn, and shakes hands; all within endpoint.connect_timeout and
/// `deadline`. `tls` must be set exactly when endpoint.tls is. `endpoint` must live until it
/// returns.
Awaitable<Result<ConnectionPtr>> Dial(boost::asio::any_io_executor executor,
                                      const Endpoint& endpoint, TlsContextPtr tls,
                                      Clock::time_point deadline);

}  // namespace dlws::kube::internal
