// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/linker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <thread>
#include <tuple>

#include "agent/files/folder_list.h"
#include "agent/logs/follower_state.h"

namespace dlws::agent {

namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
/// A rotation takes milliseconds and comes at most every ten seconds.
constexpr int kListTries = 5;
/// Many events come together: one scan for all of them.
constexpr std::chrono::milliseconds kGather{10};

struct LogFile {
    int restart = 0;
    bool current = true;
    std::string stamp;  // of a rotated file
    std::string name;
    std::uint64_t inode = 0;

    bool operator==(const LogFile&) const = default;
    auto Order() const { return std::tuple(restart, current, std::string_view(stamp)); }
};

/// "0.log" and "0.log.20261129-084622", but neither ".gz" nor ".tmp".
std::optional<LogFile> ParseName(const std::string& name) {
    LogFile file{.name = name};
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, file.restart);
    std::string_view rest(stop, std::size_t(end - stop));
    if (error != std::errc() || file.restart < 0 || !rest.starts_with(".log")) return std::nullopt;
    rest.remove_prefix(4);
    if (rest.empty()) return file;
    const bool is_stamp =
        rest.size() > 1 && rest[0] == '.' && std::ranges::all_of(rest.substr(1), [](char c) {
            return (c >= '0' && c <= '9') || c == '-';
        });
    if (!is_stamp) return std::nullopt;
    file.current = false;
    file.stamp = rest.substr(1);
    return file;
}

