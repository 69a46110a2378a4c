// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kube/informer.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

/// @file
/// For informer_test.cc: an informer of pods, and an API server that is told what to say.

namespace dlws::kube {

inline const std::string kPath = "/api/v1/pods";
inline const std::string kExpired =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired",)"
    R"("message":"too old resource version","code":410})";

inline std::string Pod(const std::string& name, int version, const std::string& uid = "") {
    return fmt::format(
        R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"namespace":"ns","name":"{}",)"
        R"("uid":"{}","resourceVersion":"{}"}}}})",
        name, uid.empty() ? "u-" + name : uid, version);
}

inline std::string List(int version, const std::vector<std::string>& items,
                        const std::string& next = "") {
    return fmt::format(
        R"({{"kind":"PodList","apiVersion":"v1","metadata":{{"resourceVersion":"{}",)"
        R"("continue":"{}"}},"items":[{}]}})",
        version, next, fmt::join(items, ","));
}

inline std::string Bookmark(int version, bool end = false) {
    return fmt::format(
        R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"resourceVersion":"{}"{}}}}})", version,
        end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "");
}

inline std::string Get(const testing::Query& query, const std::string& name) {
    auto found = query.find(name);
    return found == query.end() ? "" : found->second;
}

class InformerTest : public ::testing::Test {
  protected:
    InformerTest() {
        settings.resource = kPods;
        settings.backoff.base = std::chrono::milliseconds(10);
        settings.backoff.max = std::chrono::milliseconds(40);
    }
    ~InformerTest() override { Stop(); }

    void Start() {
        informer = std::make_unique<Informer>(client, settings, random);
        informer->OnChange([this](const Change& change) {
            changes.push_back((change.before ? Text(*change.before) : "") + ">" +
                              (change.after ? Text(*change.after) : ""));
        });
        informer->OnProgress([this](std::uint64_t version) { progress = version; });
        boost::asio::co_spawn(io, informer->Run(),
                              boost::asio::bind_cancellation_slot(
                                  cancel.slot(), [this](std::exception_ptr) { ended = true; }));
        started = true;
    }
    void Stop() {
        if (!started || ended) return;
        boost::asio::post(io, [this] { cancel.emit(boost::asio::cancellation_type::terminal); });
        EXPECT_TRUE(Until([this] { return ended; })) << "the informer does not stop";
    }
    static std::string Text(const Object& object) {
        return object.meta.name + "@" + std::to_string(object.meta.resource_version);
    }
    template <typename Condition>
    bool Until(Condition condition,
               std::chrono::milliseconds patience = std::chrono::milliseconds(5000)) {
        return testing::RunUntil(io, condition, patience);
    }
    bool UntilVersion(std::uint64_t version) {
        return Until([&] { return informer->LastResourceVersion() == version; });
    }
    std::vector<std::string> Changes() { return std::exchange(changes, {}); }
    /// The requests for the collection, the n-th of them.
    std::vector<testing::Query> Queries() const {
        std::vector<testing::Query> queries;
        for (const testing::Request& request : server.Requests())
            queries.push_back(request.query);
        return queries;
    }

    testing::Imposter::Rule OnList() { return server.When("GET", kPath); }
    testing::Imposter::Rule OnWatchList() {
        return server.When("GET", kPath, {{"watch", "true"}, {"sendInitialEvents", "true"}});
    }
    testing::Imposter::Rule OnWatch(int version) {
        return server.When("GET", kPath,
                           {{"watch", "true"}, {"resourceVersion", std::to_string(version)}});
    }
    /// Synced at 7 with a@5 and b@6, the stream still open.
    testing::Stream StartSynced() {
        testing::Stream stream = OnWatchList().OpenStream();
        stream.SendEvent("ADDED", Pod("a", 5));
        stream.SendEvent("ADDED", Pod("b", 6));
        stream.SendEvent("BOOKMARK", Bookmark(7, true));
        Start();
        EXPECT_TRUE(Until([this] { return informer->HasSynced(); }));
        EXPECT_THAT(Changes(), ::testing::ElementsAre(">a@5", ">b@6"));
        return stream;
    }

    testing::Imposter server;
    boost::asio::io_context io;
    Client client{io.get_executor(), server.ClientConfig()};
    Random random{1};
    Informer::Settings settings;
    std::unique_ptr<Informer> informer;
    boost::asio::cancellation_signal cancel;
    bool started = false, ended = false;
    std::vector<std::string> changes;
    std::uint64_t progress = 0;
};

}  // namespace dlws::kube
