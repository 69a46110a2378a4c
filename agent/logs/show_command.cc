// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/show_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "agent/files/fd.h"
#include "model/log_archive.h"
#include "model/log_reader.h"

namespace dlws::agent {
namespace {

namespace fs = std::filesystem;

model::ReadAt ReaderOf(const fs::path& file) {
    auto fd = std::make_shared<Fd>(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    return [fd, file](std::uint64_t offset,
                      std::span<char> into) -> std::expected<std::size_t, std::string> {
        const ssize_t n = ::pread(fd->get(), into.data(), into.size(), off_t(offset));
        if (n < 0)
            return std::unexpected(
                fmt::format("{}: {}", file.string(), std::generic_category().message(errno)));
        return std::size_t(n);
    };
}

}  // namespace

int RunShowLogs(const std::vector<std::string>& args) {
    if (args.size() != 1 || args[0].starts_with("-")) {
        fmt::print(stderr,
                   "Usage: dlws-agent logs FOLDER\n\n"
                   "Prints the archived logs of a job by time. FOLDER is the job's own, such as "
                   "/dlwsdata/jobfiles/alice/2026-11/digits-1a2b3c4d.\n");
        return args.size() == 1 && args[0] == "--help" ? 0 : 2;
    }
    std::vector<std::string> names;
    std::error_code error;
    const fs::path folder = fs::path(args[0]) / "logs";
    for (const auto& entry : fs::directory_iterator(folder, error))
        if (model::ParseArchiveFileName(entry.path().filename().string()))
            names.push_back(entry.path().filename());
    if (names.empty()) {
        fmt::print(stderr, "dlws-agent logs: {} has no logs{}\n", folder.string(),
                   error ? ": " + error.message() : "");
        return 1;
    }
    std::ranges::sort(names);
    std::vector<model::ArchiveReader> archives;
    for (const std::string& name : names)
        archives.emplace_back(ReaderOf(folder / name));
    model::MergeByTime lines(std::move(archives));
    while (auto line = lines.Next()) {
        const std::string& name = names[line->archive];
        const auto time = model::FormatLogTime(line->line.time);
        fmt::print("{} {} {}\n", std::string_view(name).substr(0, name.size() - 4),
                   line->line.timed ? std::string_view(time.data(), time.size()) : "-",
                   line->line.text);
    }
    if (lines.Error().empty()) return 0;
    fmt::print(stderr, "dlws-agent logs: {}\n", lines.Error());
    return 1;
}

}  // namespace dlws::agent
