// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

/// @file
/// The few calls of etcd that a benchmark needs, through its JSON gateway on a Unix socket. Errors
/// are exceptions. Source: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/

namespace dlws::bench {

class Etcd {
  public:
    /// etcd takes no more operations at once (--max-txn-ops).
    static constexpr std::size_t kMost = 128;

    explicit Etcd(std::string socket) : socket_(std::move(socket)) {}

    std::string Get(const std::string& key) const;  ///< an exception if there is none
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    void Put(const Pairs& pairs) const;  ///< at most kMost
    /// Removes all keys that begin with one of these, at most kMost.
    void RemovePrefixes(const std::vector<std::string>& prefixes) const;

  private:
    std::string Post(const std::string& path, const std::string& body) const;

    std::string socket_;
};

}  // namespace dlws::bench
