// SPDX-License-Identifier: Apache-2.0
#include "portal/server/access/verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <optional>

#include "model/render.h"
#include "portal/server/access/jwt.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

constexpr std::size_t kMostOfOne =
    4'000;  // verdicts of one token: names are the caller's to choose
constexpr std::string_view kWho = "who";
constexpr std::uint32_t kComplete = 1u << kRights.size();  // beside the bits of Rights
constexpr kube::Resource kRulesReviews{"authorization.k8s.io", "v1", "selfsubjectrulesreviews",
                                       "SelfSubjectRulesReview", false};
constexpr std::string_view kNoNamespace = "-";  // who somebody is does not depend on one
// The API server that was away a moment ago is not asked again by each request.
constexpr std::chrono::seconds kPatience{2};

std::string WordOf(const Question& q) {
    return fmt::format("{} {} {} {} {} {}", q.verb, q.group, q.resource, q.subresource, q.name,
                       q.ns);
}

const json::value* At(const json::value& document, std::string_view pointer) {
    boost::system::error_code error;
    return document.find_pointer(pointer, error);
}

std::string TextAt(const json::value& document, std::string_view pointer) {
    const json::value* found = At(document, pointer);
    return found && found->is_string() ? std::string(found->as_string()) : std::string();
}

}  // namespace

std::string KeyOf(const std::string& token) {
    return model::Sha256Hex(token);
}

// One question of one token.
struct Verdicts::Verdict {
    bool known = false;
    std::uint32_t value = 0;  ///< of a question: 1 is yes
    std::string ns;
    Clock::time_point fresh_until{}, stale_until{}, ask_again{};
    std::shared_ptr<kube::WaitList> asking;  ///< somebody asks; null: nobody
};

struct Verdicts::Token {
    std::string key;
    Clock::time_point ends = Clock::time_point::max();
    Person person;
    Clock::time_point emptied{};  ///< by ForgetNamespace
    std::map<std::string, Verdict, std::less<>> verdicts;
};

Verdicts::Verdicts(kube::Api& users, Settings settings)
    : users_(users),
      settings_(std::move(settings)),
      refused_(settings_.refused, settings_.most_refused) {}
Verdicts::~Verdicts() = default;

Verdicts::Token& Verdicts::Of(const std::string& token, const std::string& key) {
    if (auto found = by_key_.find(key); found != by_key_.end()) {
        tokens_.splice(tokens_.begin(), tokens_, found->second);
        return tokens_.front();
    }
    tokens_.emplace_front();
    tokens_.front().key = key;
    if (const auto end = EndOfJwt(token)) {
        // Both clocks are looked at once, so a wall clock that is set moves nothing later on.
        const auto left = *end - std::chrono::floor<std::chrono::seconds>(users_.ServerTime());
        tokens_.front().ends =
            settings_.now() + std::clamp<std::chrono::seconds>(left, std::chrono::seconds(0),
                                                               std::chrono::hours(24 * 365));
    }
    by_key_[key] = tokens_.begin();
    return tokens_.front();
}

kube::Awaitable<kube::Result<bool>> Verdicts::May(std::string token, std::string key,
                                                  Question question) {
    const std::string word = WordOf(question);
    std::string body = kube::AccessReviewOf(question);
    auto value = co_await Ask(std::move(token), std::move(key), word, question.ns,
                              kube::kSelfSubjectAccessReviews, std::move(body), &ReadAllowed);
    if (!value) co_return std::unexpected(std::move(value.error()));
    co_return *value != 0;
}

kube::Awaitable<kube::Result<Person>> Verdicts::Who(std::string token, std::string key) {
    auto known = co_await Ask(
        token, key, std::string(kWho), std::string(kNoNamespace), kube::kSelfSubjectReviews,
        R"({"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"})", &ReadPerson);
    if (!known) co_return std::unexpected(known.error());
    co_return Of(token, key).person;
}

kube::Awaitable<kube::Result<ToldRights>> Verdicts::RightsOf(std::string token, std::string key,
                                                             std::string ns) {
    const std::string word = "rules " + ns;
    std::string body = json::serialize(json::object{{"apiVersion", "authorization.k8s.io/v1"},
                                                    {"kind", "SelfSubjectRulesReview"},
                                                    {"spec", {{"namespace", ns}}}});
    auto value = co_await Ask(std::move(token), std::move(key), word, std::move(ns), kRulesReviews,
                              std::move(body), &ReadRights);
    if (!value) co_return std::unexpected(std::move(value.error()));
    ToldRights told;
    told.rights = Rights(*value & (kComplete - 1));
    told.complete = (*value & kComplete) != 0;
    co_return told;
}

std::uint32_t Verdicts::ReadAllowed(const json::value& review, Token&) {
    const json::value* allowed = At(review, "/status/allowed");
    return allowed && allowed->is_bool() && allowed->as_bool() ? 1 : 0;
}

std::uint32_t Verdicts::ReadPerson(const json::value& review, Token& token) {
    token.person = {.username = TextAt(review, "/status/userInfo/username"),
                    .uid = TextAt(review, "/status/userInfo/uid"),
                    .groups = {}};
    if (const json::value* groups = At(review, "/status/userInfo/groups");
        groups && groups->is_array())
        for (const json::value& group : groups->as_array())
            if (group.is_string()) token.person.groups.emplace_back(group.as_string());
    return token.person.username.empty() ? 0 : 1;
}

