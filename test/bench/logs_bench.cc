// SPDX-License-Identifier: Apache-2.0
// What the log agent costs and how fast it is: a linker and a follower in a process of their own,
// with pods that are folders of ours. Needs no cluster. See test/bench/logs.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "agent/logs/follower.h"
#include "agent/logs/linker.h"
#include "model/log_record.h"
#include "test/bench/common.h"

extern char** environ;

namespace dlws::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPods = 20;
constexpr const char* kFile = "worker-0.0.log";

double Seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

/// Root's agent writes as somebody else; anybody else's can only be itself.
agent::UserIds User() {
    if (::geteuid() != 0) return {.uid = ::geteuid(), .gid = ::getegid(), .groups = {}};
    return {.uid = 12001, .gid = 12002, .groups = {}};
}

/// The measured process.
int RunAgent(const fs::path& folder) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto node = agent::NodeFolder::Open(folder / "node");
    if (!node) Die(node.error());
    const auto root = agent::OpenRoot(folder / "shared");
    if (!root) Die(root.error().message);
    kube::Random random{1};
    agent::Linker linker(*node, {.pods_folder = folder / "pods"}, [](const std::string& uid) {
        return agent::Linker::Answer{
            agent::Linker::Ours::kYes,
            {.user = User(), .storage = "work", .folder = "alice/" + uid, .file = kFile}};
    });
    agent::Follower follower(*node, root->get(), {.storage = "work"}, random);
    const std::jthread thread([&](std::stop_token stop) { follower.Run(stop); });
    while (true) {
        if (const auto scanned = linker.Scan(); !scanned) Say(scanned.error());
        linker.Wait();
    }
}

class AgentProcess {
  public:
    explicit AgentProcess(const fs::path& folder) {
        std::string self = "/proc/self/exe", flag = "--agent", path = folder;
        std::vector<char*> args{self.data(), flag.data(), path.data(), nullptr};
        if (::posix_spawn(&pid_, self.c_str(), nullptr, nullptr, args.data(), environ) != 0)
            Die("cannot start the agent");
    }
    ~AgentProcess() {
        if (pid_ > 0) Stop();
    }
    /// What it has used in all.
    Usage Stop() {
        ::kill(pid_, SIGKILL);
        rusage used{};
        ::wait4(pid_, nullptr, 0, &used);
        pid_ = 0;
        const auto seconds = [](const timeval& time) {
            return double(time.tv_sec) + double(time.tv_usec) / 1e6;
        };
        return {.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime),
                .peak_rss_mib = double(used.ru_maxrss) / 1024};
    }

  private:
    pid_t pid_ = 0;
};

/// A node that ends with this object.
class Node {
  public:
    Node() {
        std::string made = fs::temp_directory_path() / "logs-bench-XXXXXX";
        folder_ = ::mkdtemp(made.data());
        fs::permissions(folder_, fs::perms(0755));
        fs::create_directories(folder_ / "shared/alice");
        if (::chown((folder_ / "shared/alice").c_str(), User().uid, User().gid) != 0)
            Die("cannot give a folder to the user");
        for (int pod = 0; pod < kPods; ++pod)
            fs::create_directories(Log(pod).parent_path());
    }
    ~Node() { fs::remove_all(folder_); }

    const fs::path& folder() const { return folder_; }
    fs::path PodFolder(int pod) const {
        return folder_ / "pods" / fmt::format("team_job-worker-0-0_uid-{}", pod);
    }
    fs::path Log(int pod) const { return PodFolder(pod) / "main/0.log"; }
    fs::path Archive(int pod) const {
        return folder_ / "shared/alice" / fmt::format("uid-{}/logs", pod) / kFile;
    }
    std::uint64_t Archived() const {
        std::uint64_t bytes = 0;
        std::error_code absent;
        for (int pod = 0; pod < kPods; ++pod) {
            const auto size = fs::file_size(Archive(pod), absent);
            bytes += absent ? 0 : size;
        }
        return bytes;
    }

  private:
    fs::path folder_;
};

std::string Record(std::string_view text) {
    const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    const auto time = model::FormatLogTime(nanos / 1000);
    return fmt::format("{}{:03}Z stdout F {}\n", std::string_view(time.data(), 26), nanos % 1000,
                       text);
}

