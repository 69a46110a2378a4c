// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "kube/config.h"
#include "kube/flags.h"
#include "kube/health_server.h"
#include "kube/log.h"
#include "kube/metrics.h"

/// @file
/// What our programs have in common: flags, `--help` and `--version`, configuration, one io_context
/// on one thread (docs/decisions/0002-one-thread.md), health and metrics.
///
///     struct Options : kube::CommonOptions { std::string lease; };
///     int main(int argc, char** argv) {
///         return kube::RunProgram<Operator>("operator", VERSION, argc, argv, &ParseOptions,
///                                           &HelpText);
///     }

namespace dlws::kube {

/// The program dlws-NAME. Runs a `Part`, made from (executor, options, config), until its
/// `Awaitable<int> Run()` has ended and says with which code to exit. 2: the command line is wrong;
/// 1: it could not start, or threw. `load` finds the configuration; by default LoadConfig() does.
template <typename Part, typename Parse, typename Options>
int RunProgram(std::string_view name, std::string_view version, int argc, char** argv, Parse parse,
               std::string (*help)(), Result<Config> (*load)(const Options&)) {
    auto options = parse({argv + 1, argv + argc});
    if (!options) {
        fmt::print(stderr, "dlws-{}: {}\n", name, options.error());
        return 2;
    }
    if (options->help) {
        fmt::print("{}", help());
        return 0;
    }
    if (options->version) {
        fmt::print("dlws-{} {}\n", name, version);
        return 0;
    }
    SetLogLevel(LogLevelOf(options->log_level));
    auto config = load(*options);
    if (!config) {
        LogError(name, "{}", config.error().message);
        return 1;
    }
    boost::asio::io_context io(1);
    int code = 1;
    std::optional<Part> made;
    try {
        made.emplace(io.get_executor(), *options, *config);
    } catch (const std::exception& e) {
        LogError(name, "{}", e.what());
        return code;
    }
    Part& part = *made;
    boost::asio::co_spawn(io, part.Run(), [&](std::exception_ptr error, int result) {
        try {
            if (error) std::rethrow_exception(error);
            code = result;
        } catch (const std::exception& e) {
            LogError(name, "ended by an exception: {}", e.what());
        }
        io.stop();
    });
    io.run();
    return code;
}

template <typename Part, typename Parse>
int RunProgram(std::string_view name, std::string_view version, int argc, char** argv, Parse parse,
               std::string (*help)()) {
    return RunProgram<Part>(
        name, version, argc, argv, parse, help, +[](const CommonOptions& options) {
            return LoadConfig(options.kubeconfig, options.context);
        });
}

/// /healthz, /readyz and /metrics. `lacks` says in a few words why the program is not ready; empty:
/// it is.
inline void ServeHealth(HealthServer& health, Metrics& metrics, std::string_view version,
                        std::function<std::string()> lacks) {
    health.Handle("/healthz", [] { return HealthServer::Answer{.body = "ok\n"}; });
    health.Handle("/readyz", [lacks = std::move(lacks)] {
        const std::string what = lacks();
        if (what.empty()) return HealthServer::Answer{.body = "ok\n"};
        return HealthServer::Answer{.status = 503, .body = what + "\n"};
    });
    metrics.Describe("dlws_build_info", "1 for the version of this program");
    metrics.Set("dlws_build_info", {{"version", std::string(version)}}, 1);
    metrics.AddCollector(CollectProcess);
    health.Handle("/metrics", [&metrics] {
        return HealthServer::Answer{.body = metrics.Text(),
                                    .content_type = "text/plain; version=0.0.4"};
    });
}

}  // namespace dlws::kube
