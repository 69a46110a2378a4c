// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "kube/random.h"

/// @file
/// A user's own folder below the folder `work` of a storage. Users write into their folders, so
/// nothing here follows a link or takes a folder from whoever owns it.
///
/// It touches a network mount and may block for ever: only a child calls it (home_command.h).

namespace dlws::agent {

/// Whose folder. Not an aggregate: see kube/api.h.
struct Home {
    Home() {}
    std::string name;  ///< of the folder: [a-z][a-z0-9-]{0,31}
    uid_t uid = 0;     ///< not 0
    gid_t gid = 0;
};

/// What has the name now.
struct FoundHome {
    enum What { kAbsent, kFolder, kLink, kOther };
    What what = kAbsent;
    uid_t uid = 0;  ///< of a folder: its owner
    /// Empty, 0700 and ours: somebody who made it (an agent of another node, for example) has not
    /// given it away yet, or was killed before.
    bool half_made = false;
};

struct HomeOutcome {
    bool ready = false;   ///< the folder is there and the user's
    bool made = false;    ///< by this call
    std::string reason;   ///< Made, There; or why not: a CamelCase word
    std::string message;  ///< a sentence for an administrator; empty when ready
    std::int64_t bytes_total = 0, bytes_free = 0;  ///< of the folder, as its quota says; 0: unknown
};

enum class HomeAction { Make, Finish, Leave, Report };

/// What to do; for Report and Leave `outcome` is set. `work` is for the message. Pure.
HomeAction DecideHome(const Home& home, const FoundHome& found, std::string_view work,
                      HomeOutcome& outcome);

/// What is wrong with the name or the uid, as a sentence; empty: nothing. Pure.
std::string Refusal(const Home& home);

/// Makes the folder with owner uid:gid and mode 0700 unless it is there. `work` is a descriptor of
/// the folder `work_name` (O_PATH will do). Nobody sees it half made, except where the file system
/// has no exclusive rename (NFS, CephFS, Lustre; `exclusive_rename` false behaves like them):
/// there it is root's for a moment. Two nodes may do it at once.
HomeOutcome EnsureHome(int work, const std::string& work_name, const Home& home,
                       kube::Random& random, bool exclusive_rename = true);

}  // namespace dlws::agent
