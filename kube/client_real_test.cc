// SPDX-License-Identifier: Apache-2.0
// The client against a real API server. DLWS_KUBECONFIG names its kubeconfig (an administrator's).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <set>

#include "kube/client.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::With;

class RealServerTest : public ::testing::Test {
  public:
    static void SetUpTestSuite() {
        const char* file = std::getenv("DLWS_KUBECONFIG");
        if (file == nullptr || *file == '\0') {
            problem_ =
                "DLWS_KUBECONFIG is not set: start the cluster with script/cluster up and set it "
                "to "
                "the kubeconfig in its state folder";
            return;
        }
        auto config = LoadKubeconfig(file);
        if (!config) {
            problem_ = config.error().message;
            return;
        }
        config_ = std::move(*config);
        ns_ = "kube-client-test-" + std::to_string(getpid());
        boost::asio::io_context io;
        Client client(io.get_executor(), config_);
        const auto made = testing::Run(
            io, client.Create(kNamespaces, "", R"({"metadata":{"name":")" + ns_ + R"("}})"));
        if (!made) problem_ = made.error().message;
    }
    static void TearDownTestSuite() {
        if (ns_.empty()) return;
        boost::asio::io_context io;
        Client client(io.get_executor(), config_);
        // No uid: the namespace is this process's own by its name.
        const auto gone = testing::Run(io, client.Delete(kNamespaces, {"", ns_}, {}));
        EXPECT_TRUE(gone) << gone.error().message;
    }
    void SetUp() override {
        if (!problem_.empty()) FAIL() << problem_;
    }

    static std::string ConfigMap(const std::string& name, const std::string& value) {
        return R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" + name +
               R"(","labels":{"set":"x"}},"data":{"key":")" + value + R"("}})";
    }
    ObjectPtr MakeMap(const std::string& name, const std::string& value = "1") {
        auto made = testing::Run(io, client.Create(kConfigMaps, ns_, ConfigMap(name, value),
                                                   With<WriteOptions>([&](auto& o) {
                                                       o.field_manager = "test";
                                                       o.strict = true;
                                                   })));
        EXPECT_TRUE(made) << made.error().message;
        return made ? *made : nullptr;
    }

    inline static std::string problem_;
    inline static std::string ns_;
    inline static Config config_;

    boost::asio::io_context io;
    Client client{io.get_executor(), config_};
};

TEST_F(RealServerTest, CreatesAndGets) {
    const auto made = MakeMap("create");
    ASSERT_TRUE(made);
    EXPECT_FALSE(made->meta.uid.empty());
    EXPECT_GT(made->meta.resource_version, 0U);
    EXPECT_THAT(made->raw, Not(HasSubstr("managedFields")));
    EXPECT_EQ(made->meta.labels.at("set"), "x");
    const auto got = testing::Run(io, client.Get(kConfigMaps, {ns_, "create"}));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ((*got)->raw, made->raw);
    const auto again = testing::Run(io, client.Create(kConfigMaps, ns_, ConfigMap("create", "2")));
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error().IsAlreadyExists()) << again.error().message;
    const auto none = testing::Run(io, client.Get(kConfigMaps, {ns_, "no-such"}));
    ASSERT_FALSE(none);
    EXPECT_TRUE(none.error().IsNotFound()) << none.error().message;
    const auto version = testing::Run(io, client.GetRaw("/version"));
    ASSERT_TRUE(version);
    EXPECT_THAT(*version, HasSubstr("gitVersion"));
}

TEST_F(RealServerTest, StrictValidationAndCauses) {
    const auto unknown = testing::Run(
        io, client.Create(kConfigMaps, ns_, R"({"metadata":{"name":"bad"},"datum":{}})",
                          With<WriteOptions>([&](auto& o) { o.strict = true; })));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, 400);
    EXPECT_THAT(unknown.error().message, HasSubstr("datum"));
    const auto invalid = testing::Run(
        io,
        client.Create(kPods, ns_, R"({"metadata":{"name":"Bad_Name"},"spec":{"containers":[]}})"));
    ASSERT_FALSE(invalid);
    EXPECT_TRUE(invalid.error().IsInvalid());
    ASSERT_FALSE(invalid.error().causes.empty());
    EXPECT_EQ(invalid.error().causes[0].field, "metadata.name");
    const auto dry =
        testing::Run(io, client.Create(kConfigMaps, ns_, ConfigMap("dry", "1"),
                                       With<WriteOptions>([&](auto& o) { o.dry_run = true; })));
    ASSERT_TRUE(dry) << dry.error().message;
    EXPECT_FALSE(testing::Run(io, client.Get(kConfigMaps, {ns_, "dry"})));
}

