// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

/// @file
/// System folders: soft links on the node, by which people find the storages under one name on
/// every node: /dlwsdata/storage -> /mnt/x/data.
///
///     for (const std::string& problem : KeepLinks(folders, "/host/dlwsdata")) Tell(problem);
///
/// `root` must be on a local disk: these calls block. What links mean is never looked at.

namespace dlws::agent {

struct SystemFolders {
    std::string root = "/dlwsdata";            ///< on the node
    std::map<std::string, std::string> links;  ///< name below root -> absolute path on the node
};

/// What is at a path, without following it.
struct Found {
    enum What { kAbsent, kLink, kFolder, kFile };
    What what = kAbsent;
    std::string target;  ///< of a link
};

struct FoundFolders {
    Found root;
    std::map<std::string, Found> entries;  ///< those that are asked for; missing: absent
};

struct LinkStep {
    enum Action { kMakeRoot, kMakeLink, kChangeLink, kReport };
    Action action = kReport;
    std::string name, target;
    std::string message;  ///< of kReport: a sentence for an administrator
};

/// What to do, in this order; nothing when all is as it should be. Pure.
std::vector<LinkStep> PlanLinks(const SystemFolders& folders, const FoundFolders& found);

/// Looks. `seen_root` is where this process sees `folders.root`.
FoundFolders LookAtLinks(const SystemFolders& folders, const std::string& seen_root);

/// Does the steps. A link that changes is never absent meanwhile. The result: the messages of
/// kReport, and what failed, a sentence each.
std::vector<std::string> ApplyLinks(const SystemFolders& folders, const std::string& seen_root,
                                    const std::vector<LinkStep>& steps);

/// The three of them.
std::vector<std::string> KeepLinks(const SystemFolders& folders, const std::string& seen_root);

}  // namespace dlws::agent
