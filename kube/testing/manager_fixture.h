// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kube/informer.h"
#include "kube/metrics.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

/// @file
/// For tests of what watches some kinds and writes others: an API server that is told what to say.

namespace dlws {

class ManagerFixture : public ::testing::Test {
  protected:
    using Stream = kube::testing::Stream;

    ~ManagerFixture() override { EXPECT_EQ(running_, 0) << "StopAll() first"; }

    /// The watch of a kind, and of those that `more` of its query selects; call it before anything
    /// runs.
    Stream Watch(const std::string& path, kube::testing::Query more = {}) {
        more["watch"] = more["sendInitialEvents"] = "true";
        return server_.When("GET", path, std::move(more)).OpenStream();
    }
    /// That what was sent is all there is.
    static void SendEnd(const Stream& stream) {
        stream.SendEvent("BOOKMARK", R"({"metadata":{"resourceVersion":"5","annotations":)"
                                     R"({"k8s.io/initial-events-end":"true"}}})");
    }
    void Spawn(kube::Awaitable<void> work) {
        ++running_;
        auto& cancel = cancels_.emplace_back(std::make_unique<boost::asio::cancellation_signal>());
        boost::asio::co_spawn(io_, std::move(work),
                              boost::asio::bind_cancellation_slot(
                                  cancel->slot(), [this](std::exception_ptr) { --running_; }));
    }
    /// In the destructor of the test, while all that runs is still there.
    void StopAll() {
        boost::asio::post(io_, [this] {
            for (auto& cancel : cancels_)
                cancel->emit(boost::asio::cancellation_type::terminal);
        });
        EXPECT_TRUE(Until([this] { return running_ == 0; }));
    }
    template <typename Condition>
    bool Until(Condition condition, std::chrono::milliseconds patience = std::chrono::seconds(5)) {
        return kube::testing::RunUntil(io_, condition, patience);
    }
    /// Body of the last PATCH of that path.
    std::string LastPatch(const std::string& path) const {
        std::string body;
        for (const kube::testing::Request& request : server_.Requests())
            if (request.method == "PATCH" && request.path == path) body = request.body;
        return body;
    }

    kube::testing::Imposter server_;
    boost::asio::io_context io_{1};
    kube::Client client_{io_.get_executor(), server_.ClientConfig()};
    kube::Metrics metrics_;
    kube::Random random_{1};

  private:
    std::vector<std::unique_ptr<boost::asio::cancellation_signal>> cancels_;
    int running_ = 0;
};

}  // namespace dlws
