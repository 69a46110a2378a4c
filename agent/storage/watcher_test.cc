// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/watcher.h"

#include <gmock/gmock.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "agent/storage/home_keeper.h"
#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::agent {
namespace {

model::DLCluster Cluster(const std::string& spec) {
    auto cluster =
        model::ParseDLCluster(R"({"metadata":{"name":"cluster","uid":"u"},"spec":)" + spec + "}");
    if (!cluster) throw std::runtime_error(cluster.error());
    return *std::move(cluster);
}

model::Time At(int seconds) {
    return model::Time(std::chrono::seconds(seconds));
}

TEST(Watcher, ChecksWhatTheNodeMounts) {
    const auto mounts = MountsToCheck(Cluster(R"({"storages":[
        {"name":"g","hostPath":"/mnt/g","path":"lab","fileSystem":"nfs4","sentinel":".dlws","readOnly":true},
        {"name":"pvc","kind":"PersistentVolumeClaim","claim":"c"},
        {"name":"bad","hostPath":"relative"}]})"),
                                      "node-1");
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_EQ(mounts[0].first, "g");
    const MountToCheck& mount = mounts[0].second;
    EXPECT_EQ(mount.path, "/mnt/g");
    EXPECT_EQ(mount.below, "lab");
    EXPECT_EQ(mount.file_system, "nfs4");
    EXPECT_EQ(mount.sentinel, ".dlws");
    EXPECT_EQ(mount.node_name, "node-1");
    EXPECT_TRUE(mount.read_only);
}

TEST(Watcher, FreeSpaceIsNoNews) {
    StorageFacts facts;
    StorageFact fact;
    fact.bytes_free = 10;
    facts.Update("g", MountToCheck(), fact, At(0));
    const model::DLNode told = Report("node-1", facts, {}, {}, At(0));
    EXPECT_EQ(told.meta.name, "node-1");
    EXPECT_EQ(told.storages.at(0).bytesFree, 10);
    fact.bytes_free = 5;
    facts.Update("g", MountToCheck(), fact, At(5));
    EXPECT_FALSE(IsNews(told, Report("node-1", facts, {}, {}, At(5))));
    EXPECT_TRUE(IsNews(told, Report("node-1", facts, {"a folder is in the way"}, {}, At(5))));
    fact.state = StorageState::Hung;
    facts.Update("g", MountToCheck(), fact, At(10));
    EXPECT_TRUE(IsNews(told, Report("node-1", facts, {}, {}, At(10))));
}

TEST(Watcher, WhoAsksIsAnsweredByTheFirstCheckAfterThatSecond) {
    const auto report = [](int seconds) { return Report("node-1", {}, {}, {}, At(seconds)); };
    EXPECT_FALSE(IsDue(report(10), report(15), At(9))) << "that one was told";
    EXPECT_FALSE(IsDue(report(10), report(15), At(15))) << "it may have begun before";
    EXPECT_TRUE(IsDue(report(10), report(15), At(14)));
    EXPECT_TRUE(IsDue(report(10), report(15), At(10)));
    EXPECT_TRUE(IsDue(report(10), report(70), At(0))) << "long ago";
}

TEST(Watcher, ChecksAsSoonAsTheSecondOfAFailureIsOver) {
    kube::testing::Imposter server;
    const std::string path = "/apis/dlworkspace.io/v1/dlnodes/node-1/status";
    server.When("PATCH", path).Reply(200, R"({"metadata":{"name":"node-1"}})");
    boost::asio::io_context io{1};
    kube::Client client{io.get_executor(), server.ClientConfig()};
    kube::Metrics metrics;
    ChildRunner runner(io.get_executor(), {});
    StorageWatcher watcher(client, runner, metrics,
                           {.node = "node-1", .system_root = "", .period = std::chrono::hours(1)});
    boost::asio::cancellation_signal cancel;
    bool running = true;
    boost::asio::co_spawn(io, watcher.Run(),
                          boost::asio::bind_cancellation_slot(
                              cancel.slot(), [&](std::exception_ptr) { running = false; }));
    const auto until = [&](auto condition) {
        for (int i = 0; i < 500 && !condition(); ++i)
            kube::testing::RunFor(io, std::chrono::milliseconds(10));
        return condition();
    };
    ASSERT_TRUE(until([&] { return server.Count("PATCH", path) == 1; }));
    const auto failed = std::chrono::floor<std::chrono::seconds>(client.ServerTime());
    watcher.CheckAfter(failed + std::chrono::hours(1));
    watcher.CheckAfter(failed);
    watcher.CheckAfter(failed);
    EXPECT_TRUE(until([&] { return server.Count("PATCH", path) == 2; }));
    EXPECT_GT(client.ServerTime(), failed + std::chrono::seconds(1));
    kube::testing::RunFor(io, std::chrono::milliseconds(1200));
    EXPECT_EQ(server.Count("PATCH", path), 2u) << "once is enough";
    cancel.emit(boost::asio::cancellation_type::terminal);
    EXPECT_TRUE(until([&] { return !running; }));
}

TEST(Watcher, OfHomesTellsThoseWithAQuotaOrAProblem) {
    StorageFacts facts;
    StorageFact fact;
    fact.bytes_total = 1000;
    facts.Update("work", MountToCheck(), fact, At(0));
    const model::NodeHome plain{"work", "alice", "", "", 1000, 10};
    const model::NodeHome nearly{"work", "dave", "", "", 995, 10};  // of a size that changes
    const model::NodeHome quota{"work", "bob", "", "", 500, 10};
    const model::NodeHome link{"work", "carol", "SymbolicLink", "remove it", 0, 0};
    const model::NodeHome elsewhere{"gone", "bob", "", "", 500, 10};
    const model::DLNode told =
        Report("node-1", facts, {}, {plain, nearly, quota, link, elsewhere}, At(0));
    EXPECT_EQ(told.homes, (std::vector<model::NodeHome>{quota, link}));
    model::NodeHome less = quota;
    less.bytesFree = 1;
    EXPECT_FALSE(IsNews(told, Report("node-1", facts, {}, {less, link}, At(5))));
    EXPECT_TRUE(IsNews(told, Report("node-1", facts, {}, {quota}, At(5))));
}

TEST(Homes, AreThoseOfUsersWithoutARival) {
    std::map<std::string, model::DLUser> users;
    model::UserDirectory directory;
    const auto put = [&](const std::string& name, std::int64_t uid) {
        model::DLUser user;
        user.meta.name = user.username = name;
        user.uid = user.gid = uid;
        users[name] = user;
        directory.Put(user);
    };
    put("alice", 5001);
    put("bob", 5002);
    put("eve", 5002);
    const auto names = [&](const char* spec) {
        std::string all;
        for (const Home& home : HomesOf(Cluster(spec), users, directory))
            all += home.name + ":" + std::to_string(home.uid) + " ";
        return all;
    };
    EXPECT_EQ(names("{}"), "default:1000 alice:5001 ");
    EXPECT_EQ(names(R"({"unknownUsers":"Refuse"})"), "alice:5001 ");
}

}  // namespace
}  // namespace dlws::agent
