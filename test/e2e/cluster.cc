// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/cluster.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "dlws_source_dir.h"

namespace dlws::e2e {

namespace {

constexpr std::string_view kOperator = "system:serviceaccount:dlws-system:dlworkspace-operator";
constexpr const char* kOperatorPods =
    "/api/v1/namespaces/dlws-system/pods"
    "?labelSelector=app.kubernetes.io%2Fcomponent%3Doperator";

std::string Environment(const char* name, const std::string& otherwise) {
    const char* value = std::getenv(name);
    return value && *value ? value : otherwise;
}

std::string StateFolder() {
    // As in test/cluster/settings.sh.
    const std::string instance = Environment("DLWS_INSTANCE", "0");
    return Environment("DLWS_STATE",
                       "/var/lib/dlws-cluster" + (instance == "0" ? "" : "-" + instance));
}

std::string Install(const std::string& state) {
    // A first run compiles the operator and its image.
    auto made =
        Shell("DLWS_STATE=" + Quoted(state) + " test/cluster/install.sh", std::chrono::minutes(40));
    if (made.code != 0)
        throw std::runtime_error("the operator could not be installed:\n" + made.text);
    return Environment("DLWS_KUBECONFIG", state + "/kubeconfig");
}

}  // namespace

std::string Quoted(std::string_view text) {
    std::string quoted = "'";
    for (char c : text)
        quoted += c == '\'' ? "'\\''" : std::string(1, c);
    return quoted + "'";
}

Output Shell(const std::string& command, std::chrono::seconds deadline) {
    std::string line =
        fmt::format("cd {} && exec timeout --kill-after=5 {} bash -c {} 2>&1 </dev/null",
                    Quoted(DLWS_SOURCE_DIR), deadline.count(), Quoted(command));
    FILE* pipe = popen(line.c_str(), "r");
    if (!pipe) throw std::runtime_error("cannot start bash");
    Output output;
    std::array<char, 4096> part{};
    while (std::size_t n = fread(part.data(), 1, part.size(), pipe))
        output.text.append(part.data(), n);
    int status = pclose(pipe);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

std::string MustShell(const std::string& command, std::chrono::seconds deadline) {
    Output output = Shell(command, deadline);
    if (output.code != 0)
        throw std::runtime_error(
            fmt::format("exit {} of: {}\n{}", output.code, command, output.text));
    return output.text;
}

std::string Audited::ToString() const {
    return fmt::format("{} {}{}{} {}/{} -> {}", verb, resource, subresource.empty() ? "" : "/",
                       subresource, ns, name, code);
}

Cluster& Cluster::Get() {
    static Cluster cluster;
    return cluster;
}

Cluster::Cluster() : state_(StateFolder()), api_(Install(state_)) {
    WaitForOperator();
}

std::int64_t Cluster::AuditEnd() const {
    return std::int64_t(std::filesystem::file_size(state_ + "/audit.log"));
}

int Cluster::Refusals(std::int64_t from) const {
    std::ifstream file(state_ + "/audit.log");
    file.seekg(from);
    int refusals = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.back() != '}') break;  // being written
        if (line.find("\"level\":\"Metadata\"") == std::string::npos) continue;
        const Json entry = Json::parse(line);
        refusals += Number(entry, "responseStatus/code") >= 400;
    }
    return refusals;
}

