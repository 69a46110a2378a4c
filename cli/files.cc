// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/failure.h"

namespace dlws::cli {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ > 2) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

[[noreturn]] void Cannot(const char* what, const std::string& path) {
    throw Failure(kCommandLine, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

}  // namespace

std::optional<std::string> ReadFileIfThere(const std::string& path, std::size_t most) {
    const Descriptor file(path == "-" ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        if (errno == ENOENT) return std::nullopt;
        Cannot("read", path);
    }
    std::string text;
    char piece[64 * 1024];
    for (;;) {
        const ssize_t got = ::read(file.get(), piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) Cannot("read", path);
        if (got == 0) return text;
        text.append(piece, static_cast<std::size_t>(got));
        if (text.size() > most)
            throw Failure(kCommandLine, fmt::format("{} is longer than {} bytes", path, most));
    }
}

std::string ReadFile(const std::string& path, std::size_t most) {
    auto text = ReadFileIfThere(path, most);
    if (!text) throw Failure(kCommandLine, "there is no file " + path);
    return *std::move(text);
}

void WritePrivateFile(const std::string& path, const std::string& text) {
    const auto folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!std::filesystem::exists(folder, error)) {
        std::filesystem::create_directories(folder.parent_path(), error);
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) Cannot("make", folder.string());
    }
    std::string temporary = path + ".XXXXXX";
    const Descriptor file(::mkostemp(temporary.data(), O_CLOEXEC));  // 0600
    if (file.get() < 0) Cannot("write in", folder.string());
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t written = ::write(file.get(), left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) break;
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!left.empty() || ::fsync(file.get()) != 0 ||
        ::rename(temporary.c_str(), path.c_str()) != 0) {
        const int why = errno;
        ::unlink(temporary.c_str());
        errno = why;
        Cannot("write", path);
    }
}

}  // namespace dlws::cli
