// SPDX-License-Identifier: Apache-2.0
// What calls look like on the wire and what becomes of the answers.
#include "kube/client.h"

#include "kube/client_request.h"
#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::With;

class CallTest : public ClientTest {
  public:
    Client client{io.get_executor(), server.ClientConfig()};
};

INSTANTIATE_TEST_SUITE_P(Transport, CallTest, ::testing::Bool(), TransportName);

TEST_P(CallTest, GetsAnObject) {
    server.When("GET", kPodPath).Reply(200, std::string(kPodJson) + "\n");
    const auto pod = GetPod(client);
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ((*pod)->meta.name, "a");
    EXPECT_EQ((*pod)->meta.resource_version, 12U);
    EXPECT_EQ((*pod)->raw, kPodJson);
    const auto request = server.Requests().at(0);
    EXPECT_THAT(request.Header("user-agent"), HasSubstr("dlworkspace/"));
    EXPECT_EQ(request.Header("accept"), "application/json");
    EXPECT_EQ(request.Header("accept-encoding"), "");
    EXPECT_EQ(request.Header("host"), "127.0.0.1:" + std::to_string(server.Port()));
    EXPECT_EQ(request.client_name, GetParam() ? "imposter-client" : "");
}

TEST_P(CallTest, ReadsAChunkedAnswer) {
    testing::Answer answer;
    answer.body = kPodJson;
    answer.chunked = true;
    server.When("GET", kPodPath).Reply(answer);
    for (int i = 0; i < 2; ++i) {
        const auto pod = GetPod(client);
        ASSERT_TRUE(pod) << pod.error().message;
        EXPECT_EQ((*pod)->raw, kPodJson);
    }
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(CallTest, CreatesWithTheWholeBody) {
    server.When("POST", kPodsPath).Reply(201, kPodJson);
    const std::string body(1'000'000, 'x');
    const auto pod =
        testing::Run(io, client.Create(kPods, "default", body, With<WriteOptions>([&](auto& o) {
                                           o.field_manager = "me & you";
                                           o.dry_run = true;
                                           o.strict = true;
                                       })));
    ASSERT_TRUE(pod) << pod.error().message;
    const auto request = server.Requests().at(0);
    EXPECT_EQ(request.body, body);
    EXPECT_EQ(request.query,
              (testing::Query{
                  {"fieldManager", "me & you"}, {"dryRun", "All"}, {"fieldValidation", "Strict"}}));
    EXPECT_EQ(request.Header("content-type"), "application/json");
}

TEST_P(CallTest, EncodesSelectorsAndNames) {
    server.When("GET", "*").Reply(200, R"({"metadata":{"resourceVersion":"7"},"items":[]})");
    const auto page = testing::Run(io, client.List(kPods, With<ListOptions>([&](auto& o) {
                                                       o.ns = "default";
                                                       o.label_selector = "a in (b,c),d=e f";
                                                       o.field_selector = "spec.nodeName=n";
                                                       o.limit = 3;
                                                       o.continue_token = "x+/=";
                                                       o.resource_version = "5";
                                                       o.resource_version_match = "NotOlderThan";
                                                   })));
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->resource_version, 7U);
    const auto request = server.Requests().at(0);
    EXPECT_EQ(request.query, (testing::Query{{"labelSelector", "a in (b,c),d=e f"},
                                             {"fieldSelector", "spec.nodeName=n"},
                                             {"limit", "3"},
                                             {"continue", "x+/="},
                                             {"resourceVersion", "5"},
                                             {"resourceVersionMatch", "NotOlderThan"}}));
    EXPECT_THAT(request.target, HasSubstr("labelSelector=a%20in%20%28b%2Cc%29%2Cd%3De%20f"));
    std::ignore = testing::Run(io, client.Get(kPods, {"default", "a/b?c"}));
    EXPECT_EQ(server.Requests().at(1).target, "/api/v1/namespaces/default/pods/a%2Fb%3Fc");
}

TEST_P(CallTest, ListsPages) {
    server.When("GET", "/api/v1/pods")
        .Reply(200,
               R"({"kind":"PodList","metadata":{"resourceVersion":"9","continue":"next"},)"
               R"("items":[{"metadata":{"name":"a","namespace":"n","managedFields":[{}]},"x":1},)"
               R"({"metadata":{"name":"b","namespace":"n"}}]})")
        .Reply(200, R"({"items":null,"metadata":{"resourceVersion":"9"}})");
    auto page = testing::Run(io, client.List(kPods));
    ASSERT_TRUE(page) << page.error().message;
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_EQ(page->items[0]->raw, R"({"metadata":{"name":"a","namespace":"n"},"x":1})");
    EXPECT_EQ(page->items[1]->meta.Key().ToString(), "n/b");
    EXPECT_EQ(page->continue_token, "next");
    EXPECT_EQ(server.Requests().at(0).query.at("limit"), "500");
    page = testing::Run(
        io, client.List(kPods, With<ListOptions>([&](auto& o) { o.continue_token = "next"; })));
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_TRUE(page->items.empty());
    EXPECT_TRUE(page->continue_token.empty());
}

