// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/handlers.h"

#include <fmt/format.h>

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
constexpr const char* kRange = "/api/v1/query_range";

class MetricsTest : public PortalTest {
  protected:
    MetricsTest() {
        job.meta.name = "digits";
        job.meta.ns = "vision";
        job.meta.uid = "uid-1";
        job.meta.creationTimestamp = Now() - std::chrono::hours(2);
        job.spec.roles.resize(1);
        job.spec.roles[0].name = "worker";
        job.spec.roles[0].replicas = 2;
        job.status.startTime = job.meta.creationTimestamp;
        AddJobMetrics(router, job_metrics);
        Allow("alice get dljobs vision/digits");
        Allow("alice list pods vision");
        Prometheus::Settings settings;
        settings.url = fmt::format("http://127.0.0.1:{}", other.Port());
        settings.deadline = std::chrono::milliseconds(500);
        prometheus.emplace(io.get_executor(), settings);
        job_metrics.prometheus = &*prometheus;
    }
    static model::Time Now() {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    }
    Outcome Ask(const std::string& query, const std::string& who = "alice",
                const std::string& name = "digits") {
        const Operation& operation = router.Operations().front();
        Call call;
        call.caller = As(who);
        call.path = {{"namespace", "vision"}, {"job", name}};
        call.query = kube::ParseHttpQuery(query, operation.query).value();
        return kube::testing::Run(io, operation.handler(std::move(call)));
    }
    json::object Body(const std::string& query) {
        const Outcome outcome = Ask(query);
        EXPECT_TRUE(outcome) << outcome.error().detail;
        return outcome ? json::parse(std::string(outcome->Body())).as_object() : json::object();
    }
    std::string WhyNot(const std::string& query) {
        const json::object body = Body(query);
        EXPECT_EQ(body.at("available"), false);
        EXPECT_TRUE(body.at("series").as_array().empty());
        return std::string(body.at("why").as_string());
    }

    kube::testing::Imposter other;
    std::optional<Prometheus> prometheus;
    model::DLJob job;
    Router router;
    JobMetrics job_metrics{
        .backend = backend, .find = [this](const std::string&, const std::string& name) {
            return name == "digits" ? std::optional(JobLogs(job, {})) : std::nullopt;
        }};
};

TEST_F(MetricsTest, AreOfTheJobAlone) {
    other.When("GET", kRange)
        .Reply(200, R"({"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"place":"digits-worker-1","gpu":"0"},"values":[[1796040000,"93.5"]]},
            {"metric":{"place":"others-worker-1","gpu":"0"},"values":[[1796040000,"1"]]}]}})");
    EXPECT_EQ(json::value(Body("metric=gpuUtilization")), json::parse(R"({"available":true,
        "metric":"gpuUtilization","unit":"percent","stepSeconds":30,
        "series":[{"rank":1,"pod":"digits-worker-1-0","device":"0","points":[[1796040000,93.5]]}]})"));
    const auto asked = other.Requests().back().query;
    EXPECT_THAT(asked.at("query"),
                HasSubstr(R"({namespace="vision", pod=~"digits-(?:worker-0|worker-1)-[0-9]+")"));
    EXPECT_EQ(asked.at("step"), "30");
    EXPECT_NEAR(double(std::stoll(asked.at("end")) - std::stoll(asked.at("start"))), 3600, 30);
}

TEST_F(MetricsTest, AreOfWhoMayGetTheJobAndListItsPods) {
    other.When("GET", kRange)
        .Reply(200, R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
    const auto refused = Ask("metric=cpu", "bob"), unknown = Ask("metric=cpu", "bob", "nothing");
    ASSERT_FALSE(refused || unknown);
    EXPECT_EQ(refused.error().status, 403);
    EXPECT_EQ(refused.error().detail, unknown.error().detail);
    Allow("carol get dljobs vision");
    ASSERT_FALSE(Ask("metric=cpu", "carol"));
    EXPECT_EQ(Ask("metric=cpu", "carol").error().status, 403);
    EXPECT_TRUE(other.Requests().empty());
    Allow("dora get dljobs vision");
    Allow("dora list pods vision");
    EXPECT_TRUE(Ask("metric=cpu", "dora"));
    EXPECT_EQ(Ask("metric=cpu", "dora", "nothing").error().status, 404);
    job_metrics.prometheus = nullptr;
    EXPECT_EQ(Ask("metric=cpu", "bob").error().status, 403);
    EXPECT_EQ(Ask("metric=cpu", "dora", "nothing").error().status, 404);
}

TEST_F(MetricsTest, AWrongQuestionIsNoQuestion) {
    const auto wrong = Ask("metric=up");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().status, 400);
    EXPECT_EQ(Asked(), 0u);
    EXPECT_EQ(Ask("metric=cpu&rank=2").error().status, 400);
    EXPECT_TRUE(other.Requests().empty());
}

TEST_F(MetricsTest, ATimeWithoutPointsAsksNobody) {
    const auto body = Body("metric=cpu&to=2020-01-01T00:00:00Z");
    EXPECT_EQ(body.at("available"), true);
    EXPECT_TRUE(body.at("series").as_array().empty());
    EXPECT_TRUE(other.Requests().empty());
}

TEST_F(MetricsTest, WithoutPrometheusThereAreNone) {
    job_metrics.prometheus = nullptr;
    EXPECT_THAT(WhyNot("metric=memory"), HasSubstr("portal.prometheus.url"));
}

TEST_F(MetricsTest, APrometheusThatIsAwayOrAnswersRubbish) {
    other.When("GET", kRange).Misbehave(kube::testing::Fault::kNeverAnswer);
    EXPECT_THAT(WhyNot("metric=cpu"), HasSubstr("within 0.5 s"));
    other.When("GET", kRange).Reply(302, "", {{"Location", "http://127.0.0.1:1/"}});
    EXPECT_THAT(WhyNot("metric=cpu"), HasSubstr("elsewhere"));
    other.When("GET", kRange).Reply(200, "<html>");
    EXPECT_THAT(WhyNot("metric=cpu"), HasSubstr("no answer"));
}

TEST_F(MetricsTest, AJobWhoseNamesGetOutOfAQueryIsOurMistake) {
    job.spec.roles[0].name = "worker|.*";
    const auto outcome = Ask("metric=cpu");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().status, 500);
    EXPECT_TRUE(other.Requests().empty());
}

}  // namespace
}  // namespace dlws::portal
