// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/live.h"

#include <fmt/format.h>

#include "kube/byte_stream.h"

namespace dlws::portal {
namespace {

class ApiLogLive : public LogLive {
  public:
    explicit ApiLogLive(std::unique_ptr<kube::ByteStream> stream) : stream_(std::move(stream)) {}

    Awaitable<LogResult<std::string>> Next() override {
        auto bytes = co_await stream_->Next();
        if (bytes) co_return std::move(*bytes);
        LogFailure failure;
        failure.why = bytes.error().message;
        co_return std::unexpected(std::move(failure));
    }

  private:
    std::unique_ptr<kube::ByteStream> stream_;
};

}  // namespace

std::string PodLogTarget(const std::string& ns, const std::string& pod,
                         const std::string& container, const LogLiveAsk& ask) {
    std::string target = fmt::format(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&timestamps=true", ns, pod, container);
    if (ask.follow) target += "&follow=true";
    if (ask.tail) target += fmt::format("&tailLines={}", *ask.tail);
    if (ask.since) {
        // Whole seconds are all that the API server takes; earlier is no harm.
        const auto time = model::FormatLogTime(*ask.since);
        target += fmt::format("&sinceTime={}Z", std::string_view(time.data(), 19));
    }
    return target;
}

LogFailure LiveFailureOf(const kube::Error& error) {
    LogFailure failure;
    failure.status = error.code;
    failure.why = error.message;
    if (error.code == 401 || error.code == 403)
        failure.kind = LogFailure::kDenied;
    else if (error.code == 404)
        failure.kind = LogFailure::kAbsent;
    else if (error.code == 400)
        failure.kind = LogFailure::kNotYet;
    return failure;
}

Awaitable<LogResult<std::unique_ptr<LogLive>>> ApiLogKubelet::Open(std::string token,
                                                                   std::string ns, std::string pod,
                                                                   std::string container,
                                                                   LogLiveAsk ask) {
    kube::StreamOptions options;
    options.bearer = std::move(token);
    // Of a program that has said nothing yet there is not even a head.
    if (!ask.follow) options.deadline = std::chrono::seconds(6);
    options.idle_timeout = std::chrono::seconds(120);
    auto stream = co_await users_.OpenRaw(PodLogTarget(ns, pod, container, ask), options);
    if (!stream) co_return std::unexpected(LiveFailureOf(stream.error()));
    co_return std::make_unique<ApiLogLive>(std::move(*stream));
}

}  // namespace dlws::portal