TEST_P(CallTest, PatchesSayWhichKindTheyAre) {
    server.When("PATCH", kPodPath).Reply(200, kPodJson);
    server.When("PATCH", std::string(kPodPath) + "/status").Reply(200, kPodJson);
    ASSERT_TRUE(testing::Run(io, client.Patch(kPods, kPodKey, PatchType::kMerge, "{}")));
    ASSERT_TRUE(testing::Run(io, client.Patch(kPods, kPodKey, PatchType::kJson, "[]")));
    ASSERT_TRUE(testing::Run(
        io, client.Patch(kPods, kPodKey, PatchType::kApply, "{}", With<WriteOptions>([&](auto& o) {
                             o.field_manager = "m";
                             o.subresource = "status";
                             o.force = true;
                         }))));
    const auto requests = server.Requests();
    EXPECT_EQ(requests.at(0).Header("content-type"), "application/merge-patch+json");
    EXPECT_EQ(requests.at(1).Header("content-type"), "application/json-patch+json");
    EXPECT_EQ(requests.at(2).Header("content-type"), "application/apply-patch+yaml");
    EXPECT_EQ(requests.at(2).path, std::string(kPodPath) + "/status");
    EXPECT_EQ(requests.at(2).query, (testing::Query{{"fieldManager", "m"}, {"force", "true"}}));
}

TEST_P(CallTest, DeletesWithPreconditions) {
    server.When("DELETE", kPodPath)
        .Reply(200, R"({"kind":"Status","status":"Success"})")
        .Reply(202, kPodJson)
        .Reply(404, R"({"kind":"Status","reason":"NotFound","message":"gone","code":404})");
    EXPECT_TRUE(testing::Run(io, client.Delete(kPods, kPodKey, With<DeleteOptions>([&](auto& o) {
                                                   o.uid = "u-1";
                                                   o.resource_version = "12";
                                                   o.grace_period_seconds = 0;
                                                   o.propagation = "Background";
                                               }))));
    EXPECT_TRUE(testing::Run(io, client.Delete(kPods, kPodKey, {})));
    const auto gone = testing::Run(io, client.Delete(kPods, kPodKey, {}));
    ASSERT_FALSE(gone);
    EXPECT_TRUE(gone.error().IsNotFound());
    const auto requests = server.Requests();
    EXPECT_EQ(
        requests.at(0).body,
        R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u-1",)"
        R"("resourceVersion":"12"},"gracePeriodSeconds":0,"propagationPolicy":"Background"})");
    EXPECT_EQ(requests.at(1).body, R"({"apiVersion":"v1","kind":"DeleteOptions"})");
}

TEST_P(CallTest, TypedErrors) {
    server.When("POST", kPodsPath)
        .Reply(409, R"({"kind":"Status","status":"Failure","message":"pods \"a\" already exists",)"
                    R"("reason":"AlreadyExists","details":{"name":"a","causes":[{"field":"f",)"
                    R"("reason":"r","message":"m"}]},"code":409})")
        .Reply(502, "<html>\nBad gateway \x1b[31m</html>");
    auto pod = testing::Run(io, client.Create(kPods, "default", "{}"));
    ASSERT_FALSE(pod);
    EXPECT_TRUE(pod.error().IsAlreadyExists());
    EXPECT_FALSE(pod.error().IsTransient());
    EXPECT_EQ(pod.error().kind, ErrorKind::kStatus);
    ASSERT_EQ(pod.error().causes.size(), 1U);
    EXPECT_EQ(pod.error().causes[0].field, "f");
    EXPECT_EQ(pod.error().causes[0].reason, "r");
    EXPECT_EQ(pod.error().causes[0].message, "m");
    EXPECT_EQ(
        pod.error().message,
        "POST /api/v1/namespaces/default/pods: pods \"a\" already exists (409 AlreadyExists)");
    pod = testing::Run(io, client.Create(kPods, "default", "{}"));
    ASSERT_FALSE(pod);
    EXPECT_EQ(pod.error().code, 502);
    EXPECT_TRUE(pod.error().IsTransient());
    EXPECT_EQ(pod.error().message, "POST /api/v1/namespaces/default/pods: <html> (502)");
    // An error is an answer like any other: the connection is kept.
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(CallTest, RefusesWhatCannotBeMeant) {
    const auto refused = [](const auto& result, const char* why) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
        EXPECT_THAT(result.error().message, HasSubstr(why));
    };
    refused(testing::Run(io, client.Get(kPods, {"", "a"})), "namespace is missing");
    refused(testing::Run(io, client.Get(kPods, {"n", ""})), "no name");
    refused(testing::Run(io, client.Get(kPods, {"n", ".."})), "no name");
    refused(testing::Run(io, client.Get(kPods, {"..", "a"})), "no namespace");
    refused(testing::Run(io, client.Get(kNamespaces, {"n", "a"})), "not namespaced");
    refused(testing::Run(io, client.Create(kPods, "", "{}")), "namespace is missing");
    refused(testing::Run(io, client.Update(kPods, kPodKey, "{}")), "resourceVersion");
    refused(testing::Run(io, client.Patch(kPods, kPodKey, PatchType::kApply, "{}")),
            "field_manager");
    refused(testing::Run(io, client.GetRaw("version")), "slash");
    EXPECT_TRUE(server.Requests().empty());
}

