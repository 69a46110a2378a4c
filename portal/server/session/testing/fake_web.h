// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "portal/server/session/provider.h"
#include "portal/server/session/testing/signer.h"

namespace dlws::portal::testing {

inline constexpr const char* kFakeIssuer = "https://login.example";

/// An OpenID provider's answers, in memory: those that stand in `answers`, by address; everything
/// else is no answer at all.
class FakeWeb : public Web {
  public:
    std::map<std::string, Answer> answers;
    std::vector<Request> requests;

    kube::Awaitable<kube::Result<Answer>> Send(Request request) override;
    std::size_t Asked(const std::string& url) const;

    /// Discovery and keys of kFakeIssuer.
    void Serve(const Signer& signer);
    /// The next answer of its token endpoint.
    void GiveTokens(const std::string& id_token, const std::string& refresh_token = "");
    void RefuseTokens(const std::string& error);
};

/// Claims of an ID token for the client "portal", good for five minutes.
std::string ClaimsOf(const std::string& subject, Seconds now, const std::string& nonce);

}  // namespace dlws::portal::testing
