// SPDX-License-Identifier: Apache-2.0
#include "portal/server/callers.h"

#include "portal/server/credential.h"

namespace dlws::portal {

kube::Awaitable<std::expected<Caller, Problem>> Callers::Of(
    const kube::HttpRequest& request) const {
    auto credential = CredentialOf(request, open_session_ != nullptr);
    if (!credential) co_return std::unexpected(credential.error());
    if (credential->kind == Credential::kNone)
        co_return std::unexpected(Problem(401, "LoginRequired", "You are not logged in",
                                          "Log in, or send Authorization: Bearer with a token of "
                                          "the API server's."));
    Caller caller;
    if (credential->kind == Credential::kToken) {
        caller.token = std::move(credential->text);
    } else {
        auto opened =
            co_await open_session_(std::move(credential->text), request, credential->browser);
        if (!opened) co_return std::unexpected(opened.error());
        caller = std::move(*opened);
    }
    caller.key = KeyOf(caller.token);
    auto person = co_await verdicts_.Who(caller.token, caller.key);
    if (!person) co_return std::unexpected(FromError(person.error()));
    caller.username = std::move(person->username);
    caller.uid = std::move(person->uid);
    caller.groups = std::move(person->groups);
    co_return caller;
}

}  // namespace dlws::portal
