// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/writes.h"

#include "portal/server/fixture.h"
#include "portal/server/jobs/body.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using testing::JobText;

constexpr const char* kJobs = "/apis/dlworkspace.io/v1/namespaces/vision/dljobs";
constexpr const char* kDigits = "/apis/dlworkspace.io/v1/namespaces/vision/dljobs/digits";

std::string Status(int code, const char* reason, const std::string& message,
                   const char* causes = "[]") {
    return fmt::format(R"({{"kind":"Status","status":"Failure","message":{},"reason":"{}",)"
                       R"("details":{{"causes":{}}},"code":{}}})",
                       json::serialize(json::value(message)), reason, causes, code);
}

class WritesTest : public PortalTest {
  protected:
    WritesTest() { AddJobWrites(router, jobs); }

    Outcome Ask(const std::string& method, const std::string& path, const std::string& body = "",
                const std::string& field = "", const std::string& value = "") {
        const std::size_t mark = path.find('?');
        auto match = router.Find(method, path.substr(0, mark));
        if (!match) return std::unexpected(match.error());
        Call call;
        call.caller = As("alice");
        call.path = match->path;
        const std::string query = mark == std::string::npos ? "" : path.substr(mark + 1);
        call.query = kube::ParseHttpQuery(query, match->operation->query).value();
        call.request.body = body;
        if (!field.empty()) call.request.fields.emplace_back(field, value);
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    Outcome Submit(const std::string& body, const std::string& type = "application/json",
                   const std::string& query = "") {
        return Ask("POST", "/api/v1/namespaces/vision/jobs" + query, body, "Content-Type", type);
    }
    // The last request that was no review.
    kube::testing::Request Last() {
        const auto requests = server.Requests();
        return requests.empty() ? kube::testing::Request() : requests.back();
    }

    kube::Store store;
    JobTable table;
    Router router;
    Jobs jobs{backend, table, store, [] { return std::string("r7"); },
              [](const model::DLJob&) { return std::string(); }};
};

TEST_F(WritesTest, AJobIsMadeAsTheCaller) {
    server.When("POST", kJobs).Reply(201, JobText().Json());
    const auto made = Submit(R"({"metadata":{"name":"digits"},"spec":{"image":"i"}})");
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->status, 201);
    EXPECT_EQ(made->Field("Location"), "/api/v1/namespaces/vision/jobs/digits");
    EXPECT_EQ(json::parse(made->Body()).at("uid"), "u1");
    const auto request = Last();
    EXPECT_EQ(request.Header("authorization"), "Bearer alice-token");
    EXPECT_EQ(request.query.at("fieldValidation"), "Strict");
    EXPECT_FALSE(request.query.contains("dryRun"));
    EXPECT_EQ(json::parse(request.body),
              json::parse(R"({"metadata":{"name":"digits"},"spec":{"image":"i"},
                  "apiVersion":"dlworkspace.io/v1","kind":"DLJob"})"));
}

TEST_F(WritesTest, ADryRunGivesTheJobAsItWouldBe) {
    server.When("POST", kJobs).Reply(201, JobText().Json());
    const auto checked = Submit("spec: {image: i}\nmetadata: {name: digits, namespace: vision}\n",
                                "application/yaml; charset=utf-8", "?dryRun=All");
    ASSERT_TRUE(checked) << checked.error().detail;
    EXPECT_EQ(checked->status, 200);
    EXPECT_EQ(json::parse(checked->Body()).at("spec").at("image"), "registry.example/digits:1");
    EXPECT_EQ(Last().query.at("dryRun"), "All");
    EXPECT_FALSE(Submit("{}", "application/json", "?dryRun=Some"));
}

TEST_F(WritesTest, WhatIsNoDLJobOfTheNamespaceIsRefusedHere) {
    const auto wrong = [&](const std::string& body, const std::string& type = "application/json") {
        const auto outcome = Submit(body, type);
        EXPECT_FALSE(outcome) << body;
        if (outcome) return std::string();
        EXPECT_EQ(outcome.error().status, 400);
        const FieldError& error = outcome.error().errors.at(0);
        return fmt::format("{} {} @{}", error.field, error.message, error.line);
    };
    EXPECT_EQ(wrong(R"({"metadata":{"namespace":"speech"}})"),
              "metadata.namespace must be vision, or not be there @0");
    EXPECT_EQ(wrong("kind: DLJob\nmetadata:\n  name: x\n  namespace: speech\n", "application/yaml"),
              "metadata.namespace must be vision, or not be there @4");
    EXPECT_EQ(wrong(R"({"metadata":{"namespace":"speech"}})", "application/json; note=yaml"),
              "metadata.namespace must be vision, or not be there @0")
        << "it is no YAML, so it has no lines";
    EXPECT_EQ(wrong(R"({"kind":"Pod"})"), "kind must be DLJob @0");
    EXPECT_EQ(wrong(R"({"apiVersion":"v1"})"), "apiVersion must be dlworkspace.io/v1 @0");
    EXPECT_EQ(wrong(R"({"metadata":7})"), "metadata must be an object @0");
    EXPECT_EQ(wrong("[]"), "body must be one DLJob @0");
    EXPECT_EQ(wrong(R"({"spec":{"image":"a","image":"b"}})"),
              "body has the key \"image\" twice in one object @0");
    EXPECT_EQ(wrong("{").substr(0, 16), "body is no JSON:");
    EXPECT_EQ(wrong("a: 1\na: 2\n", "application/yaml").substr(0, 20), "body cannot be read:");
    EXPECT_EQ(wrong("a: 1\na: 2\n", "application/yaml")
                  .substr(wrong("a: 1\na: 2\n", "application/yaml").size() - 2),
              "@2");
    EXPECT_EQ(server.Requests().size(), 0u);
}

