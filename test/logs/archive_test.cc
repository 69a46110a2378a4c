// SPDX-License-Identifier: Apache-2.0
// What jobs print is archived on shared storage, each line once, whatever becomes of the pods and
// of the agent.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Archive : public E2e {
  protected:
    // Of the job, on the machine.
    fs::path Folder(const Json& job, const std::string& user = "default") {
        return fs::path(cluster().shared()) / "jobfiles" / user /
               Text(job, "metadata/creationTimestamp").substr(0, 7) /
               (Text(job, "metadata/name") + "-" + Text(job, "metadata/uid").substr(0, 8));
    }
    static std::vector<std::string> Lines(const fs::path& file) {
        std::ifstream in(file);
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
        return lines;
    }
    static void KillWorkers(int& kills) {
        for (const std::string& pod : Agents())
            if (Shell("script/cluster fault kill-worker dlws-system " + pod).code == 0) ++kills;
    }
    // Of the real nodes; simulated ones have agents that do nothing.
    static std::vector<std::string> Agents() {
        std::istringstream names(MustShell(
            kKubectl +
            " -n dlws-system get pods -l app.kubernetes.io/component=agent -o "
            "jsonpath='{range .items[*]}{.spec.nodeName} {.metadata.name}{\"\\n\"}{end}' | sed -n "
            "'s/^dlws-node-[0-9]* //p'"));
        std::vector<std::string> agents;
        for (std::string name; std::getline(names, name);)
            agents.push_back(name);
        return agents;
    }
};

TEST_F(Archive, IsThereWhenPodsAndJobAreGone) {
    Submit(Job("two",
               "command: [bash, -c, 'for i in 1 2 3; do echo $DLWS_INDEX says $i; sleep 0.2; done; "
               "printf \"10%%\\r20%%\\r\" >&2; echo done']\nroles: [{name: worker, replicas: 2}]"));
    const Json job = WaitForPhase("two", "Succeeded");
    ASSERT_TRUE(api().Delete(JobPath("two")).ok());
    ASSERT_TRUE(WaitUntil("no pods", [&] { return Pods("two").empty(); }));
    const fs::path logs = Folder(job) / "logs";
    ASSERT_TRUE(WaitUntil("the archive is whole", [&] {
        return Lines(logs / "worker-0.0.log").size() == 5 &&
               Lines(logs / "worker-1.0.log").size() == 5;
    }));
    const auto lines = Lines(logs / "worker-0.0.log");
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_THAT(lines[0], ::testing::MatchesRegex("20..-..-..T..:..:..\\.......Z 0 says 1"));
    // The runtime hands out what has no line feed when its stream ends.
    EXPECT_THAT(lines, ::testing::Contains(::testing::EndsWith("Z 10%\r20%\r")));
    EXPECT_THAT(lines, ::testing::Contains(::testing::EndsWith("Z done")));
    // What was submitted, and what came out.
    const auto text = [&](const char* file) {
        std::string all;
        for (const std::string& line : Lines(Folder(job) / file))
            all += line + "\n";
        return all;
    };
    EXPECT_TRUE(WaitUntil("the result is there", [&] { return !text("result.json").empty(); }));
    EXPECT_EQ(Text(Json::parse(text("result.json")), "phase"), "Succeeded");
    EXPECT_THAT(text("job.yaml"), HasSubstr("metadata:\n  name: two\n"));
    EXPECT_EQ(Text(FromYaml(text("job.yaml")), "spec/image"), "dlworkspace.io/tools:1");
    struct stat owner{};
    ASSERT_EQ(stat((logs / "worker-0.0.log").c_str(), &owner), 0);
    EXPECT_EQ(owner.st_uid, 1000U);
    // By time, as the agent's reader shows it.
    const std::string shown = MustShell(kKubectl + " -n dlws-system exec " + Agents().at(0) +
                                        " -- /dlws-agent logs " + Folder(job).string());
    EXPECT_THAT(shown, HasSubstr("worker-0.0 "));
    EXPECT_THAT(shown, HasSubstr(" 1 says 3\n"));
}

