// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "kube/http_client.h"
#include "kube/wait_list.h"
#include "portal/server/metrics/queries.h"

namespace dlws::portal {

/// The one Prometheus of the configuration, or what speaks as it does (Thanos, Mimir):
/// https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries.
///
///     auto answer = co_await prometheus.Range(PromQl(query).value(), range);
///     if (!answer) ... answer.error(), a sentence for people ...
///
/// An answer takes five seconds and has 4 MiB at most; a redirect is not followed. 32 are asked at
/// a time, the others wait their turn, five seconds at most. What went wrong in detail is in the
/// log, once a minute at most. Confined to its executor; outlives its calls.
class Prometheus {
  public:
    struct Settings {
        std::string url;         ///< "https://prometheus.example.org/path"
        std::string ca_file;     ///< PEM; empty: the system's
        std::string token_file;  ///< a bearer token, read each time; empty: none
        std::chrono::milliseconds deadline{5'000};
        std::size_t max_bytes = 4 << 20;
        int most_at_a_time = 32;
    };

    Prometheus(boost::asio::any_io_executor executor, Settings settings);

    /// The body of a 200, whatever is in it. Error: a sentence that names no address.
    kube::Awaitable<std::expected<std::string, std::string>> Range(std::string promql,
                                                                   MetricRange range);

  private:
    struct Turn;
    kube::Awaitable<std::expected<std::string, std::string>> Ask(std::string promql,
                                                                 MetricRange range);
    std::unexpected<std::string> Fail(std::string why, const std::string& detail);

    Settings settings_;
    kube::HttpClient client_;
    kube::WaitList waiting_;
    int asked_ = 0;
    std::optional<std::chrono::steady_clock::time_point> told_;
};

}  // namespace dlws::portal
