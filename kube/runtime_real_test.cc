// SPDX-License-Identifier: Apache-2.0
// Informer, election and events against a real API server. DLWS_KUBECONFIG names its kubeconfig (an
// administrator's). Two tests restart the API server and pause etcd, through script/cluster, when
// it is ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "dlws_source_dir.h"
#include "kube/events.h"
#include "kube/informer.h"
#include "kube/leader.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RunFor;

std::string Environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// A coroutine of the system under test, running until the end of the test.
class Background {
  public:
    Background(asio::io_context& io, Awaitable<void> work) : io_(io) {
        asio::co_spawn(io, std::move(work),
                       asio::bind_cancellation_slot(stop_.slot(),
                                                    [this](std::exception_ptr) { ended_ = true; }));
    }
    ~Background() { Stop(); }
    void Stop() {
        asio::post(io_, [this] { stop_.emit(asio::cancellation_type::terminal); });
        for (int i = 0; i < 1000 && !ended_; ++i)
            RunFor(io_, milliseconds(5));
        EXPECT_TRUE(ended_);
    }
    bool ended() const { return ended_; }

  private:
    asio::io_context& io_;
    asio::cancellation_signal stop_;
    bool ended_ = false;
};

class RuntimeRealTest : public ::testing::Test {
  public:
    static void SetUpTestSuite() {
        const std::string file = Environment("DLWS_KUBECONFIG");
        if (file.empty()) {
            problem_ =
                "DLWS_KUBECONFIG is not set: script/cluster up, then set it to the "
                "kubeconfig that it prints";
            return;
        }
        auto config = LoadKubeconfig(file);
        if (!config) {
            problem_ = config.error().message;
            return;
        }
        config_ = std::move(*config);
        static int suite = 0;
        ns_ = "kube-runtime-test-" + std::to_string(getpid()) + "-" + std::to_string(++suite);
        asio::io_context io;
        Client client(io.get_executor(), config_);
        const auto made = testing::Run(
            io, client.Create(kNamespaces, "", R"({"metadata":{"name":")" + ns_ + R"("}})"));
        if (!made) problem_ = made.error().message;
    }
    static void TearDownTestSuite() {
        if (ns_.empty()) return;
        asio::io_context io;
        Client client(io.get_executor(), config_);
        // No uid: the namespace is this process's own by its name.
        const auto gone = testing::Run(io, client.Delete(kNamespaces, {"", ns_}, {}));
        EXPECT_TRUE(gone) << gone.error().message;
    }
    void SetUp() override {
        if (!problem_.empty()) FAIL() << problem_;
    }

  protected:
    static Informer::Settings Maps(const std::string& set, bool watch_list) {
        Informer::Settings settings;
        settings.resource = kConfigMaps;
        settings.ns = ns_;
        settings.label_selector = "set=" + set;
        settings.watch_list = watch_list;
        settings.page_size = 7;
        settings.backoff.base = milliseconds(100);
        settings.backoff.max = milliseconds(1000);
        return settings;
    }
    static std::string Map(const std::string& set, const std::string& name) {
        return R"({"metadata":{"name":")" + name + R"(","labels":{"set":")" + set + R"("}}})";
    }
    ObjectPtr Make(const std::string& set, const std::string& name) {
        auto made = testing::Run(io, client.Create(kConfigMaps, ns_, Map(set, name)));
        EXPECT_TRUE(made) << made.error().message;
        return made ? *made : nullptr;
    }
    void Remove(const std::string& name) {
        const auto gone = testing::Run(io, client.Delete(kConfigMaps, {ns_, name}, {}));
        EXPECT_TRUE(gone) << gone.error().message;
    }
    template <typename Condition>
    bool Until(Condition condition, milliseconds patience = seconds(20)) {
        return testing::RunUntil(io, condition, patience);
    }
    /// name -> resourceVersion, as a quorum read says and as the cache has it.
    std::map<std::string, std::uint64_t> Truth(const std::string& set) {
        ListOptions options;
        options.ns = ns_;
        options.label_selector = "set=" + set;
        std::map<std::string, std::uint64_t> truth;
        auto page = testing::Run(io, client.List(kConfigMaps, options));
        EXPECT_TRUE(page) << page.error().message;
        if (!page) return truth;
        for (const ObjectPtr& object : page->items)
            truth[object->meta.name] = object->meta.resource_version;
        return truth;
    }
    static std::map<std::string, std::uint64_t> Cached(const Informer& informer) {
        std::map<std::string, std::uint64_t> cached;
        for (const ObjectPtr& object : informer.store().All())
            cached[object->meta.name] = object->meta.resource_version;
        return cached;
    }
    /// Whether the cluster is one that script/cluster runs on this machine.
    static bool MayBreakTheCluster() {
        const std::string state = Environment("DLWS_STATE");
        const std::filesystem::path ours =
            std::filesystem::path(state.empty() ? "/var/lib/dlws-cluster" : state) / "kubeconfig";
        std::error_code error;
        return std::filesystem::equivalent(ours, Environment("DLWS_KUBECONFIG"), error) && !error;
    }

