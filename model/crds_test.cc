// SPDX-License-Identifier: Apache-2.0
// The contract in crds/: small enough for `kubectl apply`, described everywhere, bounded
// everywhere, and understood by our own parser. What an API server makes of it is in
// test/e2e/crds_test.sh.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "dlws_source_dir.h"
#include "model/cluster_status.h"
#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/dlnode.h"
#include "model/dluser.h"
#include "model/render.h"
#include "model/status.h"

namespace dlws::model {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const fs::path kCrds = fs::path(DLWS_SOURCE_DIR) / "crds";

std::string Read(const fs::path& path) {
    std::ifstream in(path);
    EXPECT_TRUE(in) << path;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

YAML::Node Schema(const std::string& name) {
    return YAML::Load(Read(kCrds / name))["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

bool Says(const YAML::Node& field, const std::string& word) {
    return field["description"] &&
           field["description"].as<std::string>().find(word) != std::string::npos;
}

// Everything below `field` that breaks a rule of the house, one line each.
void Check(const YAML::Node& field, const std::string& path, std::vector<std::string>& wrong) {
    const std::string type = field["type"] ? field["type"].as<std::string>() : "";
    if (type == "string" && !field["maxLength"] && !field["enum"] && !field["format"])
        wrong.push_back(path + ": a string without maxLength, enum or format");
    if (field["x-kubernetes-int-or-string"] && !field["maxLength"])
        wrong.push_back(path + ": int-or-string without maxLength");
    if (type == "array") {
        if (!field["maxItems"]) wrong.push_back(path + ": a list without maxItems");
        if (!field["x-kubernetes-list-type"]) wrong.push_back(path + ": a list without list-type");
        Check(field["items"], path + "[]", wrong);
    }
    if (type == "integer" && !field["format"]) wrong.push_back(path + ": a number without format");
    if (const YAML::Node values = field["additionalProperties"]) {
        if (!field["maxProperties"]) wrong.push_back(path + ": a map without maxProperties");
        Check(values, path + "{}", wrong);
    }
    for (const auto& rule : field["x-kubernetes-validations"])
        if (!rule["message"]) wrong.push_back(path + ": a rule without a message");
    for (const auto& property : field["properties"]) {
        const std::string below = path + "." + property.first.as<std::string>();
        // The API server describes metadata itself, and refuses a CRD that does.
        if (below == ".metadata") continue;
        const YAML::Node& value = property.second;
        if (!value["description"]) wrong.push_back(below + ": no description");
        if (!Says(value, "Default: ")) wrong.push_back(below + ": does not say its default");
        if (!Says(value, "Example: ")) wrong.push_back(below + ": gives no example");
        if (value["type"] && value["type"].as<std::string>() == "integer" && !Says(value, "Unit: "))
            wrong.push_back(below + ": does not say its unit");
        Check(value, below, wrong);
    }
}

class Crd : public testing::TestWithParam<const char*> {};

TEST_P(Crd, IsSmall) {
    EXPECT_LT(fs::file_size(kCrds / GetParam()), 100'000U);
}

TEST_P(Crd, IsDescribedAndBoundedEverywhere) {
    std::vector<std::string> wrong;
    const YAML::Node schema = Schema(GetParam());
    ASSERT_TRUE(schema["properties"]["spec"]);
    EXPECT_TRUE(schema["description"]);
    Check(schema, "", wrong);
    for (const std::string& line : wrong)
        ADD_FAILURE() << GetParam() << " " << line;
}

INSTANTIATE_TEST_SUITE_P(All, Crd,
                         testing::Values("dljob.yaml", "dlcluster.yaml", "dljobapproval.yaml",
                                         "dljobtemplate.yaml"),
                         [](const auto& info) {
                             return std::string(info.param, std::string_view(info.param).find('.'));
                         });

// Plain scalars typed as YAML 1.2's core schema types them; enough for our own examples.
json::value ToJson(const YAML::Node& node) {
    if (node.IsMap()) {
        json::object o;
        for (const auto& item : node)
            o[item.first.as<std::string>()] = ToJson(item.second);
        return o;
    }
    if (node.IsSequence()) {
        json::array a;
        for (const auto& item : node)
            a.push_back(ToJson(item));
        return a;
    }
    if (node.IsNull()) return nullptr;
    const auto text = node.as<std::string>();
    if (node.Tag() == "!") return json::value(text);  // quoted
    if (text == "true" || text == "false") return text == "true";
    if (int n = 0; YAML::convert<int>::decode(node, n)) return n;
    return json::value(text);
}

std::string Example(const fs::path& path) {
    json::value value = ToJson(YAML::Load(Read(path)));
    value.at("metadata").as_object()["uid"] = "u1";
    return json::serialize(value);
}

TEST(Examples, AreUnderstoodAndRendered) {
    const auto cluster = ParseDLCluster(Example(kCrds / "examples/cluster.yaml"));
    ASSERT_TRUE(cluster) << cluster.error();
    ASSERT_FALSE(cluster->storages.empty());
    EXPECT_EQ(cluster->gpu.driver, DriverMode::HostPath);
    int jobs = 0;
    for (const auto& file : fs::directory_iterator(kCrds / "examples")) {
        if (!file.is_regular_file()) continue;
        const std::string example = Example(file.path());
        const std::string kind(json::parse(example).at("kind").as_string());
        if (kind == "DLCluster") continue;
        if (kind == "DLJobTemplate") continue;  // may be half-written
        if (kind == "DLUser") {
            const auto user = ParseDLUser(example);
            EXPECT_TRUE(user) << file.path() << ": " << user.error();
            continue;
        }
        const auto job = ParseDLJob(example);
        ASSERT_TRUE(job) << file.path() << ": " << job.error();
        const auto rendered = Render(*job, *cluster);
        EXPECT_TRUE(rendered) << file.path() << ": " << rendered.error().message;
        ++jobs;
    }
    EXPECT_GE(jobs, 7);
}

TEST(Examples, RefusedOnesSayWhatIsExpected) {
    int files = 0;
    for (const auto& file : fs::directory_iterator(kCrds / "examples/refused")) {
        EXPECT_TRUE(Read(file.path()).starts_with("# expect: ")) << file.path();
        ++files;
    }
    EXPECT_GE(files, 40);
}

// What the operator may write must be what the schema allows: same names, same words, same bounds.
TEST(Contract, StatusIsWhatTheOperatorWrites) {
    JobStatus full;
    full.phase = Phase::Failed;
    full.message = "m";
    full.observedGeneration = 1;
    full.launchedAttempt = 1;
    full.ready = "1/2";
    full.startTime = full.finishTime = Time{};
    full.roles = {RoleStatus{.name = "worker"}};
    full.conditions = {{"Finished", "True", "Failed", "m", Time{}, 1}};
    full.pending = Pending{ReasonClass::Wait, "R", "m", Time{}};
    full.failure = Failure{"p", "r", 0, "n", 1, 9, "R", "m", "l"};
    full.launchTime = full.activeSince = Time{};
    full.activeSeconds = 1;
    full.restarts = {1, 2};
    full.attempts = {{0, Time{}, Time{}, *full.failure}};
    full.avoidedNodes = {{"n", 1, Time{}}};
    full.replaced = {{"worker", 1, 1, true}};
    full.elastic = ElasticStatus{1, 1, "a=b"};
    full.approval = ApprovalStatus{ApprovalStatus::Approved,
                                   "h",
                                   "r",
                                   {PermissionClass::HostNetwork},
                                   {"a"},
                                   {"m"},
                                   "d",
                                   "{}",
                                   "who",
                                   "n",
                                   "carol",
                                   "u",
                                   "because",
                                   Time{}};
    const YAML::Node status = Schema("dljob.yaml")["properties"]["status"];
    const auto same = [](const YAML::Node& schema, const json::value& value, const char* what) {
        std::set<std::string> described, written;
        for (const auto& p : schema["properties"])
            described.insert(p.first.as<std::string>());
        for (const auto& [key, v] : value.as_object())
            written.emplace(key);
        EXPECT_EQ(described, written) << what;
    };
    const json::object written = ToJsonObject(full);
    same(status, written, "status");
    const YAML::Node fields = status["properties"];
    same(fields["roles"]["items"], written.at("roles").at(0), "roles");
    same(fields["conditions"]["items"], written.at("conditions").at(0), "conditions");
    same(fields["pending"], written.at("pending"), "pending");
    same(fields["failure"], written.at("failure"), "failure");
    same(fields["restarts"], written.at("restarts"), "restarts");
    same(fields["attempts"]["items"], written.at("attempts").at(0), "attempts");
    same(fields["attempts"]["items"]["properties"]["failure"],
         written.at("attempts").at(0).at("failure"), "failure of an attempt");
    same(fields["avoidedNodes"]["items"], written.at("avoidedNodes").at(0), "avoidedNodes");
    same(fields["replaced"]["items"], written.at("replaced").at(0), "replaced");
    same(fields["elastic"], written.at("elastic"), "elastic");
    same(fields["approval"], written.at("approval"), "approval");
    same(fields["approval"]["properties"]["approver"], written.at("approval").at("approver"),
         "approver");
    EXPECT_EQ(fields["approval"]["properties"]["diff"]["maxLength"].as<std::size_t>(), kMaxDiff);
    EXPECT_EQ(fields["attempts"]["maxItems"].as<std::size_t>(), kMaxAttemptRecords);
    EXPECT_EQ(fields["avoidedNodes"]["maxItems"].as<std::size_t>(), kMaxAvoidedNodes);

    const auto words = [](const YAML::Node& list) {
        std::set<std::string> set;
        for (const auto& w : list)
            set.insert(w.as<std::string>());
        return set;
    };
    std::set<std::string> phases;
    for (int p = static_cast<int>(Phase::AwaitingApproval); p <= static_cast<int>(Phase::Stopped);
         ++p)
        phases.emplace(ToString(static_cast<Phase>(p)));
    EXPECT_EQ(words(fields["phase"]["enum"]), phases);
    EXPECT_EQ(words(fields["pending"]["properties"]["class"]["enum"]),
              (std::set<std::string>{"Wait", "Ask", "Change"}));
    EXPECT_EQ(fields["message"]["maxLength"].as<std::size_t>(), kMaxMessage);
}

TEST(Contract, NodesAndStoragesAreToldAsTheSchemaHasIt) {
    const auto described = [](const YAML::Node& schema) {
        std::set<std::string> names;
        for (const auto& p : schema["properties"])
            names.insert(p.first.as<std::string>());
        return names;
    };
    const auto written = [](const json::value& value) {
        std::set<std::string> names;
        for (const auto& [key, v] : value.as_object())
            names.emplace(key);
        return names;
    };
    DLNode node;
    node.checkedAt = Time{};
    node.problems = {"p"};
    node.storages = {{"work", StorageState::Full, "R", "m", Time{}, Time{}, Time{}, "0:1", Time{},
                      "nfs4", 1, 1, 1, 1}};
    node.homes = {{"work", "alice", "R", "m", 1, 1}};
    const json::value told = json::parse(StatusJson(node));
    const YAML::Node of_node = Schema("dlnode.yaml")["properties"]["status"];
    std::vector<std::string> wrong;
    Check(of_node, "status", wrong);
    EXPECT_EQ(described(of_node), written(told));
    const YAML::Node fact = of_node["properties"]["storages"]["items"];
    EXPECT_EQ(described(fact), written(told.at("storages").at(0)));
    std::set<std::string> states;
    for (const auto& word : fact["properties"]["state"]["enum"])
        states.insert(word.as<std::string>());
    EXPECT_EQ(states.size(), kStorageStates);
    for (const std::string& state : states)
        EXPECT_TRUE(StorageStateOf(state)) << state;
    EXPECT_TRUE(wrong.empty()) << wrong[0];
    EXPECT_EQ(described(of_node["properties"]["homes"]["items"]), written(told.at("homes").at(0)));

    const json::value user = json::parse(UserStatusPatch({1, "Ready", "m", {{"work", 1, 1}}}, "u"));
    const YAML::Node of_user = Schema("dluser.yaml")["properties"]["status"];
    EXPECT_EQ(described(of_user), written(user.at("status")));
    EXPECT_EQ(described(of_user["properties"]["quotas"]["items"]),
              written(user.at("status").at("quotas").at(0)));

    const json::value patch =
        json::parse(ClusterStatusPatch({1,
                                        "s",
                                        {{"work", "p", 1, 1, 1, 1, 1, 1, "m"}},
                                        {.types = {{{"t", 1, {}}}, 0},
                                         .users = {{{"", "", "u", 1}}, 0},
                                         .namespaces = {{{"n", "", "", 1}}, 0},
                                         .jobs = {{{"n", "j", "u", 1}}, 0},
                                         .problems = {{{"n", "R", "m", Time{}, 1}}, 0}}},
                                       "u", "1"));
    const YAML::Node of_cluster = Schema("dlcluster.yaml")["properties"]["status"];
    const json::value& status = patch.at("status");
    EXPECT_EQ(described(of_cluster), written(status));
    const YAML::Node fields = of_cluster["properties"];
    EXPECT_EQ(described(fields["storages"]["items"]), written(status.at("storages").at(0)));
    EXPECT_EQ(described(fields["gpus"]), written(status.at("gpus")));
    EXPECT_EQ(described(fields["nodes"]), written(status.at("nodes")));
    EXPECT_EQ(described(fields["problems"]["items"]), written(status.at("problems").at(0)));
    const auto bound = [](const YAML::Node& list) { return list["maxItems"].as<std::size_t>(); };
    EXPECT_EQ(bound(fields["problems"]), kMaxNodeProblems);
    for (const char* list : {"types", "users", "namespaces", "jobs"}) {
        const YAML::Node field = fields["gpus"]["properties"][list];
        EXPECT_EQ(described(field["items"]), written(status.at("gpus").at(list).at(0))) << list;
        EXPECT_EQ(bound(field), list == std::string_view("types") ? kMaxGpuTypes : kMaxGpuHolders);
    }
}

// One list of classes in the code, five in the definitions.
TEST(Contract, PermissionClassesAreTheSame) {
    std::vector<std::string> known;
    for (PermissionClass c : kPermissionClasses) {
        known.emplace_back(ToString(c));
        EXPECT_EQ(ParsePermissionClass(ToString(c)), c);
    }
    const auto words = [](const YAML::Node& field) {
        return field["enum"].as<std::vector<std::string>>();
    };
    const YAML::Node job = Schema("dljob.yaml")["properties"];
    EXPECT_EQ(words(job["status"]["properties"]["approval"]["properties"]["classes"]["items"]),
              known);
    const YAML::Node cluster = Schema("dlcluster.yaml")["properties"]["spec"]["properties"];
    EXPECT_EQ(words(cluster["permissions"]["items"]["properties"]["class"]), known);
    const YAML::Node approval = Schema("dljobapproval.yaml")["properties"]["spec"]["properties"];
    EXPECT_EQ(words(approval["classes"]["items"]), known);
    // A permission is asked for by the field of that name.
    for (const std::string& name : known) {
        const YAML::Node spec = job["spec"]["properties"];
        EXPECT_TRUE(name == "devices" ? spec["devices"] : spec["permissions"]["properties"][name])
            << name;
    }
}

// What a rule of CEL says: 'Torch': ['MASTER_ADDR', …], framework by framework.
std::map<std::string, std::set<std::string>> NamesByFramework(const std::string& rule) {
    std::map<std::string, std::set<std::string>> names;
    std::string framework;
    for (std::size_t at = rule.find('{'); (at = rule.find('\'', at)) != std::string::npos;) {
        const std::size_t end = rule.find('\'', at + 1);
        const std::string word = rule.substr(at + 1, end - at - 1);
        at = end + 1;
        if (rule.compare(at, 3, ": [") == 0)
            names[framework = word];
        else
            names[framework].insert(word);
    }
    return names;
}

// Every reserved name of a framework is refused by a rule, and no other.
TEST(Contract, ReservedEnvironmentNamesAreTheSame) {
    const YAML::Node spec = Schema("dljob.yaml")["properties"]["spec"];
    int rules = 0;
    for (const auto& rule : spec["x-kubernetes-validations"]) {
        const auto text = rule["rule"].as<std::string>();
        if (text.find("MASTER_ADDR") == std::string::npos) continue;
        ++rules;
        const auto names = NamesByFramework(text);
        std::set<std::string> all;
        for (const auto& [framework, list] : names)
            all.insert(list.begin(), list.end());
        EXPECT_EQ(all.size(), 23U);
        std::set<std::string> frameworks;
        for (Framework f : {Framework::None, Framework::Torch, Framework::MPI, Framework::JAX,
                            Framework::TensorFlow, Framework::DeepSpeed}) {
            frameworks.emplace(ToString(f));
            for (const std::string& name : all)
                EXPECT_EQ(IsReservedEnv(f, name), names.at(std::string(ToString(f))).contains(name))
                    << ToString(f) << " " << name;
        }
        const YAML::Node known = spec["properties"]["framework"]["enum"];
        EXPECT_EQ(known.as<std::vector<std::string>>().size(), frameworks.size());
        for (const auto& word : known)
            EXPECT_TRUE(frameworks.contains(word.as<std::string>())) << word;
    }
    EXPECT_EQ(rules, 2);
    EXPECT_TRUE(IsReservedEnv(Framework::None, "DLWS_JOB"));
    EXPECT_FALSE(IsReservedEnv(Framework::Torch, "PET_MAX_RESTARTS"));
}

// What a framework sets itself is what nobody else may set, but for defaults that may be changed.
TEST(Contract, WhatAFrameworkSetsIsReserved) {
    for (Framework f : {Framework::Torch, Framework::MPI, Framework::JAX, Framework::TensorFlow,
                        Framework::DeepSpeed})
        for (bool elastic : {false, true}) {
            if (elastic && f != Framework::Torch) continue;
            DLJob job;
            job.meta.name = "j";
            job.meta.uid = "u";
            job.spec.image = "i";
            job.spec.framework = f;
            job.spec.roles = {Role{.name = "launcher"}, Role{.name = "worker"}};
            if (elastic) job.spec.elastic = Elastic{"worker", 1, 1, 2};
            DLCluster cluster;
            cluster.defaultUser = {1, 1};
            const auto rendered = Render(job, cluster);
            ASSERT_TRUE(rendered) << rendered.error().message;
            const json::value pod = json::parse(MakePod(*rendered, 0, 0, 0));
            const std::set<std::string> free = {"PYTHONUNBUFFERED", "HOME", "USER",
                                                "PET_MAX_RESTARTS",
                                                "OMPI_MCA_hwloc_base_binding_policy"};
            for (const json::value& item : pod.at_pointer("/spec/containers/0/env").as_array()) {
                const std::string name(item.at("name").as_string());
                EXPECT_NE(IsReservedEnv(f, name), free.contains(name)) << ToString(f) << name;
            }
        }
}

}  // namespace
}  // namespace dlws::model
