// SPDX-License-Identifier: Apache-2.0
#include "portal/server/people/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>

#include "model/dluser.h"
#include "model/encode.h"
#include "model/names.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

std::optional<KnownUser> Read(const kube::ObjectPtr& object) {
    if (!object) return std::nullopt;
    auto user = model::ParseDLUser(object->raw);
    auto status = model::ParseUserStatus(object->raw);
    if (!user || !status) return std::nullopt;
    return KnownUser{std::move(*user), std::move(*status)};
}

json::object JsonOf(const KnownUser& known) {
    json::object user{{"name", known.user.meta.name},
                      {"username", known.user.username},
                      {"uid", known.user.uid},
                      {"gid", known.user.gid}};
    if (!known.user.supplementalGroups.empty())
        user["groups"] = json::value_from(known.user.supplementalGroups);
    model::PutText(user, "shell", known.user.shell, 128);
    model::PutText(user, "state", known.status.state);
    model::PutText(user, "message", known.status.message, 1024);
    json::array quotas;
    for (const model::UserStatus::Quota& quota : known.status.quotas)
        quotas.push_back({{"storage", quota.storage},
                          {"bytesTotal", quota.bytesTotal},
                          {"bytesFree", std::max<std::int64_t>(quota.bytesFree, 0)}});
    user["quotas"] = std::move(quotas);
    return user;
}

kube::Awaitable<Outcome> GetMe(const People& people, Call call) {
    json::object me{{"username", model::Cut(call.caller.username, 512)}};
    model::PutText(me, "uid", call.caller.uid, 256);
    json::array groups;
    for (const std::string& group : call.caller.groups)
        if (groups.size() < 128) groups.push_back(json::value(model::Cut(group, 512)));
    me["groups"] = std::move(groups);
    const std::vector<KnownUser> known = UsersOf(people.users, call.caller.username);
    if (known.size() == 1)
        me["user"] = JsonOf(known.front());
    else if (known.empty())
        me["userProblem"] =
            "There is no DLUser with your username. Jobs that mount a storage need one; an "
            "administrator can make it.";
    else
        me["userProblem"] = fmt::format(
            "{} DLUsers have your username, so your jobs do not run. An administrator can delete "
            "the wrong ones.",
            known.size());
    co_return JsonAnswer(json::serialize(me));
}

kube::Awaitable<Outcome> GetUser(const People& people, Call call) {
    const std::string& name = call.Name("user");
    auto known = Read(people.users.Get({"", name}));
    if (!known || known->user.username != call.caller.username) {
        Question question("get", std::string(model::kGroup), "dlusers", "", name);
        auto may = co_await people.backend.visibility.Must(call.caller, std::move(question));
        if (!may) co_return std::unexpected(may.error());
    }
    if (!known) co_return std::unexpected(NotFound("DLUser"));
    co_return TaggedJson(json::serialize(JsonOf(*known)));
}

kube::Awaitable<Outcome> ListNamespaces(const People& people, Call call) {
    std::vector<std::string> namespaces = people.namespaces();
    const bool complete = namespaces.size() <= kMostNamespaces;
    if (!complete) namespaces.resize(kMostNamespaces);
    auto rights = co_await people.backend.visibility.RightsIn(call.caller, namespaces);
    if (!rights) co_return std::unexpected(std::move(rights.error()));
    json::array items;
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        json::array names;
        for (std::size_t right = 0; right < kRights.size(); ++right)
            if ((*rights)[i][right]) names.push_back(json::value(kRights[right].name));
        if (!names.empty())
            items.push_back({{"name", namespaces[i]}, {"rights", std::move(names)}});
    }
    co_return TaggedJson(
        json::serialize(json::object{{"items", std::move(items)}, {"complete", complete}}));
}

}  // namespace

std::vector<KnownUser> UsersOf(const kube::Store& users, const std::string& username) {
    std::vector<KnownUser> found;
    for (const kube::ObjectPtr& object : users.All())
        if (auto known = Read(object); known && known->user.username == username)
            found.push_back(std::move(*known));
    return found;
}

void AddPeople(Router& router, const People& people) {
    router.Add(
        {.id = "GetMe", .method = "GET", .path = "/api/v1/me", .handler = [&people](Call call) {
             return GetMe(people, std::move(call));
         }});
    router.Add({.id = "GetUser",
                .method = "GET",
                .path = "/api/v1/users/{user}",
                .handler = [&people](Call call) { return GetUser(people, std::move(call)); }});
    router.Add(
        {.id = "ListNamespaces",
         .method = "GET",
         .path = "/api/v1/namespaces",
         .handler = [&people](Call call) { return ListNamespaces(people, std::move(call)); }});
}

}  // namespace dlws::portal
