// SPDX-License-Identifier: Apache-2.0
#include "kube/http_client.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <utility>

#include "kube/client_request.h"
#include "kube/config_files.h"
#include "kube/connection.h"

namespace dlws::kube {

using internal::Clock;

namespace {

constexpr std::chrono::minutes kCertificateReload{5};
constexpr std::size_t kMaxErrorBody = 64 * 1024;
constexpr std::size_t kShownOfError = 200;

std::unexpected<Error> Refuse(std::string why) {
    return std::unexpected(Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(why)});
}

/// A URL, taken apart.
struct Where {
    internal::Endpoint endpoint;
    std::string host;    // as in the Host field
    std::string target;  // path and query
    std::string name;    // of the request in errors: no query
};

std::string Text(boost::core::string_view text) {
    return {text.data(), text.size()};
}

/// The errors do not show the URL, which may hold a secret.
Result<Where> TakeApart(const std::string& text, bool https_only) {
    const auto parsed = boost::urls::parse_uri(text);
    if (!parsed) return Refuse("the URL cannot be read; write it as https://host/path");
    const boost::urls::url_view& url = *parsed;
    const bool tls = url.scheme() == "https";
    if (!tls && (https_only || url.scheme() != "http"))
        return Refuse(https_only ? "the URL must begin with https://"
                                 : "the URL must begin with https:// or http://");
    if (url.has_userinfo() || url.has_fragment())
        return Refuse("the URL must have neither a user nor a fragment");
    const std::string host = Text(url.encoded_host());
    if (host.empty() || host.find('%') != host.npos) return Refuse("the URL names no host");
    Where where;
    where.endpoint.host = Text(url.host_address());
    where.endpoint.port =
        url.has_port() && !url.port().empty() ? Text(url.port()) : (tls ? "443" : "80");
    where.endpoint.tls = tls;
    where.host = Text(url.encoded_host_and_port());
    where.target = url.encoded_path().empty() ? "/" : Text(url.encoded_path());
    where.name = where.host + where.target;
    if (url.has_query()) where.target += "?" + Text(url.encoded_query());
    return where;
}

bool CanBeField(const HttpFields::value_type& field) {
    const auto is_text = [](const std::string& text) {
        return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
    };
    return !field.first.empty() && field.first.find_first_of(": ") == std::string::npos &&
           is_text(field.first) && is_text(field.second);
}

}  // namespace

struct HttpClient::Exchange {
    internal::ConnectionPtr connection;
    int status = 0;
    std::string name;
    Clock::time_point deadline;

    std::unexpected<Error> Fail(Error error) const {
        error.message = fmt::format("{}: {}", name, error.message);
        return std::unexpected(std::move(error));
    }
};

HttpClient::HttpClient(boost::asio::any_io_executor executor, Settings settings)
    : executor_(std::move(executor)), settings_(std::move(settings)) {}

Result<std::shared_ptr<internal::TlsContext>> HttpClient::Tls() {
    if (tls_ && Clock::now() < tls_due_) return tls_;
    internal::TlsMaterial material;
    if (!settings_.ca_file.empty()) {
        auto pem = ReadSmallFile(settings_.ca_file);
        if (!pem) return std::unexpected(pem.error());
        if (internal::Trimmed(*pem).empty())
            return Refuse(
                fmt::format("{} is empty: it must hold certificates in PEM", settings_.ca_file));
        material.ca_pem = std::move(*pem);
    }
    auto made = internal::MakeTlsContext(material);
    if (!made) return std::unexpected(made.error());
    tls_ = std::move(*made);
    tls_due_ = Clock::now() + kCertificateReload;
    return tls_;
}

Awaitable<Result<HttpClient::Exchange>> HttpClient::Start(std::string_view method,
                                                          const HttpCall& call) {
    Exchange exchange;
    exchange.deadline = Clock::now() + call.deadline;
    auto where = TakeApart(call.url, settings_.https_only);
    if (!where) co_return std::unexpected(where.error());
    exchange.name = fmt::format("{} {}", method, where->name);
    where->endpoint.connect_timeout = settings_.connect_timeout;
    std::string constant =
        fmt::format("Host: {}\r\nUser-Agent: dlworkspace/" DLWS_VERSION "\r\nConnection: close\r\n",
                    where->host);
    for (const auto& field : call.fields) {
        if (!CanBeField(field))
            co_return exchange.Fail(
                {.kind = ErrorKind::kInvalidArgument,
                 .message = "a field has characters that no field has (a line end inside it?)"});
        constant += fmt::format("{}: {}\r\n", field.first, field.second);
    }
    std::shared_ptr<internal::TlsContext> tls;
    if (where->endpoint.tls) {
        auto made = Tls();
        if (!made) co_return exchange.Fail(made.error());
        tls = std::move(*made);
    }
    auto dialled =
        co_await internal::Dial(executor_, where->endpoint, std::move(tls), exchange.deadline);
    if (!dialled) co_return exchange.Fail(dialled.error());
    exchange.connection = std::move(*dialled);
    internal::HeadParts parts;
    parts.method = method;
    parts.target = where->target;
    parts.constant = constant;
    parts.accept = "*/*";
    parts.content_type = call.content_type;
    parts.body_size = call.body.size();
    const std::string head = internal::BuildHead(parts);
    const auto answer = co_await exchange.connection->Start(head, call.body, exchange.deadline);
    if (!answer) co_return exchange.Fail(answer.error().error);
    exchange.status = answer->status;
    co_return exchange;
}

Awaitable<Result<HttpReply>> HttpClient::Ask(std::string_view method, const HttpCall& call) {
    auto exchange = co_await Start(method, call);
    if (!exchange) co_return std::unexpected(exchange.error());
    auto body = co_await exchange->connection->ReadAll(call.max_bytes, exchange->deadline);
    if (!body) co_return exchange->Fail(body.error());
    HttpReply reply;
    reply.status = exchange->status;
    reply.body = std::move(*body);
    co_return reply;
}

Awaitable<Result<HttpReply>> HttpClient::Get(HttpCall call) {
    if (!call.content_type.empty() || !call.body.empty())
        co_return Refuse("a GET has no body; use Post()");
    co_return co_await Ask("GET", call);
}

Awaitable<Result<HttpReply>> HttpClient::Post(HttpCall call) {
    const HttpFields::value_type field{"Content-Type", call.content_type};
    if (call.content_type.empty() || !CanBeField(field))
        co_return Refuse("a POST needs the content_type of its body");
    co_return co_await Ask("POST", call);
}

Awaitable<Result<std::unique_ptr<ByteStream>>> HttpClient::OpenStream(
    HttpCall call, std::chrono::milliseconds idle_timeout) {
    auto exchange = co_await Start("GET", call);
    if (!exchange) co_return std::unexpected(exchange.error());
    if (exchange->status >= 200 && exchange->status < 300)
        co_return internal::MakeByteStream(std::move(exchange->connection),
                                           std::move(exchange->name), idle_timeout);
    auto body = co_await exchange->connection->ReadAll(kMaxErrorBody, exchange->deadline);
    const std::string words = body ? body->substr(0, kShownOfError) : body.error().message;
    co_return exchange->Fail(
        {.kind = ErrorKind::kStatus,
         .code = exchange->status,
         .message = fmt::format("the server answered {}: {}", exchange->status, words)});
}

std::string EncodeForm(const HttpFields& values) {
    std::string form;
    for (const auto& [name, value] : values)
        form += fmt::format("{}{}={}", form.empty() ? "" : "&", internal::Encode(name),
                            internal::Encode(value));
    return form;
}

}  // namespace dlws::kube