TEST_F(WritesTest, ErrorsNameFieldsAndLines) {
    server.When("POST", kJobs)
        .Reply(422, Status(422, "Invalid", "DLJob digits is invalid",
                           R"([{"reason":"FieldValueInvalid","field":"spec.roles[1].gpus",)"
                           R"("message":"must be at most 128"}])"));
    const std::string yaml =
        "metadata: {name: digits}\nspec:\n  image: i\n  roles:\n  - name: a\n  - name: b\n    "
        "gpus: 500\n";
    auto refused = Submit(yaml, "application/yaml");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 422);
    ASSERT_EQ(refused.error().errors.size(), 1u);
    EXPECT_EQ(refused.error().errors[0].field, "spec.roles[1].gpus");
    EXPECT_EQ(refused.error().errors[0].line, 7u);
    server.When("POST", kJobs)
        .Reply(400,
               Status(400, "BadRequest",
                      "DLJob in version \"v1\" cannot be handled as a DLJob: strict decoding "
                      "error: unknown field \"spec.imag\", unknown field \"spec.roles[0].gpu\""));
    refused = Submit("metadata: {name: digits}\nspec:\n  imag: i\n", "application/yaml");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 400);
    ASSERT_EQ(refused.error().errors.size(), 2u);
    EXPECT_EQ(refused.error().errors[0].field, "spec.imag");
    EXPECT_EQ(refused.error().errors[0].line, 3u);
    EXPECT_EQ(refused.error().errors[1].field, "spec.roles[0].gpu");
    server.When("POST", kJobs).Reply(409, Status(409, "AlreadyExists", "it exists"));
    refused = Submit(R"({"metadata":{"name":"digits"}})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().detail,
              "There is a job digits in vision. Choose another name, for example digits-2.");
}

TEST_F(WritesTest, AChangeIsAPatchThatTestsTheUid) {
    server.When("PATCH", kDigits).Reply(200, JobText().Json());
    const auto patch = [&](const std::string& path) {
        const auto changed = Ask("POST", "/api/v1/namespaces/vision/jobs/digits" + path);
        EXPECT_TRUE(changed) << changed.error().detail;
        EXPECT_EQ(Last().Header("content-type"), "application/json-patch+json");
        EXPECT_EQ(Last().Header("authorization"), "Bearer alice-token");
        return json::parse(Last().body);
    };
    EXPECT_EQ(patch("/stop"), json::parse(R"([{"op":"add","path":"/spec/stop","value":true}])"));
    EXPECT_EQ(patch("/suspend?uid=u1"),
              json::parse(R"([{"op":"test","path":"/metadata/uid","value":"u1"},
                  {"op":"add","path":"/spec/suspend","value":true}])"));
    EXPECT_EQ(patch("/resume"),
              json::parse(R"([{"op":"add","path":"/spec/suspend","value":false}])"));
}

TEST_F(WritesTest, AJobThatWasMadeAnewIsAnotherOne) {
    const auto stop = [&](const std::string& query) {
        const auto outcome = Ask("POST", "/api/v1/namespaces/vision/jobs/digits/stop" + query);
        return outcome ? std::string("(done)") : outcome.error().reason;
    };
    server.When("PATCH", kDigits)
        .Reply(422, Status(422, "Invalid",
                           "the server rejected our request due to an error in our request"));
    EXPECT_EQ(stop("?uid=u9"), "WrongObject");
    EXPECT_EQ(stop(""), "Invalid");
    server.When("PATCH", kDigits)
        .Reply(422, Status(422, "Invalid", "admission webhook \"dljobs\" denied the request: no"));
    EXPECT_EQ(stop("?uid=u1"), "Invalid");
    server.When("PATCH", kDigits)
        .Reply(422, Status(422, "Invalid", "x", R"([{"field":"spec","message":"m"}])"));
    EXPECT_EQ(stop("?uid=u1"), "Invalid");
}

