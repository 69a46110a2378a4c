// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/fixture.h"

#include <fmt/format.h>

#include <chrono>
#include <sstream>

namespace dlws::e2e {

namespace {

std::string NamespaceName() {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::string lower;
    for (char c : name)
        if (std::isalnum((unsigned char)c)) lower += char(std::tolower((unsigned char)c));
    auto now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
    return fmt::format("e2e-{}-{:x}", lower.substr(0, 40), now & 0xffffff);
}

std::string Indented(const std::string& text, int by) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);)
        out += std::string(std::size_t(by), ' ') + line + "\n";
    return out;
}

}  // namespace

void E2e::SetUp() {
    ns_ = NamespaceName();
    Json ns = FromYaml("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns_ +
                       ", labels: {dlworkspace.io/managed: 'true'}}}");
    Reply made = api().Post("/api/v1/namespaces", ns);
    ASSERT_TRUE(made.ok()) << made.text;
    // Pods are refused until the namespace has its default ServiceAccount.
    ASSERT_TRUE(Eventually(std::chrono::seconds(20), [&] {
        return api().Get("/api/v1/namespaces/" + ns_ + "/serviceaccounts/default").ok();
    }));
    audit_ = cluster().AuditEnd();
}

void E2e::TearDown() {
    // Kept, to look into it: the namespace of a failed test, when DLWS_KEEP is set.
    if (HasFailure() && std::getenv("DLWS_KEEP")) return;
    api().Delete("/api/v1/namespaces/" + ns_);
}

std::string E2e::Job(const std::string& name, const std::string& spec) const {
    return fmt::format(
        "apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata: {{name: {}}}\nspec:\n{}{}", name,
        spec.find("image:") == std::string::npos ? "  image: dlworkspace.io/tools:1\n" : "",
        Indented(spec.find("podOverrides:") == std::string::npos
                     ? spec + "\npodOverrides: {terminationGracePeriodSeconds: 1}"
                     : spec,
                 2));
}

void E2e::Submit(const std::string& yaml) {
    Json object = FromYaml(yaml);
    std::string kind = Text(object, "kind");
    std::string path;
    if (kind == "DLJob")
        path = JobPath("");
    else if (kind == "ResourceQuota")
        path = CorePath("resourcequotas");
    else if (kind == "Secret")
        path = CorePath("secrets");
    else if (kind == "Service")
        path = CorePath("services");
    else if (kind == "Pod")
        path = CorePath("pods");
    else
        FAIL() << "the test cannot submit a " << kind;
    Reply made = api().Post(path + "?fieldValidation=Strict", object);
    ASSERT_EQ(made.code, 201) << made.text;
}

std::string E2e::JobPath(const std::string& name) const {
    std::string list = "/apis/dlworkspace.io/v1/namespaces/" + ns_ + "/dljobs";
    return name.empty() ? list : list + "/" + name;
}

std::string E2e::CorePath(const std::string& resource, const std::string& name) const {
    std::string list = "/api/v1/namespaces/" + ns_ + "/" + resource;
    return name.empty() ? list : list + "/" + name;
}

Json E2e::WaitForJob(const std::string& name, const std::string& what,
                     const std::function<bool(const Json&)>& done, int seconds) {
    Json job;
    bool in_time = Eventually(std::chrono::seconds(seconds), [&] {
        Reply reply = api().Get(JobPath(name));
        if (!reply.ok()) return false;
        job = reply.body;
        return done(job);
    });
    if (!in_time)
        ADD_FAILURE() << "after " << seconds << " s job " << name << " is not " << what << "\n"
                      << Explain(name);
    return job;
}

Json E2e::WaitForPhase(const std::string& name, const std::string& phase, int seconds) {
    Json job = WaitForJob(
        name, phase,
        [&](const Json& j) {
            // A job that ended otherwise will not come to this phase any more.
            return Text(j, "status/phase") == phase || Condition(j, "Finished") == "True";
        },
        seconds);
    if (Condition(job, "Finished") == "True" && Text(job, "status/phase") != phase)
        ADD_FAILURE() << "job " << name << " ended, and is not " << phase << "\n" << Explain(name);
    return job;
}

Json E2e::WaitForPending(const std::string& name, const std::string& reason, int seconds) {
    return WaitForJob(
        name, "pending for " + reason,
        [&](const Json& job) { return Text(job, "status/pending/reason") == reason; }, seconds);
}

bool E2e::WaitUntil(const std::string& what, const std::function<bool()>& done, int seconds) {
    bool in_time = Eventually(std::chrono::seconds(seconds), done);
    if (!in_time)
        ADD_FAILURE() << "after " << seconds << " s it is not so that " << what << "\n"
                      << cluster().OperatorLogs();
    return in_time;
}

void E2e::PatchSpec(const std::string& job, const std::string& yaml) {
    Json patch = Json::object();
    patch["spec"] = FromYaml(yaml);
    Reply reply = api().Patch(JobPath(job), patch);
    ASSERT_TRUE(reply.ok()) << reply.text;
}

std::vector<Json> E2e::Pods(const std::string& job) {
    Reply reply = api().Get(CorePath("pods") + "?labelSelector=dlworkspace.io%2Fjob%3D" + job);
    const auto& items = List(reply.body, "items");
    return {items.begin(), items.end()};
}

Json E2e::Pod(const std::string& name) {
    return api().Get(CorePath("pods", name)).body;
}

std::vector<Json> E2e::Events() {
    Reply reply = api().Get(CorePath("events"));
    const auto& items = List(reply.body, "items");
    return {items.begin(), items.end()};
}

std::string E2e::Log(const std::string& pod) {
    return api().Get(CorePath("pods", pod) + "/log").text;
}

void E2e::DeletePod(const std::string& name) {
    Reply reply = api().Delete(CorePath("pods", name), FromYaml("{gracePeriodSeconds: 1}"));
    EXPECT_TRUE(reply.ok()) << reply.text;
}

std::string E2e::Explain(const std::string& job) {
    Reply reply = api().Get(JobPath(job));
    std::string text = "status: " + (reply.ok() ? Text(reply.body, "status") : reply.text) + "\n";
    for (const Json& pod : Pods(job)) {
        text += fmt::format("pod {}: {}\n", Text(pod, "metadata/name"), Text(pod, "status"));
        text += "its log: " + Log(Text(pod, "metadata/name")) + "\n";
    }
    for (const Json& event : Events())
        text += fmt::format("event: {} {}: {}\n", Text(event, "involvedObject/name"),
                            Text(event, "reason"), Text(event, "message"));
    return text + cluster().OperatorLogs();
}

std::string Condition(const Json& job, const std::string& type) {
    for (const Json& c : List(job, "status/conditions"))
        if (Text(c, "type") == type) return Text(c, "status");
    return "";
}

}  // namespace dlws::e2e
