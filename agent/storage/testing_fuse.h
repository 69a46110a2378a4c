// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "agent/files/beneath.h"
#include "agent/storage/testing.h"

namespace dlws::agent::testing {

/// A FUSE file system whose process takes every request and answers none: whoever asks waits as on
/// a network mount whose server is gone, and SIGKILL does not help. Lives below `folder`.
class HungMount {
  public:
    /// Throws where FUSE cannot be had; `Lacks()` says so before.
    HungMount(TestFolder& folder, const std::string& name) {
        Fd device = OpenDevice();
        if (!device) throw std::runtime_error("/dev/fuse: " + ErrnoText(errno));
        path_ = folder.Mount("dlws-test", name, "fuse", 0,
                             "fd=" + std::to_string(device.get()) +
                                 ",rootmode=40000,user_id=0,group_id=0,allow_other");
        server_ = ::fork();
        if (server_ == 0) Serve(device.get());
    }
    HungMount(const HungMount&) = delete;
    ~HungMount() { Die(); }
    const std::string& path() const { return path_; }

    /// Ends the process: the mount stays, and answers "not connected".
    void Die() {
        if (server_ <= 0) return;
        ::kill(server_, SIGKILL);
        ::waitpid(server_, nullptr, 0);
        server_ = 0;
    }
    static std::string Lacks() {
        return OpenDevice() ? "" : "/dev/fuse cannot be opened: " + ErrnoText(errno);
    }

  private:
    static Fd OpenDevice() {
        if (::access("/dev/fuse", F_OK) != 0)
            ::mknod("/dev/fuse", S_IFCHR | 0600, ::makedev(10, 229));
        return Fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    }
    // Only system calls: it runs in a copy of a process that may have threads.
    [[noreturn]] static void Serve(int device) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        static char request[1 << 20];
        while (true) {
            if (::read(device, request, sizeof request) < 0) {
                if (errno == EINTR || errno == ENOENT) continue;
                ::_exit(0);  // unmounted
            }
            const auto* in = reinterpret_cast<const fuse_in_header*>(request);
            if (in->opcode != FUSE_INIT) continue;
            struct {
                fuse_out_header header;
                fuse_init_out init;
            } answer{};
            answer.header = {sizeof answer, 0, in->unique};
            answer.init.major = FUSE_KERNEL_VERSION;
            answer.init.minor = FUSE_KERNEL_MINOR_VERSION;
            answer.init.max_write = 4096;
            if (::write(device, &answer, sizeof answer) < 0) ::_exit(1);
        }
    }

    std::string path_;
    pid_t server_ = 0;
};

}  // namespace dlws::agent::testing
