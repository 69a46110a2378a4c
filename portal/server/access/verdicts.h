// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/access_review.h"
#include "kube/api.h"
#include "kube/wait_list.h"
#include "portal/server/access/refused.h"
#include "portal/server/access/rights.h"

namespace dlws::portal {

using Question = kube::AccessQuestion;

/// Who a token belongs to, as the API server authenticates it (SelfSubjectReview).
struct Person {
    std::string username, uid;
    std::vector<std::string> groups;
};

/// What people may see, by asking the API server with their own tokens, and remembering the answer
/// for a minute. No claim of a token decides anything.
///
///     Verdicts verdicts(users, {});
///     auto may = co_await verdicts.May(token, key, {"list", "dlworkspace.io", "dljobs",
///     "vision"}); if (!may) co_return std::unexpected(FromError(may.error())); if (!*may)
///     co_return std::unexpected(Forbidden("list", "dljobs", "vision"));
///
/// Equal questions at one time are one review. While the API server is away (no answer, or 5xx)
/// what it said last, and who somebody is, count for `stale` longer. A 401 forgets all
/// of the token, and is itself remembered for `refused`. Never past the token's own end: `exp` of a
/// JWT, read without trust, can only make it shorter.
///
/// `users`: a client without an identity of its own; it outlives us. Confined to its executor.
class Verdicts {
  public:
    using Clock = std::chrono::steady_clock;
    struct Settings {
        std::chrono::seconds fresh{60};
        std::chrono::seconds stale{600};
        std::size_t most = 50'000;  ///< verdicts; the tokens that asked longest ago go first
        std::chrono::seconds deadline{5};
        std::chrono::seconds refused{10};
        std::size_t most_refused = 10'000;  ///< tokens
        std::function<Clock::time_point()> now = &Clock::now;
    };

    Verdicts(kube::Api& users, Settings settings);
    ~Verdicts();
    Verdicts(const Verdicts&) = delete;
    Verdicts& operator=(const Verdicts&) = delete;

    /// `key`: of the token, as Caller has it. Error: 401, or the API server did not answer.
    kube::Awaitable<kube::Result<bool>> May(std::string token, std::string key, Question question);
    kube::Awaitable<kube::Result<Person>> Who(std::string token, std::string key);
    /// By one SelfSubjectRulesReview, which is for showing alone: it decides nothing.
    kube::Awaitable<kube::Result<ToldRights>> RightsOf(std::string token, std::string key,
                                                       std::string ns);

    /// The API server takes this token no more.
    void Forget(const std::string& key);
    /// It refused something in that namespace: what was remembered of it may be wrong. Once a
    /// second at most, so that somebody who writes again and again does not have us ask as often.
    void ForgetNamespace(const std::string& key, const std::string& ns);

    std::size_t Size() const { return size_; }

  private:
    struct Verdict;
    struct Token;
    using Tokens = std::list<Token>;

    Token& Of(const std::string& token, const std::string& key);
    /// What a review's answer comes down to; what else it says it puts into the token.
    using Reader = std::uint32_t (*)(const boost::json::value& review, Token& token);

    kube::Awaitable<kube::Result<std::uint32_t>> Ask(std::string token, std::string key,
                                                     std::string word, std::string ns,
                                                     kube::Resource resource, std::string body,
                                                     Reader read);
    kube::Result<std::uint32_t> Keep(const std::string& token, const std::string& key,
                                     const std::string& word, const std::string& ns,
                                     const kube::Result<std::string>& answer, Reader read);
    static std::uint32_t ReadAllowed(const boost::json::value& review, Token& token);
    static std::uint32_t ReadPerson(const boost::json::value& review, Token& token);
    static std::uint32_t ReadRights(const boost::json::value& review, Token& token);
    void Trim();

    kube::Api& users_;
    Settings settings_;
    Tokens tokens_;  ///< used last, first
    std::unordered_map<std::string, Tokens::iterator> by_key_;
    std::size_t size_ = 0;
    Refused<Clock::time_point> refused_;  ///< by key
};

/// SHA-256 in hex: the key of a token.
std::string KeyOf(const std::string& token);

}  // namespace dlws::portal
