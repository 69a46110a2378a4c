// SPDX-License-Identifier: Apache-2.0
#include "portal/server/stream/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <random>

#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using testing::JobText;

// A replica: what its informer tells it.
struct Replica {
    JobTable jobs;
    Hub hub{jobs};
    void Apply(const kube::Change& change, std::uint64_t version) {
        jobs.Apply(change);
        hub.Progress(version);
    }
};

std::shared_ptr<Subscription> All() {
    Visible everywhere;
    everywhere.everywhere = true;
    return std::make_shared<Subscription>("jobs", Filter(), "alice", everywhere);
}

// What a page shows that reads these events.
class Reader {
  public:
    void Read(Subscription& subscription) {
        for (const std::string& event : subscription.Take()) {
            const std::size_t end = event.find('\n');
            const std::string name = event.substr(7, end - 7);
            const auto data = boost::json::parse(event.substr(end + 7)).as_object();
            if (name == "row") {
                const auto& row = data.at("row").as_object();
                shows[std::string(row.at("uid").as_string())] =
                    row.at("resourceVersion").as_string();
            } else if (name == "gone") {
                shows.erase(std::string(data.at("uid").as_string()));
            } else {
                ++resets;
            }
        }
    }
    void List(const JobTable& jobs) {
        shows.clear();
        for (const auto& [ns, rows] : jobs.Namespaces())
            for (const RowPtr& row : rows)
                shows[row->uid] = std::to_string(row->resource_version);
    }
    std::map<std::string, std::string> shows;
    int resets = 0;
};

TEST(StreamId, ComesBackAsItWas) {
    for (const StreamId& id :
         {StreamId{}, StreamId{48211, {}}, StreamId{7, 0}, StreamId{~0ULL, ~0ULL}}) {
        EXPECT_EQ(ParseStreamId(ToString(id)), id);
        EXPECT_LE(ToString(id).size(), 64U);
    }
    EXPECT_EQ(ToString(StreamId{48211, {}}), "r48211");
    for (const char* bad : {"", "r", "48211", "r-1", "r1-", "r1x", "r1-x", "r1-1-1",
                            "r99999999999999999999", "r+1", "r 1"})
        EXPECT_FALSE(ParseStreamId(bad)) << bad;
}

TEST(Hub, TellsAllThatListen) {
    Replica replica;
    replica.hub.Progress(10);
    auto first = All(), second = All();
    int woken = 0;
    replica.hub.Add(first, [&] { ++woken; });
    replica.hub.Add(second, [&] { ++woken; });
    replica.Apply(testing::Appeared({.version = 11}), 11);
    EXPECT_EQ(woken, 2);
    EXPECT_TRUE(first->Waits() && second->Waits());
    second.reset();
    replica.Apply(testing::Changed({.version = 12}), 12);
    EXPECT_EQ(woken, 3);
    EXPECT_EQ(replica.hub.Listeners(), 1U);
}

TEST(Hub, KnowsUpToWhereItHasTold) {
    Replica replica;
    replica.hub.Progress(10);
    EXPECT_EQ(replica.hub.Version(), 10U);
    replica.hub.Progress(20);  // a bookmark
    EXPECT_EQ(replica.hub.Version(), 10U);
    EXPECT_EQ(replica.hub.Seen(), 20U);
    replica.Apply(testing::Appeared({.version = 21}), 21);
    EXPECT_EQ(replica.hub.Version(), 21U);
    replica.Apply(testing::Gone({.version = 22}), 22);
    EXPECT_EQ(replica.hub.Version(), 22U);
}

