// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>

/// @file
/// What a process that reads users' files needs to be able to do, and no more.

namespace dlws::agent {

/// From now on this thread, and whatever it starts, opens no file to write, and makes, removes,
/// renames, truncates and executes none, in no file system and as whichever user: Landlock
/// (https://docs.kernel.org/userspace-api/landlock.html; Linux 5.13, truncation 6.2). What is
/// opened already stays as it is; modes, owners and times of files are not covered. It cannot be
/// taken back. Call it before there are other threads. Error: why the kernel does not; nothing has
/// changed then but that no program that is executed gains rights (PR_SET_NO_NEW_PRIVS).
std::expected<void, std::string> BecomeReadOnly();

/// Why `root` cannot be the folder of all job folders; empty: it can. What lies in a folder of the
/// system is none, and one of its own is to be between it and the root, since all of the folder
/// around a mount point is mounted into the container. Pure.
std::string WrongArchiveRoot(const std::string& root);

}  // namespace dlws::agent
