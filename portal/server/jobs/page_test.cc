// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <random>

#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using testing::JobText;
using testing::Parameters;
using testing::ParseQuery;

constexpr const char* kWords[] = {"None", "Queued", "Running", "Failed"};
const std::vector<std::string> kSorts = {"created", "changed", "name", "owner", "phase", "gpus"};

// Few values of each, so that ties are the rule.
class Cluster {
  public:
    explicit Cluster(unsigned seed) : random_(seed) {
        for (int i = 0; i < 300; ++i)
            Change(fmt::format("u{:03}", i));
    }
    // Whatever it was before; so that its place in every order may have changed.
    void Change(const std::string& uid) {
        const bool known = texts_.contains(uid);
        JobText& job = texts_[uid];
        if (!known) {
            job.uid = uid;
            job.ns = fmt::format("ns{}", random_() % 4);
            job.name = fmt::format("job{}{}", random_() % 9, uid);
            job.created = fmt::format("2026-11-29T10:00:{:02}Z", random_() % 20);
        }
        job.version = ++version_;
        job.owner =
            random_() % 5 == 0
                ? ""
                : fmt::format("{}user{}", random_() % 2 ? "longer-than-eight-" : "", random_() % 4);
        job.spec = fmt::format(R"("image":"i","roles":[{{"name":"w","gpus":{}}}])", random_() % 4);
        job.status =
            fmt::format(R"("phase":"{}","message":"why {}")", kWords[random_() % 4], random_() % 3);
        jobs_.Apply(known ? testing::Changed(job) : testing::Appeared(job));
    }
    void Remove(const std::string& uid) {
        jobs_.Apply(testing::Gone(texts_.at(uid)));
        texts_.erase(uid);
    }
    std::string Any() {
        auto it = texts_.begin();
        std::advance(it, random_() % texts_.size());
        return it->first;
    }
    const JobTable& jobs() const { return jobs_; }

  private:
    std::mt19937 random_;
    std::uint64_t version_ = 0;
    JobTable jobs_;
    std::map<std::string, JobText> texts_;
};

Visible All() {
    Visible scope;
    scope.everywhere = true;
    return scope;
}

// The whole answer, by sorting all there is.
std::vector<RowPtr> Naive(const JobTable& jobs, const Query& query, const Visible& scope) {
    std::vector<RowPtr> rows;
    for (const auto& [ns, list] : jobs.Namespaces())
        for (const RowPtr& row : list)
            if (scope.Has(ns) && FitsNamespace(ns, query.filter) &&
                Fits(*row, query.filter, "user1"))
                rows.push_back(row);
    const auto by = [&](auto key) {
        std::ranges::sort(rows, [&](const RowPtr& a, const RowPtr& b) {
            if (key(*a) == key(*b)) return a->uid < b->uid;
            return query.sort.descending ? key(*b) < key(*a) : key(*a) < key(*b);
        });
    };
    switch (query.sort.key) {
        case SortKey::Created:
            by([](const Row& r) { return r.created; });
            break;
        case SortKey::Changed:
            by([](const Row& r) { return r.resource_version; });
            break;
        case SortKey::Name:
            by([](const Row& r) { return r.name; });
            break;
        case SortKey::Owner:
            by([](const Row& r) { return r.owner; });
            break;
        case SortKey::Phase:
            by([](const Row& r) { return int(r.phase); });
            break;
        case SortKey::Gpus:
            by([](const Row& r) { return r.gpus; });
            break;
    }
    return rows;
}

Parameters RandomQuestion(std::mt19937& random) {
    Parameters p{{"sort", (random() % 2 ? "-" : "") + kSorts[random() % kSorts.size()]}};
    if (random() % 3 == 0) p.emplace_back("namespace", fmt::format("ns{}", random() % 5));
    if (random() % 3 == 0) p.emplace_back("phase", kWords[random() % 4]);
    if (random() % 4 == 0) p.emplace_back("mine", "true");
    if (random() % 3 == 0) p.emplace_back("q", random() % 2 ? "why" : "why 1");
    if (random() % 5 == 0) p.emplace_back("createdAfter", "2026-11-29T10:00:10Z");
    return p;
}

TEST(Pages, AreTheWholeOrderInPieces) {
    const Cluster cluster(1);
    std::mt19937 random(2);
    std::size_t rows_seen = 0;
    for (int round = 0; round < 200; ++round) {
        Parameters parameters = RandomQuestion(random);
        Visible scope = All();
        if (random() % 2 == 0) {
            scope.everywhere = false;
            scope.namespaces = {"ns0", "ns2"};
        }
        const auto expected = Naive(cluster.jobs(), ParseQuery(parameters).value(), scope);
        const int limit = 1 + int(random() % 60);
        parameters.emplace_back("limit", std::to_string(limit));
        std::vector<RowPtr> pages;
        std::string cursor;
        do {
            Parameters next = parameters;
            if (!cursor.empty()) next.emplace_back("cursor", cursor);
            const Page page = MakePage(cluster.jobs(), ParseQuery(next).value(), scope, "user1");
            ASSERT_EQ(page.total, expected.size());
            std::array<std::uint64_t, kPhases> phases{};
            for (const RowPtr& row : expected)
                ++phases[std::size_t(row->phase)];
            ASSERT_EQ(page.phases, phases);
            pages.insert(pages.end(), page.rows.begin(), page.rows.end());
            ASSERT_TRUE(page.next_cursor.empty() || int(page.rows.size()) == limit);
            ASSERT_NE(page.next_cursor, cursor.empty() ? "x" : cursor);
            cursor = page.next_cursor;
        } while (!cursor.empty());
        ASSERT_EQ(pages, expected);
        rows_seen += pages.size();
    }
    EXPECT_GT(rows_seen, 5000U);
}

