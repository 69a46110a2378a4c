// SPDX-License-Identifier: Apache-2.0
// The agent is killed with SIGKILL again and again while containers write, files rotate and pods
// are deleted: each line is in the archive once, in order. DLWS_SEED=N repeats a run.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>
#include <utility>

#include "agent/logs/follower.h"
#include "agent/logs/linker.h"
#include "model/log_record.h"

extern char** environ;

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const UserIds kAlice{.uid = 12001, .gid = 12002, .groups = {}};

/// The other process: both threads of an agent, until it is killed.
int RunAgent(const fs::path& folder) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const NodeFolder node = NodeFolder::Open(folder / "node").value();
    const Fd root = OpenRoot(folder / "shared").value();
    kube::Random random{std::uint64_t(::getpid())};
    std::set<std::string> asked;
    Linker linker(node, {.pods_folder = folder / "pods"}, [&](const std::string& uid) {
        if (asked.insert(uid).second) return Linker::Answer{};  // the cache is still empty
        return Linker::Answer{Linker::Ours::kYes,
                              {.user = kAlice,
                               .storage = "work",
                               .folder = "alice/" + uid,
                               .file = "worker-0.0.log"}};
    });
    Follower follower(node, root.get(),
                      {.storage = "work", .poll = 10ms, .sync_interval = 200ms, .settle = 300ms},
                      random);
    std::jthread thread([&](std::stop_token stop) { follower.Run(stop); });
    while (true) {
        if (const auto scanned = linker.Scan(); !scanned)
            fmt::print(stderr, "{}\n", scanned.error());
        linker.Wait();
    }
}

/// containerd and the kubelet for one pod.
class Pod {
  public:
    Pod(const fs::path& pods, std::string uid, int lines, unsigned seed)
        : folder_(pods / ("team_job-worker-0-0_" + uid)),
          uid_(std::move(uid)),
          lines_(lines),
          random_(seed) {
        fs::create_directories(folder_ / "main");
        Reopen();
    }
    ~Pod() { ::close(file_); }

    const std::string& uid() const { return uid_; }
    int lines() const { return lines_; }
    bool Done() const { return deleted_; }

    void Burst() {
        const int count = std::min(lines_ - written_, int(1 + random_() % 2000));
        const int middle = count / 2;
        WriteLines(middle);
        // A quarter of all lines each; the burst goes on in the renamed file for a while.
        if (rotations_ < 3 && written_ > lines_ / 4 * (rotations_ + 1)) Rotate();
        WriteLines(count - middle);
        if (written_ < lines_) return;
        WaitUntilSeen();
        fs::remove_all(folder_);
        deleted_ = true;
        WriteLines(500);  // by then nobody promises anything
    }

  private:
    void Reopen() {
        file_ = ::open((folder_ / "main/0.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
        EXPECT_GE(file_, 0);
    }
    std::string Record(std::string_view text, bool ends) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
        const auto time = model::FormatLogTime(nanos / 1000);
        return fmt::format("{}{:03}Z stdout {} {}\n", std::string_view(time.data(), 26),
                           nanos % 1000, ends ? 'F' : 'P', text);
    }
    void WriteLines(int count) {
        std::string bytes;
        for (int i = 0; i < count; ++i) {
            const std::string text = fmt::format("{} {}", ++written_, uid_);
            const std::size_t cut = random_() % 50 == 0 ? text.size() / 2 : 0;
            if (cut > 0) bytes += Record(text.substr(0, cut), false);
            bytes += Record(text.substr(cut), true);
        }
        // Not at the borders of records.
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t size =
                std::min<std::size_t>(bytes.size() - at, 1 + random_() % 20000);
            ASSERT_EQ(::write(file_, bytes.data() + at, size), ssize_t(size));
            at += size;
        }
    }
    /// A file that came and went while the agent was dead cannot be in the archive.
    void WaitUntilSeen() const {
        struct stat status{};
        const auto end = Clock::now() + 10s;
        while (Clock::now() < end && ::fstat(file_, &status) == 0 && status.st_nlink < 2)
            std::this_thread::sleep_for(1ms);
        EXPECT_EQ(status.st_nlink, 2u);
    }
    void Rotate() {
        WaitUntilSeen();
        const fs::path main = folder_ / "main";
        const std::string stamp = fmt::format("0.log.20261129-08462{}", ++rotations_);
        fs::rename(main / "0.log", main / stamp);
        WriteLines(int(random_() % 300));
        // The runtime opens the new file before it lets go of the old one.
        const int old = file_;
        Reopen();
        std::this_thread::sleep_for(50ms);
        const int opened = std::exchange(file_, old);
        WriteLines(int(random_() % 300));
        ::close(std::exchange(file_, opened));
        // All rotated files but the last.
        if (!rotated_.empty()) {
            std::ofstream(main / (rotated_ + ".tmp")) << "compressed";
            fs::rename(main / (rotated_ + ".tmp"), main / (rotated_ + ".gz"));
            fs::remove(main / rotated_);
        }
        rotated_ = stamp;
    }