// The administrator's limits; on the test cluster the agent looks each 5 s.
TEST_F(Archive, OldLogsAreDeletedAndNothingElse) {
    const auto limits = [](const std::string& logs) {
        return Shell(kKubectl + " patch dlcluster cluster --type merge -p '{\"spec\":{\"logs\":" +
                     logs + "}}'");
    };
    EXPECT_THAT(limits("{\"keepPerUser\":\"200\"}").text, HasSubstr("write, for example, 200Gi"));
    EXPECT_THAT(limits("{\"keepPerUser\":\"1001Ti\"}").text, HasSubstr("at most 1000Ti"));
    std::vector<fs::path> folders;
    for (const std::string name : {"aged", "young"}) {
        Submit(Job(name, "command: [bash, -c, 'echo said']"));
        folders.push_back(Folder(WaitForPhase(name, "Succeeded")));
    }
    const auto log = [&](std::size_t i) { return folders[i] / "logs/worker-0.0.log"; };
    ASSERT_TRUE(WaitUntil(
        "all is written",
        [&] {
            return std::ranges::all_of(folders, [](const fs::path& folder) {
                return fs::exists(folder / "result.json") &&
                       Lines(folder / "logs/worker-0.0.log").size() == 1;
            });
        },
        120));
    fs::last_write_time(folders[0] / "result.json",
                        fs::file_time_type::clock::now() - std::chrono::days(3));
    std::this_thread::sleep_for(seconds(6));
    EXPECT_TRUE(fs::exists(log(0))) << "by default nothing is deleted";
    ASSERT_EQ(limits("{\"keepDays\":2}").code, 0);
    EXPECT_TRUE(WaitUntil("the old log is gone", [&] { return !fs::exists(log(0)); }, 120));
    EXPECT_EQ(limits("null").code, 0);
    EXPECT_TRUE(fs::exists(folders[0] / "result.json"));
    EXPECT_TRUE(fs::exists(folders[0] / "job.yaml"));
    EXPECT_EQ(Lines(log(1)).size(), 1U);
}

