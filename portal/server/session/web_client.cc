// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/web_client.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <fstream>
#include <iterator>

#include "kube/connection.h"

namespace dlws::portal {

using kube::Awaitable;
using kube::Error;
using kube::ErrorKind;
using kube::Result;

namespace {

std::unexpected<Error> Fail(const Web::Request& request, Error error) {
    // Of the address what stands before its query.
    error.message = fmt::format("{} {}: {}", request.form.empty() ? "GET" : "POST",
                                request.url.substr(0, request.url.find('?')), error.message);
    return std::unexpected(std::move(error));
}
Error Wrong(std::string message) {
    Error error;
    error.kind = ErrorKind::kInvalidArgument;
    error.message = std::move(message);
    return error;
}

Result<kube::internal::TlsContextPtr> Trusting(const std::string& ca_file) {
    kube::internal::TlsMaterial material;
    if (!ca_file.empty()) {
        std::ifstream file(ca_file);
        material.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
        if (material.ca_pem.empty())
            return std::unexpected(Wrong(fmt::format("{} cannot be read, or is empty", ca_file)));
    }
    return kube::internal::MakeTlsContext(material);
}

std::string HeadOf(const Web::Request& request, std::string_view authority,
                   std::string_view target) {
    std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: dlworkspace\r\nAccept: application/json\r\n"
        "Connection: close\r\n",
        request.form.empty() ? "GET" : "POST", target, authority);
    for (const auto& [name, value] : request.fields)
        head += fmt::format("{}: {}\r\n", name, value);
    if (!request.form.empty())
        head +=
            fmt::format("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                        request.form.size());
    return head + "\r\n";
}

}  // namespace

Awaitable<Result<Web::Answer>> WebClient::Send(Request request) {
    const auto url = boost::urls::parse_uri(request.url);
    if (!url || url->scheme() != "https" || url->host().empty() || url->has_userinfo())
        co_return Fail(request, Wrong("this is no https address"));
    auto tls = Trusting(ca_file_);
    if (!tls) co_return Fail(request, tls.error());
    kube::internal::Endpoint endpoint;
    endpoint.host = url->host_address();
    endpoint.port = url->has_port() ? std::string(url->port()) : "443";
    endpoint.connect_timeout = request.deadline;
    const auto deadline = kube::internal::Clock::now() + request.deadline;
    auto connection = co_await kube::internal::Dial(executor_, endpoint, *tls, deadline);
    if (!connection) co_return Fail(request, connection.error());
    std::string target(url->encoded_target());
    if (!target.starts_with('/')) target.insert(0, "/");
    const std::string head =
        HeadOf(request, std::string_view(url->encoded_host_and_port()), target);
    auto started = co_await (*connection)->Start(head, request.form, deadline);
    if (!started) co_return Fail(request, started.error().error);
    auto body = co_await (*connection)->ReadAll(request.max_bytes, deadline);
    if (!body) co_return Fail(request, body.error());
    co_return Answer{started->status, std::move(*body)};
}

}  // namespace dlws::portal
