// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/prometheus.h"

#include <fmt/format.h>

#include "kube/config_files.h"
#include "kube/log.h"

namespace dlws::portal {
namespace {

constexpr std::size_t kMaxToken = 16 << 10;
constexpr std::size_t kShownOfError = 200;

std::string WhyNot(kube::ErrorKind kind, std::chrono::milliseconds deadline) {
    if (kind == kube::ErrorKind::kTimeout)
        return fmt::format("Prometheus did not answer within {} s.",
                           std::chrono::duration<double>(deadline).count());
    if (kind == kube::ErrorKind::kProtocol)
        return "What Prometheus answers cannot be read, or is too much.";
    return "Prometheus does not answer.";
}

std::string WhyNot(int status) {
    if (status >= 300 && status < 400)
        return "Prometheus sends the portal elsewhere, and an administrator must name its own "
               "address (portal.prometheus.url in the chart's values).";
    if (status == 401 || status == 403) return "Prometheus does not let the portal ask.";
    return fmt::format("Prometheus answers {}.", status);
}

}  // namespace

/// Given back when it is destroyed.
struct Prometheus::Turn {
    explicit Turn(Prometheus& of) : of(of) { ++of.asked_; }
    ~Turn() {
        --of.asked_;
        of.waiting_.NotifyOne();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Prometheus& of;
};

Prometheus::Prometheus(boost::asio::any_io_executor executor, Settings settings)
    : settings_(std::move(settings)),
      client_(executor, {.ca_file = settings_.ca_file, .connect_timeout = settings_.deadline}),
      waiting_(executor) {
    while (settings_.url.ends_with('/'))
        settings_.url.pop_back();
}

std::unexpected<std::string> Prometheus::Fail(std::string why, const std::string& detail) {
    const auto now = std::chrono::steady_clock::now();
    if (!told_ || now - *told_ > std::chrono::minutes(1)) {
        told_ = now;
        kube::LogWarning("metrics", "{} {}", why, detail);
    }
    return std::unexpected(std::move(why));
}

kube::Awaitable<std::expected<std::string, std::string>> Prometheus::Range(std::string promql,
                                                                           MetricRange range) {
    const auto late = std::chrono::steady_clock::now() + settings_.deadline;
    while (asked_ >= settings_.most_at_a_time) {
        const bool woken = co_await waiting_.Wait(late);
        if (!woken) co_return Fail("Too many ask Prometheus at the moment.", "");
    }
    const Turn turn(*this);
    co_return co_await Ask(std::move(promql), range);
}

kube::Awaitable<std::expected<std::string, std::string>> Prometheus::Ask(std::string promql,
                                                                         MetricRange range) {
    kube::HttpCall call(fmt::format(
        "{}/api/v1/query_range?{}", settings_.url,
        kube::EncodeForm({{"query", std::move(promql)},
                          {"start", fmt::to_string(range.from)},
                          {"end", fmt::to_string(range.to)},
                          {"step", fmt::to_string(range.step)},
                          // It gives up as well.
                          {"timeout", fmt::format("{}ms", settings_.deadline.count())}})));
    call.deadline = settings_.deadline;
    call.max_bytes = settings_.max_bytes;
    if (!settings_.token_file.empty()) {
        const auto token = kube::ReadSmallFile(settings_.token_file, kMaxToken);
        if (!token)
            co_return Fail("The portal has no token for Prometheus.", token.error().message);
        call.fields.emplace_back("Authorization", "Bearer " + kube::internal::Trimmed(*token));
    }
    auto reply = co_await client_.Get(std::move(call));
    if (!reply)
        co_return Fail(WhyNot(reply.error().kind, settings_.deadline), reply.error().message);
    if (reply->status != 200)
        co_return Fail(WhyNot(reply->status), reply->body.substr(0, kShownOfError));
    co_return std::move(reply->body);
}

}  // namespace dlws::portal
