// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "portal/server/access/verdicts.h"
#include "portal/server/call.h"

namespace dlws::portal {

/// In which namespaces somebody may do one thing with one resource.
struct Visible {
    bool everywhere = false;
    std::set<std::string, std::less<>> namespaces;  ///< where not everywhere
    bool complete = true;  ///< false: there are more namespaces than are asked about

    bool Has(std::string_view ns) const { return everywhere || namespaces.contains(ns); }
};

inline constexpr std::size_t kMostNamespaces = 500;

/// Asks about all namespaces at once; if that is refused, about each of those that jobs run in,
/// sixteen at a time, at most kMostNamespaces. `wanted`, if not empty, are all that is asked about,
/// and one of them that is refused is a Problem (Forbidden). SelfSubjectRulesReview decides
/// nothing, since it may be incomplete
/// (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/).
class Visibility {
  public:
    /// `managed`: names of the namespaces that jobs run in. `verdicts` outlives it.
    Visibility(Verdicts& verdicts, std::function<std::vector<std::string>()> managed)
        : verdicts_(verdicts), managed_(std::move(managed)) {}

    kube::Awaitable<std::expected<Visible, Problem>> Of(const Caller& caller, std::string verb,
                                                        std::string resource,
                                                        std::vector<std::string> wanted) const;

    /// One verdict about one thing of the group dlworkspace.io or another; Problem: Forbidden, or
    /// it could not be asked.
    kube::Awaitable<std::expected<void, Problem>> Must(const Caller& caller,
                                                       Question question) const;
    /// The same as a word of what somebody may do; an API server that is away is "no".
    kube::Awaitable<bool> May(const Caller& caller, Question question) const;

    /// What menus show of each of `namespaces`, in their order: what somebody may do everywhere by
    /// a review for each right; unless that is all, one SelfSubjectRulesReview for each namespace,
    /// sixteen at a time; where that says that it is incomplete, a review for each right it misses.
    kube::Awaitable<std::expected<std::vector<Rights>, Problem>> RightsIn(
        const Caller& caller, const std::vector<std::string>& namespaces) const;

  private:
    Verdicts& verdicts_;
    std::function<std::vector<std::string>()> managed_;
};

}  // namespace dlws::portal
