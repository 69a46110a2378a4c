// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <utility>
#include <vector>

#include "model/dlnode.h"
#include "model/names.h"
#include "portal/server/cluster/storages.h"
#include "portal/server/cluster/view.h"
#include "portal/server/jobs/paging.h"
#include "portal/server/jobs/query.h"
#include "portal/server/people/handlers.h"
#include "portal/server/sse.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

using cluster::NodeState;
constexpr std::array kStates = {NodeState::kReady, NodeState::kCordoned, NodeState::kUnhealthy,
                                NodeState::kNotReady};

// Where the caller may list jobs, if they may see the cluster at all.
kube::Awaitable<std::expected<Visible, Problem>> Look(const Cluster& cluster,
                                                      const Caller& caller) {
    Question question("get", std::string(model::kGroup), "clusterstatuses", "",
                      std::string(model::kDLClusterName));
    auto may = co_await cluster.backend.visibility.Must(caller, std::move(question));
    if (!may) co_return std::unexpected(std::move(may.error()));
    std::vector<std::string> all;
    auto visible = co_await cluster.backend.visibility.Of(caller, "list", "dljobs", std::move(all));
    // Who may see no jobs sees the numbers all the same.
    if (!visible && visible.error().status == 403) co_return Visible();
    co_return visible;
}

cluster::MaySee MaySeeOf(const Visible& visible) {
    return [&visible](std::string_view ns) { return visible.Has(ns); };
}

json::array StoragesOf(const Cluster& cluster, const std::string& username,
                       const Visible& visible) {
    const std::vector<KnownUser> users = UsersOf(cluster.users, username);
    const bool one = users.size() == 1;  // jobs of a name that two DLUsers have run as nobody
    const cluster::Person person =
        cluster::PersonOf(cluster.settings, one ? &users.front().user : nullptr,
                          one ? &users.front().status : nullptr);
    return cluster::StoragesJson(cluster.settings, cluster.status, person, cluster.smb_host,
                                 MaySeeOf(visible));
}

std::string StatusText(const Cluster& cluster, const std::string& username,
                       const Visible& visible) {
    std::map<std::string, int> phases;
    for (const auto& [ns, rows] : cluster.jobs.Namespaces())
        for (const RowPtr& row : rows)
            ++phases[std::string(ToString(row->phase))];
    return json::serialize(cluster::ClusterStatusJson(
        {cluster.gpus.Summary(), cluster.settings, cluster.status, phases},
        StoragesOf(cluster, username, visible), MaySeeOf(visible)));
}

kube::Awaitable<Outcome> GetClusterStatus(const Cluster& cluster, Call call) {
    auto visible = co_await Look(cluster, call.caller);
    if (!visible) co_return std::unexpected(std::move(visible.error()));
    co_return TaggedJson(StatusText(cluster, call.caller.username, *visible));
}

kube::Awaitable<Outcome> ListStorages(const Cluster& cluster, Call call) {
    auto visible = co_await Look(cluster, call.caller);
    if (!visible) co_return std::unexpected(std::move(visible.error()));
    co_return TaggedJson(json::serialize(
        json::object{{"items", StoragesOf(cluster, call.caller.username, *visible)}}));
}

// ---- nodes ----

struct Asked {
    std::string type, part;
    std::vector<NodeState> states;
    std::string sort = "name";
    Paging paging;
};

std::expected<Asked, Problem> Read(const kube::HttpParameters& query) {
    Asked asked;
    std::string question = "nodes";
    if (const std::string* type = query.Find("gpuType")) {
        if (!IsGpuType(*type))
            return std::unexpected(
                BadRequest("query.gpuType", "must be a kind of GPU, such as A100"));
        asked.type = *type;
        question += "/type=" + *type;
    }
    if (const std::string* part = query.Find("q")) {
        if (part->empty() || part->size() > 253)
            return std::unexpected(BadRequest("query.q", "must have 1 to 253 characters"));
        asked.part = *part;
        question += "/q=" + *part;
    }
    const std::vector<std::string> states = query.All("state");
    for (const NodeState state : kStates) {
        const auto named = std::ranges::count(states, cluster::ToString(state));
        if (named > 1) return std::unexpected(BadRequest("query.state", "must be each once"));
        if (named == 0) continue;
        asked.states.push_back(state);
        question += fmt::format("+{}", cluster::ToString(state));
    }
    if (asked.states.size() < states.size())
        return std::unexpected(
            BadRequest("query.state", "must be Ready, Cordoned, Unhealthy or NotReady"));
    if (const std::string* sort = query.Find("sort")) {
        asked.sort = *sort;
        question += "/sort=" + *sort;
    }
    constexpr std::array kSorts = {"name", "-name", "free", "-free", "problems"};
    if (std::ranges::find(kSorts, asked.sort) == kSorts.end())
        return std::unexpected(
            BadRequest("query.sort", "must be name, -name, free, -free or problems"));
    auto paging = ReadPaging(query, question);
    if (!paging) return std::unexpected(std::move(paging.error()));
    asked.paging = std::move(*paging);
    return asked;
}

