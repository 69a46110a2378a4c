// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/files/beneath.h"

/// @file
/// Real file systems for tests. Mounting takes root; everything is undone at the end of its life,
/// in a test that fails as well.

namespace dlws::agent::testing {

/// A new folder below /tmp, and what is mounted in it.
class TestFolder {
  public:
    TestFolder() {
        std::string name = std::filesystem::temp_directory_path() / "dlws-agent-XXXXXX";
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
        path_ = name;
        ::chmod(name.c_str(), 0755);
    }
    TestFolder(const TestFolder&) = delete;
    ~TestFolder() {
        while (!mounts_.empty()) {
            ::umount2(mounts_.back().c_str(), MNT_DETACH);
            mounts_.pop_back();
        }
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

    std::filesystem::path MakeFolder(const std::string& name) const {
        std::filesystem::create_directories(path_ / name);
        return path_ / name;
    }
    std::filesystem::path Write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name) << text;
        return path_ / name;
    }
    /// mount(2) at the folder `name`, made when it is missing.
    std::filesystem::path Mount(const std::string& source, const std::string& name,
                                const std::string& type, unsigned long flags,
                                const std::string& options) {
        // Nobody else sees it, and it does not outlive this process even if that is killed.
        static const bool is_private =
            ::unshare(CLONE_NEWNS) == 0 &&
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        if (!is_private) throw std::runtime_error("unshare: " + ErrnoName());
        const auto at = MakeFolder(name);
        if (::mount(source.c_str(), at.c_str(), type.c_str(), flags, options.c_str()) != 0)
            throw std::runtime_error("mount " + type + ": " + ErrnoName());
        mounts_.push_back(at);
        return at;
    }
    std::filesystem::path MountTmpfs(const std::string& name, const std::string& options) {
        return Mount("dlws-test", name, "tmpfs", 0, options);
    }

  private:
    static std::string ErrnoName() { return ErrnoText(errno); }

    std::filesystem::path path_;
    std::vector<std::string> mounts_;
};

}  // namespace dlws::agent::testing

/// For the first line of a test that mounts or gives files away.
#define DLWS_NEEDS_ROOT() \
    if (::geteuid() != 0) GTEST_SKIP() << "only root may mount and give files away"
