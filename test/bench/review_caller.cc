// SPDX-License-Identifier: Apache-2.0
#include "test/bench/review_caller.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "test/bench/common.h"

namespace dlws::bench {

namespace json = boost::json;
using kube::Awaitable;

Hook::Hook(int port, const std::string& ca_pem, const std::string& name)
    : endpoint{.host = "127.0.0.1", .port = std::to_string(port), .server_name = name},
      tls(Must(kube::internal::MakeTlsContext({.ca_pem = ca_pem}), "the webhook's CA")) {}

Question AskAbout(const std::string& job, const std::string& path) {
    json::value object = json::parse(job);
    json::object& meta = object.at("metadata").as_object();
    meta.erase("resourceVersion");  // it has none yet
    json::object& spec = object.at("spec").as_object();
    json::object user = spec.at("submittedBy").as_object();
    user["groups"] = json::array{"system:masters", "system:authenticated"};
    if (path == "/mutate") spec.erase("submittedBy");
    const json::object kind{{"group", "dlworkspace.io"}, {"version", "v1"}, {"kind", "DLJob"}};
    const json::object resource{
        {"group", "dlworkspace.io"}, {"version", "v1"}, {"resource", "dljobs"}};
    json::object request{
        {"uid", "5c1c0f2e-5a3f-4b8e-9a55-3d1e7f2a9c10"},
        {"kind", kind},
        {"resource", resource},
        {"requestKind", kind},
        {"requestResource", resource},
        {"name", meta.at("name")},
        {"namespace", meta.at("namespace")},
        {"operation", "CREATE"},
        {"userInfo", std::move(user)},
        {"object", object},
        {"oldObject", nullptr},
        {"dryRun", false},
        {"options", {{"kind", "CreateOptions"}, {"apiVersion", "meta.k8s.io/v1"}}}};
    Question question;
    question.body = json::serialize(json::object{{"kind", "AdmissionReview"},
                                                 {"apiVersion", "admission.k8s.io/v1"},
                                                 {"request", std::move(request)}});
    question.head = fmt::format(
        "POST {}?timeout=5s HTTP/1.1\r\nHost: webhook\r\nUser-Agent: kube-apiserver-admission\r\n"
        "Accept: application/json, */*\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n",
        path, question.body.size());
    return question;
}

Awaitable<bool> ReviewCaller::Ask(const Question& question, std::chrono::milliseconds patience) {
    static constexpr std::size_t kMostBytes = 64 * 1024;
    const auto deadline = kube::internal::Clock::now() + patience;
    if (!connection_) {
        auto dialled =
            co_await kube::internal::Dial(executor_, hook_.endpoint, hook_.tls, deadline);
        if (!dialled) co_return false;
        connection_ = std::move(*dialled);
    }
    const auto head = co_await connection_->Start(question.head, question.body, deadline);
    kube::Result<std::string> body;
    if (head) body = co_await connection_->ReadAll(kMostBytes, deadline);
    const bool allowed = head && head->status == 200 && body && body->contains("\"allowed\":true");
    if (!head || !connection_->Reusable()) HangUp();
    co_return allowed;
}

}  // namespace dlws::bench