std::uint32_t Verdicts::ReadRights(const json::value& review, Token&) {
    const ToldRights told = RightsIn(review);
    return std::uint32_t(told.rights.to_ulong()) | (told.complete ? kComplete : 0);
}

kube::Awaitable<kube::Result<std::uint32_t>> Verdicts::Ask(std::string token, std::string key,
                                                           std::string word, std::string ns,
                                                           kube::Resource resource,
                                                           std::string body, Reader read) {
    const Clock::time_point give_up = settings_.now() + settings_.deadline;
    for (;;) {
        const Clock::time_point now = settings_.now();
        if (refused_.Has(key, now))
            co_return std::unexpected(
                kube::Error{.kind = kube::ErrorKind::kStatus,
                            .code = 401,
                            .message = "the API server refused this token a moment ago"});
        Token& mine = Of(token, key);
        if (mine.verdicts.size() > kMostOfOne) {
            size_ -= mine.verdicts.size();
            mine.verdicts.clear();
        }
        auto [at, made] = mine.verdicts.try_emplace(word);
        Verdict& verdict = at->second;
        size_ += made;
        verdict.ns = ns;
        if (verdict.known && now < verdict.fresh_until) co_return verdict.value;
        if (verdict.known && now < verdict.stale_until && now < verdict.ask_again)
            co_return verdict.value;
        if (!verdict.asking) break;
        auto asking = verdict.asking;
        co_await asking->Wait(give_up);
        if (settings_.now() >= give_up)
            co_return std::unexpected(
                kube::Error{.kind = kube::ErrorKind::kTimeout,
                            .message = "the API server says nobody's rights"});
    }
    auto asking = std::make_shared<kube::WaitList>(users_.Executor());
    Of(token, key).verdicts.find(word)->second.asking = asking;
    // However this coroutine ends, nobody waits for it.
    struct Release {
        Verdicts& verdicts;
        const std::string& token;
        const std::string& key;
        const std::string& word;
        std::shared_ptr<kube::WaitList>& asking;
        ~Release() {
            auto found = verdicts.by_key_.find(key);
            if (found != verdicts.by_key_.end())
                if (auto at = found->second->verdicts.find(word);
                    at != found->second->verdicts.end() && at->second.asking == asking)
                    at->second.asking.reset();
            asking->NotifyAll();
        }
    } release{*this, token, key, word, asking};
    kube::CallOptions options;
    options.deadline = settings_.deadline;
    options.bearer = token;
    auto answer = co_await users_.Ask(resource, std::move(body), options);
    co_return Keep(token, key, word, ns, answer, read);
}

kube::Result<std::uint32_t> Verdicts::Keep(const std::string& token, const std::string& key,
                                           const std::string& word, const std::string& ns,
                                           const kube::Result<std::string>& answer, Reader read) {
    const Clock::time_point now = settings_.now();
    if (!answer && answer.error().IsUnauthorized()) {
        Forget(key);
        refused_.Add(key, now);
        return std::unexpected(answer.error());
    }
    Token& mine = Of(token, key);
    auto [at, made] = mine.verdicts.try_emplace(word);
    Verdict& verdict = at->second;
    size_ += made;
    verdict.ns = ns;
    if (!answer) {
        // Too many requests are the caller's own: who floods the API server keeps no right by it.
        const int code = answer.error().code;
        const bool away = answer.error().IsTransient() && code != 429 && code != 408;
        if (!away || !verdict.known || now >= verdict.stale_until) {
            const bool nothing_known =
                std::ranges::none_of(mine.verdicts, [](const auto& v) { return v.second.known; });
            if (nothing_known)
                Forget(key);
            else
                Trim();
            return std::unexpected(answer.error());
        }
        verdict.ask_again = now + kPatience;
        return verdict.value;
    }
    boost::system::error_code error;
    const json::value document = json::parse(*answer, error);
    if (error)
        return std::unexpected(
            kube::Error{.kind = kube::ErrorKind::kProtocol, .message = "a review that is no JSON"});
    verdict.value = read(document, mine);
    verdict.known = true;
    verdict.fresh_until = std::min(now + settings_.fresh, mine.ends);
    verdict.stale_until = std::min(now + settings_.fresh + settings_.stale, mine.ends);
    const std::uint32_t value = verdict.value;
    Trim();
    return value;
}

void Verdicts::Forget(const std::string& key) {
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    size_ -= found->second->verdicts.size();
    tokens_.erase(found->second);
    by_key_.erase(found);
}

void Verdicts::ForgetNamespace(const std::string& key, const std::string& ns) {
    auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    Token& token = *found->second;
    const Clock::time_point now = settings_.now();
    if (now < token.emptied + std::chrono::seconds(1)) return;
    token.emptied = now;
    size_ -= std::erase_if(token.verdicts, [&](const auto& one) {
        return one.second.ns.empty() || one.second.ns == ns;
    });
}

void Verdicts::Trim() {
    while (size_ > settings_.most && tokens_.size() > 1)
        Forget(std::string(tokens_.back().key));
}

}  // namespace dlws::portal
