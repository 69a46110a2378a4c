// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "agent/storage/testing_fuse.h"

namespace dlws::agent {
namespace {

using testing::TestFolder;

constexpr int kNoLandlock = 77;

/// In a process of its own: the errno that `work` leaves, 0 if it succeeds.
int Confined(const std::function<bool()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (!BecomeReadOnly()) ::_exit(kNoLandlock);
        errno = 0;
        ::_exit(work() ? 0 : errno);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Opens(const std::string& path, int flags) {
    return ::open(path.c_str(), flags | O_CLOEXEC, 0600) >= 0;
}

TEST(BecomeReadOnly, NothingIsChangedAnywhere) {
    TestFolder folder;
    folder.MakeFolder("empty");
    const std::string file = folder / "file", other = folder / "other";
    ASSERT_TRUE(Opens(file, O_WRONLY | O_CREAT));
    ASSERT_EQ(::chmod(file.c_str(), 0777), 0);
    const int reads = Confined([&] { return Opens(file, O_RDONLY); });
    if (reads == kNoLandlock) GTEST_SKIP() << "this kernel has no Landlock";
    EXPECT_EQ(reads, 0);
    EXPECT_EQ(Confined([&] { return Opens(folder.path(), O_RDONLY | O_DIRECTORY); }), 0);
    const std::vector<std::function<bool()>> changes{
        [&] { return Opens(file, O_WRONLY); },
        [&] { return Opens(file, O_RDWR); },
        [&] { return Opens(file, O_RDONLY | O_TRUNC); },
        [&] { return Opens(other, O_WRONLY | O_CREAT); },
        [&] { return Opens("/dev/shm/dlws-confined", O_WRONLY | O_CREAT); },
        [&] { return ::unlink(file.c_str()) == 0; },
        [&] { return ::rmdir((folder / "empty").c_str()) == 0; },
        [&] { return ::mkdir(other.c_str(), 0700) == 0; },
        [&] { return ::symlink("x", other.c_str()) == 0; },
        [&] { return ::mkfifo(other.c_str(), 0600) == 0; },
        [&] { return ::rename(file.c_str(), other.c_str()) == 0; },
        [&] { return ::execl(file.c_str(), "file", nullptr) == 0; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i)
        EXPECT_EQ(Confined(changes[i]), EACCES) << i;
    // Between folders it is EXDEV, and from one file to two.
    EXPECT_NE(
        Confined([&] { return ::rename(file.c_str(), (folder / "empty/file").c_str()) == 0; }), 0);
    EXPECT_NE(Confined([&] { return ::link(file.c_str(), (folder / "empty/file").c_str()) == 0; }),
              0);
}

TEST(WrongArchiveRoot, FoldersOfTheSystemAreRefused) {
    for (const char* good : {"/mnt/shared/jobfiles", "/mnt/shared", "/srv/a/", "/var/mnt/data",
                             "/var/lib/dlws/shared", "/home/shared", "/usrdata/x", "/tmp/a/b"})
        EXPECT_EQ(WrongArchiveRoot(good), "") << good;
    for (const char* bad :
         {"/etc", "/etc/jobs", "/usr/local/share/jobs", "/mnt/../etc/jobs", "//proc/1/root/jobs",
          "/var/lib/kubelet/pods", "/var/run/jobs", "/root/jobs", "/var/lib/kubelet/"})
        EXPECT_NE(WrongArchiveRoot(bad).find("a folder of the system"), std::string::npos) << bad;
    for (const char* bad : {"/", "/data", "/data/", "/var", "/var/jobs", "/var/lib/jobs"})
        EXPECT_NE(WrongArchiveRoot(bad).find("below a folder of its own"), std::string::npos)
            << bad;
}

}  // namespace
}  // namespace dlws::agent
