// SPDX-License-Identifier: Apache-2.0
#include "test/faults/host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace dlws::faults {

using e2e::MustShell;
using e2e::Quoted;
using e2e::Text;

const char* const kOnSimulatedNodes = R"(podOverrides:
  nodeSelector: {type: kwok}
  tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}])";

Json PodEnded(int exit_code) {
    Json patch = e2e::FromYaml(fmt::format(R"(
status:
  phase: {}
  conditions:
  - {{type: PodScheduled, status: "True"}}
  - {{type: Initialized, status: "True"}}
  - {{type: ContainersReady, status: "False", reason: PodCompleted}}
  - {{type: Ready, status: "False", reason: PodCompleted}}
  containerStatuses:
  - name: main
    image: dlworkspace.io/tools:1
    imageID: ""
    ready: false
    started: false
    restartCount: 0
    state:
      terminated: {{exitCode: {}, reason: {}}}
)",
                                           exit_code == 0 ? "Succeeded" : "Failed", exit_code,
                                           exit_code == 0 ? "Completed" : "Error"));
    return patch;
}

std::string OperatorBinary() {
    const char* other = std::getenv("DLWS_FAULTS_OPERATOR");
    return other ? other : DLWS_OPERATOR_BINARY;
}

std::string OperatorToken() {
    std::string token = MustShell(
        "script/cluster kubectl -n dlws-system create token dlworkspace-operator --duration=1h");
    while (!token.empty() && token.back() == '\n')
        token.pop_back();
    return token;
}

void WriteKubeconfig(const std::string& file, const std::string& server, const std::string& ca_file,
                     const std::string& token) {
    const std::string authority =
        server.starts_with("https") ? fmt::format(", certificate-authority: {}", ca_file) : "";
    const std::string text = fmt::format(R"(apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
clusters: [{{name: test, cluster: {{server: "{}"{}}}}}]
users: [{{name: test, user: {{token: {}}}}}]
)",
                                         server, authority, token);
    const int to = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const bool written = to >= 0 && write(to, text.data(), text.size()) == ssize_t(text.size());
    if (to >= 0) close(to);
    if (!written) throw std::runtime_error("cannot write " + file);
}

void ScaleInstalledOperator(int replicas) {
    MustShell(
        fmt::format("script/cluster kubectl -n dlws-system scale deployment "
                    "dlworkspace-operator --replicas={}",
                    replicas));
    if (replicas > 0) return;
    if (!e2e::Eventually(std::chrono::seconds(60),
                         [] { return e2e::Cluster::Get().OperatorPods().empty(); }))
        throw std::runtime_error("the installed operator has not ended in 60 s");
}

void HostOperators::SetUp() {
    Faults::SetUp();
    MustShell("script/cluster up --nodes 8", std::chrono::seconds(120));
    ScaleInstalledOperator(0);
    token_ = OperatorToken();
    const std::string url = MustShell(
        "script/cluster kubectl config view --minify -o jsonpath={.clusters[0].cluster.server}");
    const auto colon = url.rfind(':');
    server_host_ = url.substr(8, colon - 8);  // after https://
    server_port_ = url.substr(colon + 1);
    ca_file_ = cluster().state() + "/pki/ca.crt";
}

void HostOperators::TearDown() {
    ScaleInstalledOperator(2);
    Faults::TearDown();
}

HostOperator::Settings HostOperators::Operator(const std::string& name, const std::string& server) {
    const std::string folder = cluster().state() + "/log/faults";
    std::filesystem::create_directories(folder);
    HostOperator::Settings settings;
    settings.binary = OperatorBinary();
    settings.kubeconfig = folder + "/" + name + ".kubeconfig";
    settings.log = folder + "/" + name + ".log";
    unlink(settings.log.c_str());
    WriteKubeconfig(
        settings.kubeconfig,
        server.empty() ? fmt::format("https://{}:{}", server_host_, server_port_) : server,
        ca_file_, token_);
    return settings;
}

std::string HostOperators::Simulated(const std::string& name, int replicas,
                                     const std::string& more) {
    return Job(name,
               fmt::format("command: [train]\nroles: [{{name: worker, replicas: {}}}]\n{}\n{}",
                           replicas, more, kOnSimulatedNodes));
}

void HostOperators::EndPod(const std::string& pod, int exit_code) {
    Reply reply = api().Patch(CorePath("pods", pod) + "/status", PodEnded(exit_code));
    EXPECT_TRUE(reply.ok()) << reply.text;
}

int HostOperators::JobsIn(const std::string& phase) {
    Reply list = api().Get(JobPath(""));
    int n = 0;
    for (const Json& job : e2e::List(list.body, "items"))
        n += Text(job, "status/phase") == phase;
    return n;
}

}  // namespace dlws::faults