std::vector<Audited> Cluster::Writes(std::int64_t from, const std::string& ns) const {
    std::vector<Audited> writes;
    std::ifstream file(state_ + "/audit.log");
    if (!file) throw std::runtime_error("there is no audit log in " + state_);
    file.seekg(from);
    const std::string in_ns = "\"namespace\":\"" + ns + "\"";
    for (std::string line; std::getline(file, line);) {
        if (!ns.empty() && line.find(in_ns) == std::string::npos) continue;
        if (line.empty() || line.back() != '}') break;  // being written
        Json entry = Json::parse(line);
        if (Text(entry, "stage") != "ResponseComplete" || Text(entry, "user/username") != kOperator)
            continue;
        Audited write{.verb = Text(entry, "verb"),
                      .resource = Text(entry, "objectRef/resource"),
                      .subresource = Text(entry, "objectRef/subresource"),
                      .ns = Text(entry, "objectRef/namespace"),
                      .name = Text(entry, "objectRef/name"),
                      .code = Number(entry, "responseStatus/code")};
        if (write.name.empty()) write.name = Text(entry, "requestObject/metadata/name");
        if (write.resource == "leases" || (!ns.empty() && write.ns != ns)) continue;
        writes.push_back(std::move(write));
    }
    return writes;
}

std::map<std::string, int> Cluster::PodCreates(std::int64_t from, const std::string& ns) const {
    std::map<std::string, int> creates;
    for (const Audited& w : Writes(from, ns))
        if (w.verb == "create" && w.resource == "pods" && w.subresource.empty() && w.code == 201)
            ++creates[w.name];
    return creates;
}

std::vector<Json> Cluster::OperatorPods() const {
    Reply reply = api_.Get(kOperatorPods);
    const auto& items = List(reply.body, "items");
    return {items.begin(), items.end()};
}

std::string Cluster::Leader() const {
    Reply lease =
        api_.Get("/apis/coordination.k8s.io/v1/namespaces/dlws-system/leases/dlworkspace-operator");
    std::string holder = Text(lease.body, "spec/holderIdentity");
    return holder.substr(0, holder.rfind('_'));  // `<pod>_<random>`
}

std::string Cluster::OperatorLogs(int lines) const {
    std::string all;
    for (const Json& pod : OperatorPods()) {
        std::string name = Text(pod, "metadata/name");
        Reply log = api_.Get(
            fmt::format("/api/v1/namespaces/dlws-system/pods/{}/log?tailLines={}", name, lines));
        all += fmt::format("--- log of {}:\n{}\n", name, log.text);
    }
    return all;
}

void Cluster::WaitForOperator(std::chrono::seconds deadline) const {
    bool up = Eventually(deadline, [&] {
        std::string leader = Leader();
        int ready = 0;
        bool leads = false;
        for (const Json& pod : OperatorPods()) {
            ready += Text(pod, "status/containerStatuses/0/ready") == "true";
            leads |= Text(pod, "metadata/name") == leader;
        }
        return ready >= 2 && leads;
    });
    if (!up)
        throw std::runtime_error("the operator's two replicas are not ready, or none leads\n" +
                                 OperatorLogs());
}

Api LogIn(const std::string& name, const std::string& uid) {
    const std::string made = MustShell("script/cluster user " + name + " " + uid + " 2>/dev/null");
    return Api(made.substr(0, made.find_last_not_of('\n') + 1));
}

bool Eventually(std::chrono::milliseconds deadline, const std::function<bool()>& done) {
    auto end = std::chrono::steady_clock::now() + deadline;
    while (!done()) {
        if (std::chrono::steady_clock::now() >= end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return true;
}

void PrintFigure(const std::string& name, double value, const std::string& unit,
                 const std::string& goal) {
    fmt::print("figure {} {:.1f} {}{}\n", name, value, unit, goal.empty() ? "" : " goal " + goal);
    std::fflush(stdout);
}

unsigned Seed() {
    static const unsigned seed = [] {
        std::string given = Environment("DLWS_SEED", "");
        auto value = given.empty() ? unsigned(std::chrono::system_clock::now().time_since_epoch() /
                                              std::chrono::hours(24))
                                   : unsigned(std::stoul(given));
        fmt::print("seed {} (DLWS_SEED={} repeats this run)\n", value, value);
        return value;
    }();
    return seed;
}

bool Full() {
    return Environment("DLWS_FULL", "") == "1";
}

}  // namespace dlws::e2e