TEST_F(RealServerTest, ListsInPages) {
    for (int i = 0; i < 7; ++i)
        MakeMap("page-" + std::to_string(i));
    std::set<std::string> names;
    ListOptions options;
    options.ns = ns_;
    options.label_selector = "set in (x)";
    options.limit = 3;
    int pages = 0;
    do {
        const auto page = testing::Run(io, client.List(kConfigMaps, options));
        ASSERT_TRUE(page) << page.error().message;
        EXPECT_LE(page->items.size(), 3U);
        EXPECT_GT(page->resource_version, 0U);
        for (const auto& item : page->items) {
            if (item->meta.name.starts_with("page-")) names.insert(item->meta.name);
            EXPECT_THAT(item->raw, Not(HasSubstr("managedFields")));
        }
        options.continue_token = page->continue_token;
        ++pages;
    } while (!options.continue_token.empty());
    EXPECT_EQ(names.size(), 7U);
    EXPECT_GE(pages, 3);
}

TEST_F(RealServerTest, UpdatesWithConflict) {
    const auto made = MakeMap("update");
    ASSERT_TRUE(made);
    const auto version = std::to_string(made->meta.resource_version);
    const std::string body = R"({"metadata":{"name":"update","resourceVersion":")" + version +
                             R"("},"data":{"key":"2"}})";
    const auto changed = testing::Run(io, client.Update(kConfigMaps, {ns_, "update"}, body));
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_THAT((*changed)->raw, HasSubstr(R"("key":"2")"));
    const std::string stale = R"({"metadata":{"name":"update","resourceVersion":")" + version +
                              R"("},"data":{"key":"3"}})";
    const auto conflict = testing::Run(io, client.Update(kConfigMaps, {ns_, "update"}, stale));
    ASSERT_FALSE(conflict);
    EXPECT_TRUE(conflict.error().IsConflict()) << conflict.error().message;
}

TEST_F(RealServerTest, PatchesInThreeWays) {
    ASSERT_TRUE(MakeMap("patch"));
    const ObjectKey key{ns_, "patch"};
    auto patched = testing::Run(
        io, client.Patch(kConfigMaps, key, PatchType::kMerge, R"({"data":{"merged":"yes"}})"));
    ASSERT_TRUE(patched) << patched.error().message;
    EXPECT_THAT((*patched)->raw, HasSubstr(R"("merged":"yes")"));
    patched =
        testing::Run(io, client.Patch(kConfigMaps, key, PatchType::kJson,
                                      R"([{"op":"test","path":"/data/merged","value":"yes"},)"
                                      R"({"op":"replace","path":"/data/merged","value":"no"}])"));
    ASSERT_TRUE(patched) << patched.error().message;
    EXPECT_THAT((*patched)->raw, HasSubstr(R"("merged":"no")"));
    const std::string intent =
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"patch"},"data":{"merged":"mine"}})";
    auto applied = testing::Run(
        io, client.Patch(kConfigMaps, key, PatchType::kApply, intent,
                         With<WriteOptions>([&](auto& o) { o.field_manager = "applier"; })));
    ASSERT_FALSE(applied) << "another manager owns that field";
    EXPECT_TRUE(applied.error().IsConflict());
    applied = testing::Run(io, client.Patch(kConfigMaps, key, PatchType::kApply, intent,
                                            With<WriteOptions>([&](auto& o) {
                                                o.field_manager = "applier";
                                                o.force = true;
                                            })));
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_THAT((*applied)->raw, HasSubstr(R"("merged":"mine")"));
}

TEST_F(RealServerTest, DeletesWithPreconditions) {
    const auto made = MakeMap("delete");
    ASSERT_TRUE(made);
    const ObjectKey key{ns_, "delete"};
    const auto wrong =
        testing::Run(io, client.Delete(kConfigMaps, key, With<DeleteOptions>([&](auto& o) {
                                           o.uid = "11111111-2222-3333-4444-555555555555";
                                       })));
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().IsConflict()) << wrong.error().message;
    const auto gone = testing::Run(
        io, client.Delete(kConfigMaps, key, With<DeleteOptions>([&](auto& o) {
                              o.uid = made->meta.uid;
                              o.resource_version = std::to_string(made->meta.resource_version);
                              o.propagation = "Background";
                          })));
    EXPECT_TRUE(gone) << gone.error().message;
    const auto again = testing::Run(
        io, client.Delete(kConfigMaps, key,
                          With<DeleteOptions>([&](auto& o) { o.uid = made->meta.uid; })));
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error().IsNotFound());
}

