// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/answer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace dlws::portal {
namespace {

namespace json = boost::json;

MetricsPlan PlanOf(int ranks, Metric metric = Metric::Cpu) {
    MetricsPlan plan;
    plan.query.metric = metric;
    plan.query.job = "digits";
    for (int rank = 0; rank < ranks; ++rank)
        plan.ranks.push_back({.rank = rank,
                              .place = {"worker", rank},
                              .pod = fmt::format("digits-worker-{}-1", rank)});
    plan.range = MetricRange{.from = 0, .to = 90, .step = 30};
    return plan;
}

std::string Matrix(const std::string& results) {
    return R"({"status":"success","data":{"resultType":"matrix","result":[)" + results + "]}}";
}

std::string Line(const std::string& place, const std::string& values,
                 const std::string& labels = "") {
    return fmt::format(R"({{"metric":{{"place":"{}"{}}},"values":[{}]}})", place, labels, values);
}

TEST(ReadMatrix, GivesEachRankItsLine) {
    const auto plan = PlanOf(3);
    const auto series = ReadMatrix(Matrix(Line("digits-worker-2", R"([30,"1.5"],[60,"2"])") + "," +
                                          Line("digits-worker-0", R"([60.000,"1e3"])") + "," +
                                          Line("digits-worker-7", R"([60,"1"])") + "," +
                                          Line("other-worker-0", R"([60,"1"])")),
                                   plan);
    ASSERT_TRUE(series);
    EXPECT_EQ(MetricsJson(plan, *series),
              R"({"available":true,"metric":"cpu","unit":"cores","stepSeconds":30,"series":[)"
              R"({"rank":0,"pod":"digits-worker-0-1","points":[[60,1000]]},)"
              R"({"rank":2,"pod":"digits-worker-2-1","points":[[30,1.5],[60,2]]}]})");
    json::parse(MetricsJson(plan, *series));
}

TEST(ReadMatrix, WhatIsNoNumberIsLeftOut) {
    const auto series = ReadMatrix(
        Matrix(Line("digits-worker-0", R"([0,"NaN"],[30,"+Inf"],[60,"-Inf"],[90,"0.25"],[1,"x"],)"
                                       R"([2,"1,5"],[-1,"1"],[1e300,"1"],[3],["4","1"],5,[6,7])")),
        PlanOf(1));
    ASSERT_TRUE(series);
    ASSERT_EQ(series->size(), 1u);
    EXPECT_THAT(series->front().points, ::testing::ElementsAre(std::pair(90, 0.25)));
}

TEST(ReadMatrix, DevicesInTheirOrderAndTheirTextIsHostile) {
    const auto plan = PlanOf(2, Metric::GpuMemory);
    const auto gpu = [](const char* place, const std::string& name) {
        return Line(place, R"([0,"1"])", R"(,"gpu":")" + name + "\"");
    };
    const auto series =
        ReadMatrix(Matrix(gpu("digits-worker-1", "0") + "," + gpu("digits-worker-0", "10") + "," +
                          gpu("digits-worker-0", "9") + "," +
                          Line("digits-worker-0", R"([0,"1"])", R"(,"gpu":"1","GPU_I_ID":"7")") +
                          "," + gpu("digits-worker-0", "\\\"<script>" + std::string(100, 'x'))),
                   plan);
    ASSERT_TRUE(series);
    std::vector<std::string> devices;
    const json::value answer = json::parse(MetricsJson(plan, *series));
    for (const json::value& one : answer.at("series").as_array())
        devices.emplace_back(one.at("device").as_string());
    ASSERT_EQ(devices.size(), 5u);
    EXPECT_EQ(devices[0], "9");
    EXPECT_EQ(devices[1], "10");
    EXPECT_EQ(devices[2], "1/7");
    EXPECT_TRUE(devices[3].starts_with("\"<script>")) << devices[3];
    EXPECT_LE(devices[3].size(), 64u);
    EXPECT_EQ(devices[4], "0");
    EXPECT_EQ(answer.at("unit"), "bytes");
}

TEST(ReadMatrix, IsCutToWhatTheContractSays) {
    std::string values, lines;
    for (int i = 0; i < 600; ++i)
        values += fmt::format("{}[{},\"1\"]", i == 0 ? "" : ",", i);
    for (int i = 69; i >= 0; --i)
        lines += Line(fmt::format("digits-worker-{}", i), values) + (i == 0 ? "" : ",");
    const auto series = ReadMatrix(Matrix(lines), PlanOf(70));
    ASSERT_TRUE(series);
    ASSERT_EQ(series->size(), kMaxSeries);
    EXPECT_EQ(series->back().rank, 63);
    for (const MetricSeries& one : *series)
        EXPECT_EQ(one.points.size(), kMaxPoints);
}

TEST(ReadMatrix, WhatIsNoAnswer) {
    for (const std::string& body : std::initializer_list<std::string>{
             "",
             "null",
             "[]",
             "<html>",
             "{}",
             R"({"status":"success"})",
             R"({"status":"success","data":null})",
             R"({"status":"success","data":{"resultType":"matrix"}})",
             R"({"status":"success","data":{"resultType":"matrix","result":null}})",
             R"({"status":"success","data":{"resultType":"matrix","result":{}}})",
             R"({"status":"success","data":{"resultType":"matrix","result":["a"]}})",
             R"({"status":"success","data":{"resultType":"vector","result":[]}})",
             R"({"status":"error","data":{"resultType":"matrix","result":[]}})",
             R"({"status":7,"data":{"resultType":"matrix","result":[]}})",
             Matrix(R"({"metric":{"place":7},"values":[]})"),
             Matrix(R"({"metric":{"place":"digits-worker-0"},"values":{}})"),
             Matrix("").substr(0, 40),
             Matrix("") + "x",
             std::string(100'000, '['),
         })
        EXPECT_FALSE(ReadMatrix(body, PlanOf(1))) << body.substr(0, 100);
    EXPECT_TRUE(ReadMatrix(Matrix(""), PlanOf(1))->empty());
}

TEST(NoMetricsJson, SaysWhy) {
    EXPECT_EQ(NoMetricsJson(Metric::Memory, "It is \"away\"."),
              R"({"available":false,"why":"It is \"away\".","metric":"memory","series":[]})");
}

}  // namespace
}  // namespace dlws::portal