TEST_F(WritesTest, ADeletionHasTheUidAsItsPrecondition) {
    server.When("DELETE", kDigits)
        .Reply(200, R"({"kind":"Status","status":"Success"})")
        .Reply(409, Status(409, "Conflict", "Precondition failed: UID"));
    const char* path = "/api/v1/namespaces/vision/jobs/digits?uid=u1";
    const auto deleted = Ask("DELETE", path);
    ASSERT_TRUE(deleted) << deleted.error().detail;
    EXPECT_EQ(deleted->status, 204);
    EXPECT_EQ(json::parse(Last().body).at("preconditions").at("uid"), "u1");
    const auto another = Ask("DELETE", path);
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().reason, "WrongObject");
    EXPECT_EQ(another.error().status, 409);
}

TEST_F(WritesTest, AManifestIsAsItIsStoredOrCanBeSubmittedAgain) {
    JobText text;
    text.metadata = R"(,"labels":{"team":"x"},"annotations":{"a":"b",
        "kubectl.kubernetes.io/last-applied-configuration":"{}"},"managedFields":[{}])";
    text.spec =
        R"("image":"i","stop":true,"suspend":true,"files":[{"name":"a","content":"x\ny\n"}])";
    server.When("GET", kDigits).Reply(200, text.Json());
    const std::string path = "/api/v1/namespaces/vision/jobs/digits/manifest";
    const auto view = Ask("GET", path, "", "Accept", "application/json");
    ASSERT_TRUE(view) << view.error().detail;
    EXPECT_EQ(view->content_type, "application/json");
    EXPECT_EQ(json::parse(view->Body()).at("spec").at("files").at(0).at("content"), "x\ny\n");
    EXPECT_EQ(json::parse(view->Body()).at("status").at("phase"), "Queued");
    const auto clone = Ask("GET", path + "?for=clone", "", "Accept", "*/*");
    ASSERT_TRUE(clone);
    EXPECT_EQ(clone->content_type, "application/yaml");
    const auto again = ReadBody(clone->Body(), true);
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->value, json::parse(R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob",
        "metadata":{"name":"digits","labels":{"team":"x"},"annotations":{"a":"b"}},
        "spec":{"image":"i","files":[{"name":"a","content":"x\ny\n"}]}})"));
    EXPECT_FALSE(Ask("GET", path + "?for=copy"));
    const auto unwelcome = Ask("GET", path, "", "Accept", "text/html");
    ASSERT_FALSE(unwelcome);
    EXPECT_EQ(unwelcome.error().status, 406);
}

TEST(FormFor, TakesWhatIsMostWelcome) {
    for (const char* yaml :
         {"", "*/*", "application/*", "application/yaml", "application/json;q=0.5, */*",
          "application/yaml, application/json", "text/html, APPLICATION/YAML"})
        EXPECT_EQ(FormFor(yaml), Form::Yaml) << yaml;
    for (const char* json : {"application/json", "application/json, text/plain, */*",
                             "application/yaml;q=0.1,application/json; q=0.9",
                             "application/json;v=1", "application/*, application/yaml;q=0"})
        EXPECT_EQ(FormFor(json), Form::Json) << json;
    for (const char* none : {"text/html", "application/json;q=0", ",", "*/*;q=0"})
        EXPECT_FALSE(FormFor(none)) << none;
}

TEST(ReadBody, HasLimits) {
    const auto read = [](const std::string& text) { return ReadBody(text, false).has_value(); };
    const auto deep = [](int levels) {
        return std::string(std::size_t(levels), '[') + std::string(std::size_t(levels), ']');
    };
    EXPECT_TRUE(read(deep(64)));
    EXPECT_FALSE(read(deep(65)));
    EXPECT_FALSE(read(deep(5000)));
    const auto wide = [](int items) {
        std::string text = "[0";
        for (int i = 1; i < items; ++i)
            text += ",0";
        return text + "]";
    };
    EXPECT_TRUE(read(wide(19'999)));
    EXPECT_FALSE(read(wide(20'000)));
    EXPECT_FALSE(read("\"\xff\""));
    EXPECT_FALSE(read("{} {}"));
    EXPECT_FALSE(read(R"([{"a":1,"b":{"c":2,"\u0063":3}}])"));
    const auto body = ReadBody(R"({"a":[1.5,"\ud83d\ude00",18446744073709551615]})", false);
    ASSERT_TRUE(body);
    EXPECT_EQ(json::serialize(body->value),
              "{\"a\":[1.5E0,\"\xf0\x9f\x98\x80\",18446744073709551615]}");
}

}  // namespace
}  // namespace dlws::portal
