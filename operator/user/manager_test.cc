// SPDX-License-Identifier: Apache-2.0
#include "operator/user/manager.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "kube/testing/manager_fixture.h"

namespace dlws::user {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kUsers = "/apis/dlworkspace.io/v1/dlusers";
const std::string kMaps = "/api/v1/namespaces/dlws-system/configmaps";
const std::string kMap = kMaps + "/samba";

std::string User(const std::string& name, int version, int uid, const std::string& status = "{}") {
    return fmt::format(R"({{"metadata":{{"name":"{0}","uid":"u-{0}","resourceVersion":"{1}",)"
                       R"("generation":7}},"spec":{{"username":"{0}","uid":{2},"gid":{2}}},)"
                       R"("status":{3}}})",
                       name, version, uid, status);
}
std::string Node(int version, const std::string& homes) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return fmt::format(R"({{"metadata":{{"name":"node-1","uid":"n","resourceVersion":"{}"}},)"
                       R"("status":{{"checkedAt":"{}","homes":{}}}}})",
                       version, model::FormatTime(now), homes);
}
std::string ConfigMap(int version, const std::string& data) {
    return fmt::format(R"({{"metadata":{{"name":"samba","namespace":"dlws-system","uid":"m",)"
                       R"("resourceVersion":"{}"}},"data":{}}})",
                       version, data);
}

class UserManagerTest : public ManagerFixture {
  protected:
    UserManagerTest()
        : users_(Watch(kUsers)),
          nodes_(Watch("/apis/dlworkspace.io/v1/dlnodes")),
          clusters_(Watch("/apis/dlworkspace.io/v1/dlclusters")),
          maps_(Watch(kMaps)) {
        server_.When("PATCH", kMap).Reply(200, ConfigMap(9, "{}"));
        for (const char* user : {"alice", "bob", "carol"})
            server_.When("PATCH", kUsers + "/" + user + "/status").Reply(200, User(user, 9, 1));
    }
    ~UserManagerTest() override { StopAll(); }

    void Start() {
        users_.SendEvent("ADDED", User("alice", 1, 5001));
        clusters_.SendEvent("ADDED",
                            R"({"metadata":{"name":"cluster","uid":"c","resourceVersion":"2",)"
                            R"("generation":1},"spec":{"sharedFolder":{"hostPath":"/mnt/s"}}})");
        maps_.SendEvent("ADDED", ConfigMap(3, "{}"));
        for (const Stream& stream : {users_, nodes_, clusters_, maps_})
            SendEnd(stream);
        for (auto& [name, informer] : manager_.Informers())
            Spawn(informer->Run());
        Spawn(manager_.Work());
    }
    std::size_t Writes() const { return server_.Count("PATCH", kMap); }
    std::string Written(const std::string& file) const {
        return json::parse(LastPatch(kMap)).at("data").at(file).as_string().c_str();
    }

    std::size_t Told(const std::string& user) const {
        return server_.Count("PATCH", kUsers + "/" + user + "/status");
    }
    std::string Status(const std::string& user) const {
        return LastPatch(kUsers + "/" + user + "/status");
    }

    kube::EventRecorder events_{client_, "test", "test-0"};
    Manager manager_{client_,
                     events_,
                     metrics_,
                     random_,
                     {.samba = SambaConfig::Settings{.config_map = {"dlws-system", "samba"}},
                      .coalesce = milliseconds(100)}};
    Stream users_, nodes_, clusters_, maps_;
};

