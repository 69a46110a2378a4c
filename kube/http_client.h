// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "kube/byte_stream.h"
#include "kube/http_message.h"

namespace dlws::kube {

namespace internal {
class TlsContext;
}

/// One request. (Not an aggregate, for the reason given at CallOptions.)
struct HttpCall {
    HttpCall() {}
    explicit HttpCall(std::string url) : url(std::move(url)) {}

    std::string url;           ///< https://HOST[:PORT]/PATH[?QUERY], or http://
    HttpFields fields;         ///< besides Host, User-Agent, Accept and what a body needs
    std::string content_type;  ///< of `body`; only for Post()
    std::string body;
    std::chrono::milliseconds deadline{10'000};  ///< name, connection, TLS, answer, all together
    std::size_t max_bytes = 1 << 20;             ///< of the answer's body; more is kProtocol
};

struct HttpReply {
    int status = 0;  ///< whatever the server said; a redirect is not followed
    std::string body;
};

/// Asks HTTP servers that the configuration names: an OpenID provider, Prometheus, the archive.
///
///     HttpClient client(io.get_executor(), {.ca_file = options.issuer_ca, .https_only = true});
///     auto reply = co_await client.Get(HttpCall(issuer + "/.well-known/openid-configuration"));
///     if (!reply) ... reply.error().message ...
///     if (reply->status != 200) ...
///
/// Never give it an address that a user named: it goes where it is told. One connection a request,
/// closed after it; nothing is sent again. No errors' message has a query, a field or a body, which
/// may be secret. Errors: kInvalidArgument (what is wrong with the call), kNetwork, kTimeout,
/// kProtocol, kCancelled. Confined to its executor; outlives its calls, and streams outlive it.
class HttpClient {
  public:
    struct Settings {
        std::string ca_file;      ///< PEM, read again each five minutes; empty: the system's store
        bool https_only = false;  ///< http:// is kInvalidArgument
        std::chrono::milliseconds connect_timeout{5'000};
    };

    HttpClient(boost::asio::any_io_executor executor, Settings settings);

    Awaitable<Result<HttpReply>> Get(HttpCall call);
    Awaitable<Result<HttpReply>> Post(HttpCall call);
    /// A GET whose answer comes piece by piece. `deadline` is for its head alone, `idle_timeout`
    /// for each piece. What is not 2xx is kStatus with the code and the first words of the body.
    Awaitable<Result<std::unique_ptr<ByteStream>>> OpenStream(
        HttpCall call, std::chrono::milliseconds idle_timeout);

  private:
    struct Exchange;
    Result<std::shared_ptr<internal::TlsContext>> Tls();
    Awaitable<Result<Exchange>> Start(std::string_view method, const HttpCall& call);
    Awaitable<Result<HttpReply>> Ask(std::string_view method, const HttpCall& call);

    boost::asio::any_io_executor executor_;
    Settings settings_;
    std::shared_ptr<internal::TlsContext> tls_;
    std::chrono::steady_clock::time_point tls_due_{};
};

/// name=value&..., each percent-encoded: application/x-www-form-urlencoded, and queries.
std::string EncodeForm(const HttpFields& values);

}  // namespace dlws::kube
