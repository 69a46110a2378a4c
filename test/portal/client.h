// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "test/e2e/api.h"

namespace dlws::e2e {

/// A program that asks the portal, as one replica's address or through the Service, with a bearer
/// token or without. On cpprestsdk, as Api.
///
///     Portal alice("10.243.1.5", token);
///     Answer jobs = alice.Get("/api/v1/jobs?mine=true");
///
/// Nothing throws on what the portal says; no answer is code 0. The certificate is not looked at:
/// replicas are asked by address here, and it has no pod's.
class Portal {
  public:
    using Fields = std::map<std::string, std::string>;
    struct Answer : Reply {
        Fields fields;
        /// The reason of a problem; what is none: its status.
        std::string Reason() const;
    };

    explicit Portal(const std::string& address, std::string token = "");
    ~Portal();
    Portal(Portal&&) noexcept;

    Answer Send(const std::string& method, const std::string& path, const std::string& body = "",
                const std::string& type = "", const Fields& more = {}) const;
    Answer Get(const std::string& path, const Fields& more = {}) const {
        return Send("GET", path, "", "", more);
    }
    Answer Post(const std::string& path, const std::string& body = "",
                const std::string& type = "application/json") const {
        return Send("POST", path, body, body.empty() ? "" : type);
    }
    Answer Delete(const std::string& path) const { return Send("DELETE", path); }

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::e2e
