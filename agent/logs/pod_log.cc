// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/pod_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "kube/log.h"

namespace dlws::agent {

namespace {

constexpr std::string_view kLog = "logs";
/// Our own folder on the node: no errno of a storage.
constexpr int kNodeError = -1;

std::string KindOf(int code) {
    switch (code) {
        case ENOSPC:
            return "full";
        case EDQUOT:
            return "quota";
        case EROFS:
            return "read-only";
        case ESTALE:
            return "stale";
        case EIO:
            return "io";
        case EPERM:
        case EACCES:
        case ELOOP:
        case EXDEV:
        case ENOTDIR:
        case EISDIR:
            return "refused";
        case ENOENT:
            return "changed";
        case kNodeError:
            return "node";
        default:
            return "other";
    }
}

std::optional<struct stat> StatLink(const NodeFolder& node, const std::string& uid,
                                    const LogLink& link) {
    struct stat status{};
    if (::fstatat(node.links(), node.LinkName(uid, link).c_str(), &status, AT_SYMLINK_NOFOLLOW) !=
        0)
        return std::nullopt;
    return status;
}

}  // namespace

PodLog::PodLog(const NodeFolder& node, int root, const FollowerSettings& settings, PodFacts facts,
               kube::Random& random, LogBuffers& buffers, FollowerStats& stats)
    : node_(node),
      root_(root),
      settings_(settings),
      facts_(std::move(facts)),
      buffers_(buffers),
      stats_(stats),
      backoff_({}, random),
      last_sync_(Clock::now()) {}

FileResult<void> PodLog::Load() {
    if (loaded_) return {};
    const auto text = node_.LoadState(facts_.uid);
    if (!text) return std::unexpected(FileError{kNodeError, text.error()});
    loaded_ = true;
    if (!*text) return {};
    const auto position = ParsePosition(**text);
    if (!position) {
        kube::LogError(kLog, "the state of pod {} is damaged: its logs begin anew", facts_.uid);
        return {};
    }
    synced_ = position_ = *position;
    saved_ = true;
    return {};
}

void PodLog::See(bool gone, std::vector<LogLink> links) {
    gone_ = gone;
    links_ = std::move(links);
}

const LogLink* PodLog::Current() const {
    const auto link = std::ranges::lower_bound(links_, position_.sequence, {}, &LogLink::sequence);
    return link == links_.end() ? nullptr : &*link;
}

bool PodLog::Step(Clock::time_point now) {
    if (finished_ || now < next_try_) return false;
    const auto moved = Advance(now);
    if (!moved) {
        Failed(moved.error(), now);
        return false;
    }
    if (*moved || resumed_) {
        backoff_.Reset();
        complaint_.clear();
    }
    return *moved;
}

FileResult<bool> PodLog::Advance(Clock::time_point now) {
    if (const auto loaded = Load(); !loaded) return std::unexpected(loaded.error());
    std::size_t done = 0;
    while (done < settings_.round_bytes) {
        const LogLink* link = Current();
        if (link == nullptr) break;
        const auto bytes = ReadSome(*link, now);
        if (!bytes) return std::unexpected(bytes.error());
        if (*bytes == 0) break;
        done += *bytes;
    }
    if (done > 0) last_write_ = now;
    const bool due =
        now - last_sync_ >= settings_.sync_interval ||
        position_.length - std::min(position_.length, synced_.length) >= settings_.sync_bytes;
    if (position_ != synced_ && due) {
        if (const auto synced = Sync(); !synced) return std::unexpected(synced.error());
        last_sync_ = now;
    }
    if (archive_.IsOpen() && position_ == synced_ && now - last_write_ > settings_.idle_close)
        archive_.Close();
    if (gone_ && links_.empty())
        if (const auto finished = Finish(); !finished) return std::unexpected(finished.error());
    return done > 0;
}

FileResult<bool> PodLog::OpenSource(const LogLink& link) {
    if (position_.sequence != link.sequence) {
        position_.sequence = link.sequence;
        position_.offset = 0;
        source_.Reset();
    }
    if (source_) return true;
    const std::string name = node_.LinkName(facts_.uid, link);
    source_.Reset(::openat(node_.links(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (source_ && ::fstat(source_.get(), &status) == 0 && status.st_ino == link.inode) return true;
    const int code = source_ ? ENOENT : errno;
    source_.Reset();
    // The linker takes back a link that it made in error; the next look at the folder will tell.
    if (code == ENOENT) return false;
    return std::unexpected(FileError{
        code, fmt::format("cannot open {}: {}", name, std::generic_category().message(code))});
}

/// Bytes of the log that are done with; 1 also for the end of a file. 0: nothing to do now.
FileResult<std::size_t> PodLog::ReadSome(const LogLink& link, Clock::time_point now) {
    const auto opened = OpenSource(link);
    if (!opened) return std::unexpected(opened.error());
    if (!*opened) return 0;
    ssize_t n = 0;
    if (position_.full) {
        SkipToEnd();
    } else {
        buffers_.in.resize(settings_.chunk);
        do
            n = ::pread(source_.get(), buffers_.in.data(), buffers_.in.size(),
                        off_t(position_.offset));
        while (n < 0 && errno == EINTR);
    }
    if (n < 0) {
        const int code = errno;
        return std::unexpected(
            FileError{code, fmt::format("cannot read {}: {}", node_.LinkName(facts_.uid, link),
                                        std::generic_category().message(code))});
    }
    const std::string_view in(buffers_.in.data(), std::size_t(n));
    std::size_t used = 0;
    const auto written = Write([&](LogPosition& next, std::string& out) {
        used = next.archiver.Feed(in, out, 4 * settings_.chunk);
        next.offset += used;
    });
    if (!written) return std::unexpected(written.error());
    if (used == 0) {
        const auto ended = EndFile(link, in, now);
        if (!ended) return std::unexpected(ended.error());
        return *ended ? 1 : 0;
    }
    end_seen_.reset();
    stats_.bytes_read += used;
    if (position_.length < settings_.archive_limit) return used;
    position_.full = true;
    const auto noted = Note(fmt::format(
        "this log has its largest size, {} bytes; what came after is not kept", position_.length));
    if (!noted) return std::unexpected(noted.error());
    return used;
}

void PodLog::SkipToEnd() {
    struct stat status{};
    if (::fstat(source_.get(), &status) != 0) return;
    const auto size = std::uint64_t(status.st_size);
    if (size <= position_.offset) return;
    stats_.dropped_bytes += size - position_.offset;
    position_.offset = size;
}

/// True: the file is complete, and the position behind it.
FileResult<bool> PodLog::EndFile(const LogLink& link, std::string_view rest,
                                 Clock::time_point now) {
    const std::uint64_t size = position_.offset + rest.size();
    if (!Complete(link)) return false;
    if (!end_seen_ || end_size_ != size) {
        end_seen_ = now;
        end_size_ = size;
    }
    if (now - *end_seen_ < settings_.settle) return false;
    end_seen_.reset();
    const auto written = Write([&](LogPosition& next, std::string& out) {
        next.archiver.EndFile(rest, out);
        ++next.sequence;
        next.offset = 0;
    });
    if (!written) return std::unexpected(written.error());
    source_.Reset();
    return true;
}

/// Opens the archive and finds out whether it is what the position says.
FileResult<void> PodLog::Resume() {
    if (!archive_.IsOpen()) {
        const std::string path = fmt::format("{}/logs/{}", facts_.folder, facts_.file);
        if (const auto opened = archive_.Open(root_, facts_.user, path); !opened)
            return std::unexpected(opened.error());
    }
    if (resumed_) return {};
    const auto size = archive_.Size();
    if (!size) return std::unexpected(size.error());
    resumed_ = true;
    if (!saved_) {
        // What is there is not ours. Saved before the first byte, so that a kill leaves no doubt.
        position_.length = *size;
        return Save(false);
    }
    if (position_.dropped > 0)
        return Note(
            fmt::format("{} bytes of this log were dropped here: they could not be written "
                        "in time",
                        position_.dropped));
    if (*size < position_.length)
        return Note("this file was deleted or shortened; what it held before is not repeated");
    return {};
}

FileResult<void> PodLog::Write(const Move& move) {
    std::string& out = buffers_.out;
    out.clear();
    LogPosition next = position_;
    move(next, out);
    if (!out.empty() && !(resumed_ && archive_.IsOpen())) {
        if (const auto resumed = Resume(); !resumed) return resumed;
        // A note may have come before.
        out.clear();
        next = position_;
        move(next, out);
    }
    return Append(out, next);
}

/// Appends `bytes` after the position, which becomes `next`.
FileResult<void> PodLog::Append(std::string_view bytes, const LogPosition& next) {
    if (!bytes.empty()) {
        const auto appended = archive_.Append(position_.length, bytes);
        if (!appended) return std::unexpected(appended.error());
        if (appended->kind == ArchiveFile::Appended::kShorter)
            return std::unexpected(FileError{ENOENT, fmt::format("{} was shortened", facts_.file)});
        if (appended->kind == ArchiveFile::Appended::kForeign)
            return WriteAfterOthers(bytes.substr(appended->found), next);
        stats_.bytes_written += bytes.size();
        stats_.lines += std::uint64_t(std::ranges::count(bytes, '\n'));
    }
    position_ = next;
    position_.length += bytes.size();
    return {};
}

FileResult<void> PodLog::WriteAfterOthers(std::string_view bytes, const LogPosition& next) {
    const auto in_line = archive_.EndsInLine();
    if (!in_line) return std::unexpected(in_line.error());
    const auto time = model::FormatLogTime(next.archiver.LastTime());
    const std::string text =
        fmt::format("{}{} dlws: somebody else wrote to this file\n{}", *in_line ? "\n" : "",
                    std::string_view(time.data(), time.size()), bytes);
    if (const auto written = archive_.AppendAnyway(text); !written) return written;
    const auto size = archive_.Size();
    if (!size) return std::unexpected(size.error());
    position_ = next;
    position_.length = *size;
    return Sync();
}

/// A line of ours at the end of the archive, wherever that is. Synced at once: a kill before that
/// repeats the note, and nothing else.
FileResult<void> PodLog::Note(const std::string& text) {
    const auto in_line = archive_.EndsInLine();
    if (!in_line) return std::unexpected(in_line.error());
    std::string line;
    position_.archiver.Note(text, line);
    // The archiver knows its own open line only, and that may have been deleted or cut.
    if (*in_line && line[0] != '\n') line.insert(0, "\n");
    if (!*in_line && line[0] == '\n') line.erase(0, 1);
    if (const auto written = archive_.AppendAnyway(line); !written) return written;
    const auto size = archive_.Size();
    if (!size) return std::unexpected(size.error());
    position_.length = *size;
    position_.dropped = 0;
    return Sync();
}

FileResult<void> PodLog::Sync() {
    if (archive_.IsOpen())
        if (const auto synced = archive_.Sync(); !synced) return synced;
    return Save(false);
}

FileResult<void> PodLog::Save(bool durable) {
    const auto saved = node_.SaveState(facts_.uid, FormatPosition(position_), durable);
    if (!saved) return std::unexpected(FileError{kNodeError, saved.error()});
    saved_ = true;
    synced_ = position_;
    if (durable) safe_sequence_ = position_.sequence;
    return {};
}

FileResult<void> PodLog::Finish() {
    const auto written =
        Write([](LogPosition& next, std::string& out) { next.archiver.CloseLine(out); });
    if (!written) return written;
    if (position_.dropped > 0)
        if (const auto resumed = Resume(); !resumed) return resumed;
    if (const auto synced = Sync(); !synced) return synced;
    node_.Forget(facts_.uid);
    finished_ = true;
    return {};
}

void PodLog::Tidy() {
    for (const LogLink& link : links_) {
        if (link.sequence >= synced_.sequence) break;
        const auto status = StatLink(node_, facts_.uid, link);
        // While the kubelet has it too, it costs nothing, and its inode number stays taken.
        if (!status || (status->st_nlink > 1 && !gone_)) continue;
        if (safe_sequence_ <= link.sequence) {
            Flush();
            if (const auto saved = Save(true); !saved) {
                Failed(saved.error(), Clock::now());
                return;
            }
        }
        node_.RemoveLink(facts_.uid, link);
    }
    if (gone_ && Failing() && links_.empty() &&
        node_.GoneFor(facts_.uid) > settings_.give_up.count()) {
        node_.Forget(facts_.uid);
        finished_ = true;
    }
}

void PodLog::Flush() {
    if (position_ == synced_) return;
    if (const auto synced = Sync(); !synced) Failed(synced.error(), Clock::now());
}

void PodLog::Failed(const FileError& error, Clock::time_point now) {
    ++stats_.errors[KindOf(error.code)];
    stats_.last_error = error.message;
    if (error.message != complaint_)
        kube::LogWarning(kLog, "the logs of pod {} wait: {}", facts_.uid, error.message);
    complaint_ = error.message;
    // From what is safe on: what was appended since is found there, or made again.
    archive_.Close();
    source_.Reset();
    resumed_ = false;
    position_ = synced_;
    next_try_ = now + backoff_.Next();
}

std::uint64_t PodLog::Backlog() const {
    std::uint64_t bytes = 0;
    for (const LogLink& link : links_) {
        const auto status = StatLink(node_, facts_.uid, link);
        if (!status || link.sequence < position_.sequence) continue;
        const auto size = std::uint64_t(status->st_size);
        bytes +=
            link.sequence == position_.sequence ? size - std::min(size, position_.offset) : size;
    }
    return bytes;
}

std::optional<std::time_t> PodLog::Droppable() const {
    const LogLink* link = Current();
    if (!loaded_ || link == nullptr || !Complete(*link)) return std::nullopt;
    const auto status = StatLink(node_, facts_.uid, *link);
    return status ? std::optional(status->st_mtim.tv_sec) : std::nullopt;
}

std::uint64_t PodLog::Drop() {
    Flush();  // fails where the storage does, and then it goes on from what is safe
    const LogLink* link = Current();
    if (link == nullptr || !Complete(*link)) return 0;
    const auto status = StatLink(node_, facts_.uid, *link);
    const std::uint64_t from = position_.sequence == link->sequence ? position_.offset : 0;
    const std::uint64_t size = status ? std::uint64_t(status->st_size) : 0;
    const std::uint64_t bytes = size - std::min(size, from);
    std::string none;
    position_.archiver.EndFile({}, none);  // the note begins a new line
    position_.sequence = link->sequence + 1;
    position_.offset = 0;
    position_.dropped += bytes;
    source_.Reset();
    resumed_ = false;
    if (!Save(true)) return 0;
    stats_.dropped_bytes += bytes;
    return bytes;
}

}  // namespace dlws::agent
