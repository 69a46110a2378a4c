// SPDX-License-Identifier: Apache-2.0
// The program as a process: what a shell, kubectl and Ctrl-C do with it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>

#include "cli/testing/fake_portal.h"
#include "cli/testing/run.h"

namespace dlws::cli {
namespace {

using testing::Answer;
using testing::Call;
using testing::ContractExample;
using testing::FakePortal;
using testing::Program;

struct Outcome {
    int code = -1;
    std::string out;
};

// A command of bash's; `dlws` and `kubectl-dlws` are on its PATH.
Outcome Shell(const Program& files, const std::string& server, const std::string& line) {
    const std::string script =
        "export HOME=" + files.home + " DLWS_SERVER=" + server +
        " PATH=$(dirname " DLWS_BINARY "):$PATH; unset KUBECONFIG XDG_CONFIG_HOME; " + line;
    const std::string path = files.Write("line.sh", script);
    std::FILE* pipe = ::popen(("bash " + path + " 2>&1").c_str(), "r");
    Outcome outcome;
    std::array<char, 4096> piece{};
    for (std::size_t got = 0; (got = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
        outcome.out.append(piece.data(), got);
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
}

TEST(Process, ExitCodesAndOutputAreAShells) {
    FakePortal portal([](const Call&) { return Answer{.body = R"({"items":[],"total":0})"}; });
    Program files;
    EXPECT_EQ(Shell(files, portal.url(), "dlws nothing").code, 2);
    EXPECT_EQ(Shell(files, portal.url(), "dlws list").code, 3);
    files.LogIn();
    const Outcome list = Shell(files, portal.url(), "dlws list -o json");
    EXPECT_EQ(list.code, 0);
    EXPECT_EQ(list.out, "{\n  \"items\": [],\n  \"total\": 0\n}\n");
    EXPECT_EQ(Shell(files, "http://127.0.0.1:9", "dlws list").code, 5);
    EXPECT_NE(Shell(files, portal.url(), "dlws --version").out.find("dlws 0."), std::string::npos);
    EXPECT_EQ(Shell(files, portal.url(), "dlws list -o json > /dev/full").code, 1);
}

TEST(Process, IsKubectlsPluginByItsName) {
    Program files;
    const Outcome help = Shell(files, "", "kubectl-dlws why --help");
    EXPECT_EQ(help.code, 0);
    EXPECT_NE(help.out.find("\n  kubectl dlws why digits\n"), std::string::npos) << help.out;
}

TEST(Process, CtrlCLeavesTheJobAlone) {
    std::atomic<bool> streams = false;
    FakePortal portal([&](const Call& call) -> Answer {
        if (call.target.find("/stream") == std::string::npos)
            return {.body = ContractExample("JobDetail")};
        streams = true;
        return {
            .type = "text/event-stream",
            .pieces =
                {"event: lines\nid: c\ndata: "
                 "{\"lines\":[{\"at\":\"x\",\"rank\":0,\"attempt\":0,\"text\":\"epoch 1\"}]}\n\n"},
            .end = Answer::kSilent};
    });
    Program files;
    files.LogIn();
    // The shell waits until the line is there, at most ten seconds, and interrupts.
    const Outcome outcome =
        Shell(files, portal.url(),
              "set -m; dlws logs -f digits >$HOME/log 2>$HOME/err & "
              "for i in $(seq 200); do [ -s $HOME/log ] && break; sleep 0.05; done; "
              "kill -INT %1; wait %1");
    EXPECT_TRUE(streams.load());
    EXPECT_EQ(outcome.code, 130) << outcome.out;
    EXPECT_EQ(files.Read("log"), "epoch 1\n");
    EXPECT_EQ(
        files.Read("err"),
        "\ndetached; the job goes on. dlws logs -f default/digits shows more of it, dlws stop "
        "default/digits ends it\n");
    for (const Call& call : portal.calls())
        EXPECT_EQ(call.method, "GET");
}

TEST(Process, CompletesInBash) {
    FakePortal portal([](const Call&) {
        return Answer{
            .body =
                R"({"items":[{"namespace":"default","name":"digits"},{"namespace":"default","name":"dog"}]})"};
    });
    Program files;
    files.LogIn();
    files.Write("work/job.yaml", "");
    const auto complete = [&](const std::string& words, int at) {
        return Shell(files, portal.url(),
                     "cd $HOME/work; source <(dlws completion bash); COMP_WORDS=(" + words +
                         "); COMP_CWORD=" + std::to_string(at) +
                         "; _dlws; echo \"${COMPREPLY[*]}\"")
            .out;
    };
    EXPECT_EQ(complete("dlws su", 1), "submit suspend\n");
    EXPECT_EQ(complete("dlws why di", 2), "digits\n");
    EXPECT_EQ(complete("dlws submit -f j", 3), "job.yaml\n");
    EXPECT_EQ(complete("dlws list --phase Qu", 3), "Queued\n");
}

TEST(Process, CompletesInZshWhereThereIsOne) {
    Program files;
    if (Shell(files, "", "command -v zsh").code != 0) GTEST_SKIP() << "no zsh here";
    EXPECT_EQ(Shell(files, "", "dlws completion zsh > $HOME/_dlws; zsh -n $HOME/_dlws").code, 0);
}

}  // namespace
}  // namespace dlws::cli
