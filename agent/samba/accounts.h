// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/samba.h"

/// @file
/// What must be done so that the Samba server serves whom it is told. Pure.

namespace dlws::agent {

struct SambaPassword {
    std::string text, hash;
    bool operator==(const SambaPassword&) const = default;
};

struct SambaAccount {
    uid_t uid = 0;
    std::string identity;  ///< its line in passwd and its groups
    std::string password;  ///< empty: cannot log in, or the domain knows it
    std::string hash;      ///< NtHash() of it
    bool operator==(const SambaAccount&) const = default;
};
using SambaAccounts = std::map<std::string, SambaAccount>;  ///< by name

/// `passwords`: by name; those of nobody in passwd are ignored. Root and nobody are left out.
SambaAccounts AccountsOf(const model::SambaFiles& files,
                         const std::map<std::string, SambaPassword>& passwords);

/// What the server itself knows: NT hashes (MS-NLMP 3.3.1, NTOWFv1) in upper-case hex by name.
using SambaHashes = std::map<std::string, std::string>;
/// As `pdbedit -L -w` prints them.
SambaHashes HashesOf(std::string_view text);
/// Error: why there is none; it never holds anything of the password. Thread-safe.
std::expected<std::string, std::string> NtHash(std::string_view password);

struct AccountChanges {
    std::vector<std::string> remove;  ///< have no password any more, or are somebody else now
    std::vector<std::string> set;     ///< have another password than they should, or none
    std::set<uid_t> disconnect;       ///< whose sessions would go on as what is not true any more
};
/// `before`: what we wanted last; `known`: what the server knows now, which may be older: smbd
/// writes an account back whole after each failed login, and so can undo what was set meanwhile.
AccountChanges Compare(const SambaAccounts& before, const SambaAccounts& after,
                       const SambaHashes& known);

/// Shares of the first smb.conf that are not the same in the second.
std::vector<std::string> ChangedShares(std::string_view before, std::string_view after);

/// The password in a Secret's JSON, under `password`. Error: what to write instead; it never holds
/// anything of the password.
std::expected<SambaPassword, std::string> PasswordOf(std::string_view secret_json);

/// Processes of the server, from what `smbstatus --json --processes` prints, that serve one of
/// these; none: it cannot be read.
std::optional<std::vector<pid_t>> SessionsOf(std::string_view json, const std::set<uid_t>& users);

}  // namespace dlws::agent
