// SPDX-License-Identifier: Apache-2.0
// Each command, whole, against a portal that answers with the contract's examples.
#include <gtest/gtest.h>

#include <map>

#include "cli/testing/fake_portal.h"
#include "cli/testing/run.h"

namespace dlws::cli {
namespace {

using testing::Answer;
using testing::Call;
using testing::ContractExample;
using testing::FakePortal;
using testing::Program;

Answer Problem(int status, const std::string& example) {
    return {.status = status, .body = ContractExample(example), .type = "application/problem+json"};
}

class ProgramTest : public ::testing::Test {
  protected:
    ProgramTest() { dlws.LogIn(); }

    // By "METHOD target", the longest that the call begins with.
    std::map<std::string, Answer> answers{
        {"GET /api/v1/jobs", {.body = ContractExample("JobList")}},
        {"GET /api/v1/namespaces/vision/jobs/digits", {.body = ContractExample("JobDetail")}},
        {"GET /api/v1/namespaces/vision/jobs/digits/pods",
         {.body = ContractExample("ListJobPods")}},
        {"GET /api/v1/namespaces/vision/jobs/digits/events",
         {.body = ContractExample("ListEvents")}},
        {"GET /api/v1/namespaces/vision/jobs/digits/manifest",
         {.body = ContractExample("JobManifest")}},
        {"GET /api/v1/namespaces/vision/jobs/digits/logs", {.body = ContractExample("LogPage")}},
        {"GET /api/v1/namespaces/vision/jobs/digits/logs/text",
         {.body = std::string("a\0\xff\n", 4), .type = "application/octet-stream"}},
        {"POST /api/v1/namespaces/vision/jobs", {.status = 201, .body = ContractExample("JobRow")}},
        {"DELETE /api/v1/namespaces/vision/jobs/digits", {.status = 204, .type = ""}},
        {"GET /api/v1/approvals", {.body = ContractExample("ListApprovals")}},
        {"POST /api/v1/namespaces/vision/jobs/bench/approve",
         {.status = 201, .body = R"({"approval":"bench-x7k2p"})"}},
        {"POST /api/v1/namespaces/vision/jobs/bench/deny",
         {.status = 201, .body = R"({"approval":"bench-x7k2p"})"}},
        {"GET /api/v1/cluster", {.body = ContractExample("ClusterStatus")}},
        {"GET /api/v1/cluster/nodes", {.body = ContractExample("ListNodes")}},
    };
    FakePortal portal{[this](const Call& call) {
        const Answer* best = nullptr;
        std::size_t length = 0;
        for (const auto& [start, answer] : answers)
            if (call.Line().starts_with(start) && start.size() > length) {
                best = &answer;
                length = start.size();
            }
        return best ? *best : Problem(404, "NotFound");
    }};
    Program dlws{portal.url()};