    fs::path folder_;
    std::string uid_;
    int lines_;
    std::mt19937 random_;
    int file_ = -1;
    int written_ = 0, rotations_ = 0;
    std::string rotated_;
    bool deleted_ = false;
};

class Agent {
  public:
    explicit Agent(const fs::path& folder) : folder_(folder) { Start(); }
    ~Agent() { Kill(); }
    void Start() {
        std::string self = "/proc/self/exe", flag = "--agent", folder = folder_;
        std::vector<char*> args{self.data(), flag.data(), folder.data(), nullptr};
        ASSERT_EQ(::posix_spawn(&pid_, self.c_str(), nullptr, nullptr, args.data(), environ), 0);
    }
    void Kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    fs::path folder_;
    pid_t pid_ = 0;
};

void ExpectEachLineOnce(const fs::path& archive, const Pod& pod) {
    std::ifstream file(archive);
    std::string line;
    int wanted = 0, wrong = 0;
    while (std::getline(file, line) && wrong < 5) {
        int number = 0;
        const char* text = line.data() + std::min(line.size(), model::kLogTimeSize + 1);
        const auto [end, error] = std::from_chars(text, line.data() + line.size(), number);
        if (error == std::errc() && number == wanted + 1 &&
            end == text + std::strlen(text) - pod.uid().size() - 1) {
            ++wanted;
            continue;
        }
        ++wrong;
        ADD_FAILURE() << archive << ": " << wanted << " is followed by: " << line;
        if (error == std::errc()) wanted = number;
    }
    EXPECT_GE(wanted, pod.lines()) << archive;
}

TEST(LogsCrash, EachLineOnceWhateverIsKilled) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const char* given = std::getenv("DLWS_SEED");
    const unsigned seed =
        given ? unsigned(std::strtoul(given, nullptr, 10)) : std::random_device()();
    fmt::print("DLWS_SEED={}\n", seed);
    std::fflush(stdout);
    std::mt19937 random(seed);

    std::string made = fs::temp_directory_path() / "logs-crash-XXXXXX";
    const fs::path folder = mkdtemp(made.data());
    fs::permissions(folder, fs::perms(0755));
    fs::create_directories(folder / "pods");
    fs::create_directories(folder / "shared/alice");
    ASSERT_EQ(::chown((folder / "shared/alice").c_str(), kAlice.uid, kAlice.gid), 0);

    std::vector<std::unique_ptr<Pod>> pods;
    for (const int lines : {150'000, 200'000, 300'000, 350'000})
        pods.push_back(std::make_unique<Pod>(folder / "pods", fmt::format("0000-{}", pods.size()),
                                             lines, unsigned(random())));
    Agent agent(folder);
    std::jthread node([&] {
        bool all = false;
        while (!all) {
            all = true;
            for (const auto& pod : pods) {
                if (pod->Done()) continue;
                pod->Burst();
                all = false;
            }
            std::this_thread::sleep_for(20ms);
        }
    });
    for (int kill = 0; kill < 5; ++kill) {
        std::this_thread::sleep_for(std::chrono::milliseconds(200 + random() % 1200));
        agent.Kill();
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
        agent.Start();
    }
    node.join();
    const auto end = Clock::now() + 15s;
    for (const char* name : {"links", "facts", "gone", "state"}) {
        while (Clock::now() < end && !fs::is_empty(folder / "node" / name))
            std::this_thread::sleep_for(20ms);
        EXPECT_TRUE(fs::is_empty(folder / "node" / name)) << name;
    }
    agent.Kill();
    for (const auto& pod : pods)
        ExpectEachLineOnce(folder / "shared/alice" / pod->uid() / "logs/worker-0.0.log", *pod);
    if (!::testing::Test::HasFailure()) fs::remove_all(folder);
}

}  // namespace
}  // namespace dlws::agent

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "--agent") == 0) return dlws::agent::RunAgent(argv[2]);
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