// Followed: how long after it was printed a line can be read in the archive.
TEST_F(Archive, FollowsWhileTheJobRuns) {
    Submit(
        Job("clock",
            "command: [bash, -c, 'for i in {1..100}; do echo $EPOCHREALTIME; sleep 0.1; done']"));
    const Json job = WaitForPhase("clock", "Running");
    const fs::path file = Folder(job) / "logs/worker-0.0.log";
    std::vector<double> late;
    std::size_t seen = 0;
    const auto until = std::chrono::steady_clock::now() + seconds(30);
    std::ifstream in;
    while (seen < 100 && std::chrono::steady_clock::now() < until) {
        if (!in.is_open()) in.open(file);
        for (std::string line; std::getline(in, line);) {
            const double now =
                std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
                    .count();
            ++seen;
            // What was printed before we looked tells nothing.
            if (seen > 10) late.push_back(now - std::stod(line.substr(line.find(' ') + 1)));
        }
        in.clear();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ASSERT_EQ(seen, 100U);
    std::ranges::sort(late);
    PrintFigure("log_follow_p50", 1000 * late[late.size() / 2], "ms");
    PrintFigure("log_follow_p99", 1000 * late[late.size() * 99 / 100], "ms", "<= 1000");
    EXPECT_LT(late[late.size() * 99 / 100], 1.0);
}

// Pods that start, print, end and are deleted within seconds, each just after the agent was killed
// once more. The kubelet would wait 10 s, 20 s, 40 s before it starts the agent again.
TEST_F(Archive, AKilledAgentIsBackBeforeAPodIsGone) {
    const auto restarts = [] {
        return MustShell(kKubectl +
                         " -n dlws-system get pods -l app.kubernetes.io/component=agent -o "
                         "jsonpath='{.items[*].status.containerStatuses[0].restartCount}'");
    };
    const std::string before = restarts();
    std::vector<fs::path> files;
    int kills = 0;
    for (int i = 0; i < 4; ++i) {
        const std::string name = "quick-" + std::to_string(i);
        KillWorkers(kills);
        Submit(Job(name, "command: [bash, -c, 'for i in {1..1000}; do echo line $i; done']"));
        const Json job = WaitForPhase(name, "Succeeded");
        files.push_back(Folder(job) / "logs/worker-0.0.log");
        DeletePod(name + "-worker-0-0");
        ASSERT_TRUE(api().Delete(JobPath(name)).ok());
        ASSERT_TRUE(WaitUntil("no pod", [&] { return Pods(name).empty(); }));
    }
    EXPECT_GE(kills, 4);
    for (const fs::path& file : files)
        EXPECT_TRUE(WaitUntil(
            file.string() + " is whole", [&] { return Lines(file).size() == 1000; }, 20))
            << Lines(file).size();
    EXPECT_EQ(restarts(), before) << "the kubelet noticed nothing";
}

// A million numbered lines of four pods, of which two are deleted in the middle; the kubelet
// rotates, the agent is killed.
TEST_F(Archive, LosesAndDoublesNothing) {
    const int each = 250'000;
    const auto name = [](int i) { return "burst-" + std::to_string(i); };
    // In bursts, so that the kubelet, which looks every few seconds, sees several files of each. To
    // be deleted, a pod has time to say what it has said: the shell ends at once.
    for (int i = 0; i < 4; ++i)
        Submit(Job(name(i),
                   fmt::format("command: [bash, -c, 'for ((b = 0; b < 25; b++)); do printf \"line "
                               "%d of a burst\\n\" $(eval echo {{$((b * {0} + 1))..$(((b + 1) * "
                               "{0}))}}); sleep 0.8; done']\nretry: {{limit: 0}}",
                               each / 25)));
    std::vector<Json> jobs;
    for (int i = 0; i < 4; ++i)
        jobs.push_back(WaitForPhase(name(i), "Running"));
    int kills = 0;
    for (int i = 0; i < 3; ++i) {
        std::this_thread::sleep_for(seconds(3));
        KillWorkers(kills);
    }
    // In the middle of a burst; the agent runs.
    for (int i = 0; i < 2; ++i) {
        DeletePod(name(i) + "-worker-0-0");
        ASSERT_TRUE(api().Delete(JobPath(name(i))).ok());
    }
    KillWorkers(kills);
    for (int i = 2; i < 4; ++i)
        WaitForPhase(name(i), "Succeeded", 120);
    // And all of a container: the kubelet starts it.
    for (const std::string& pod : Agents())
        if (Shell("script/cluster fault kill-container dlws-system " + pod).code == 0) ++kills;
    PrintFigure("log_agent_kills", kills, "kills", ">= 5");
    EXPECT_GE(kills, 5);
    std::size_t total = 0;
    for (int i = 0; i < 4; ++i) {
        const fs::path file = Folder(jobs[std::size_t(i)]) / "logs/worker-0.0.log";
        if (i >= 2)
            WaitUntil(
                file.string() + " is whole",
                [&] {
                    const auto lines = Lines(file);
                    return !lines.empty() &&
                           lines.back().ends_with(fmt::format(" line {} of a burst", each));
                },
                120);
        const auto lines = Lines(file);
        total += lines.size();
        EXPECT_GT(lines.size(), 1000U) << file;
        EXPECT_TRUE(i < 2 || lines.size() == std::size_t(each)) << lines.size();
        for (std::size_t n = 0; n < lines.size(); ++n)
            ASSERT_TRUE(lines[n].ends_with(fmt::format(" line {} of a burst", n + 1)))
                << file << " line " << n + 1 << ": " << lines[n];
    }
    PrintFigure("log_lines_counted", double(total), "lines");
}

}  // namespace
}  // namespace dlws::e2e