// A row whose place is the same is neither skipped nor repeated, whatever others do meanwhile.
TEST(Pages, KeepTheirPlaceWhileRowsChange) {
    std::mt19937 random(4);
    int stayed = 0;
    for (int round = 0; round < 60; ++round) {
        Cluster cluster{unsigned(round)};
        // All but what `changed` sorts by, of which nothing keeps its place that is touched.
        const Parameters parameters{
            {"sort", (random() % 2 ? "-" : "") + kSorts[random() % kSorts.size()]},
            {"limit", std::to_string(5 + random() % 40)}};
        const SortKey key = ParseQuery(parameters)->sort.key;
        std::map<std::string, std::string> places;  // as it was at first; "moved": it was not later
        const auto place = [&](const Row& row) {
            const Place p = PlaceOf(row, key);
            return fmt::format("{} {}", p.number, p.text);
        };
        const auto note = [&](bool first) {
            std::map<std::string, std::string> now;
            for (const auto& [ns, rows] : cluster.jobs().Namespaces())
                for (const RowPtr& row : rows)
                    now[row->uid] = place(*row);
            if (first) places = now;
            for (auto& [uid, was] : places)
                if (!now.contains(uid) || now[uid] != was) was = "moved";
        };
        note(true);
        std::map<std::string, int> seen;
        std::string cursor;
        int fresh = 0;
        do {
            Parameters next = parameters;
            if (!cursor.empty()) next.emplace_back("cursor", cursor);
            const Page page = MakePage(cluster.jobs(), ParseQuery(next).value(), All(), "");
            for (const RowPtr& row : page.rows)
                ++seen[row->uid];
            cursor = page.next_cursor;
            for (int i = 0; i < 12; ++i)
                cluster.Change(cluster.Any());
            cluster.Remove(cluster.Any());
            cluster.Change(fmt::format("v{:03}", fresh++));
            note(false);
        } while (!cursor.empty() && fresh < 200);
        for (const auto& [uid, was] : places) {
            if (was == "moved") continue;
            ++stayed;
            EXPECT_EQ(seen[uid], 1) << uid << " at " << was << ", sort " << parameters[0].second;
        }
    }
    EXPECT_GT(stayed, 1000);
}

TEST(Page, IsAsTheContractSays) {
    JobTable jobs;
    JobText job;
    jobs.Apply(testing::Appeared(job));
    job.uid = "u2";
    job.name = "other";
    job.status = R"("phase":"Running")";
    jobs.Apply(testing::Appeared(job));
    const Query query = ParseQuery({{"sort", "name"}, {"limit", "1"}}).value();
    Visible scope = All();
    Page page = MakePage(jobs, query, scope, "");
    auto o = boost::json::parse(PageJson(page, scope, "r7")).as_object();
    EXPECT_EQ(o.at("items").as_array().size(), 1U);
    EXPECT_EQ(o.at("items").as_array()[0], boost::json::parse(jobs.ByUid("u1")->json));
    EXPECT_EQ(o.at("total"), 2);
    EXPECT_EQ(o.at("phases"), (boost::json::object{{"Queued", 1}, {"Running", 1}}));
    EXPECT_EQ(o.at("streamId"), "r7");
    EXPECT_EQ(o.at("nextCursor").as_string(), page.next_cursor);
    EXPECT_FALSE(o.contains("namespacesComplete"));
    scope.complete = false;
    o = boost::json::parse(PageJson(page, scope, "r7")).as_object();
    EXPECT_EQ(o.at("namespacesComplete"), false);
    page = MakePage(JobTable(), query, scope, "");
    EXPECT_EQ(PageJson(page, All(), "r7"), R"({"items":[],"total":0,"phases":{},"streamId":"r7"})");
}

TEST(ETag, ChangesWithWhatThePageShows) {
    JobTable jobs;
    JobText job;
    jobs.Apply(testing::Appeared(job));
    const auto tag = [&](const Parameters& parameters, const Visible& scope) {
        const Query query = ParseQuery(parameters).value();
        return ETagOf(MakePage(jobs, query, scope, ""), query, scope);
    };
    const std::string first = tag({}, All());
    EXPECT_EQ(first, tag({}, All()));
    EXPECT_TRUE(first.starts_with("W/\"") && first.size() == 20 && first.back() == '"') << first;
    EXPECT_NE(first, tag({{"sort", "name"}}, All()));
    Visible cut = All();
    cut.complete = false;
    EXPECT_NE(first, tag({}, cut));
    job.version = 2;
    jobs.Apply(testing::Changed(job));
    const std::string second = tag({{"limit", "1"}}, All());
    EXPECT_NE(first, second);
    // Another page has one more.
    job.uid = "u2";
    job.name = "later";
    job.created = "2026-11-28T10:00:00Z";
    jobs.Apply(testing::Appeared(job));
    EXPECT_NE(second, tag({{"limit", "1"}}, All()));
}

}  // namespace
}  // namespace dlws::portal
