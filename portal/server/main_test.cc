// SPDX-License-Identifier: Apache-2.0
// The program itself, as far as that can be seen without a cluster.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

namespace dlws::portal {
namespace {

// A process of the portal, as a user that is not root, which may look into everybody.
class Program {
  public:
    Program() {
        std::ofstream(config_) << "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
                                  "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n"
                                  "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
                                  "users: [{name: a, user: {}}]\n";
        std::filesystem::permissions(config_, std::filesystem::perms(0644));
        int said[2] = {};
        const int program = ::open(DLWS_PORTAL, O_PATH);
        if (::pipe(said) != 0 || program < 0) throw std::runtime_error("no pipe or no program");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(said[1], STDERR_FILENO);
            BecomeNobody();
            const std::string config = "--kubeconfig=" + config_;
            const char* args[] = {"dlws-portal", config.c_str(),    "--plain=true",
                                  "--port=0",    "--health-port=0", nullptr};
            char* none[] = {nullptr};
            ::fexecve(program, const_cast<char**>(args), none);
            ::_exit(127);
        }
        ::close(said[1]);
        ::close(program);
        said_ = said[0];
    }
    ~Program() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(said_);
        std::filesystem::remove(config_);
    }
    static void BecomeNobody() {
        if (::getuid() != 0) return;
        if (::setgid(65'534) != 0 || ::setuid(65'534) != 0) ::_exit(126);
    }
    // Until it has said this, or ends.
    std::string ReadUntil(const std::string& words) const {
        std::string text;
        char piece[256];
        while (text.find(words) == std::string::npos) {
            const auto size = ::read(said_, piece, sizeof piece);
            if (size <= 0) break;
            text.append(piece, static_cast<std::size_t>(size));
        }
        return text;
    }
    pid_t Pid() const { return pid_; }

  private:
    const std::string config_ = "/tmp/dlws-portal-main-test-" + std::to_string(::getpid());
    pid_t pid_ = 0;
    int said_ = -1;
};

// What another process of the same user is told that opens `path`: 0 or an errno.
int Opened(const std::string& path) {
    const pid_t child = ::fork();
    if (child == 0) {
        Program::BecomeNobody();
        ::_exit(::open(path.c_str(), O_RDONLY) >= 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(PortalProgram, NoOtherProcessOfItsUserReadsItsMemory) {
    const Program program;
    ASSERT_NE(program.ReadUntil("on port").find("on port"), std::string::npos);
    const std::string proc = "/proc/" + std::to_string(program.Pid());
    EXPECT_EQ(Opened(proc + "/stat"), 0);
    EXPECT_EQ(Opened(proc + "/environ"), EACCES);
    EXPECT_EQ(Opened(proc + "/mem"), EACCES);
}

}  // namespace
}  // namespace dlws::portal