/// Files that are there already, each line of `text` bytes.
void MeasureRate(Figures& figures, const std::string& name, int mebibytes, std::size_t text) {
    const Node node;
    std::uint64_t log_bytes = 0, archive_bytes = 0;
    for (int pod = 0; pod < kPods; ++pod) {
        std::ofstream log(node.Log(pod));
        std::string block;
        std::uint64_t lines = 0;
        while (block.size() < (1 << 20)) {
            block += Record(std::string(text, char('a' + lines % 26)));
            ++lines;
        }
        for (int i = 0; i < mebibytes / kPods; ++i) {
            log << block;
            log_bytes += block.size();
            archive_bytes += lines * (model::kLogTimeSize + 1 + text + 1);
        }
    }
    const auto began = Clock::now();
    AgentProcess process(node.folder());
    while (node.Archived() < archive_bytes) {
        if (Clock::now() - began > 60s) Die("the agent did not archive everything in a minute");
        std::this_thread::sleep_for(5ms);
    }
    const double wall = Seconds(Clock::now() - began);
    const Usage used = process.Stop();
    const double megabytes = double(log_bytes) / 1e6;
    figures.AddGoal(name + "_rate_per_core", megabytes / used.cpu_seconds, "MB/s", ">=", 200);
    figures.Add(name + "_rate_wall", megabytes / wall, "MB/s");
    figures.AddGoal(name + "_peak_rss", used.peak_rss_mib, "MiB", "<=", 50);
}

/// From a line in the log to the same line in the archive.
void MeasureLatency(Figures& figures, int rate, int seconds) {
    const Node node;
    const auto now = [] { return Clock::now().time_since_epoch().count(); };
    std::vector<std::unique_ptr<std::ofstream>> logs;
    for (int pod = 0; pod < kPods; ++pod) {
        logs.push_back(std::make_unique<std::ofstream>(node.Log(pod)));
        *logs.back() << Record("first") << std::flush;
    }
    AgentProcess process(node.folder());
    const std::uint64_t first = kPods * (model::kLogTimeSize + 7);
    for (const auto end = Clock::now() + 10s; node.Archived() < first;) {
        if (Clock::now() > end) Die("the agent did not begin");
        std::this_thread::sleep_for(10ms);
    }
    std::vector<std::unique_ptr<std::ifstream>> archives;
    for (int pod = 0; pod < kPods; ++pod) {
        archives.push_back(std::make_unique<std::ifstream>(node.Archive(pod)));
        std::string line;
        std::getline(*archives.back(), line);
    }
    const int lines = rate * seconds;
    std::jthread writer([&] {
        const auto began = Clock::now();
        for (int i = 0; i < lines; ++i) {
            std::this_thread::sleep_until(began + i * 1s / rate);
            *logs[std::size_t(i % kPods)] << Record(std::to_string(now())) << std::flush;
        }
    });
    std::vector<double> milliseconds;
    const auto end = Clock::now() + std::chrono::seconds(seconds + 10);
    while (int(milliseconds.size()) < lines && Clock::now() < end) {
        for (const auto& archive : archives) {
            std::string line;
            // Each record is one write, so a line that is there is whole.
            while (std::getline(*archive, line)) {
                std::int64_t sent = 0;
                std::from_chars(line.data() + model::kLogTimeSize + 1, line.data() + line.size(),
                                sent);
                milliseconds.push_back(double(now() - sent) / 1e6);
            }
            archive->clear();
        }
        std::this_thread::sleep_for(1ms);
    }
    writer.join();
    const Usage used = process.Stop();
    if (int(milliseconds.size()) < lines)
        Die(fmt::format("{} of {} lines came", milliseconds.size(), lines));
    figures.AddGoal("logs_latency_p50", Percentile(milliseconds, 50), "ms", "<=", 200);
    figures.AddGoal("logs_latency_p99", Percentile(milliseconds, 99), "ms", "<=", 1000);
    figures.Add("logs_follow_cpu", used.cpu_seconds / seconds * 100, "%");
}

int Main(int argc, char** argv) {
    Setup setup;
    int mebibytes = 1000, rate = 200, seconds = 10;
    ParseArguments(argc, argv, setup,
                   {{"--mebibytes", &mebibytes}, {"--rate", &rate}, {"--seconds", &seconds}});
    Figures figures;
    MeasureRate(figures, "logs", mebibytes, 100);
    MeasureRate(figures, "logs_short_lines", mebibytes / 4, 10);
    MeasureLatency(figures, rate, seconds);
    return Finish(figures, setup);
}

}  // namespace
}  // namespace dlws::bench

int main(int argc, char** argv) try {
    if (argc == 3 && std::strcmp(argv[1], "--agent") == 0) return dlws::bench::RunAgent(argv[2]);
    return dlws::bench::Main(argc, argv);
} catch (const std::exception& e) {
    fmt::print(stderr, "logs_bench: {}\n", e.what());
    return 1;
}