bool Fits(const Asked& asked, const model::NodeRow& row) {
    const model::NodeFacts& facts = row.facts;
    if (!asked.type.empty() && facts.gpuType != asked.type) return false;
    if (!asked.states.empty() &&
        std::ranges::find(asked.states, cluster::StateOf(facts)) == asked.states.end())
        return false;
    return facts.name.contains(asked.part);
}

Place PlaceOf(const Asked& asked, const model::NodeRow& row) {
    const model::NodeFacts& facts = row.facts;
    if (asked.sort.ends_with("free")) return {model::FreeOn(row), {}, facts.name};
    if (asked.sort != "problems") return {0, facts.name, facts.name};
    // The worst state first, and in it the most GPUs that cannot be used.
    const int lost = std::clamp(facts.gpus - facts.allocatable, 0, 9'999);
    return {std::int64_t(cluster::StateOf(facts)) * 10'000 + lost, {}, facts.name};
}

kube::Awaitable<Outcome> ListNodes(const Cluster& cluster, Call call) {
    auto asked = Read(call.query);
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    auto visible = co_await Look(cluster, call.caller);
    if (!visible) co_return std::unexpected(std::move(visible.error()));
    const bool descending = asked->sort.starts_with('-') || asked->sort == "problems";
    const auto place = [&](const model::NodeRow* row) { return PlaceOf(*asked, *row); };
    std::vector<const model::NodeRow*> rows;
    for (const auto& [name, row] : cluster.gpus.Summary().Nodes())
        if (Fits(*asked, row)) rows.push_back(&row);
    std::ranges::sort(rows, [&](const model::NodeRow* a, const model::NodeRow* b) {
        return Before(place(a), place(b), descending);
    });
    const model::Time now = cluster.now();
    const auto text = [&](const model::NodeRow* row) {
        std::optional<model::DLNode> told;
        if (const kube::ObjectPtr object = cluster.nodes.Get({"", row->facts.name}))
            if (auto parsed = model::ParseDLNode(object->raw)) told = std::move(*parsed);
        return json::serialize(cluster::NodeJson(cluster.gpus.Summary(), *row, cluster.settings,
                                                 told ? &*told : nullptr, now, MaySeeOf(*visible)));
    };
    co_return TaggedJson(MakeListPage(rows, asked->paging, descending, place, text).Json());
}

// ---- the topic of streams ----

class ClusterFeed final : public Feed {
  public:
    ClusterFeed(const Cluster& cluster, std::string topic)
        : cluster_(cluster), topic_(std::move(topic)) {}

    kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) override {
        auto visible = co_await Look(cluster_, caller);
        if (!visible) co_return std::unexpected(std::move(visible.error()));
        visible_ = std::move(*visible);
        co_return std::expected<void, Problem>();
    }
    // Who waits for a stream looks each second.
    bool Waits() const override { return Clock::now() >= due_; }
    kube::Awaitable<std::vector<std::string>> Take(const Caller& caller) override {
        due_ = Clock::now() + kClusterInterval;
        std::vector<std::string> events;
        std::string text = StatusText(cluster_, caller.username, visible_);
        if (text != told_) {
            told_ = std::move(text);
            events.push_back(
                EventText("cluster", fmt::format(R"({{"topic":"cluster","cluster":{}}})", told_)));
        }
        co_return events;
    }
    void Begin(Hub&, std::optional<std::uint64_t>, std::function<void()>) override {}
    std::uint64_t About() const override { return Fnv(topic_); }
    const std::string& topic() const override { return topic_; }

  private:
    using Clock = std::chrono::steady_clock;
    const Cluster& cluster_;
    const std::string topic_;
    Visible visible_;
    std::string told_;
    Clock::time_point due_{};
};

}  // namespace

std::unique_ptr<Feed> MakeClusterFeed(const Cluster& cluster, const Topic& topic) {
    return std::make_unique<ClusterFeed>(cluster, topic.text);
}

void AddCluster(Router& router, const Cluster& cluster) {
    router.Add(
        {.id = "GetClusterStatus",
         .method = "GET",
         .path = "/api/v1/cluster",
         .handler = [&cluster](Call call) { return GetClusterStatus(cluster, std::move(call)); }});
    router.Add({.id = "ListNodes",
                .method = "GET",
                .path = "/api/v1/cluster/nodes",
                .query = {{"gpuType"}, {"state", true}, {"q"}, {"sort"}, {"limit"}, {"cursor"}},
                .handler = [&cluster](Call call) { return ListNodes(cluster, std::move(call)); }});
    router.Add(
        {.id = "ListStorages",
         .method = "GET",
         .path = "/api/v1/cluster/storages",
         .handler = [&cluster](Call call) { return ListStorages(cluster, std::move(call)); }});
}

}  // namespace dlws::portal
