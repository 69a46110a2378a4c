// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/visible.h"

#include <algorithm>
#include <optional>

#include "kube/together.h"
#include "model/names.h"

namespace dlws::portal {
namespace {

constexpr std::size_t kAtATime = 16;

// What several coroutines fill together.
struct Asking {
    const Caller& caller;
    const std::string& verb;
    const std::string& resource;
    const std::vector<std::string>& namespaces;
    std::size_t next = 0;
    std::vector<std::string> refused;
    std::optional<kube::Error> error;
    Visible visible;
};

kube::Awaitable<void> AskSome(Verdicts& verdicts, Asking& asking) {
    while (asking.next < asking.namespaces.size() && !asking.error) {
        const std::string& ns = asking.namespaces[asking.next++];
        Question question(asking.verb, std::string(model::kGroup), asking.resource, ns);
        auto may =
            co_await verdicts.May(asking.caller.token, asking.caller.key, std::move(question));
        if (!may)
            asking.error = may.error();
        else if (*may)
            asking.visible.namespaces.insert(ns);
        else
            asking.refused.push_back(ns);
    }
}

Question QuestionOf(const Right& right, const std::string& ns) {
    return {std::string(right.verb), std::string(model::kGroup), std::string(right.resource), ns};
}

// The same for the rights that menus show.
struct Telling {
    const Caller& caller;
    const std::vector<std::string>& namespaces;
    Rights everywhere;
    std::vector<Rights> rights;  // by namespace
    std::size_t next = 0;
    std::optional<kube::Error> error;
};

kube::Awaitable<void> AskEverywhere(Verdicts& verdicts, Telling& telling, std::size_t right) {
    auto may = co_await verdicts.May(telling.caller.token, telling.caller.key,
                                     QuestionOf(kRights[right], ""));
    if (!may)
        telling.error = may.error();
    else
        telling.everywhere[right] = *may;
}

kube::Awaitable<void> TellSome(Verdicts& verdicts, Telling& telling) {
    const Caller& caller = telling.caller;
    while (telling.next < telling.namespaces.size() && !telling.error) {
        const std::size_t at = telling.next++;
        const std::string& ns = telling.namespaces[at];
        auto told = co_await verdicts.RightsOf(caller.token, caller.key, ns);
        if (!told) telling.error = told.error();
        if (telling.error) co_return;
        Rights& rights = telling.rights[at];
        rights = telling.everywhere | told->rights;
        for (std::size_t i = 0; i < rights.size() && !told->complete; ++i) {
            if (rights[i]) continue;
            auto may = co_await verdicts.May(caller.token, caller.key, QuestionOf(kRights[i], ns));
            if (!may) telling.error = may.error();
            if (telling.error) co_return;
            rights[i] = *may;
        }
    }
}

}  // namespace

kube::Awaitable<std::expected<std::vector<Rights>, Problem>> Visibility::RightsIn(
    const Caller& caller, const std::vector<std::string>& namespaces) const {
    Telling telling{.caller = caller, .namespaces = namespaces};
    std::vector<kube::Awaitable<void>> tasks;
    for (std::size_t i = 0; i < kRights.size(); ++i)
        tasks.push_back(AskEverywhere(verdicts_, telling, i));
    co_await kube::Together(std::move(tasks));
    if (telling.error) co_return std::unexpected(FromError(*telling.error));
    telling.rights.assign(namespaces.size(), telling.everywhere);
    if (telling.everywhere.all()) co_return std::move(telling.rights);
    std::vector<kube::Awaitable<void>> more;
    for (std::size_t i = 0; i < std::min(kAtATime, namespaces.size()); ++i)
        more.push_back(TellSome(verdicts_, telling));
    co_await kube::Together(std::move(more));
    if (telling.error) co_return std::unexpected(FromError(*telling.error));
    co_return std::move(telling.rights);
}

kube::Awaitable<std::expected<Visible, Problem>> Visibility::Of(
    const Caller& caller, std::string verb, std::string resource,
    std::vector<std::string> wanted) const {
    Question everywhere(verb, std::string(model::kGroup), resource);
    auto all = co_await verdicts_.May(caller.token, caller.key, std::move(everywhere));
    if (!all) co_return std::unexpected(FromError(all.error()));
    if (*all && wanted.empty()) {
        Visible visible;
        visible.everywhere = true;
        co_return visible;
    }
    const bool named = !wanted.empty();
    std::vector<std::string> namespaces = named ? std::move(wanted) : managed_();
    const bool complete = namespaces.size() <= kMostNamespaces;
    if (!complete) namespaces.resize(kMostNamespaces);
    Asking asking{.caller = caller, .verb = verb, .resource = resource, .namespaces = namespaces};
    if (*all) {
        asking.visible.namespaces.insert(namespaces.begin(), namespaces.end());
        co_return asking.visible;
    }
    std::vector<kube::Awaitable<void>> tasks;
    for (std::size_t i = 0; i < std::min(kAtATime, namespaces.size()); ++i)
        tasks.push_back(AskSome(verdicts_, asking));
    co_await kube::Together(std::move(tasks));
    if (asking.error) co_return std::unexpected(FromError(*asking.error));
    if (named && !asking.refused.empty())
        co_return std::unexpected(Forbidden(verb, resource, asking.refused.front()));
    asking.visible.complete = complete;
    co_return asking.visible;
}

kube::Awaitable<std::expected<void, Problem>> Visibility::Must(const Caller& caller,
                                                               Question question) const {
    Problem refusal =
        Forbidden(question.verb,
                  question.subresource.empty() ? question.resource
                                               : question.resource + "/" + question.subresource,
                  question.ns);
    auto may = co_await verdicts_.May(caller.token, caller.key, std::move(question));
    if (!may) co_return std::unexpected(FromError(may.error()));
    if (!*may) co_return std::unexpected(std::move(refusal));
    co_return std::expected<void, Problem>();
}

kube::Awaitable<bool> Visibility::May(const Caller& caller, Question question) const {
    auto may = co_await verdicts_.May(caller.token, caller.key, std::move(question));
    co_return may.value_or(false);
}

}  // namespace dlws::portal