TEST_P(CallTest, UsesTheBasePathAndGivesRawAnswers) {
    Config config = server.ClientConfig();
    config.base_path = "/proxy/x";
    Client behind(io.get_executor(), config);
    server.When("GET", "/proxy/x/readyz").Reply(200, "ok", {{"Content-Type", "text/plain"}});
    const auto text = testing::Run(io, behind.GetRaw("/readyz?verbose"));
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "ok");
    EXPECT_EQ(server.Requests().at(0).target, "/proxy/x/readyz?verbose");
}

TEST_P(CallTest, KnowsTheServersTimeFromItsAnswers) {
    server.When("GET", kPodPath)
        .Reply(404, "", {{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}})
        .Reply(200, kPodJson);
    EXPECT_FALSE(testing::Run(io, client.Get(kPods, kPodKey)));
    const auto told = std::chrono::system_clock::from_time_t(784'111'777);
    EXPECT_GE(client.ServerTime(), told);
    EXPECT_LT(client.ServerTime(), told + std::chrono::minutes(1));
    EXPECT_TRUE(testing::Run(io, client.Get(kPods, kPodKey)));
    EXPECT_LT(client.ServerTime(), told + std::chrono::minutes(1)) << "an answer without a date";
}

TEST_P(CallTest, LogsAWarningOnceForEachText) {
    server.When("GET", kPodPath)
        .Reply(
            200, kPodJson,
            {{"Warning", R"(299 - "v1 Thing is \"deprecated\"")"}, {"Warning", "299 - \"other\""}});
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(GetPod(client));
    const std::string log = ::testing::internal::GetCapturedStderr();
    const auto count = [&](const std::string& text) {
        int n = 0;
        for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1))
            ++n;
        return n;
    };
    EXPECT_EQ(count(R"(v1 Thing is \"deprecated\")"), 1) << log;
    EXPECT_EQ(count("other"), 1) << log;
}

TEST_P(CallTest, WarningsAreBounded) {
    server.When("GET", kPodPath).Call([n = 0](const testing::Request&) mutable {
        testing::Answer answer;
        answer.body = kPodJson;
        answer.headers = {{"Warning", "299 - \"number " + std::to_string(++n) + "\""}};
        return answer;
    });
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < 300; ++i)
        ASSERT_TRUE(GetPod(client));
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, HasSubstr("number 256\""));
    EXPECT_THAT(log, ::testing::Not(HasSubstr("number 257\"")));
}

TEST_P(CallTest, SpeaksToIpv6) {
    testing::Imposter six(
        {.tls = GetParam(), .require_client_certificate = GetParam(), .address = "::1"});
    six.When("GET", kPodPath).Reply(200, kPodJson);
    Client client6(io.get_executor(), six.ClientConfig());
    const auto pod = GetPod(client6);
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(six.Requests().at(0).Header("host"), "[::1]:" + std::to_string(six.Port()));
}

TEST_P(CallTest, ResolvesNames) {
    Config config = server.ClientConfig();
    config.host = "localhost";
    Client named(io.get_executor(), config);
    server.When("GET", kPodPath).Reply(200, kPodJson);
    auto pod = GetPod(named);
    ASSERT_TRUE(pod) << pod.error().message;
    config.host = "no-such-host.invalid";
    Client lost(io.get_executor(), config);
    pod = GetPod(lost, With<CallOptions>([&](auto& o) { o.deadline = 3s; }));
    ASSERT_FALSE(pod);
    EXPECT_THAT(pod.error().message, HasSubstr("no-such-host.invalid"));
    EXPECT_TRUE(pod.error().IsTransient());
}

TEST(RequestTest, PreconditionsOfPatches) {
    using internal::HasPrecondition;
    EXPECT_TRUE(HasPrecondition(PatchType::kApply, "{}"));
    EXPECT_FALSE(HasPrecondition(PatchType::kMerge, R"({"metadata":{"labels":{}}})"));
    EXPECT_TRUE(HasPrecondition(PatchType::kMerge, R"({"metadata":{"resourceVersion":"1"}})"));
    EXPECT_FALSE(HasPrecondition(PatchType::kJson, R"([{"op":"remove","path":"/a"}])"));
    EXPECT_TRUE(HasPrecondition(
        PatchType::kJson, R"([{"op":"test","path":"/metadata/resourceVersion","value":"1"}])"));
}

}  // namespace
}  // namespace dlws::kube
