// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api.h"
#include "kube/http_message.h"
#include "kube/http_query.h"
#include "model/render.h"
#include "portal/server/problem.h"

/// @file
/// What an operation of portal/openapi.yaml is given and gives.

namespace dlws::portal {

/// Who calls. Every question and every write to the API server that the call leads to carries
/// `token`, and no other: `options.bearer = call.caller.token`.
struct Caller {
    Caller() {}
    std::string token;  ///< empty: nobody is logged in. Never in a log, an error or an answer
    std::string key;  ///< SHA-256 of the token in hex, under which caches keep what is the caller's
    std::string username;  ///< as the API server authenticates the token
    std::string uid;
    std::vector<std::string> groups;
    std::string session;  ///< its id, of one who came with a cookie or a token of `dlws login`
    /// For streams, whose session may renew its token meanwhile: the token as it is now. Empty: the
    /// token is all there is.
    std::function<kube::Awaitable<std::expected<std::string, Problem>>()> current_token;
};

/// One call of an operation, checked as its table entry says.
struct Call {
    Call() {}
    Caller caller;
    /// By the names in the path's braces, decoded and of their form: "namespace", "job", …
    std::map<std::string, std::string, std::less<>> path;
    kube::HttpParameters query;
    kube::HttpRequest request;
    std::string request_id;  ///< in the log, and in `instance` of a problem

    const std::string& Namespace() const { return path.find("namespace")->second; }
    const std::string& Name(std::string_view of) const { return path.find(of)->second; }
};

using Outcome = std::expected<kube::HttpAnswer, Problem>;
/// Confined to the server's executor; must not block. Its own deadlines are at most 30 s.
using Handler = std::function<kube::Awaitable<Outcome>(Call)>;

/// An answer with that JSON.
inline kube::HttpAnswer JsonAnswer(std::string body, int status = 200) {
    kube::HttpAnswer answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.content_type = "application/json";
    return answer;
}

/// The same with an ETag of its bytes, for what is made anew each time.
inline kube::HttpAnswer TaggedJson(std::string body) {
    const std::string tag = "W/\"" + model::Sha256Hex(body).substr(0, 32) + "\"";
    kube::HttpAnswer answer = JsonAnswer(std::move(body));
    answer.fields.emplace_back("ETag", tag);
    return answer;
}

/// Server-sent events until `body` ends.
inline kube::HttpAnswer EventStream(std::shared_ptr<kube::HttpBody> body) {
    kube::HttpAnswer answer;
    answer.content_type = "text/event-stream";
    answer.fields.emplace_back("X-Accel-Buffering", "no");  // an nginx in front must not collect it
    answer.stream = std::move(body);
    return answer;
}

}  // namespace dlws::portal
