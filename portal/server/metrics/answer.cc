// SPDX-License-Identifier: Apache-2.0
#include "portal/server/metrics/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <tuple>

#include "model/decode.h"
#include "model/encode.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
constexpr std::size_t kMaxDevice = 64;

std::string Quoted(std::string_view text) {
    return json::serialize(json::value(text));
}

// [seconds, "value"]
std::optional<std::pair<std::int64_t, double>> ReadPoint(simdjson::dom::element element) {
    simdjson::dom::array pair;
    double at = 0, value = 0;
    std::string_view text;
    if (element.get(pair) || pair.at(0).get(at) || pair.at(1).get(text)) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    // The greatest of dates: what is greater is no whole number of seconds any more.
    constexpr double kLatest = 253402300799;
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
        !(at >= 0 && at <= kLatest))
        return std::nullopt;
    return std::pair(std::int64_t(at), value);
}

std::string DeviceOf(const model::Node& labels) {
    std::string device = labels["gpu"].Text();
    const std::string instance = labels["GPU_I_ID"].Text();
    if (!instance.empty()) device += "/" + instance;
    return std::string(model::Cut(device, kMaxDevice));
}

}  // namespace

std::optional<std::vector<MetricSeries>> ReadMatrix(std::string_view body,
                                                    const MetricsPlan& plan) {
    std::map<std::string, const MetricRank*, std::less<>> ranks;
    for (const MetricRank& rank : plan.ranks)
        ranks.emplace(PlaceName(plan.query.job, rank.place), &rank);
    model::Document document(body);
    const model::Node data = document.Root()["data"];
    if (document.Root()["status"].Text() != "success" || data["resultType"].Text() != "matrix" ||
        !data["result"].Present())
        return std::nullopt;
    std::vector<MetricSeries> all;
    data["result"].Each([&](const model::Node& result) {
        const model::Node labels = result["metric"];
        const auto found = ranks.find(labels[kPlaceLabel].Text());
        if (found == ranks.end()) return;
        MetricSeries series;
        series.rank = found->second->rank;
        series.pod = found->second->pod;
        series.device = DeviceOf(labels);
        result["values"].Each([&](const model::Node& value) {
            if (series.points.size() == kMaxPoints) return;
            if (const auto point = ReadPoint(value.element())) series.points.push_back(*point);
        });
        all.push_back(std::move(series));
    });
    if (!document.error().empty()) return std::nullopt;
    std::ranges::sort(all, {}, [](const MetricSeries& series) {
        // "10" comes after "9".
        return std::tuple(series.rank, series.device.size(), std::string_view(series.device));
    });
    if (all.size() > kMaxSeries) all.resize(kMaxSeries);
    return all;
}

std::string MetricsJson(const MetricsPlan& plan, const std::vector<MetricSeries>& series) {
    // By hand: there may be 32,000 points, and a tree of JSON has many times their size.
    std::string text;
    const auto put = std::back_inserter(text);
    fmt::format_to(put, R"({{"available":true,"metric":"{}","unit":"{}")",
                   ToString(plan.query.metric), UnitOf(plan.query.metric));
    if (plan.range) fmt::format_to(put, R"(,"stepSeconds":{})", plan.range->step);
    text += R"(,"series":[)";
    for (const MetricSeries& one : series) {
        if (&one != &series.front()) text += ',';
        fmt::format_to(put, R"({{"rank":{},"pod":{})", one.rank, Quoted(one.pod));
        if (!one.device.empty()) fmt::format_to(put, R"(,"device":{})", Quoted(one.device));
        text += R"(,"points":[)";
        for (const auto& point : one.points)
            fmt::format_to(put, "{}[{},{}]", &point == &one.points.front() ? "" : ",", point.first,
                           point.second);
        text += "]}";
    }
    text += "]}";
    return text;
}

std::string NoMetricsJson(Metric metric, std::string_view why) {
    return fmt::format(R"({{"available":false,"why":{},"metric":"{}","series":[]}})",
                       Quoted(model::Cut(why, 512)), ToString(metric));
}

}  // namespace dlws::portal
