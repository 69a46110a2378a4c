// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/sweeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "agent/files/beneath.h"
#include "agent/files/folder_list.h"
#include "agent/files/user_files.h"
#include "kube/log.h"
#include "model/log_archive.h"

namespace dlws::agent {
namespace {

constexpr std::string_view kLog = "retention";
constexpr int kFolder = O_PATH | O_DIRECTORY | O_NOFOLLOW;
constexpr std::array kReasons{"Age", "Size"};  // by LogDeletion::Reason

bool IsMonth(std::string_view name) {
    constexpr std::string_view kDigits = "0123456789";
    return name.size() == 7 && name[4] == '-' && name.find_first_not_of(kDigits) == 4 &&
           name.find_first_not_of(kDigits, 5) == std::string_view::npos;
}

std::chrono::sys_seconds ChangedAt(const struct stat& file) {
    return std::chrono::sys_seconds(std::chrono::seconds(file.st_mtim.tv_sec));
}

// A pass over the folder of one user, whose identity the thread has.
class UserSweep {
  public:
    UserSweep(const Fd& home, const std::string& user, const SweepOrder& order,
              const SweepBounds& bounds, const std::stop_token& stop, SweepResult& result)
        : home_(home), user_(user), order_(order), bounds_(bounds), stop_(stop), result_(result) {}

    void Run(std::chrono::sys_seconds now) {
        std::vector<ArchivedJob> jobs;
        std::size_t left = bounds_.folders;
        for (const std::string& month : List(home_, bounds_.folders, "")) {
            if (!IsMonth(month)) continue;
            const Fd folder = Open(home_, month);
            if (!folder) continue;
            for (const std::string& job : List(folder, left, month)) {
                if (stop_.stop_requested()) return;
                --left;
                if (auto found = Look(folder, job, month + "/" + job))
                    jobs.push_back(std::move(*found));
            }
        }
        if (left == 0)
            result_.problem =
                fmt::format("{} has {} folders of jobs or more; not all were looked at", user_,
                            bounds_.folders);
        result_.jobs += jobs.size();
        for (const ArchivedJob& job : jobs)
            result_.bytes += job.bytes;
        for (const LogDeletion& deletion : DecideRetention(jobs, now, order_.limits))
            Delete(jobs[deletion.index].folder, result_.deleted.at(deletion.reason));
    }

