// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "portal/server/call.h"

namespace dlws::portal {

/// One operation of portal/openapi.yaml.
struct Operation {
    enum Who {
        kAnybody,   ///< nobody need be logged in, and who calls is not looked at
        kLoggedIn,  ///< a bearer token or a session; with a session each write needs its CSRF token
    };
    std::string id;      ///< operationId
    std::string method;  ///< "GET"
    std::string path;    ///< "/api/v1/namespaces/{namespace}/jobs/{job}"
    Who who = kLoggedIn;
    std::vector<kube::HttpParameter> query;  ///< those that it knows
    std::vector<std::string> media;          ///< types that a body may have; empty: it has none
    Handler handler;
    /// The address is a provider's doing: parameters that are not known are left out (RFC 6749,
    /// 4.1.2) in place of a 400.
    bool lenient = false;
    bool stream = false;  ///< endless: it counts for no limit of requests at a time
};

/// The table of operations. Pure.
class Router {
  public:
    struct Match {
        const Operation* operation = nullptr;
        std::map<std::string, std::string, std::less<>> path;
    };

    void Add(Operation operation) { operations_.push_back(std::move(operation)); }
    const std::vector<Operation>& Operations() const { return operations_; }

    /// The path is split at its slashes before its segments are decoded, so that an encoded slash
    /// stays one of a name. HEAD is GET. Problem: 404, 405 with Allow, 400 for a name that can be
    /// none.
    std::expected<Match, Problem> Find(std::string_view method, std::string_view path) const;

  private:
    std::vector<Operation> operations_;
};

/// What the body is, by Content-Type, in small letters and without parameters; empty: not said.
std::string MediaType(const kube::HttpRequest& request);

/// Whether a name in a path's braces, or in a parameter, has the form that the contract asks: by
/// "namespace", "job", "role", "user", or another kind of object. Empty: yes, otherwise what it
/// must be.
std::string WrongName(std::string_view parameter, std::string_view value);

/// The parameter `uid`: of the object that is meant; empty: whatever has the name. Problem: 400
/// for what can be none, so that an empty one does not mean another object.
std::expected<std::string, Problem> ReadUid(const kube::HttpParameters& query);

}  // namespace dlws::portal