    inline static std::string problem_, ns_;
    inline static Config config_;

    asio::io_context io;
    Client client{io.get_executor(), config_};
    Random random{static_cast<std::uint64_t>(getpid())};
};

class RealInformerTest : public RuntimeRealTest, public ::testing::WithParamInterface<bool> {};

TEST_P(RealInformerTest, FollowsTheServer) {
    const std::string set = GetParam() ? "watchlist" : "pages";
    for (int i = 0; i < 20; ++i)
        Make(set, set + std::to_string(i));
    Make("somebody-elses", set + "-other");
    Informer informer(client, Maps(set, GetParam()), random);
    std::vector<std::string> changes;
    informer.OnChange([&](const Change& change) {
        changes.push_back((change.before ? "-" : "") + std::string(change.after ? "+" : "") +
                          (change.after ? change.after : change.before)->meta.name);
    });
    Background run(io, informer.Run());
    ASSERT_TRUE(testing::Run(io, informer.WaitForSync(seconds(20))));
    EXPECT_EQ(changes.size(), 20u);
    EXPECT_EQ(Cached(informer), Truth(set));
    changes.clear();

    const auto made = Make(set, set + "-new");
    const auto patched = testing::Run(io, client.Patch(kConfigMaps, {ns_, set + "3"},
                                                       PatchType::kMerge, R"({"data":{"k":"v"}})"));
    ASSERT_TRUE(patched) << patched.error().message;
    Remove(set + "4");
    // It leaves the selection without being deleted.
    const auto moved =
        testing::Run(io, client.Patch(kConfigMaps, {ns_, set + "5"}, PatchType::kMerge,
                                      R"({"metadata":{"labels":{"set":null}}})"));
    ASSERT_TRUE(moved) << moved.error().message;
    ASSERT_TRUE(Until([&] { return changes.size() >= 4; }));
    EXPECT_THAT(changes, ::testing::ElementsAre("+" + set + "-new", "-+" + set + "3",
                                                "-" + set + "4", "-" + set + "5"));
    EXPECT_EQ(Cached(informer), Truth(set));
    EXPECT_EQ(informer.LastResourceVersion(), (*moved)->meta.resource_version);
    EXPECT_EQ(informer.Relists(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Modes, RealInformerTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "WatchList" : "Pages"; });

TEST_F(RuntimeRealTest, BookmarksComeOnAQuietResource) {
    Informer informer(client, Maps("quiet", true), random);
    Background run(io, informer.Run());
    ASSERT_TRUE(testing::Run(io, informer.WaitForSync(seconds(20))));
    const auto at_first = informer.LastResourceVersion();
    EXPECT_GT(at_first, 0u);
    Make("loud", "loud");
    EXPECT_TRUE(Until([&] { return informer.LastResourceVersion() > at_first; }, seconds(90)));
}

TEST_F(RuntimeRealTest, NoObjectIsMissedWhileTheApiServerRestarts) {
    if (!MayBreakTheCluster()) GTEST_SKIP() << "this cluster is not run by script/cluster";
    const std::string set = "restart";
    Informer informer(client, Maps(set, true), random);
    std::map<std::string, int> appeared, gone;
    informer.OnChange([&](const Change& change) {
        if (!change.before) ++appeared[change.after->meta.name];
        if (!change.after) ++gone[change.before->meta.name];
    });
    Background run(io, informer.Run());
    ASSERT_TRUE(testing::Run(io, informer.WaitForSync(seconds(20))));

    std::atomic<int> restarted{-1};
    std::thread restart([&] {
        restarted = std::system(DLWS_SOURCE_DIR
                                "/script/cluster fault restart-apiserver --kill "
                                ">/dev/null 2>&1 </dev/null");
    });
    std::set<std::string> made, removed;
    int refused = 0;
    for (int i = 0; i < 4000 && (restarted < 0 || made.size() < 40 || i < 100); ++i) {
        const std::string name = "restart" + std::to_string(i);
        CallOptions quick;
        quick.deadline = milliseconds(1000);
        WriteOptions write;
        write.deadline = milliseconds(1000);
        const auto created =
            testing::Run(io, client.Create(kConfigMaps, ns_, Map(set, name), write));
        if (!created) ++refused;
        if (created) made.insert(name);
        if (created && i % 3 == 0) {
            DeleteOptions options;
            options.deadline = milliseconds(1000);
            const auto deleted = testing::Run(io, client.Delete(kConfigMaps, {ns_, name}, options));
            if (deleted) removed.insert(name);
        }
        RunFor(io, milliseconds(created ? 20 : 100));
    }
    restart.join();
    ASSERT_EQ(restarted, 0) << "script/cluster fault restart-apiserver failed";
    EXPECT_GT(refused, 0) << "nothing was refused: was the API server restarted at all?";

    const auto truth = Truth(set);
    EXPECT_TRUE(Until([&] { return Cached(informer) == truth; }))
        << Cached(informer).size() << " cached, " << truth.size() << " there";
    for (const std::string& name : made) {
        // A short life that fell between two lists may go unseen as a whole, never by half.
        if (removed.contains(name)) {
            EXPECT_EQ(appeared[name], gone[name]) << name;
        } else {
            EXPECT_EQ(appeared[name], 1) << name;
        }
    }
    for (const auto& [name, times] : appeared)
        EXPECT_LE(times, 1) << name;
    const auto after = Make(set, "after");
    EXPECT_TRUE(Until([&] { return appeared["after"] == 1; }));
    std::printf("figure informer_restart_created %zu objects\n", made.size());
    std::printf("figure informer_restart_relists %llu lists\n",
                static_cast<unsigned long long>(informer.Relists()));
}

class RealLeaderTest : public RuntimeRealTest {
  protected:
    LeaderElector::Settings Settings(const std::string& identity) const {
        LeaderElector::Settings settings;
        settings.lease = {ns_, "op"};
        settings.identity = identity;
        settings.lease_duration = milliseconds(3000);
        settings.renew_deadline = milliseconds(2000);
        settings.retry_period = milliseconds(300);
        return settings;
    }
    static Awaitable<void> Lead(LeaderElector& elector) {
        co_await elector.Acquire();
        co_await elector.RenewUntilLost();
    }
};

TEST_F(RealLeaderTest, HandsOverOnReleaseAndTakesOverFromTheSilent) {
    LeaderElector::Settings quiet = Settings("c");
    quiet.release_on_cancel = false;
    Client other_client(io.get_executor(), config_);
    LeaderElector a(client, Settings("a"), random), b(other_client, Settings("b"), random),
        c(client, quiet, random);

    auto a_runs = std::make_unique<Background>(io, Lead(a));
    ASSERT_TRUE(Until([&] { return a.IsLeader(); }));
    auto c_runs = std::make_unique<Background>(io, Lead(c));
    RunFor(io, seconds(4));  // longer than the term: renewals hold it
    EXPECT_TRUE(a.IsLeader());
    EXPECT_FALSE(c.IsLeader());
    EXPECT_EQ(c.Holder(), "a");
    a_runs.reset();  // told to stop: releases
    ASSERT_TRUE(Until([&] { return c.IsLeader(); }, milliseconds(2500)));

    auto b_runs = std::make_unique<Background>(io, Lead(b));
    ASSERT_TRUE(Until([&] { return b.Holder() == "c"; }));
    c_runs.reset();  // dies without a word
    const auto died = std::chrono::steady_clock::now();
    ASSERT_TRUE(Until([&] { return b.IsLeader(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - died, milliseconds(2000));

    const auto lease = testing::Run(io, client.Get(kLeases, {ns_, "op"}));
    ASSERT_TRUE(lease) << lease.error().message;
    const json::value spec = json::parse((*lease)->raw).at("spec");
    EXPECT_EQ(spec.at("holderIdentity"), "b");
    EXPECT_EQ(spec.at("leaseDurationSeconds"), 3);
    EXPECT_EQ(spec.at("leaseTransitions"), 2);
}

TEST_F(RealLeaderTest, WithEtcdPausedTheLeaderStepsDownAndThereAreNeverTwo) {
    if (!MayBreakTheCluster()) GTEST_SKIP() << "this cluster is not run by script/cluster";
    LeaderElector::Settings settings_a = Settings("a"), settings_b = Settings("b");
    settings_a.lease.name = settings_b.lease.name = "paused";
    Client other_client(io.get_executor(), config_);
    LeaderElector a(client, settings_a, random), b(other_client, settings_b, random);
    auto a_runs = std::make_unique<Background>(io, Lead(a));
    ASSERT_TRUE(Until([&] { return a.IsLeader(); }));
    Background b_runs(io, Lead(b));

    std::atomic<int> paused{-1};
    std::thread pause([&] {
        paused = std::system(DLWS_SOURCE_DIR
                             "/script/cluster fault pause etcd 6 >/dev/null 2>&1 </dev/null");
    });
    bool two = false;
    const auto watch = [&] { two = two || (a.IsLeader() && b.IsLeader()); };
    EXPECT_TRUE(Until([&] {
        watch();
        return a_runs->ended();
    }));  // it has stepped down
    EXPECT_EQ(paused, -1) << "the leader held on to the end of the pause";
    EXPECT_TRUE(Until(
        [&] {
            watch();
            return b.IsLeader();
        },
        seconds(30)));
    pause.join();
    EXPECT_EQ(paused, 0) << "script/cluster fault pause failed";
    EXPECT_FALSE(two);
}

TEST_F(RuntimeRealTest, EventsAndTheirSeriesAreAccepted) {
    const auto about = Make("events", "subject");
    ASSERT_TRUE(about);
    EventRecorder::Settings settings;
    settings.series_interval = milliseconds(300);
    EventRecorder recorder(client, "dlworkspace.io/test", "test-0", settings);
    Background run(io, recorder.Run());
    const ObjectReference reference{"v1", "ConfigMap", ns_, "subject", about->meta.uid};
    const auto events = [&]() -> json::array {
        ListOptions options;
        options.ns = ns_;
        options.field_selector = "reason=Tested";
        const auto page = testing::Run(io, client.List(kEvents, options));
        EXPECT_TRUE(page) << page.error().message;
        json::array found;
        if (page)
            for (const ObjectPtr& object : page->items)
                found.push_back(json::parse(object->raw));
        return found;
    };
    recorder.Record(reference, "Warning", "Tested", "Test", "once");
    ASSERT_TRUE(Until([&] { return events().size() == 1; }));
    for (int i = 0; i < 3; ++i)
        recorder.Record(reference, "Warning", "Tested", "Test", "once");
    ASSERT_TRUE(Until([&] {
        const json::array found = events();
        return found.size() == 1 && found[0].as_object().contains("series");
    }));
    const json::array found = events();
    EXPECT_EQ(found[0].at("series").at("count"), 4);
    EXPECT_EQ(found[0].at("note"), "once");
    EXPECT_EQ(found[0].at("regarding").at("uid").as_string(), about->meta.uid.c_str());
    EXPECT_EQ(found[0].at("reportingController"), "dlworkspace.io/test");
}

}  // namespace
}  // namespace dlws::kube
