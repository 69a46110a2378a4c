// SPDX-License-Identifier: Apache-2.0
#include "test/faults/plans/stage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "test/e2e/fixture.h"
#include "test/faults/host.h"

namespace dlws::faults {

using e2e::Reply;
using e2e::Text;
using namespace std::chrono_literals;

namespace {

// Longer than a client waits for an answer that never comes, and then for its turn.
constexpr auto kPatience = 150s;
constexpr auto kTick = 250ms;
constexpr auto kQuiet = 2s;
/// A status that differs only in counts may come so late, and a refused Event somewhat later.
constexpr auto kSettling = 3s;

}  // namespace

Stage::Stage(const Site& site, const std::string& ns, std::optional<Fault> fault)
    : site_(site), ns_(ns), fault_(std::move(fault)) {}

// The proxies first: their callbacks speak to the operators.
Stage::~Stage() {
    proxy_.reset();
    second_proxy_.reset();
}

Outcome Stage::Run(const Workload& workload, const Outcome* reference) {
    const auto began = Clock::now();
    try {
        SetUp();
        StartOperators();
        workload.play(*this);
        Settle(reference);
        ExpectQuiet();
    } catch (const std::exception& e) {
        outcome_.violations.emplace_back(e.what());
    }
    outcome_.triggered = proxy_ && proxy_->Triggered();
    if (proxy_) outcome_.log = proxy_->Log();
    if (history_) {
        const auto& more = history_->violations();
        outcome_.violations.insert(outcome_.violations.end(), more.begin(), more.end());
    }
    ReadAudit();
    if (reference) Compare(*reference);
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return std::move(outcome_);
}

void Stage::SetUp() {
    const Json ns =
        e2e::FromYaml("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns_ +
                      ", labels: {dlws-faults: plan, dlworkspace.io/managed: 'true'}}}");
    Must("making namespace " + ns_, [&] { return api().Post("/api/v1/namespaces", ns); });
    AwaitThat("the namespace has its ServiceAccount",
              [&] { return api().Get(Path("serviceaccounts", "default")).ok(); });
    audit_ = site_.cluster->AuditEnd();
    history_ = std::make_unique<History>(api(), ns_);
}

void Stage::StartOperators() {
    auto start = [&](const std::string& identity, std::unique_ptr<FaultProxy>& proxy,
                     std::unique_ptr<HostOperator>& op) {
        proxy = std::make_unique<FaultProxy>(*site_.threads, site_.server);
        HostOperator::Settings settings;
        settings.binary = OperatorBinary();
        settings.kubeconfig = fmt::format("{}/{}-{}.kubeconfig", site_.folder, ns_, identity);
        settings.log = fmt::format("{}/{}-{}.log", site_.folder, ns_, identity);
        settings.args = {"--namespace=" + ns_, "--watch-namespace=" + ns_, "--lease-seconds=3",
                         "--identity=" + identity};
        WriteKubeconfig(settings.kubeconfig, fmt::format("http://127.0.0.1:{}", proxy->port()), "",
                        site_.token);
        op = std::make_unique<HostOperator>(std::move(settings));
    };
    start("a", proxy_, first_);
    if (fault_)
        proxy_->Arm(*fault_, {.kill = [this] { first_->Kill(); },
                              .stop = [this] { first_->Signal(SIGSTOP); },
                              .cont = [this] { first_->Signal(SIGCONT); }});
    first_->Start();
    AwaitThat("the operator leads", [&] {
        Reply lease = api().Get("/apis/coordination.k8s.io/v1/namespaces/" + ns_ +
                                "/leases/dlworkspace-operator");
        return Text(lease.body, "spec/holderIdentity").starts_with("a_");
    });
    const bool two = fault_ && (fault_->kind == FaultKind::FreezeBefore ||
                                fault_->kind == FaultKind::FreezeAfter);
    if (!two) return;
    start("b", second_proxy_, second_);
    second_->Start();
}

// An operator that ended is started again, as a kubelet would.
void Stage::Supervise() {
    if (first_) first_->StartIfEnded();
    if (second_) second_->StartIfEnded();
    // The API server forgets after 75 s.
    if (history_ && Clock::now() - history_->caught_up() > 30s) history_->CatchUp();
}

void Stage::AwaitThat(const std::string& what, const std::function<bool()>& done) {
    const auto end = Clock::now() + kPatience;
    while (!done()) {
        if (Clock::now() >= end)
            throw std::runtime_error(fmt::format("after {} s it is not so that {}; it is:\n{}",
                                                 kPatience.count(), what, End()));
        Supervise();
        std::this_thread::sleep_for(kTick);
    }
}

void Stage::Settle(const Outcome* reference) {
    const auto end = Clock::now() + 20s;
    std::this_thread::sleep_for(kTick);
    while (Clock::now() < end) {
        Supervise();
        outcome_.end = End();
        const bool over = !proxy_->Triggered() || proxy_->Over();
        if (over && (!reference || outcome_.end == reference->end)) break;
        std::this_thread::sleep_for(kTick);
    }
    const auto settled = Clock::now() + kSettling;
    history_->CatchUp();
    while (Clock::now() < settled) {
        Supervise();
        std::this_thread::sleep_for(kTick);
    }
    outcome_.end = End();
}

std::vector<Seen> Stage::AllSeen() const {
    std::vector<Seen> all = proxy_->Log();
    if (second_proxy_) {
        std::vector<Seen> more = second_proxy_->Log();
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

void Stage::ExpectQuiet() {
    const auto began = Clock::now();
    const std::string before = outcome_.end;
    std::this_thread::sleep_for(kQuiet);
    for (const Seen& seen : AllSeen())
        if (seen.at >= began && seen.call.Writes() && seen.call.resource != "leases" &&
            seen.call.resource != "events")  // a series is told late, by design
            outcome_.violations.push_back(
                fmt::format("a write after the end: {} {}", seen.call.Kind(), seen.call.name));
    outcome_.end = End();
    if (outcome_.end != before)
        outcome_.violations.push_back("the end did not stay:\n" + before + "became\n" +
                                      outcome_.end);
}

std::string Stage::End() const {
    std::string text;
    Reply job = api().Get(Path("dljobs", "job"));
    if (job.code == 404) {
        text = "no job\n";
    } else if (!job.ok()) {
        return "the job cannot be read: " + job.text;
    } else {
        const Json& status = e2e::At(job.body, "status");
        auto show = [&](const char* path) {
            text += fmt::format("{}: {}\n", path, Text(status, path));
        };
        for (const char* path : {"phase", "attempt", "ready", "restarts", "observedGeneration",
                                 "pending/reason", "failure/reason", "failure/pod"})
            show(path);
        std::set<std::string> conditions;  // in whatever order they came
        for (const Json& c : e2e::List(status, "conditions"))
            conditions.insert(fmt::format("condition {}: {} {}\n", Text(c, "type"),
                                          Text(c, "status"), Text(c, "reason")));
        for (const std::string& condition : conditions)
            text += condition;
        for (const Json& a : e2e::List(status, "attempts"))
            text +=
                fmt::format("attempt {}: {} {} {}\n", Text(a, "attempt"), Text(a, "failure/pod"),
                            Text(a, "failure/exitCode"), Text(a, "failure/cause"));
        for (const Json& r : e2e::List(status, "roles"))
            text += "role: " + r.serialize() + "\n";
    }
    std::set<std::string> objects;
    for (const char* resource : {"pods", "services", "configmaps"}) {
        Reply list = api().Get(Path(resource));
        if (!list.ok()) return "the " + std::string(resource) + " cannot be read: " + list.text;
        for (const Json& item : e2e::List(list.body, "items")) {
            const std::string name = Text(item, "metadata/name");
            if (name != "kube-root-ca.crt")
                objects.insert(
                    fmt::format("{} {} {}\n", resource, name, Text(item, "status/phase")));
        }
    }
    for (const std::string& each : objects)
        text += each;
    return text;
}

void Stage::ReadAudit() {
    for (const e2e::Audited& w : site_.cluster->Writes(audit_, ns_)) {
        if (w.resource == "events") continue;
        if (w.verb == "create" && w.code == 201) ++outcome_.creates[w.resource + " " + w.name];
        if (w.verb == "delete" && w.code < 300) outcome_.deletes.insert(w.resource + " " + w.name);
    }
}

void Stage::Compare(const Outcome& reference) {
    auto expect = [&](bool same, std::string text) {
        if (!same) outcome_.violations.push_back(std::move(text));
    };
    expect(outcome_.end == reference.end,
           "another end:\n" + outcome_.end + "instead of\n" + reference.end);
    std::map<std::string, int> creates = outcome_.creates;
    const bool two_leaders = fault_ && (fault_->kind == FaultKind::FreezeBefore ||
                                        fault_->kind == FaultKind::FreezeAfter);
    for (auto& [name, times] : creates) {
        // What the frozen one was about to create may arrive when the other leader has made it, and
        // it was deleted, by us or with its job. The stray is deleted once more (`end` has seen to
        // that): a lease is no fence (docs/decisions/0009-fence.md).
        const auto once = reference.creates.find(name);
        if (two_leaders && once != reference.creates.end() && times == once->second + 1)
            times = once->second;
    }
    expect(creates == reference.creates,
           fmt::format("other creates: {} instead of {}", outcome_.creates, reference.creates));
    expect(outcome_.deletes == reference.deletes,
           fmt::format("other deletes: {} instead of {}", outcome_.deletes, reference.deletes));
}

// ---- for workloads ----

Reply Stage::Must(const std::string& what, const std::function<Reply()>& request) const {
    Reply reply;
    for (int i = 0; i < 20; ++i) {
        reply = request();
        // A kept connection that was closed meanwhile, or two writers of one pod.
        if (reply.code != 0 && reply.code != 409) break;
        std::this_thread::sleep_for(kTick);
    }
    if (!reply.ok()) throw std::runtime_error(what + ": " + reply.text);
    return reply;
}

std::string Stage::Path(const std::string& resource, const std::string& name) const {
    return fmt::format("{}/namespaces/{}/{}{}{}",
                       resource == "dljobs" ? "/apis/dlworkspace.io/v1" : "/api/v1", ns_, resource,
                       name.empty() ? "" : "/", name);
}

void Stage::Submit(const std::string& spec) {
    std::string indented = "  " + spec;
    for (std::size_t at = 0; (at = indented.find('\n', at)) != std::string::npos; at += 3)
        indented.insert(at + 1, "  ");
    std::string more = "\n" + std::string(kOnSimulatedNodes);
    for (std::size_t at = 0; (at = more.find('\n', at)) != std::string::npos; at += 3)
        more.insert(at + 1, "  ");
    const Json job = e2e::FromYaml(
        "apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata: {name: job}\nspec:\n"
        "  image: dlworkspace.io/tools:1\n  command: [train]\n" +
        indented + more);
    Must("submitting the job",
         [&] { return api().Post(Path("dljobs") + "?fieldValidation=Strict", job); });
}

Json Stage::Await(const std::string& what, const std::function<bool(const Json&)>& done) {
    Json job;
    AwaitThat("the job is " + what, [&] {
        Reply reply = api().Get(Path("dljobs", "job"));
        if (!reply.ok()) return false;
        job = reply.body;
        return done(job);
    });
    return job;
}

void Stage::AwaitPhase(const std::string& phase, int attempt) {
    Await(fmt::format("{} in attempt {}", phase, attempt), [&](const Json& job) {
        const std::string is = Text(job, "status/phase");
        if (is != phase && e2e::Condition(job, "Finished") == "True")
            throw std::runtime_error("the job ended as " + is + ":\n" + End());
        return is == phase && e2e::Number(job, "status/attempt") == attempt;
    });
}

void Stage::AwaitPods(std::size_t count) {
    AwaitThat(fmt::format("there are {} pods", count), [&] {
        Reply list = api().Get(Path("pods"));
        return list.ok() && e2e::List(list.body, "items").size() == count;
    });
}

void Stage::AwaitGone() {
    AwaitThat("the job is gone", [&] { return api().Get(Path("dljobs", "job")).code == 404; });
    AwaitThat("everything of it is gone", [&] { return End() == "no job\n"; });
}

void Stage::PatchSpec(const std::string& yaml) {
    Json patch = Json::object();
    patch["spec"] = e2e::FromYaml(yaml);
    Must("patching the job", [&] { return api().Patch(Path("dljobs", "job"), patch); });
}

void Stage::DeleteJob() {
    Must("deleting the job", [&] { return api().Delete(Path("dljobs", "job")); });
}

void Stage::EndPod(const std::string& name, int exit_code) {
    const Json patch = PodEnded(exit_code);
    Must("ending pod " + name, [&] { return api().Patch(Path("pods", name) + "/status", patch); });
}

void Stage::EndPods(int attempt) {
    Reply list = Must("listing pods", [&] { return api().Get(Path("pods")); });
    for (const Json& pod : e2e::List(list.body, "items")) {
        const std::string name = Text(pod, "metadata/name");
        if (name.ends_with(fmt::format("-{}", attempt))) EndPod(name, 0);
    }
}

void Stage::MakeForeignPod(const std::string& name) {
    const Json pod = e2e::FromYaml("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                                   R"(}, spec: {nodeSelector: {no: node},
          securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}},
          containers: [{name: main, image: other,
            securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}})");
    Must("making a foreign pod", [&] { return api().Post(Path("pods"), pod); });
}

void Stage::DeletePod(const std::string& name) {
    const Json now = e2e::FromYaml("{gracePeriodSeconds: 0}");
    Must("deleting pod " + name, [&] { return api().Delete(Path("pods", name), now); });
}

}  // namespace dlws::faults