    std::string LastCall() const { return portal.calls().back().Line(); }
};

TEST_F(ProgramTest, List) {
    // nextCursor of the example would go on for ever: the second page has none.
    auto list = boost::json::parse(ContractExample("JobList")).as_object();
    list.erase("nextCursor");
    answers["GET /api/v1/jobs?mine=true&limit=500&cursor="] = {.body =
                                                                   boost::json::serialize(list)};
    EXPECT_EQ(dlws.Run({"list"}), 0) << dlws.err;
    const std::string row =
        "vision      digits   Queued   0/1     8      5m    No node has 8 GPUs of type A100 free; "
        "2 "
        "nodes have 6.\n";
    EXPECT_EQ(dlws.out, "NAMESPACE   NAME     PHASE    READY   GPUS   AGE   WHY\n" + row + row);
    EXPECT_EQ(portal.calls().at(0).Line(), "GET /api/v1/jobs?mine=true&limit=500");
    EXPECT_EQ(LastCall(), "GET /api/v1/jobs?mine=true&limit=500&cursor=eyJhIjoiMSJ9");

    EXPECT_EQ(dlws.Run({"list", "-o", "name", "--limit", "1"}), 0);
    EXPECT_EQ(dlws.out, "vision/digits\n");
    EXPECT_EQ(dlws.Run({"list", "-A", "-n", "vision", "--phase", "Queued", "--phase", "Running",
                        "-q", "a b", "-o", "wide", "--limit", "1", "--sort", "-gpus"}),
              0);
    EXPECT_EQ(
        LastCall(),
        "GET /api/v1/jobs?namespace=vision&phase=Queued&phase=Running&q=a%20b&sort=-gpus&limit=1");
    EXPECT_NE(dlws.out.find("OWNER               TYPE   FRAMEWORK"), std::string::npos) << dlws.out;
    EXPECT_EQ(dlws.Run({"list", "-o", "json", "--limit", "1"}), 0);
    const auto value = boost::json::parse(dlws.out);
    EXPECT_EQ(value.at("total").as_int64(), 1);
    EXPECT_EQ(value.at_pointer("/items/0/name").as_string(), "digits");
    EXPECT_EQ(dlws.Run({"list", "-o", "yaml", "--limit", "1"}), 0);
    EXPECT_EQ(dlws.out.substr(0, 33), "items:\n  - namespace: vision\n    ");
}

TEST_F(ProgramTest, ListOfNothingAndMore) {
    answers["GET /api/v1/jobs"] = {.body = R"({"items":[],"total":0})"};
    EXPECT_EQ(dlws.Run({"list"}), 0);
    EXPECT_EQ(dlws.out, "");
    EXPECT_EQ(dlws.err, "you have no such jobs; -A lists everybody's\n");
    answers["GET /api/v1/jobs"] = {.body = ContractExample("JobList"),
                                   .fields = {{"Dlws-Stale", "2026-11-29T10:04:30Z"}}};
    EXPECT_EQ(dlws.Run({"list", "--limit", "1"}), 0);
    EXPECT_EQ(dlws.err, "the API server is away; this is what was known 30s ago\n");
}

TEST_F(ProgramTest, HostileTextDoesNothing) {
    answers["GET /api/v1/jobs"] = {
        .body =
            R"({"items":[{"namespace":"v","name":"a","phase":"Queued","why":"\u001b[2J\u202eevil\nsecond"}],"total":1})"};
    EXPECT_EQ(dlws.Run({"list"}), 0);
    EXPECT_NE(dlws.out.find("^[[2J\uFFFDevil second\n"), std::string::npos) << dlws.out;
}

TEST_F(ProgramTest, Get) {
    EXPECT_EQ(dlws.Run({"get", "vision/digits"}), 0) << dlws.err;
    for (const char* part :
         {"Job:        vision/digits\nPhase:      Queued\nWhy:        No node has 8 GPUs",
          "Advice:     No node has room", "Command:    python3 train.py\n",
          "Created:    2026-11-29T10:00:00Z (5m ago)\n", "File:       /job/train.py (1812 bytes)\n",
          "\nROLE     PODS   GPUS   TYPE   CPU   MEMORY\nworker   1      8      A100\n",
          "\nRANK   POD                 STATE     ATTEMPT   NODE     EXIT   AGE     WHY\n"
          "0      digits-worker-0-0   Running   0         gpu-17          4m53s\n"})
        EXPECT_NE(dlws.out.find(part), std::string::npos) << part << "\n---\n" << dlws.out;
    EXPECT_EQ(dlws.Run({"get", "-n", "vision", "digits", "-o", "yaml"}), 0);
    EXPECT_EQ(
        dlws.out,
        "apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata:\n  name: digits\nspec:\n  image: "
        "\"registry.example/digits:1\"\n  command:\n    - python3\n    - train.py\n  framework: "
        "Torch\n"
        "  roles:\n    - name: worker\n      replicas: 2\n      gpus: 1\n");
    EXPECT_EQ(dlws.Run({"get", "vision/nothing"}), 4);
    EXPECT_EQ(dlws.err, "dlws: There is no such job\n");
}

TEST_F(ProgramTest, Why) {
    EXPECT_EQ(dlws.Run({"why", "vision/digits"}), 0) << dlws.err;
    EXPECT_EQ(dlws.out,
              "vision/digits is Queued since 4m59s: No node has 8 GPUs of type A100 free; 2 nodes "
              "have 6.\n"
              "No node has room for a pod of the job now; the scheduler keeps trying.\n\n"
              "AGE     TYPE     REASON    OF                      MESSAGE\n"
              "4m53s   Normal   Started   Pod/digits-worker-0-0   Container main started\n");
    EXPECT_EQ(LastCall(), "GET /api/v1/namespaces/vision/jobs/digits/events?limit=5");
    answers["GET /api/v1/namespaces/vision/jobs/digits/events"] = Problem(403, "Forbidden");
    EXPECT_EQ(dlws.Run({"why", "vision/digits"}), 0);
    EXPECT_NE(dlws.out.find("the scheduler keeps trying.\n"), std::string::npos);
    EXPECT_NE(dlws.err.find("You may not get dljobs"), std::string::npos) << dlws.err;
    EXPECT_EQ(dlws.Run({"why", "vision/digits", "-o", "json"}), 0);
    EXPECT_EQ(boost::json::parse(dlws.out).at("reason").as_string(), "Unschedulable");
}

TEST_F(ProgramTest, SubmitAScript) {
    const std::string script = dlws.Write("train.py", "print(1)\n");
    EXPECT_EQ(dlws.Run({"submit", script, "-n", "vision", "--image", "i", "--gpus", "8", "--",
                        "--epochs", "3"}),
              0)
        << dlws.err;
    EXPECT_EQ(
        dlws.out,
        "vision/digits is submitted. What next:\n  dlws -n vision logs -f digits   what it prints\n"
        "  dlws -n vision why digits       what it waits for\n  dlws -n vision stop digits      "
        "end it\n");
    const Call call = portal.calls().back();
    EXPECT_EQ(call.Line(), "POST /api/v1/namespaces/vision/jobs");
    EXPECT_EQ(call.Field("content-type"), "application/json");
    const auto sent = boost::json::parse(call.body);
    EXPECT_EQ(sent.at_pointer("/spec/files/0/content").as_string(), "print(1)\n");
    EXPECT_EQ(sent.at_pointer("/spec/args/1").as_string(), "3");
    EXPECT_EQ(dlws.Run({"submit", script, "-n", "vision", "--image", "i", "-o", "name"}), 0);
    EXPECT_EQ(dlws.out, "vision/digits\n");
}

TEST_F(ProgramTest, SubmitAFile) {
    const std::string text =
        "# mine\nmetadata: {name: digits, namespace: vision}\nspec: {image: i}\n";
    const std::string file = dlws.Write("job.yaml", text);
    EXPECT_EQ(dlws.Run({"submit", "-f", file}), 0) << dlws.err;
    EXPECT_EQ(portal.calls().back().Line(), "POST /api/v1/namespaces/vision/jobs");
    EXPECT_EQ(portal.calls().back().Field("content-type"), "application/yaml");
    EXPECT_EQ(portal.calls().back().body, text) << "as it is, so that lines are those of the file";
    EXPECT_NE(dlws.out.find("dlws logs -f vision/digits"), std::string::npos) << dlws.out;

    answers["POST /api/v1/namespaces/vision/jobs"] = Problem(422, "Invalid");
    EXPECT_EQ(dlws.Run({"submit", "-f", file}), 1);
    EXPECT_EQ(dlws.err,
              "dlws: The job is not valid\nspec.roles[0].gpus: must be at most 128 (line 9 of " +
                  file + ")\n");
    EXPECT_EQ(dlws.Run({"submit", "-f", file, "-n", "speech"}), 2);
    EXPECT_EQ(dlws.err,
              "dlws: " + file + " says namespace vision, and -n says speech; change one of them\n");
    EXPECT_EQ(dlws.Run({"submit", "-f", file, "--gpus", "3"}), 2);
    EXPECT_EQ(dlws.err, "dlws: --gpus cannot be beside -f: write it into the file\n");
    EXPECT_EQ(dlws.Run({"submit", "-f", dlws.home + "/none.yaml"}), 2);
}

TEST_F(ProgramTest, SubmitNothing) {
    const std::string file = dlws.Write("job.yaml", "metadata: {name: digits}\nspec: {image: i}\n");
    answers["POST /api/v1/namespaces/default/jobs?dryRun=All"] = {
        .body = ContractExample("JobManifest")};
    EXPECT_EQ(dlws.Run({"submit", "-f", file, "--dry-run"}), 0) << dlws.err;
    EXPECT_EQ(dlws.out, "default/digits would be accepted; nothing was made.\n");
    const std::size_t calls = portal.calls().size();
    EXPECT_EQ(dlws.Run({"submit", "--image", "i", "--print", "--", "echo", "a b"}), 0);
    EXPECT_EQ(
        dlws.out,
        "apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata:\n  generateName: echo-\nspec:\n"
        "  image: i\n  command:\n    - echo\n    - \"a b\"\n");
    EXPECT_EQ(portal.calls().size(), calls);
    EXPECT_EQ(dlws.Run({"submit", "--image", "i", "--print", "--wait", "--", "x"}), 2);
}

TEST_F(ProgramTest, Logs) {
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--tail", "5", "--since", "10m", "-t", "--attempt",
                        "all"}),
              0)
        << dlws.err;
    EXPECT_EQ(
        dlws.out,
        "2026-11-29T10:00:08.123456Z [0.0] epoch 1\n2026-11-29T10:00:08.223456Z [1.0] epoch 1\n");
    EXPECT_EQ(LastCall(),
              "GET "
              "/api/v1/namespaces/vision/jobs/digits/"
              "logs?attempt=all&since=2026-11-29T09%3A55%3A00Z&tail=5&limit=5000");
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--raw"}), 0);
    EXPECT_EQ(dlws.out, std::string("a\0\xff\n", 4)) << "byte by byte";
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--rank", "x"}), 2);
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--since", "yesterday"}), 2);
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--raw", "-f"}), 2);
}

