// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/problems.h"

#include <fmt/format.h>

namespace dlws::portal {

Problem CrossSite(const std::string& why) {
    return {403, "CrossSite", "The request comes from another site", why + "."};
}

Problem Over(const std::string& why) {
    return {401, "LoginExpired", "You are not logged in",
            why.empty() ? "Your session has ended. Log in again."
                        : fmt::format("Your session has ended: {}. Log in again.", why)};
}

Problem LoginAway(std::string detail) {
    Problem problem(503, "LoginAway", "Logins cannot be looked at now", std::move(detail));
    problem.retry_after = std::chrono::seconds(5);
    return problem;
}

Problem TooManyTries() {
    Problem problem(429, "TooManyRequests", "Too many requests",
                    "Ten tries a minute are let in from one address. Wait a minute.");
    problem.retry_after = std::chrono::seconds(60);
    return problem;
}

Problem FromStore(const StoreError& error) {
    switch (error.kind) {
        case StoreError::kFull:
            return LoginAway("There are as many sessions as the portal holds. Try again later.");
        case StoreError::kTooLarge:
            return {400, "TooLarge", "The login does not fit", error.message + "."};
        case StoreError::kGone:
            return Over("");
        default:
            return LoginAway("The API server does not answer. Try again.");
    }
}

}  // namespace dlws::portal
