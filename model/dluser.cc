// SPDX-License-Identifier: Apache-2.0
#include "model/dluser.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "model/decode.h"
#include "model/encode.h"
#include "model/reason.h"
#include "model/render_check.h"

namespace dlws::model {

std::expected<DLUser, std::string> ParseDLUser(std::string_view json) {
    Document doc(json);
    DLUser user;
    if (doc.error().empty()) {
        user.meta = ReadMetadata(doc.Root()["metadata"]);
        const Node spec = doc.Root()["spec"];
        user.username = spec["username"].Text();
        user.uid = spec["uid"].Int64();
        user.gid = spec["gid"].Int64();
        spec["supplementalGroups"].Each(
            [&](const Node& item) { user.supplementalGroups.push_back(item.Int64()); });
        user.sshPublicKeys = spec["sshPublicKeys"].Texts();
        user.shell = spec["shell"].Text("/bin/sh");
        if (user.username.empty()) doc.SetError("spec.username is missing");
        if (user.uid < 1 || user.gid < 1) doc.SetError("spec.uid and spec.gid must be 1 or more");
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return user;
}

std::expected<UserStatus, std::string> ParseUserStatus(std::string_view json) {
    Document doc(json);
    UserStatus status;
    if (doc.error().empty()) {
        const Node node = doc.Root()["status"];
        status.observedGeneration = node["observedGeneration"].Int64();
        status.state = node["state"].Text();
        status.message = node["message"].Text();
        node["quotas"].Each([&](const Node& item) {
            status.quotas.push_back(
                {item["storage"].Text(), item["bytesTotal"].Int64(), item["bytesFree"].Int64()});
        });
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return status;
}

std::string UserStatusPatch(const UserStatus& status, std::string_view uid) {
    namespace json = boost::json;
    json::array quotas;
    for (const UserStatus::Quota& quota : status.quotas)
        quotas.push_back(json::object{{"storage", quota.storage},
                                      {"bytesTotal", quota.bytesTotal},
                                      {"bytesFree", quota.bytesFree}});
    // Null takes away what was there.
    json::object fields{{"observedGeneration", status.observedGeneration}, {"state", status.state}};
    fields["message"] = status.message.empty() ? json::value() : json::value(Cut(status.message));
    fields["quotas"] = quotas.empty() ? json::value() : json::value(std::move(quotas));
    return json::serialize(
        json::object{{"metadata", {{"uid", uid}}}, {"status", std::move(fields)}});
}

void UserDirectory::Put(DLUser user) {
    Remove(user.meta.name);
    by_username_[user.username].insert(user.meta.name);
    by_uid_[user.uid].insert(user.meta.name);
    const std::string name = user.meta.name;
    users_.emplace(name, std::move(user));
}

void UserDirectory::Remove(const std::string& name) {
    auto found = users_.find(name);
    if (found == users_.end()) return;
    const auto forget = [&](auto& index, const auto& key) {
        index[key].erase(name);
        if (index[key].empty()) index.erase(key);
    };
    forget(by_username_, found->second.username);
    forget(by_uid_, found->second.uid);
    users_.erase(found);
}

std::string UserDirectory::Rival(const DLUser& user) const {
    const auto other = [&](const std::set<std::string>& names, std::string what) -> std::string {
        for (const std::string& name : names)
            if (name != user.meta.name)
                return fmt::format(
                    "DLUsers {} and {} have both {}; an administrator must give one "
                    "of them another.",
                    user.meta.name, name, what);
        return "";
    };
    std::string rival =
        other(by_username_.at(user.username), fmt::format("the username {}", user.username));
    return rival.empty() ? other(by_uid_.at(user.uid), fmt::format("the uid {}", user.uid)) : rival;
}

std::string UserDirectory::Problem(const std::string& name) const {
    const auto found = users_.find(name);
    return found == users_.end() ? "" : Rival(found->second);
}

std::vector<DLUser> UserDirectory::Usable() const {
    std::vector<DLUser> users;
    for (const auto& [name, user] : users_)
        if (Rival(user).empty()) users.push_back(user);
    return users;
}

std::expected<PodUser, RenderError> UserDirectory::RunsAs(const DLJob& job,
                                                          const DLCluster& cluster) const {
    const std::string username = job.spec.submittedBy ? job.spec.submittedBy->username : "";
    const auto names = by_username_.find(username);
    if (names == by_username_.end()) {
        if (cluster.unknownUsers == UnknownUsers::Default) return cluster.defaultUser;
        if (username.empty())
            return Error(
                reason::kUserUnknown,
                "Nobody knows who made the job, because admission was not there; submit it "
                "again.");
        return Error(reason::kUserUnknown,
                     fmt::format("There is no DLUser for {}: an administrator must create one with "
                                 "spec.username {}.",
                                 username, username));
    }
    const DLUser& user = users_.at(*names->second.begin());
    if (std::string rival = Rival(user); !rival.empty())
        return Error(reason::kUserConflict, std::move(rival));
    return PodUser{user.uid,   user.gid,          user.meta.name, user.supplementalGroups,
                   user.shell, user.sshPublicKeys};
}

}  // namespace dlws::model