TEST_F(ProgramTest, LogsGoOnByCursor) {
    const std::string first = "GET /api/v1/namespaces/vision/jobs/digits/logs";
    answers[first] = {
        .body =
            R"({"lines":[{"at":"x","rank":0,"attempt":0,"text":"one"}],"nextCursor":"C1","atEnd":false})"};
    answers[first + "?limit=5000&cursor=C1"] = {
        .body =
            R"({"lines":[{"at":"x","rank":0,"attempt":0,"text":"two\u001b[2J","cut":true}],"nextCursor":"C2","atEnd":true})"};
    EXPECT_EQ(dlws.Run({"logs", "vision/digits"}), 0);
    EXPECT_EQ(dlws.out, "one\ntwo\x1b[2J […cut at 64 KiB; --raw has all]\n")
        << "as printed, into a pipe";
    dlws.world.screen.terminal = true;
    EXPECT_EQ(dlws.Run({"logs", "vision/digits", "--tail", "1"}), 0);
    EXPECT_EQ(dlws.out, "one\ntwo^[[2J […cut at 64 KiB; --raw has all]\n");
    EXPECT_EQ(portal.calls().back().Line(), first + "?limit=5000&cursor=C1")
        << "tail counts for the first page alone";
}

TEST_F(ProgramTest, ChangesOfJobs) {
    for (const auto& [command, says] : {std::pair{"stop", "is being stopped"},
                                        {"suspend", "is being suspended; resume lets it go on"},
                                        {"resume", "starts anew"}}) {
        EXPECT_EQ(dlws.Run({command, "vision/digits"}), 0) << dlws.err;
        EXPECT_EQ(dlws.out, std::string("vision/digits ") + says + "\n");
        EXPECT_EQ(LastCall(), std::string("POST /api/v1/namespaces/vision/jobs/digits/") + command);
    }
    EXPECT_EQ(dlws.Run({"delete", "vision/digits"}), 0);
    EXPECT_EQ(LastCall(), "DELETE /api/v1/namespaces/vision/jobs/digits");
}

TEST_F(ProgramTest, OneJobThatIsNotThereKeepsNoOther) {
    EXPECT_EQ(dlws.Run({"stop", "speech/a", "vision/digits", "speech/b"}), 4);
    EXPECT_EQ(dlws.out, "vision/digits is being stopped\n");
    EXPECT_EQ(dlws.err,
              "dlws: speech/a: There is no such job\ndlws: speech/b: There is no such job\n");
    answers["POST /api/v1/namespaces/speech/jobs/a/stop"] = Problem(503, "Unavailable");
    EXPECT_EQ(dlws.Run({"stop", "speech/a", "vision/digits"}), 5);
    EXPECT_EQ(dlws.out, "") << "with the portal away the others are not tried";
    EXPECT_EQ(dlws.Run({"stop", "Bad_Name", "vision/digits"}), 2);
    EXPECT_EQ(dlws.out, "") << "nothing is done on a wrong command line";
}

TEST_F(ProgramTest, Approve) {
    EXPECT_EQ(dlws.Run({"approve"}), 0) << dlws.err;
    EXPECT_EQ(dlws.out,
              "NAMESPACE   NAME    OWNER               AGE   CLASSES       YOURS   HASH\n"
              "vision      bench   alice@example.org   5m    hostNetwork   yes     9f86d081884c\n");
    EXPECT_EQ(dlws.Run({"approve", "vision/bench"}), 2) << "nobody to ask";
    EXPECT_NE(dlws.out.find("  asks for the network of its node\n"), std::string::npos);
    EXPECT_NE(dlws.out.find("    + spec.hostNetwork: true\n"), std::string::npos) << dlws.out;
    EXPECT_NE(dlws.err.find("dlws approve vision/bench --hash 9f86d081884c\n"), std::string::npos)
        << dlws.err;

    dlws.world.in_is_terminal = true;
    EXPECT_EQ(dlws.Run({"approve", "vision/bench"}, "no\n"), 1);
    EXPECT_EQ(LastCall().substr(0, 3), "GET") << "nothing was approved";
    EXPECT_EQ(dlws.Run({"approve", "vision/bench", "--for", "1h"}, "yes\n"), 0);
    const auto sent = boost::json::parse(portal.calls().back().body);
    EXPECT_EQ(LastCall(), "POST /api/v1/namespaces/vision/jobs/bench/approve");
    EXPECT_EQ(sent.at("uid").as_string(), "0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e");
    EXPECT_EQ(sent.at("templateHash").as_string().size(), 64u);
    EXPECT_EQ(sent.at_pointer("/classes/0").as_string(), "hostNetwork");
    EXPECT_EQ(sent.at("expiresAt").as_string(), "2026-11-29T11:05:00Z");

    dlws.world.in_is_terminal = false;
    EXPECT_EQ(dlws.Run({"approve", "vision/bench", "--hash", "9f86d081884c"}), 0);
    EXPECT_EQ(dlws.out, "vision/bench is approved (bench-x7k2p)\n");
    EXPECT_EQ(dlws.Run({"approve", "vision/bench", "--hash", "000000000000"}), 1);
    EXPECT_EQ(dlws.Run({"approve", "vision/bench", "--hash", "9f"}), 2);
    EXPECT_EQ(dlws.Run({"approve", "vision/other"}), 4);
}

TEST_F(ProgramTest, Deny) {
    EXPECT_EQ(dlws.Run({"deny", "vision/bench"}), 2);
    EXPECT_EQ(dlws.Run({"deny", "vision/bench", "--reason", "no"}), 0) << dlws.err;
    EXPECT_EQ(boost::json::parse(portal.calls().back().body).at("reason").as_string(), "no");
    auto list = boost::json::parse(ContractExample("ListApprovals"));
    list.at_pointer("/items/0").as_object()["mayDecide"] = false;
    list.at_pointer("/items/0").as_object()["whyNot"] = "It is your own job.";
    answers["GET /api/v1/approvals"] = {.body = boost::json::serialize(list)};
    EXPECT_EQ(dlws.Run({"deny", "vision/bench", "--reason", "no"}), 1);
    EXPECT_EQ(dlws.err, "dlws: It is your own job.\n");
}

TEST_F(ProgramTest, Top) {
    EXPECT_EQ(dlws.Run({"top"}), 0) << dlws.err;
    EXPECT_EQ(dlws.out,
              "GPU    TOTAL   USED   FREE   MOST ON A NODE   NODES\nA100   24      11     5      3 "
              "               3\n\n"
              "Nodes: 2 of 3 ready, 1 cordoned\nJobs: 4 Running, 1 Queued\n\n"
              "USER                GPUS   JOBS\nalice@example.org   9      3\nothers              "
              "2      1\n\n"
              "NAMESPACE   GPUS   JOBS\nvision      9      3\nothers      2      1\n\n"
              "PROBLEM   NODE     AGE   MESSAGE\nWarning   gpu-18   65m   Cordoned by an "
              "administrator.\n");
    EXPECT_EQ(dlws.Run({"top", "nodes", "--gpu-type", "A100"}), 0);
    EXPECT_EQ(dlws.out,
              "NODE     STATE   TYPE   GPUS   USED   FREE   HELD BY                    PROBLEMS\n"
              "gpu-17   Ready   A100   8      3      5      vision/digits:2,others:1\n");
    EXPECT_EQ(LastCall(), "GET /api/v1/cluster/nodes?gpuType=A100&limit=500");
    EXPECT_EQ(dlws.Run({"top", "pods"}), 2);
}

TEST_F(ProgramTest, History) {
    answers["GET /api/v1/jobs"] = {
        .body =
            R"({"items":[{"namespace":"v","name":"a","phase":"Failed","gpus":2,"attempt":1,"why":"exit code 1",)"
            R"("createdAt":"2026-11-29T09:00:00Z","startedAt":"2026-11-29T09:30:00Z","finishedAt":"2026-11-29T10:00:00Z"}],"total":3})"};
    EXPECT_EQ(dlws.Run({"history", "--since", "7d"}), 0) << dlws.err;
    EXPECT_EQ(dlws.out,
              "NAMESPACE   NAME   PHASE    GPUS   ENDED   TOOK   ATTEMPTS   WHY\n"
              "v           a      Failed   2      5m      30m    2          exit code 1\n");
    EXPECT_EQ(dlws.err, "2 more; --limit shows them\n");
    EXPECT_EQ(LastCall(),
              "GET "
              "/api/v1/"
              "jobs?mine=true&phase=Succeeded&phase=Failed&phase=Stopped&createdAfter=2026-11-"
              "22T10%3A05%3A00Z&sort=-changed&limit=50");
    EXPECT_EQ(dlws.Run({"history", "vision/digits"}), 0);
    EXPECT_EQ(dlws.out,
              "STEP        AT                     AFTER\nSubmitted   "
              "2026-11-29T10:00:00Z\nAdmitted    -\n"
              "Running     -\nFinished    -\n\n"
              "AT                     TIMES   TYPE     REASON    OF                      MESSAGE\n"
              "2026-11-29T10:00:07Z   1       Normal   Started   Pod/digits-worker-0-0   Container "
              "main started\n");
}

TEST_F(ProgramTest, WhereAndWho) {
    Program::variables().erase("DLWS_SERVER");
    EXPECT_EQ(dlws.Run({"list"}), 2);
    EXPECT_EQ(dlws.err.substr(0, 56), "dlws: which portal? Write --server https://dlws.example.");
    EXPECT_EQ(dlws.Run({"list", "--server", portal.url(), "--limit", "1"}), 0);
    dlws.Write(".config/dlws/config.yaml", "server: " + portal.url() + "\nnamespace: vision\n");
    EXPECT_EQ(dlws.Run({"why", "digits"}), 0) << dlws.err;
    dlws.Write(".kube/config", "");
    EXPECT_EQ(dlws.Run({"list"}), 3);
    EXPECT_EQ(dlws.err,
              "dlws: you are not logged in at " + portal.url() +
                  ", and there is no kubeconfig with a current context\nTo log in: dlws login\n");
    answers["GET /api/v1/jobs"] = Problem(401, "Unauthorized");
    dlws.LogIn();
    EXPECT_EQ(dlws.Run({"list"}), 3);
    EXPECT_EQ(dlws.Run({"get", "../../x"}), 2);
    EXPECT_EQ(dlws.Run({"get", "a/b/c"}), 2);
    EXPECT_EQ(dlws.Run({"get", "-n", "vision", "speech/a"}), 2);
}

TEST_F(ProgramTest, AsAPluginOfKubectl) {
    dlws.world.as_kubectl = true;
    dlws.world.program = "kubectl dlws";
    dlws.Write(".kube/config",
               "contexts: [{name: c, context: {user: u, namespace: vision}}]\n"
               "current-context: c\nusers: [{name: u, user: {token: of-kubectl}}]\n");
    dlws.Write(".config/dlws/config.yaml", "namespace: speech\n");
    const std::string tokens =
        dlws.Write(".config/dlws/tokens.yaml",
                   "logins: [{server: \"" + portal.url() + "\", token: of-dlws}]\n");
    std::filesystem::permissions(tokens, std::filesystem::perms(0600));
    EXPECT_EQ(dlws.Run({"why", "digits"}), 0) << dlws.err;
    EXPECT_EQ(portal.calls().back().Field("authorization"), "Bearer of-kubectl");
    EXPECT_EQ(LastCall(), "GET /api/v1/namespaces/vision/jobs/digits/events?limit=5");
    EXPECT_EQ(dlws.Run({"nothing"}), 2);
    EXPECT_EQ(dlws.err.substr(0, 14), "kubectl dlws: ");

    dlws.world.as_kubectl = false;
    EXPECT_EQ(dlws.Run({"why", "vision/digits"}), 0) << dlws.err;
    EXPECT_EQ(portal.calls().back().Field("authorization"), "Bearer of-dlws");
}

TEST_F(ProgramTest, Completion) {
    answers["GET /api/v1/jobs?mine=true&limit=500"] = {
        .body =
            R"({"items":[{"namespace":"vision","name":"digits"},{"namespace":"default","name":"dog"},{"namespace":"default","name":"cat"}]})"};
    EXPECT_EQ(dlws.Run({"__complete", "why", ""}), 0);
    EXPECT_EQ(dlws.out, "vision/digits\ndog\ncat\n");
    EXPECT_EQ(dlws.Run({"__complete", "why", "d"}), 0);
    EXPECT_EQ(dlws.out, "dog\n");
    answers["GET /api/v1/jobs?mine=true&limit=500&namespace=vision"] = {
        .body = R"({"items":[{"namespace":"vision","name":"digits"}]})"};
    EXPECT_EQ(dlws.Run({"__complete", "why", "-n", "vision", "d"}), 0);
    EXPECT_EQ(dlws.out, "digits\n");
    EXPECT_EQ(dlws.Run({"__complete", "submit", "-f", ""}), 0);
    EXPECT_EQ(dlws.out, ":files\n");
    EXPECT_EQ(dlws.Run({"completion", "fish"}), 2);
}

}  // namespace
}  // namespace dlws::cli
