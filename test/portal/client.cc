// SPDX-License-Identifier: Apache-2.0
#include "test/portal/client.h"

#include <cpprest/http_client.h>

namespace dlws::e2e {
namespace http = web::http;

struct Portal::Impl {
    std::string authorization;
    http::client::http_client client;
};

namespace {

http::client::http_client_config Config() {
    http::client::http_client_config config;
    config.set_timeout(std::chrono::seconds(40));
    config.set_validate_certificates(false);
    return config;
}

}  // namespace

Portal::Portal(const std::string& address, std::string token)
    : impl_(new Impl{token.empty() ? "" : "Bearer " + token,
                     http::client::http_client("https://" + address + ":8443", Config())}) {}
Portal::~Portal() = default;
Portal::Portal(Portal&&) noexcept = default;

std::string Portal::Answer::Reason() const {
    const std::string reason = Text(body, "reason");
    return code == 0 ? text : reason.empty() ? std::to_string(code) : reason;
}

Portal::Answer Portal::Send(const std::string& method, const std::string& path,
                            const std::string& body, const std::string& type,
                            const Fields& more) const {
    http::http_request request(method);
    request.set_request_uri(path);
    if (!impl_->authorization.empty()) request.headers().add("Authorization", impl_->authorization);
    for (const auto& [name, value] : more)
        request.headers().add(name, value);
    if (!body.empty()) request.set_body(body, type);
    Answer answer;
    try {
        auto response = impl_->client.request(request).get();
        answer.text = response.extract_utf8string(true).get();
        answer.code = response.status_code();
        for (const auto& [name, value] : response.headers())
            answer.fields[name] = value;
        if (response.headers().content_type().find("json") != std::string::npos)
            answer.body = Json::parse(answer.text);
    } catch (const std::exception& e) {
        answer = {};
        answer.text = method + " " + path + ": " + e.what();
    }
    return answer;
}

}  // namespace dlws::e2e