std::vector<LogFile> ListFiles(int container) {
    std::vector<LogFile> files;
    const auto names = ListFolder(container);
    if (!names) return files;
    for (const std::string& name : *names) {
        auto file = ParseName(name);
        struct stat status{};
        if (!file || ::fstatat(container, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        file->inode = status.st_ino;
        files.push_back(std::move(*file));
    }
    std::ranges::sort(files, {}, &LogFile::Order);
    return files;
}

/// Is the file under the link's name the one that the name says?
bool IsLinkTo(const NodeFolder& node, const std::string& uid, const LogLink& link) {
    struct stat status{};
    return ::fstatat(node.links(), node.LinkName(uid, link).c_str(), &status,
                     AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && status.st_ino == link.inode;
}

std::optional<std::string> UidOfFolder(const std::string& name) {
    const std::size_t first = name.find('_'), last = name.rfind('_');
    if (first == std::string::npos || first == last) return std::nullopt;
    std::string uid = name.substr(last + 1);
    return IsPodUid(uid) ? std::optional(uid) : std::nullopt;
}

}  // namespace

Linker::Linker(const NodeFolder& node, Settings settings, Lookup lookup)
    : node_(node),
      settings_(std::move(settings)),
      lookup_(std::move(lookup)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

std::expected<void, std::string> Linker::Scan() {
    complaint_.clear();
    const Fd pods(::open(settings_.pods_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto failed = [&](int code) {
        return std::unexpected(fmt::format("cannot read {}: {}", settings_.pods_folder,
                                           std::generic_category().message(code)));
    };
    if (!pods) return failed(errno);
    Watch(pods.get());  // before the list, so that nothing falls in between
    // Links before folders: one that the follower removes meanwhile is of a file that is gone.
    const auto links = node_.Links();
    if (!links) return std::unexpected(links.error());
    const auto folders = ListFolder(pods.get());
    if (!folders) return failed(folders.error());  // and nothing counts as gone
    std::set<std::string> seen;
    for (const std::string& folder : *folders) {
        const auto uid = UidOfFolder(folder);
        if (!uid) continue;
        seen.insert(*uid);
        VisitPod(pods.get(), folder, *uid, *links);
    }
    AfterFolders(seen, *links);
    if (!complaint_.empty()) return std::unexpected(complaint_);
    return {};
}

Linker::Ours Linker::Ask(const std::string& uid) {
    if (node_.HasFacts(uid)) return Ours::kYes;
    Answer answer = lookup_(uid);
    if (answer.ours != Ours::kYes) return answer.ours;
    answer.facts.uid = uid;
    if (const auto written = node_.WriteFacts(answer.facts); !written) {
        Complain(written.error());
        return Ours::kUnknown;
    }
    return Ours::kYes;
}

void Linker::VisitPod(int pods, const std::string& folder, const std::string& uid,
                      const LinksByPod& links) {
    if (not_ours_.contains(uid)) return;
    const auto found = links.find(uid);
    const std::vector<LogLink> of_pod =
        found == links.end() ? std::vector<LogLink>() : found->second;
    if (Ask(uid) == Ours::kNo) {
        not_ours_.insert(uid);
        for (const LogLink& link : of_pod)
            node_.RemoveLink(uid, link);
        return;
    }
    node_.UnmarkGone(uid);
    const Fd pod(::openat(pods, folder.c_str(), kFolder));
    if (!pod) return;  // gone meanwhile, or no folder
    Watch(pod.get());
    const Fd container(::openat(pod.get(), settings_.container.c_str(), kFolder));
    if (!container) return;
    Watch(container.get());
    LinkFiles(container.get(), uid, of_pod);
}

void Linker::LinkFiles(int container, const std::string& uid, const std::vector<LogLink>& links) {
    std::set<std::uint64_t> linked;
    std::uint64_t& next = next_sequence_[uid];
    if (next == 0) {
        // After a restart. Links with larger numbers may be done with and removed.
        const auto state = node_.LoadState(uid);
        if (!state) return Complain(state.error());
        const auto position = ParsePosition(state->value_or(""));
        next = position ? position->sequence : 1;
    }
    for (const LogLink& link : links) {
        next = std::max(next, link.sequence + 1);
        // Killed between the link and the look at it, below.
        if (IsLinkTo(node_, uid, link))
            linked.insert(link.inode);
        else
            node_.RemoveLink(uid, link);
    }
    std::vector<LogFile> files = ListFiles(container);
    for (int tries = 0; tries < kListTries; ++tries) {
        const bool news =
            std::ranges::any_of(files, [&](const LogFile& f) { return !linked.contains(f.inode); });
        if (!news) return;
        std::vector<LogFile> again = ListFiles(container);
        if (again != files) {
            files = std::move(again);
            continue;
        }
        for (const LogFile& file : files) {
            if (linked.contains(file.inode)) continue;
            const LogLink link{next, file.restart, file.inode};
            const std::string name = node_.LinkName(uid, link);
            if (::linkat(container, file.name.c_str(), node_.links(), name.c_str(), 0) != 0) {
                const int code = errno;
                if (code != ENOENT)
                    Complain(fmt::format("cannot link {} of pod {}: {}", file.name, uid,
                                         std::generic_category().message(code)));
                break;
            }
            // Between list and link the name may have come to mean another file.
            if (!IsLinkTo(node_, uid, link)) {
                node_.RemoveLink(uid, link);
                break;
            }
            linked.insert(file.inode);
            ++next;
            ++files_linked_;
        }
        files = ListFiles(container);
    }
}

void Linker::AfterFolders(const std::set<std::string>& seen, const LinksByPod& links) {
    std::erase_if(not_ours_, [&](const std::string& uid) { return !seen.contains(uid); });
    std::erase_if(next_sequence_, [&](const auto& pod) { return !seen.contains(pod.first); });
    const auto with_facts = node_.PodsWithFacts();
    const auto gone = node_.GonePods();
    if (!with_facts || !gone) return Complain(with_facts ? gone.error() : with_facts.error());
    std::set<std::string> kept = *with_facts;
    for (const auto& [uid, of_pod] : links)
        kept.insert(uid);
    for (const std::string& uid : kept) {
        if (seen.contains(uid)) continue;
        if (!node_.IsGone(uid))
            if (const auto marked = node_.MarkGone(uid); !marked) Complain(marked.error());
        if (node_.HasFacts(uid)) continue;
        const Ours ours = Ask(uid);
        const bool too_old = node_.GoneFor(uid) > settings_.unknown_limit.count();
        const auto found = links.find(uid);
        if (ours == Ours::kYes || (ours == Ours::kUnknown && !too_old) || found == links.end())
            continue;
        for (const LogLink& link : found->second)
            node_.RemoveLink(uid, link);
    }
    for (const std::string& uid : *gone)
        if (!seen.contains(uid) && !kept.contains(uid)) node_.Forget(uid);
}

void Linker::Watch(int folder) {
    // Fails when the node has no watches left: then the interval is what there is.
    ::inotify_add_watch(inotify_.get(), fmt::format("/proc/self/fd/{}", folder).c_str(),
                        IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
}

void Linker::Wait() {
    std::array<pollfd, 2> fds{pollfd{inotify_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), int(settings_.scan_interval.count())) <= 0) return;
    std::this_thread::sleep_for(kGather);
    std::array<char, 16384> events;
    while (::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
    while (::read(wake_.get(), events.data(), 8) > 0) {
    }
}

void Linker::Wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_.get(), &one, sizeof one);
}

void Linker::Complain(std::string what) {
    if (complaint_.empty()) complaint_ = std::move(what);
}

}  // namespace dlws::agent
