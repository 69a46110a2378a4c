// SPDX-License-Identifier: Apache-2.0
#include "kube/http_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace dlws::kube {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

// A folded field is the one generosity of RFC 9112 that Beast has: it is how two servers come to
// read two different requests. (Bare LF, two lengths and the like it refuses itself.)
bool HasFoldedField(std::string_view header) {
    return header.find("\r\n ") != header.npos || header.find("\r\n\t") != header.npos;
}

std::string_view FieldIn(const HttpFields& fields, std::string_view name) {
    for (const auto& [key, value] : fields)
        if (beast::iequals(key, name)) return value;
    return {};
}

// An entity tag without what marks it as weak.
std::string_view OpaqueTag(std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// A list of entity tags (RFC 9110, 8.8.3); what is no such list matches nothing.
bool AnyMatches(std::string_view list, std::string_view tag) {
    constexpr std::string_view kBetween = " \t,";
    while (true) {
        list.remove_prefix(std::min(list.find_first_not_of(kBetween), list.size()));
        const std::string_view from = OpaqueTag(list);
        if (!from.starts_with('"')) return false;
        const auto end = from.find('"', 1);
        if (end == from.npos) return false;
        if (from.substr(0, end + 1) == tag) return true;
        list = from.substr(end + 1);
    }
}

std::string Text(boost::core::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

std::string_view HttpRequest::Field(std::string_view name) const {
    return FieldIn(fields, name);
}

std::string_view HttpAnswer::Field(std::string_view name) const {
    return FieldIn(fields, name);
}

void ApplyIfNoneMatch(const HttpRequest& request, HttpAnswer& answer) {
    if (answer.status != 200 || (request.method != "GET" && request.method != "HEAD")) return;
    const std::string_view tag = OpaqueTag(answer.Field("ETag"));
    if (tag.empty()) return;
    const bool has_it = std::ranges::any_of(request.fields, [&](const auto& field) {
        return beast::iequals(field.first, "If-None-Match") &&
               (field.second == "*" || AnyMatches(field.second, tag));
    });
    if (!has_it) return;
    answer.status = 304;
    answer.body.clear();
    answer.shared_body.reset();
    answer.stream.reset();
    // It would be read as that of a body to come.
    std::erase_if(answer.fields, [](const auto& field) {
        return beast::iequals(field.first, "Content-Encoding");
    });
}

HttpAnswer Refusal(int status, std::string why) {
    return {.status = status, .body = std::move(why) + "\n", .close = true};
}

std::expected<HttpHeader, HttpAnswer> ParseHttpHeader(std::string_view text, std::size_t max_body) {
    const auto refuse = [](int status, std::string why) {
        return std::unexpected(Refusal(status, std::move(why)));
    };
    if (HasFoldedField(text)) return refuse(400, "a folded header field");
    http::request_parser<http::empty_body> parser;
    parser.header_limit(kMaxHttpHeader);
    parser.body_limit(boost::none);  // ours is told below, as what it is
    beast::error_code error;
    parser.put(asio::buffer(text), error);
    // An announced body shows as need_more or unexpected_body: told apart below.
    if (!parser.is_header_done()) return refuse(400, "not a request: " + error.message());
    const auto& request = parser.get();
    if (std::distance(request.begin(), request.end()) > kMaxHttpFields)
        return refuse(431, "too many header fields");
    if (request.count(http::field::content_length) > 1 ||
        (request.count(http::field::content_length) > 0 &&
         request.count(http::field::transfer_encoding) > 0))
        return refuse(400, "two message lengths");
    if (request.version() == 11 && request.count(http::field::host) != 1)
        return refuse(400, "exactly one Host is needed");
    // Any other coding would leave the length of the body to guess (RFC 9112, 6.3).
    if (request.count(http::field::transfer_encoding) > 0 && !parser.chunked())
        return refuse(400, "a transfer coding other than chunked");
    if (parser.chunked())
        return max_body == 0 ? refuse(413, "no body is welcome here")
                             : refuse(411, "a chunked body; send Content-Length");
    const auto length = parser.content_length().value_or(0);
    if (length > max_body)
        return refuse(413, max_body == 0
                               ? "no body is welcome here"
                               : fmt::format("the body is longer than {} bytes", max_body));

    HttpHeader header;
    header.request.method = Text(request.method_string());
    const std::string target = Text(request.target());
    const auto question = target.find('?');
    header.request.path = target.substr(0, question);
    if (question != target.npos) header.request.query = target.substr(question + 1);
    for (const auto& field : request)
        header.request.fields.emplace_back(Text(field.name_string()), Text(field.value()));
    header.body_length = std::size_t(length);
    header.keep_alive = request.keep_alive();
    header.version = request.version();
    header.wants_continue = beast::iequals(request[http::field::expect], "100-continue");
    return header;
}

std::string SerializeHttpHead(const HttpAnswer& answer, bool keep_alive, bool chunked) {
    const auto reason = http::obsolete_reason(static_cast<http::status>(answer.status));
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nX-Content-Type-Options: nosniff\r\n",
                                   answer.status, std::string_view(reason.data(), reason.size()));
    // RFC 9110, 8.6 and 15.4.5: these two never have a body, so they say nothing of one.
    if (answer.status != 204 && answer.status != 304)
        text += fmt::format("Content-Type: {}\r\n", answer.content_type);
    if (answer.stream)
        text += chunked ? "Transfer-Encoding: chunked\r\n" : "";
    else if (answer.status != 204 && answer.status != 304)
        text += fmt::format("Content-Length: {}\r\n", answer.Body().size());
    if (answer.Field("Cache-Control").empty()) text += "Cache-Control: no-store\r\n";
    for (const auto& [name, value] : answer.fields)
        text += fmt::format("{}: {}\r\n", name, value);
    text += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
    return text;
}

}  // namespace dlws::kube