TEST_F(RealServerTest, WritesASubresource) {
    const auto pod = testing::Run(
        io, client.Create(kPods, ns_,
                          R"({"metadata":{"name":"p"},"spec":{"nodeName":"no-such-node",)"
                          R"("containers":[{"name":"c","image":"none"}]}})"));
    ASSERT_TRUE(pod) << pod.error().message;
    const auto status = testing::Run(
        io, client.Patch(kPods, {ns_, "p"}, PatchType::kMerge,
                         R"({"status":{"message":"written by a test"}})",
                         With<WriteOptions>([&](auto& o) { o.subresource = "status"; })));
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_THAT((*status)->raw, HasSubstr("written by a test"));
    const auto gone =
        testing::Run(io, client.Delete(kPods, {ns_, "p"}, With<DeleteOptions>([&](auto& o) {
                                           o.uid = (*pod)->meta.uid;
                                           o.grace_period_seconds = 0;
                                       })));
    EXPECT_TRUE(gone) << gone.error().message;
}

TEST_F(RealServerTest, WatchesFromAListAndFromTheStart) {
    ASSERT_TRUE(MakeMap("watched"));
    const auto list =
        testing::Run(io, client.List(kConfigMaps, With<ListOptions>([&](auto& o) { o.ns = ns_; })));
    ASSERT_TRUE(list);
    auto watch = testing::Run(io, client.Watch(kConfigMaps, With<WatchOptions>([&](auto& o) {
                                                   o.ns = ns_;
                                                   o.resource_version =
                                                       std::to_string(list->resource_version);
                                               })));
    ASSERT_TRUE(watch) << watch.error().message;
    const std::string big(400'000, 'b');
    ASSERT_TRUE(MakeMap("watched-big", big));
    auto event = testing::Run(io, (*watch)->Next());
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->type, WatchEventType::kAdded);
    EXPECT_EQ(event->object->meta.name, "watched-big");
    EXPECT_GT(event->object->raw.size(), big.size());
    const auto gone = testing::Run(
        io, client.Delete(kConfigMaps, {ns_, "watched-big"},
                          With<DeleteOptions>([&](auto& o) { o.uid = event->object->meta.uid; })));
    EXPECT_TRUE(gone);
    event = testing::Run(io, (*watch)->Next());
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->type, WatchEventType::kDeleted);

    // WatchList: the whole state as events, and a bookmark behind it.
    auto initial = testing::Run(io, client.Watch(kConfigMaps, With<WatchOptions>([&](auto& o) {
                                                     o.ns = ns_;
                                                     o.send_initial_events = true;
                                                 })));
    ASSERT_TRUE(initial) << initial.error().message;
    std::set<std::string> names;
    while (true) {
        const auto next = testing::Run(io, (*initial)->Next());
        if (!next && next.error().message.find("RequestWatchProgress") != std::string::npos) {
            EXPECT_EQ(next.error().kind, ErrorKind::kStatus);
            GTEST_SKIP() << "etcd is older than 3.4.25: no WatchList with this server";
        }
        ASSERT_TRUE(next) << next.error().message;
        if (next->type == WatchEventType::kBookmark) {
            EXPECT_TRUE(next->initial_events_end);
            EXPECT_GT(next->object->meta.resource_version, 0U);
            break;
        }
        names.insert(next->object->meta.name);
    }
    EXPECT_TRUE(names.contains("watched"));
    EXPECT_FALSE(names.contains("watched-big"));
}

TEST_F(RealServerTest, AWatchFromTooLongAgoIsExpired) {
    auto watch = testing::Run(io, client.Watch(kConfigMaps, With<WatchOptions>([&](auto& o) {
                                                   o.ns = ns_;
                                                   o.resource_version = "1";
                                               })));
    // As an answer or in the stream: both are a 410.
    if (!watch) {
        EXPECT_TRUE(watch.error().IsExpired()) << watch.error().message;
        return;
    }
    const auto event = testing::Run(io, (*watch)->Next());
    if (event) GTEST_SKIP() << "this server still remembers its first change";
    EXPECT_TRUE(event.error().IsExpired()) << event.error().message;
    EXPECT_EQ(event.error().kind, ErrorKind::kStatus);
}

TEST_F(RealServerTest, WithoutCredentialsItIsUnauthorizedOrForbidden) {
    Config stranger = config_;
    stranger.client_cert_pem = stranger.client_key_pem = "";
    stranger.client_cert_file = stranger.client_key_file = "";
    stranger.token = "not-a-token";
    Client other(io.get_executor(), stranger);
    const auto list =
        testing::Run(io, other.List(kConfigMaps, With<ListOptions>([&](auto& o) { o.ns = ns_; })));
    ASSERT_FALSE(list);
    EXPECT_TRUE(list.error().IsUnauthorized()) << list.error().message;
}

}  // namespace
}  // namespace dlws::kube
