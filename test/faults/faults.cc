// SPDX-License-Identifier: Apache-2.0
#include "test/faults/faults.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace dlws::faults {

using e2e::Eventually;
using e2e::Text;

namespace {

std::string FirstLineOf(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string AllOf(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

void Faults::SetUp() {
    cluster().WaitForOperator();
    random_.seed(e2e::Seed());
    E2e::SetUp();
}

void Faults::TearDown() {
    E2e::TearDown();
    // A container that ended several times is started again after up to 40 s.
    EXPECT_NO_THROW(cluster().WaitForOperator(std::chrono::seconds(120)));
}

std::string Faults::Sleeper(const std::string& name, int pods, int seconds) const {
    return Job(name, fmt::format("command: [sleep, '{}']\nroles: [{{name: worker, replicas: {}}}]",
                                 seconds, pods));
}

void Faults::SubmitStubbornly(const std::string& yaml) {
    Json object = e2e::FromYaml(yaml);
    std::string last;
    bool made = Eventually(std::chrono::seconds(60), [&] {
        Reply reply = api().Post(JobPath(""), object);
        last = reply.text;
        // A create that was not answered may have been performed all the same.
        return reply.ok() || reply.code == 409;
    });
    ASSERT_TRUE(made) << last;
}

void Faults::ExpectEachPodOnce(const std::set<std::string>& jobs, int pods) {
    std::set<std::string> expected;
    for (const std::string& job : jobs)
        for (int i = 0; i < pods; ++i)
            expected.insert(fmt::format("{}-worker-{}-0", job, i));
    std::set<std::string> there;
    Reply list = api().Get(CorePath("pods"));
    for (const Json& pod : e2e::List(list.body, "items"))
        there.insert(Text(pod, "metadata/name"));
    EXPECT_EQ(there, expected);
    for (const auto& [pod, times] : cluster().PodCreates(audit_, ns_)) {
        EXPECT_EQ(times, 1) << pod;
        EXPECT_TRUE(expected.contains(pod)) << pod;
    }
}

int Faults::Random(int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random_);
}

pid_t OperatorProcess(const Json& pod) {
    const std::string group = "pod" + Text(pod, "metadata/uid");
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (FirstLineOf(entry.path() / "comm") != "dlws-operator") continue;
        if (AllOf(entry.path() / "cgroup").find(group) != std::string::npos) return std::stoi(name);
    }
    return 0;
}

namespace {

Json LeaseOfOperator(const e2e::Api& api) {
    return api
        .Get("/apis/coordination.k8s.io/v1/namespaces/dlws-system/leases/dlworkspace-operator")
        .body;
}

}  // namespace

std::string Holder(const e2e::Api& api) {
    return Text(LeaseOfOperator(api), "spec/holderIdentity");
}

std::string LeaseRenewed(const e2e::Api& api) {
    return Text(LeaseOfOperator(api), "spec/renewTime");
}

}  // namespace dlws::faults
