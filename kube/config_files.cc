// SPDX-License-Identifier: Apache-2.0
#include "kube/config_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace dlws::kube {
namespace {

std::unexpected<Error> Refuse(std::string message) {
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(message)});
}

bool IsSpace(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& path, std::size_t limit) {
    const auto fail = [&](int error) {
        return Refuse(
            fmt::format("cannot read {}: {}", path, std::generic_category().message(error)));
    };
    // Non-blocking: a pipe put in the place of a file must not stop the process.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(errno);
    struct stat status{};
    if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        ::close(fd);
        return fail(EISDIR);
    }
    std::string text;
    char chunk[16384];
    while (true) {
        const ssize_t n = ::read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int error = errno;
            ::close(fd);
            return fail(error);
        }
        if (n == 0) break;
        text.append(chunk, static_cast<std::size_t>(n));
        if (text.size() > limit) {
            ::close(fd);
            return Refuse(
                fmt::format("{} is larger than {} bytes: that is no such file", path, limit));
        }
    }
    ::close(fd);
    return text;
}

namespace internal {

std::string Trimmed(std::string_view text) {
    while (!text.empty() && IsSpace(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && IsSpace(text.back()))
        text.remove_suffix(1);
    return std::string(text);
}

}  // namespace internal
}  // namespace dlws::kube
