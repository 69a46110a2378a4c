// SPDX-License-Identifier: Apache-2.0
#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::Imposter;

constexpr const char* kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"default","uid":"u-1",)"
    R"("resourceVersion":"12","labels":{"app":"x"}},"spec":{}})";
constexpr const char* kPodPath = "/api/v1/namespaces/default/pods/a";
constexpr const char* kPodsPath = "/api/v1/namespaces/default/pods";

class ClientTest : public ::testing::TestWithParam<bool> {
  public:
    ClientTest() : server({.tls = GetParam(), .require_client_certificate = GetParam()}) {}

    Imposter server;
    boost::asio::io_context io;
    Client client{io.get_executor(), server.ClientConfig()};
};

INSTANTIATE_TEST_SUITE_P(Transport, ClientTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(ClientTest, GetsAnObject) {
    server.When("GET", kPodPath).Reply(200, kPod);
    const auto pod = testing::Run(io, client.Get(kPods, {"default", "a"}));
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ((*pod)->meta.name, "a");
    EXPECT_EQ((*pod)->meta.resource_version, 12U);
    EXPECT_EQ((*pod)->raw, kPod);
    const auto request = server.Requests().at(0);
    EXPECT_THAT(request.Header("user-agent"), HasSubstr("dlworkspace/"));
    EXPECT_EQ(request.Header("accept"), "application/json");
    EXPECT_EQ(request.Header("accept-encoding"), "");
    EXPECT_EQ(request.client_name, GetParam() ? "imposter-client" : "");
}

TEST_P(ClientTest, CreatesWithTheWholeBody) {
    server.When("POST", kPodsPath).Reply(201, kPod);
    const std::string body(100'000, 'x');
    const auto pod =
        testing::Run(io, client.Create(kPods, "default", body, {.field_manager = "me & you"}));
    ASSERT_TRUE(pod) << pod.error().message;
    const auto request = server.Requests().at(0);
    EXPECT_EQ(request.body, body);
    EXPECT_EQ(request.query.at("fieldManager"), "me & you");
    EXPECT_EQ(request.Header("content-type"), "application/json");
}

TEST_P(ClientTest, WatchesSplitLines) {
    auto stream = server.When("GET", "/api/v1/pods", {{"watch", "true"}}).OpenStream();
    auto watch = testing::Run(io, client.Watch(kPods, {.resource_version = "5"}));
    ASSERT_TRUE(watch) << watch.error().message;
    stream.Send(R"({"type":"ADD)");
    stream.Send(std::string(R"(ED","object":)") + kPod + "}\n{\"type\":\"BOOKMARK\",\"object\":");
    stream.Send(R"({"kind":"Pod","metadata":{"resourceVersion":"99","annotations":)");
    stream.Send("{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    auto event = testing::Run(io, (*watch)->Next());
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->type, WatchEventType::kAdded);
    EXPECT_EQ(event->object->raw, kPod);
    event = testing::Run(io, (*watch)->Next());
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->type, WatchEventType::kBookmark);
    EXPECT_EQ(event->object->meta.resource_version, 99U);
    EXPECT_TRUE(event->initial_events_end);
    stream.End();
    event = testing::Run(io, (*watch)->Next());
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().reason, "EndOfStream");
}

TEST_P(ClientTest, TypedErrors) {
    server.When("POST", kPodsPath)
        .Reply(409, R"({"kind":"Status","status":"Failure","message":"pods \"a\" already exists",)"
                    R"("reason":"AlreadyExists","details":{"name":"a","causes":[{"field":"f",)"
                    R"("reason":"r","message":"m"}]},"code":409})");
    const auto pod = testing::Run(io, client.Create(kPods, "default", "{}"));
    ASSERT_FALSE(pod);
    EXPECT_TRUE(pod.error().IsAlreadyExists());
    EXPECT_EQ(pod.error().kind, ErrorKind::kStatus);
    ASSERT_EQ(pod.error().causes.size(), 1U);
    EXPECT_EQ(pod.error().causes[0].field, "f");
    EXPECT_EQ(
        pod.error().message,
        "POST /api/v1/namespaces/default/pods: pods \"a\" already exists (409 AlreadyExists)");
}

}  // namespace
}  // namespace dlws::kube
