// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/dlcluster.h"
#include "model/render.h"

namespace dlws::model {

/// A typed view of a DLUser: somebody who submits jobs, and whom their pods run as. Its name is
/// that of the user's folder and, in pods, of the user. A plain value.
struct DLUser {
    Metadata meta;
    std::string username;  ///< as the API server authenticates it, and admission stamps it
    std::int64_t uid = 0, gid = 0;
    std::vector<std::int64_t> supplementalGroups;
    std::vector<std::string> sshPublicKeys;
    std::string shell = "/bin/sh";
    bool operator==(const DLUser&) const = default;
};

/// `status` of a DLUser; crds/dluser.yaml describes each field.
struct UserStatus {
    struct Quota {
        std::string storage;
        std::int64_t bytesTotal = 0, bytesFree = 0;
        bool operator==(const Quota&) const = default;
    };
    std::int64_t observedGeneration = 0;
    std::string state, message;
    std::vector<Quota> quotas;
    bool operator==(const UserStatus&) const = default;
};
/// Of a whole DLUser document; no status at all is an empty one.
std::expected<UserStatus, std::string> ParseUserStatus(std::string_view dluserJson);
/// A JSON merge patch for the `status` subresource that makes it this; the uid is a precondition.
std::string UserStatusPatch(const UserStatus& status, std::string_view uid);

/// As ParseDLJob: tolerant of unknown and absent fields; error: a sentence with the field's path.
std::expected<DLUser, std::string> ParseDLUser(std::string_view json);

/// All DLUsers, and whom a job's pods run as. Two of one username, or of one uid, are both refused:
/// one of them would read the other's files. Not thread-safe.
class UserDirectory {
  public:
    void Put(DLUser user);
    void Remove(const std::string& name);

    /// Why the user of that name runs nothing; empty: it does, or there is none of that name.
    std::string Problem(const std::string& name) const;
    /// Those without a problem, by name.
    std::vector<DLUser> Usable() const;
    /// By who submitted it; DLCluster's unknownUsers says what becomes of somebody without a
    /// DLUser. Error: class Ask.
    std::expected<PodUser, RenderError> RunsAs(const DLJob& job, const DLCluster& cluster) const;

  private:
    std::string Rival(const DLUser& user) const;

    std::map<std::string, DLUser> users_;
    std::map<std::string, std::set<std::string>> by_username_;  // names
    std::map<std::int64_t, std::set<std::string>> by_uid_;      // names
};

}  // namespace dlws::model