  private:
    void Report(int code, const std::string& path) {
        // What is not there, or not what it should be, is the user's business.
        if (code != ENOENT && code != ENOTDIR && code != ELOOP && code != EXDEV && code != EACCES)
            result_.problem = fmt::format("{}/{}: {}", user_, path, ErrnoText(code));
    }
    Fd Open(const Fd& folder, const std::string& path) {
        Fd opened = OpenBeneath(folder.get(), path, kFolder);
        if (!opened) Report(errno, path);
        return opened;
    }
    std::vector<std::string> List(const Fd& folder, std::size_t most, const std::string& path) {
        auto names = ListFolder(folder.get(), most);
        if (names) return std::move(*names);
        Report(names.error(), path);
        return {};
    }
    // f(name, status) for each archive in a job's folder logs/, until it returns false.
    template <class F>
    void EachArchive(const Fd& logs, const std::string& path, F f) {
        for (const std::string& name : List(logs, bounds_.files_of_job, path)) {
            struct stat status{};
            if (stop_.stop_requested()) return;
            if (!model::ParseArchiveFileName(name) ||
                ::fstatat(logs.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
                !S_ISREG(status.st_mode))
                continue;
            if (!f(name, status)) return;
        }
    }

    // Nothing: it has no logs, or cannot be looked at.
    std::optional<ArchivedJob> Look(const Fd& month, const std::string& name,
                                    const std::string& path) {
        const Fd folder = Open(month, name);
        const Fd logs = folder ? Open(folder, "logs") : Fd();
        if (!logs) return std::nullopt;
        ArchivedJob job{.user = user_, .folder = path, .ended = {}, .bytes = 0};
        std::optional<std::chrono::sys_seconds> last;
        EachArchive(logs, path, [&](const std::string&, const struct stat& file) {
            job.bytes += std::uint64_t(file.st_size);
            last = std::max(last.value_or(ChangedAt(file)), ChangedAt(file));
            return true;
        });
        if (!last) return std::nullopt;
        struct stat result{};
        if (::fstatat(folder.get(), "result.json", &result, AT_SYMLINK_NOFOLLOW) == 0)
            job.ended = ChangedAt(result);
        else if (errno != ENOENT)
            Report(errno, path);  // it may be there: as if the job ran
        else if (!order_.jobs.contains(path))
            job.ended = last;
        return job;
    }

    // Opened anew: the user may have changed everything since.
    void Delete(const std::string& path, SweepResult::Deleted& deleted) {
        const Fd logs = deletions_ < bounds_.deletions ? Open(home_, path + "/logs") : Fd();
        if (!logs) return;
        EachArchive(logs, path, [&](const std::string& name, const struct stat& file) {
            if (::unlinkat(logs.get(), name.c_str(), 0) == 0) {
                ++deleted.archives;
                deleted.bytes += std::uint64_t(file.st_size);
            } else {
                Report(errno, path);
            }
            return ++deletions_ < bounds_.deletions;
        });
    }

    const Fd& home_;
    const std::string& user_;
    const SweepOrder& order_;
    const SweepBounds& bounds_;
    const std::stop_token& stop_;
    SweepResult& result_;
    std::size_t deletions_ = 0;
};

}  // namespace

SweepResult Sweep(const SweepOrder& order, std::chrono::sys_seconds now,
                  const std::stop_token& stop, const SweepBounds& bounds) {
    SweepResult result;
    const auto root = OpenRoot(order.root);
    const auto users = root ? ListFolder(root->get()) : std::unexpected(root.error().code);
    if (!users) {
        result.problem = fmt::format("{}: {}", order.root, ErrnoText(users.error()));
        return result;
    }
    for (const std::string& user : *users) {
        if (stop.stop_requested()) break;
        const Fd home = OpenBeneath(root->get(), user, kFolder);
        struct stat owner{};
        if (!home || ::fstat(home.get(), &owner) != 0) continue;
        // A folder of root's group says nothing about the user's; the owner's rights are enough.
        constexpr gid_t kNoGroup = 65534;
        AsUser as_user;
        const auto became = as_user.Become(
            {.uid = owner.st_uid, .gid = owner.st_gid == 0 ? kNoGroup : owner.st_gid, .groups = {}},
            user);
        if (!became) {
            result.problem = became.error().message;
            continue;
        }
        ++result.users;
        UserSweep(home, user, order, bounds, stop, result).Run(now);
    }
    return result;
}

LogSweeper::LogSweeper(kube::Metrics& metrics) {
    metrics.AddCollector([this](kube::Samples& out) {
        decltype(deleted_) now;
        {
            const std::lock_guard lock(mutex_);
            now = deleted_;
        }
        const auto family = [&](std::string_view name, std::string_view help,
                                std::uint64_t SweepResult::Deleted::* field) {
            if (!out.Family(name, kube::Samples::kCounter, help)) return;
            for (std::size_t i = 0; i < now.size(); ++i)
                out.Add({{"reason", kReasons[i]}}, double(now[i].*field));
        };
        family("dlws_agent_archives_deleted_total",
               "Archived logs deleted because they were too old, or their user had too many bytes",
               &SweepResult::Deleted::archives);
        family("dlws_agent_archive_bytes_deleted_total", "Bytes of the archived logs deleted",
               &SweepResult::Deleted::bytes);
    });
}

void LogSweeper::Ask(SweepOrder order) {
    const std::lock_guard lock(mutex_);
    if (order_) return;
    order_ = std::move(order);
    changed_.notify_all();
}

void LogSweeper::Start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

void LogSweeper::Stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void LogSweeper::Work(const std::stop_token& stop) {
    while (true) {
        SweepOrder order;
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [this] { return order_.has_value(); })) return;
            order = *order_;
        }
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const SweepResult result = Sweep(order, now, stop);
        const auto& [age, size] = result.deleted;
        kube::LogInfo(
            kLog,
            "logs of {} jobs of {} users, {} bytes; deleted {} files ({} bytes) for their "
            "age, {} ({}) because their user has too much",
            result.jobs, result.users, result.bytes, age.archives, age.bytes, size.archives,
            size.bytes);
        if (!result.problem.empty()) kube::LogWarning(kLog, "{}", result.problem);
        const std::lock_guard lock(mutex_);
        order_.reset();
        for (std::size_t i = 0; i < deleted_.size(); ++i) {
            deleted_[i].archives += result.deleted[i].archives;
            deleted_[i].bytes += result.deleted[i].bytes;
        }
    }
}

}  // namespace dlws::agent
