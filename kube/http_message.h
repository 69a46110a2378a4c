// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// @file
/// HTTP/1.1 messages as our servers take and give them (RFC 9112). Pure.

namespace dlws::kube {

class HttpBody;

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method;  ///< as sent: "GET"
    std::string path;    ///< the target before the '?', not decoded
    std::string query;   ///< after it
    HttpFields fields;
    std::string body;
    std::string peer;  ///< address that it came from, without a port; IPv4 also where mapped

    /// The first value under that name, whatever its case; empty: none.
    std::string_view Field(std::string_view name) const;
};

struct HttpAnswer {
    int status = 200;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
    /// Besides Content-Type, Content-Length and what every answer has. Cache-Control is no-store
    /// unless it stands here.
    HttpFields fields;
    bool close = false;  ///< the connection, after this answer
    /// In place of `body`: one text that many answers have, sent without a copy.
    std::shared_ptr<const std::string> shared_body;
    /// In place of both: a body of unknown length (http_body.h). Never compressed, never kept
    /// alive.
    std::shared_ptr<HttpBody> stream;
    /// Let go once the answer is written, or cannot be: what the caller has of a limit.
    std::shared_ptr<void> held;

    std::string_view Body() const { return shared_body ? *shared_body : body; }
    /// As HttpRequest::Field.
    std::string_view Field(std::string_view name) const;
};

/// An answer that refuses something, in one line of text.
HttpAnswer Refusal(int status, std::string why);

/// RFC 9110, 13.1.2: an answer of 200 to GET or HEAD whose ETag the caller has (If-None-Match: a
/// list or `*`, compared weakly) becomes 304 without a body.
///
///     answer.fields.emplace_back("ETag", "W/\"48211-3f9a\"");
///     ApplyIfNoneMatch(request, answer);
void ApplyIfNoneMatch(const HttpRequest& request, HttpAnswer& answer);

inline constexpr std::size_t kMaxHttpHeader = 16 * 1024;
inline constexpr std::ptrdiff_t kMaxHttpFields = 100;

/// What a header says, before its body is read.
struct HttpHeader {
    HttpRequest request;
    std::size_t body_length = 0;
    bool keep_alive = true;
    unsigned version = 11;        ///< 10: HTTP/1.0, whose callers know no chunks
    bool wants_continue = false;  ///< "Expect: 100-continue"
};

/// Reads a header, with the empty line at its end. The answer that refuses it: 400 for what two
/// servers could read in two ways (folded fields, bare LF, two lengths, no or two Hosts), 411 for a
/// chunked body, 413 for one over `max_body` bytes, 431 for too many fields. The connection must be
/// closed after that.
std::expected<HttpHeader, HttpAnswer> ParseHttpHeader(std::string_view text, std::size_t max_body);

/// The bytes of an answer up to its body, which is Body() unless the request was HEAD. `chunked`
/// says how a stream will be sent: in chunks, or until the connection ends.
std::string SerializeHttpHead(const HttpAnswer& answer, bool keep_alive, bool chunked = true);

}  // namespace dlws::kube