// Streams that break at any moment and go on at either of two replicas, which hear the same, one
// of them late: what the page shows in the end is what there is.
TEST(Hub, LetsAStreamGoOnAtAnotherReplica) {
    std::mt19937 random(5);
    int resumed = 0;
    for (int round = 0; round < 100; ++round) {
        Replica replicas[2];
        std::uint64_t version = 100;
        for (Replica& replica : replicas)
            replica.hub.Progress(version);
        std::map<std::string, JobText> there;
        std::deque<std::pair<kube::Change, std::uint64_t>> late;
        Reader reader;
        std::uint64_t id = version;
        for (int step = 0; step < 40; ++step) {
            for (int i = int(random() % 6); i > 0; --i) {
                JobText job;
                job.uid = "u" + std::to_string(random() % 8);
                job.name = job.uid;
                job.version = ++version;
                kube::Change change;
                const auto known = there.find(job.uid);
                if (known != there.end() && random() % 3 == 0) {
                    change = testing::Gone(job);
                    there.erase(known);
                } else {
                    change = known == there.end() ? testing::Appeared(job) : testing::Changed(job);
                    there[job.uid] = job;
                }
                replicas[0].Apply(change, version);
                late.emplace_back(change, version);
            }
            while (!late.empty() && random() % 3 != 0) {
                replicas[1].Apply(late.front().first, late.front().second);
                late.pop_front();
            }
            Replica& replica = replicas[random() % 2];
            if (replica.hub.Seen() < id) continue;  // it is behind: the handler would wait
            auto stream = All();
            replica.hub.Resume(*stream, id);
            reader.Read(*stream);
            id = replica.hub.Version();
            ++resumed;
        }
        auto last = All();
        replicas[0].hub.Resume(*last, id);
        reader.Read(*last);
        Reader expected;
        expected.List(replicas[0].jobs);
        ASSERT_EQ(reader.shows, expected.shows) << "round " << round;
        ASSERT_EQ(reader.resets, 0);
    }
    EXPECT_GT(resumed, 1000);
}

TEST(Hub, SaysWhenItDoesNotKnow) {
    Replica replica;
    replica.hub.Progress(100);
    Reader reader;
    auto stream = All();
    replica.hub.Resume(*stream, 99);  // before it began
    reader.Read(*stream);
    EXPECT_EQ(reader.resets, 1);
    for (std::uint64_t i = 1; i <= Hub::kMostDeleted + 1; ++i) {
        JobText job;
        job.uid = "u" + std::to_string(i);
        job.version = 100 + 2 * i;
        replica.Apply(testing::Appeared(job), job.version);
        replica.Apply(testing::Gone(job), job.version + 1);
    }
    stream = All();
    replica.hub.Resume(*stream, 102);  // before the first deletion, which is forgotten
    reader.Read(*stream);
    EXPECT_EQ(reader.resets, 2);
    stream = All();
    replica.hub.Resume(*stream, 100 + 2 * Hub::kMostDeleted - 100);
    reader.Read(*stream);
    EXPECT_EQ(reader.resets, 2);
}

// A list that is made anew tells of deletions without saying when they were.
TEST(Hub, RemembersDeletionsThatAListFound) {
    Replica replica;
    replica.jobs.Apply(testing::Appeared({.version = 50}));
    replica.hub.Progress(100);
    replica.jobs.Apply(testing::Gone({.version = 50}));
    replica.hub.Progress(200);
    Reader reader;
    reader.shows["u1"] = "50";
    auto stream = All();
    replica.hub.Resume(*stream, 150);
    reader.Read(*stream);
    EXPECT_TRUE(reader.shows.empty());
    EXPECT_EQ(reader.resets, 0);
    // More of them than are remembered, at once.
    for (std::uint64_t i = 0; i <= Hub::kMostDeleted; ++i)
        replica.jobs.Apply(testing::Appeared({.uid = "v" + std::to_string(i), .version = 250}));
    replica.hub.Progress(250);
    for (std::uint64_t i = 0; i <= Hub::kMostDeleted; ++i)
        replica.jobs.Apply(testing::Gone({.uid = "v" + std::to_string(i), .version = 250}));
    replica.hub.Progress(300);
    stream = All();
    replica.hub.Resume(*stream, 260);
    reader.Read(*stream);
    EXPECT_EQ(reader.resets, 1);
}

TEST(Hub, BeginsAnewWhenTheClusterWasRestored) {
    Replica replica;
    replica.hub.Progress(100);
    auto stream = All();
    replica.hub.Add(stream, [] {});
    replica.hub.Progress(40);
    Reader reader;
    reader.Read(*stream);
    EXPECT_EQ(reader.resets, 1);
    EXPECT_EQ(replica.hub.Version(), 40U);
}

}  // namespace
}  // namespace dlws::portal
