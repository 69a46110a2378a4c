// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "portal/server/router.h"

namespace dlws::portal {

namespace {

constexpr std::size_t kMostTopics = 8;
constexpr std::size_t kMostText = 512;

std::expected<Topic, std::string> ParseJobs(const std::string& text, std::string_view query) {
    const auto given = kube::ParseHttpQuery(query, kJobParameters);
    if (!given) return std::unexpected(fmt::format("of jobs cannot be read: {}", given.error()));
    auto filter = ParseFilter(*given);
    if (!filter)
        return std::unexpected(fmt::format("of jobs cannot be read: {} {}", filter.error().name,
                                           filter.error().message));
    return Topic{text, JobsTopic{std::move(*filter)}};
}

}  // namespace

std::expected<Topic, std::string> ParseTopic(const std::string& text) {
    const std::string_view view = text;
    if (text.size() > kMostText) return std::unexpected("must have at most 512 bytes");
    if (text == "cluster") return Topic{text, ClusterTopic()};
    if (text == "approvals") return Topic{text, ApprovalsTopic()};
    if (text == "jobs") return ParseJobs(text, "");
    if (text.starts_with("jobs?")) return ParseJobs(text, view.substr(5));
    if (text.starts_with("job/")) {
        const std::string_view rest = view.substr(4);
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        const std::string ns(rest.substr(0, slash));
        const std::string name(rest.substr(std::min(slash + 1, rest.size())));
        if (WrongName("namespace", ns).empty() && WrongName("job", name).empty())
            return Topic{text, JobTopic{ns, name}};
    }
    return std::unexpected(
        "must be jobs, jobs? and parameters of ListJobs, job/NAMESPACE/NAME, cluster or approvals");
}

std::expected<std::vector<Topic>, std::string> ParseTopics(const std::vector<std::string>& texts) {
    if (texts.empty() || texts.size() > kMostTopics)
        return std::unexpected(fmt::format("must be given 1 to {} times", kMostTopics));
    std::vector<Topic> topics;
    for (const std::string& text : texts) {
        if (std::ranges::find(topics, text, &Topic::text) != topics.end())
            return std::unexpected("must not name anything twice");
        auto topic = ParseTopic(text);
        if (!topic) return std::unexpected(std::move(topic.error()));
        topics.push_back(std::move(*topic));
    }
    return topics;
}

}  // namespace dlws::portal
