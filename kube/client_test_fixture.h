// SPDX-License-Identifier: Apache-2.0
// What the client's tests share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::kube {

inline constexpr const char* kPodJson =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"default","uid":"u-1",)"
    R"("resourceVersion":"12","labels":{"app":"x"}},"spec":{}})";
inline constexpr const char* kPodPath = "/api/v1/namespaces/default/pods/a";
inline constexpr const char* kPodsPath = "/api/v1/namespaces/default/pods";
inline const ObjectKey kPodKey{"default", "a"};

/// A coroutine that runs beside the test; its value when it has ended.
template <typename T>
class Background {
  public:
    Background(boost::asio::io_context& io, Awaitable<T> work) : io_(io) {
        boost::asio::co_spawn(
            io, std::move(work),
            boost::asio::bind_cancellation_slot(
                signal_->slot(), [state = state_](std::exception_ptr error, T value) {
                    state->done = true;
                    if (!error) state->value.emplace(std::move(value));
                }));
    }
    bool Done() const { return state_->done; }
    /// Empty when it ended with an exception.
    const std::optional<T>& Value() const { return state_->value; }
    void Cancel() { signal_->emit(boost::asio::cancellation_type::terminal); }
    /// Runs the io_context until it has ended; false after `patience`.
    bool Wait(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
        const auto end = std::chrono::steady_clock::now() + patience;
        io_.restart();
        while (!Done() && std::chrono::steady_clock::now() < end)
            io_.run_one_until(end);
        return Done();
    }

  private:
    struct State {
        bool done = false;
        std::optional<T> value;
    };
    boost::asio::io_context& io_;
    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::shared_ptr<boost::asio::cancellation_signal> signal_ =
        std::make_shared<boost::asio::cancellation_signal>();
};

/// True as soon as `condition` holds; runs the io_context meanwhile.
template <typename F>
bool Eventually(boost::asio::io_context& io, F condition,
                std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        testing::RunFor(io, std::chrono::milliseconds(5));
    }
    return true;
}

/// Everything once over plain TCP and once over TLS with a client certificate.
class ClientTest : public ::testing::TestWithParam<bool> {
  public:
    ClientTest() : server({.tls = GetParam(), .require_client_certificate = GetParam()}) {}

    std::unique_ptr<Client> MakeClient(Client::Settings settings) {
        return std::make_unique<Client>(io.get_executor(), server.ClientConfig(),
                                        std::move(settings));
    }
    Result<ObjectPtr> GetPod(Client& with, CallOptions options = {}) {
        return testing::Run(io, with.Get(kPods, kPodKey, options));
    }

    testing::Imposter server;
    boost::asio::io_context io;
};

inline std::string TransportName(const ::testing::TestParamInfo<bool>& info) {
    return info.param ? "Tls" : "Plain";
}

}  // namespace dlws::kube