TEST_F(UserManagerTest, TellsEachWhetherTheirJobsRun) {
    Start();
    ASSERT_TRUE(Until([this] { return Told("alice") == 1; }));
    EXPECT_EQ(Status("alice"),
              R"({"metadata":{"uid":"u-alice"},"status":{"observedGeneration":7,"state":"Ready",)"
              R"("message":null,"quotas":null}})");
    EXPECT_EQ(events_.Queued(), 0u) << "that all is well is no event";
    // The cache learns of it: nothing more to do.
    users_.SendEvent("MODIFIED",
                     User("alice", 9, 5001, R"({"observedGeneration":7,"state":"Ready"})"));
    kube::testing::RunFor(io_, milliseconds(200));
    EXPECT_EQ(Told("alice"), 1u);
    users_.SendEvent("ADDED", User("carol", 11, 5001));
    ASSERT_TRUE(Until([this] { return Told("alice") == 2 && Told("carol") == 1; }));
    EXPECT_THAT(Status("alice"), HasSubstr("DLUsers alice and carol have both the uid 5001"));
    EXPECT_TRUE(Until([this] { return events_.Queued() == 2u; }));
}

TEST_F(UserManagerTest, TellsOfFoldersAndQuotas) {
    Start();
    ASSERT_TRUE(Until([this] { return Told("alice") == 1; }));
    users_.SendEvent("MODIFIED",
                     User("alice", 9, 5001, R"({"observedGeneration":7,"state":"Ready"})"));
    nodes_.SendEvent("ADDED", Node(10, R"([{"storage":"work","user":"alice","bytesTotal":100,)"
                                       R"("bytesFree":40}])"));
    ASSERT_TRUE(Until([this] { return Told("alice") == 2; }));
    EXPECT_THAT(Status("alice"), HasSubstr(R"("state":"Ready","message":null,"quotas":[{"storage":)"
                                           R"("work","bytesTotal":100,"bytesFree":40}])"));
    nodes_.SendEvent("MODIFIED",
                     Node(12, R"([{"storage":"work","user":"alice","reason":"NoFolder",)"
                              R"("message":"move it away"}])"));
    ASSERT_TRUE(Until([this] { return Told("alice") == 3; }));
    EXPECT_THAT(Status("alice"), HasSubstr(R"("state":"NoFolder","message":"move it away")"));
}

TEST_F(UserManagerTest, TheConfigMapIsKeptAsItShouldBe) {
    Start();
    ASSERT_TRUE(Until([this] { return Writes() == 1; }));
    EXPECT_THAT(Written("passwd"), HasSubstr("alice:x:5001:5001:"));
    EXPECT_THAT(Written("smb.conf"), HasSubstr("[home]\npath = /mnt/s/work/%u\n"));
    // The cache learns of it: nothing more to do.
    const std::string data = json::serialize(json::parse(LastPatch(kMap)).at("data"));
    maps_.SendEvent("MODIFIED", ConfigMap(9, data));
    kube::testing::RunFor(io_, milliseconds(200));
    EXPECT_EQ(Writes(), 1u);
    // Somebody changes it by hand.
    maps_.SendEvent("MODIFIED", ConfigMap(10, R"({"smb.conf":"[all]\npath = /\n"})"));
    ASSERT_TRUE(Until([this] { return Writes() == 2; }));
    maps_.SendEvent("MODIFIED", ConfigMap(11, data));
    // A second user; then a third with the uid of the first, so that neither counts.
    users_.SendEvent("ADDED", User("bob", 12, 5002));
    ASSERT_TRUE(Until([this] { return Writes() == 3; }));
    EXPECT_THAT(Written("passwd"), HasSubstr("bob:x:5002:"));
    users_.SendEvent("ADDED", User("carol", 13, 5001));
    ASSERT_TRUE(Until([this] { return Writes() == 4; }));
    EXPECT_THAT(Written("passwd"), Not(HasSubstr(":5001:")));
    users_.SendEvent("DELETED", User("carol", 14, 5001));
    ASSERT_TRUE(Until([this] { return Writes() == 5; }));
    EXPECT_THAT(Written("passwd"), HasSubstr("alice:x:5001:"));
}

TEST_F(UserManagerTest, ARefusedWriteIsTriedAgain) {
    server_.When("PATCH", kMap)
        .Reply(403, R"({"kind":"Status","status":"Failure","code":403,"reason":"Forbidden"})")
        .Reply(200, ConfigMap(9, "{}"));
    Start();
    EXPECT_TRUE(Until([this] { return Writes() >= 2; }));
}

}  // namespace
}  // namespace dlws::user
