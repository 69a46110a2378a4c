// SPDX-License-Identifier: Apache-2.0
// What the portal's tests share: an API server that knows three people and what each may do.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

#include "kube/client.h"
#include "kube/testing/imposter.h"
#include "kube/testing/run.h"
#include "portal/server/access/visible.h"
#include "portal/server/backend.h"

namespace dlws::portal {

/// The tokens are "alice-token" and so on. Reviews are answered from what Allow() was told.
class PortalTest : public ::testing::Test {
  protected:
    PortalTest()
        : users(io.get_executor(), server.ClientConfig()),
          verdicts(users, {.now = [this] { return now; }}),
          visibility(verdicts, [this] { return namespaces; }),
          limits({.now = [this] { return now; }}),
          backend{users, verdicts, visibility, limits, metrics} {
        server.When("POST", kAccess).Call([this](const kube::testing::Request& request) {
            return Answered(request, [&](const std::string& who) {
                const boost::json::value review = boost::json::parse(request.body);
                const auto& asked = review.at("spec").at("resourceAttributes").as_object();
                const auto text = [&](const char* key) {
                    const auto* value = asked.if_contains(key);
                    return value ? std::string(value->as_string()) : std::string();
                };
                std::string word = who + " " + text("verb") + " " + text("resource");
                if (!text("subresource").empty()) word += "/" + text("subresource");
                const std::scoped_lock lock(mutex_);
                const bool allowed =
                    allowed_.contains(word) || allowed_.contains(word + " " + text("namespace")) ||
                    allowed_.contains(word + " " + text("namespace") + "/" + text("name"));
                return boost::json::object{{"status", {{"allowed", allowed}}}};
            });
        });
        server.When("POST", kRules).Call([this](const kube::testing::Request& request) {
            return Answered(request, [&](const std::string& who) {
                return boost::json::object{{"status", RulesOf(who, request.body)}};
            });
        });
        server.When("POST", kWho).Call([this](const kube::testing::Request& request) {
            return Answered(request, [](const std::string& who) {
                return boost::json::object{
                    {"status",
                     {{"userInfo",
                       {{"username", who}, {"uid", "u-" + who}, {"groups", {"lab", "all"}}}}}}};
            });
        });
    }

    /// "alice list dljobs vision", "alice get dljobs vision/digits", or without a namespace.
    void Allow(const std::string& word, bool yes = true) {
        const std::scoped_lock lock(mutex_);
        yes ? void(allowed_.insert(word)) : void(allowed_.erase(word));
    }
    /// From now on its reviews are 401.
    void EndToken(const std::string& who) {
        const std::scoped_lock lock(mutex_);
        ended_.insert(who);
    }
    /// From now on each review is this; 0: as it should be.
    void Answer(int status) {
        const std::scoped_lock lock(mutex_);
        status_ = status;
    }
    /// Whether reviews of rules say that they may be incomplete; then they tell nothing.
    std::atomic<bool> incomplete = false;
    std::size_t Asked() const { return server.Count("POST", kAccess); }
    static Caller As(const std::string& who) {
        Caller caller;
        caller.token = who + "-token";
        caller.key = KeyOf(caller.token);
        caller.username = who;
        return caller;
    }

    static constexpr const char* kAccess = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    static constexpr const char* kRules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    static constexpr const char* kWho = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

    kube::testing::Imposter server;
    boost::asio::io_context io;
    Verdicts::Clock::time_point now = Verdicts::Clock::now();
    std::vector<std::string> namespaces{"vision", "speech"};
    kube::Metrics metrics;
    kube::Client users;
    Verdicts verdicts;
    Visibility visibility;
    Limits limits;
    Backend backend;

  private:
    // The words of `who` that hold in the namespace, without those about one object.
    boost::json::object RulesOf(const std::string& who, const std::string& body) {
        const std::string ns(boost::json::parse(body).at("spec").at("namespace").as_string());
        boost::json::array rules;
        const std::scoped_lock lock(mutex_);
        for (const std::string& allowed : allowed_) {
            std::istringstream words(allowed);
            std::string person, verb, resource, where;
            words >> person >> verb >> resource >> where;
            if (incomplete || person != who || (!where.empty() && where != ns)) continue;
            rules.push_back(
                {{"verbs", {verb}}, {"apiGroups", {"dlworkspace.io"}}, {"resources", {resource}}});
        }
        return {{"resourceRules", std::move(rules)}, {"incomplete", incomplete.load()}};
    }

    template <typename F>
    kube::testing::Answer Answered(const kube::testing::Request& request, F answer) {
        const std::string authorization = request.Header("authorization");
        const std::string scheme = "Bearer ", end = "-token";
        std::string who;
        if (authorization.starts_with(scheme) && authorization.find(end) != std::string::npos)
            who = authorization.substr(scheme.size(), authorization.find(end) - scheme.size());
        int status = 0;
        {
            const std::scoped_lock lock(mutex_);
            status = who.empty() || ended_.contains(who) ? 401 : status_;
        }
        kube::testing::Answer result;
        result.status = status == 0 ? 201 : status;
        result.body = status == 0 ? boost::json::serialize(answer(who)) : "{}";
        return result;
    }

    std::mutex mutex_;
    std::set<std::string> allowed_, ended_;
    int status_ = 0;
};

}  // namespace dlws::portal
