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

}  // namespace

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
